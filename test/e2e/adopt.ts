import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { copyProgram } from "../program";
import { pulumiHome } from "./pulumiHome";
import { baseImages, must, run } from "./stack";

/** A step that `npm run adopt` has printed. */
export interface Step {
  says: string;
  /** What is to be typed for it, as it stands there. */
  typed: string;
  /** Whether it is done instead of those before. */
  isOther: boolean;
}

/** Returns the steps at the end of what `npm run adopt` prints. */
export const stepsIn = (output: string): Step[] =>
  output
    .split(/^(?=[1-9]\. |Or: )/m)
    .slice(1)
    .map((step) => ({
      says: step.slice(0, step.search(/^ {4}/m)).replaceAll(/\s+/g, " "),
      typed: [...step.matchAll(/^ {4}(.*)$/gm)].map(([, line]) => line).join("\n"),
      isOther: step.startsWith("Or: "),
    }));

/** What the environment has to have so that docker has its compose command. */
export async function composeEnv(): Promise<Record<string, string>> {
  const config = (await must(join(__dirname, "compose-plugin"), [])).trim().split("\n").at(-1) ?? "";
  return config.startsWith("/") ? { DOCKER_CONFIG: config } : {};
}

/** A compose project in a folder of its own, and beside it a checkout of this program; nothing of either is left when the test ends. */
export class Adoption {
  private constructor(
    private readonly folder: string,
    /** The compose project's name, and so the stack's. */
    readonly name: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * @param name what the compose project's name begins with.
   * @param files its files by their names.
   */
  static async make(t: TestContext, name: string, files: Readonly<Record<string, string>>): Promise<Adoption> {
    const folder = mkdtempSync(join(tmpdir(), "blue-green-adopt-"));
    const { PULUMI_STACK: _, ...env } = process.env;
    const adoption = new Adoption(folder, `${name}-${folder.slice(-6).toLowerCase()}`, {
      ...env,
      ...(await composeEnv()),
      PULUMI_HOME: pulumiHome(folder),
      PULUMI_BACKEND_URL: `file://${folder}/state`,
      PULUMI_CONFIG_PASSPHRASE: "of a test",
      // Whoever types `pulumi up` says yes to it.
      PULUMI_SKIP_CONFIRMATIONS: "true",
    });
    t.after(() => adoption.remove());
    const project = join(folder, "my projects", adoption.name);
    for (const part of [join(folder, "state"), join(folder, "checkout"), project]) mkdirSync(part, { recursive: true });
    copyProgram(join(folder, "checkout"), /^Pulumi\..+\.yaml$/);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
    await standIn(t, "nginx:1.30.6", baseImages().nginxImage ?? "");
    return adoption;
  }

  /** Types something into a shell in the checkout; it must succeed. */
  async type(typed: string): Promise<string> {
    const { code, output } = await run("bash", ["-c", typed], { cwd: join(this.folder, "checkout"), env: this.env });
    if (code !== 0) throw new Error(`${typed}\nexit code ${code}\n${output}`);
    return output;
  }

  /** The compose file as it is typed in the checkout: somebody's folder has a space in its name. */
  private get file(): string {
    return `'../my projects/${this.name}/docker-compose.yml'`;
  }

  /** Types `docker compose` of the project. */
  compose(typed: string): Promise<string> {
    return this.type(`docker compose -f ${this.file} ${typed}`);
  }

  /** Types `npm run adopt` and returns the steps that it says. */
  async adopt(options = ""): Promise<{ output: string; steps: Step[] }> {
    const output = await this.type(`npm run adopt -- ${this.file}${options}`);
    return { output, steps: stepsIn(output) };
  }

  private async remove(): Promise<void> {
    const { env } = this;
    for (const kind of ["container", "network", "volume"]) {
      for (const label of [`blue-green.stack=${this.name}`, `com.docker.compose.project=${this.name}`]) {
        const all = kind === "container" ? ["--all"] : [];
        const listed = await must("docker", [kind, "ls", ...all, "--quiet", "--filter", `label=${label}`], { env });
        for (const id of listed.split("\n").filter(Boolean)) {
          await run("docker", [kind, "rm", ...(kind === "network" ? [] : ["--force"]), id], { env });
        }
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Gives an image a further name while the test runs, where no image has that name. */
export async function standIn(t: TestContext, name: string, image: string): Promise<void> {
  const { code } = await run("docker", ["image", "inspect", name]);
  if (code === 0 || name === image) return;
  await must("docker", ["tag", image, name]);
  t.after(() => must("docker", ["rmi", name]));
}

/** Orders that a visitor places one after the other: each is placed again until it is confirmed. */
export class Orders {
  readonly confirmed: number[] = [];
  retries = 0;
  /** The longest time between two confirmations, in seconds. */
  longestGap = 0;
  private stopped = false;
  private readonly ended: Promise<void>;

  /** @param maxSeconds after so long it ends by itself. */
  constructor(url: string, maxSeconds: number) {
    this.ended = this.place(url, Date.now() + maxSeconds * 1000);
  }

  private async place(url: string, until: number): Promise<void> {
    let last = Date.now();
    for (let id = 1; !this.stopped && Date.now() < until; ) {
      const answer = await fetch(`${url}/orders/${id}`, { method: "POST", signal: AbortSignal.timeout(2000) }).catch(
        () => undefined,
      );
      if (answer?.status === 200) {
        this.longestGap = Math.max(this.longestGap, (Date.now() - last) / 1000);
        last = Date.now();
        this.confirmed.push(id);
        id += 1;
      } else this.retries += 1;
      await answer?.text().catch(() => {});
      await pause(50);
    }
  }

  /** Waits until so many more are confirmed. */
  async more(count: number): Promise<void> {
    const goal = this.confirmed.length + count;
    for (let waited = 0; this.confirmed.length < goal; waited += 1) {
      if (waited > 600) throw new Error(`${this.confirmed.length} orders after a minute, and ${goal} are waited for`);
      await pause(100);
    }
  }

  async stop(): Promise<number[]> {
    this.stopped = true;
    await this.ended;
    return this.confirmed;
  }
}
