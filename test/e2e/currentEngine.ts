import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { baseImages, must, run } from "./stack";

const SCRIPT = join(__dirname, "current-engine");
const APP_DIRECTORY = join(__dirname, "..", "..", "app");

/** The script's exit code where the machine can't have such an engine. */
const CANNOT = 77;

/** The base image with the app's packages in it: that engine reaches no package index. The tag says whose it is. */
const WITH_PACKAGES = `blue-green-base/app-with-packages:test-${process.pid}`;
const WITH_PACKAGES_DOCKERFILE = `
ARG BASE_IMAGE
FROM $BASE_IMAGE
COPY requirements.txt .
RUN pip install --no-cache-dir --root-user-action=ignore --require-hashes --requirement requirements.txt
`;

/** A second Docker Engine on this machine, of the kind that users run today, with the base images on it (see the script). */
export class CurrentEngine {
  private constructor(
    private readonly directory: string,
    /** Points docker and pulumi at it. */
    readonly env: { DOCKER_HOST: string },
    /** The address at which this machine reaches what its containers publish, and the images that it has. */
    readonly settings: { bindAddress: string; nginxImage: string; appBaseImage: string },
    /** The folder with the `ssh` that has root's key there (see the script). */
    private readonly ssh: string,
  ) {}

  /** The same engine, reached as root over SSH. */
  get sshHost(): string {
    return `ssh://root@${this.settings.bindAddress}`;
  }

  /** Has docker and pulumi find the key for it, and says no word of the engine itself. */
  get sshEnv(): { PATH: string } {
    return { PATH: `${this.ssh}:${process.env.PATH}` };
  }

  /**
   * Starts one that is gone when the test ends, so that stacks on it belong in tests within; or answers in words why this machine
   * can't have it.
   */
  static async start(t: TestContext): Promise<CurrentEngine | string> {
    const directory = mkdtempSync(join(tmpdir(), "blue-green-engine-"));
    t.after(async () => {
      const stopped = await run(SCRIPT, ["stop", directory]);
      if (stopped.code !== 0 && stopped.code !== CANNOT) throw new Error(stopped.output);
      rmSync(directory, { recursive: true });
    });
    const { code, output } = await run(SCRIPT, ["start", directory]);
    if (code === CANNOT) return output.trim();
    const said = (name: string) => output.match(new RegExp(`^${name}=(.+)$`, "m"))?.[1];
    const DOCKER_HOST = said("DOCKER_HOST");
    const bindAddress = said("ADDRESS");
    const ssh = said("SSH");
    if (code !== 0 || !DOCKER_HOST || !bindAddress || !ssh)
      throw new Error(`${SCRIPT} start: exit code ${code}\n${output}`);

    const { nginxImage, appBaseImage } = baseImages();
    if (!nginxImage || !appBaseImage) throw new Error("No base images in .state/images. Next: setup/bring");
    t.after(() => run("docker", ["image", "rm", WITH_PACKAGES]));
    await addPackages(appBaseImage, join(directory, "Dockerfile"));
    const env = { DOCKER_HOST };
    await load([nginxImage, WITH_PACKAGES], env);
    return new CurrentEngine(directory, env, { bindAddress, nginxImage, appBaseImage: WITH_PACKAGES }, ssh);
  }

  /** Gives it images of the machine's own engine; answers what it calls them by their digests. */
  async takeImages(...images: string[]): Promise<string[]> {
    await load(images, this.env);
    const format = "{{index .RepoDigests 0}}";
    return (
      await must("docker", ["image", "inspect", "--format", format, ...images], {
        env: { ...process.env, ...this.env },
      })
    )
      .trim()
      .split("\n");
  }

  /** What a restart of Docker does; the containers are left to the engine. */
  async restartDaemon(): Promise<void> {
    await must(SCRIPT, ["restart-daemon", this.directory]);
  }
}

/** Makes WITH_PACKAGES on the machine's own engine, which reaches what the other one doesn't. */
async function addPackages(appBaseImage: string, dockerfile: string): Promise<void> {
  writeFileSync(dockerfile, WITH_PACKAGES_DOCKERFILE);
  const arg = `BASE_IMAGE=${appBaseImage}`;
  await must("docker", ["build", "--tag", WITH_PACKAGES, "--build-arg", arg, "--file", dockerfile, APP_DIRECTORY]);
}

/** Gives an engine images that the machine's own one has. */
export async function load(images: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const save = spawn("docker", ["save", ...images], { stdio: ["ignore", "pipe", "inherit"] });
  const load = spawn("docker", ["load"], {
    stdio: [save.stdout, "ignore", "inherit"],
    env: { ...process.env, ...env },
  });
  // Its end is ours to close, or an engine that stops reading would leave `docker save` waiting for ever.
  load.once("spawn", () => save.stdout.destroy());
  const codes = await Promise.all([save, load].map(async (child) => (await once(child, "exit"))[0]));
  if (codes.some((code) => code !== 0)) {
    throw new Error(`docker save ${images.join(" ")} | docker load: exit codes ${codes.join(" and ")}`);
  }
}
