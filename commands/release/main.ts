import { execFile } from "node:child_process";
import { join } from "node:path";
import { parse } from "yaml";
import type { Docker } from "../../stacks/engine/docker";
import { remoteHost } from "../../stacks/engine/host";
import { IMAGE_RULE, imageNamed, isImage, isVersion, VERSION_RULE } from "../../stacks/engine/image";
import { type Login, loginFor, pull, push, RegistryError } from "../../stacks/engine/registry";
import { sentFrom, sourceHash } from "../../stacks/service/source";
import { isObject } from "../../stacks/text/json";
import { plainJson, shown } from "../../stacks/text/plain";
import { quoted } from "../../stacks/text/shell";
import type { Arguments, Usage } from "../arguments";
import { runCommand } from "../command";
import { hostsOf } from "../hosts";
import { CantTellError, EXIT, Refusal } from "../outcome";
import { engineOf, findStack, readFile, readStack, type Stack } from "../stack";
import { commitOf } from "./commit";
import { assertWritten, registryOf, registryStop, settingOf } from "./registrySettings";
import { buildArguments, buildProblem, nextCommands, revisionOf, type Sources, sameRelease } from "./release";

/** The folder of the service, in the project's. */
const FOLDER = "app";
const BUILD_TIMEOUT_SECONDS = 1800;

const USAGE = {
  command: "release",
  takesStack: true,
  values: ["version"],
  flags: ["dirty", "json"],
  help: `Builds app/ once, labels it, pushes it to the registry and prints the image by its digest.

npm run release -- --version 1.4.0
npm run release -- --version 1.4.0 prod            with the settings of prod, not of the selected stack;
                                                   --stack prod means the same
npm run release -- --version 1.4.0 --dirty         also what no commit holds; the label says so
npm run --silent release -- --version 1.4.0 --json as JSON, for programs

From the stack's file come registry, registryUser, registryPassword, appBaseImage and docker:host; the variable
REGISTRY_PASSWORD wins. Without registry it is one on this machine's loopback, which setup/registry brings.
On standard output is the image's name alone, on standard error what is done and what to type next.
A version that is released already is not built again: its digest is printed, or the release is refused where the
sources are others by now.

Exit code: 0 released, or was before; 1 refused; 3 can't tell: the registry, the engine or Pulumi could not be asked.`,
} as const satisfies Usage;

const say = (line: string): void => console.error(line);

async function release({ version, stack: named, dirty, json }: Arguments<"version", "dirty" | "json">): Promise<void> {
  if (version === undefined)
    throw new Refusal("Which version? None is named", ["npm run release -- --version <version>"]);
  if (!isVersion(version)) {
    throw new Refusal(`The version ${shown(version)} ${VERSION_RULE}`, ["npm run release -- --version <version>"]);
  }
  const directory = process.cwd();
  const retype = (name: string) => `npm run release -- --version ${version} ${name}`;
  const stack = readStack(await findStack(directory, named, retype));
  const docker = engineOf(stack);
  assertWritten(stack);
  const source = sourceHash(FOLDER);
  const commit = await commitOf(directory, FOLDER, sentFrom(FOLDER)).catch((error: Error) => ({
    unknown: error.message,
  }));
  const sources: Sources = { version, source, revision: revisionOf(commit, dirty), base: baseOf(directory, stack) };

  const settings = await registryOf(directory, stack, process.env);
  const repository = settings.registry ?? (await localRegistry(directory, stack));
  const image = `${repository}:${version}`;
  const login = loginFor(image, settings, process.env);

  const before = await releasedBefore(docker, image, login);
  if (before === undefined) await build(docker, image, sources);
  else sameRelease(image, before.labels, sources);
  const digest = before?.digest ?? (await push(docker, image, login));
  const reference = `${repository}@${digest}`;
  say(
    before === undefined
      ? `Released ${version}: sources ${source}, commit ${sources.revision}`
      : `${version} was released before, from the same sources (${source}): nothing was built`,
  );
  console.log(json ? plainJson({ ...sources, image: reference, built: before === undefined }) : reference);
  const flag = named === undefined ? "" : ` --stack ${quoted(named)}`;
  for (const next of nextCommands(reference, version, flag)) say(`Next, ${next}`);
}

/** The image that app/ is built on: as set, else what `npm start` has found or made here, else the default. */
function baseOf(directory: string, stack: Stack): string {
  const set = settingOf(stack, "appBaseImage");
  const found = /^appBaseImage=(\S+)$/m.exec(readFile(directory, join(".state", "images")) ?? "")?.[1];
  const { config } = parse(stack.program) as { config?: Record<string, unknown> };
  const setting = config?.appBaseImage;
  const usual = isObject(setting) ? String(setting.default) : undefined;
  if (set === undefined && found !== undefined && found !== usual) {
    say(`The base image is the one that npm start made here, ${found}`);
  }
  const base = set ?? found ?? usual;
  if (base === undefined || !isImage(base)) {
    throw new Refusal(`appBaseImage is ${shown(base)}: ${IMAGE_RULE}`, ["pulumi config set appBaseImage <image>"]);
  }
  return base;
}

/** The repository on the registry that this machine brings itself. */
async function localRegistry(directory: string, stack: Stack): Promise<string> {
  const { owner, name } = stack;
  const [remote] = hostsOf(stack).flatMap(({ host }) => remoteHost(host ?? process.env.DOCKER_HOST) ?? []);
  const set = `pulumi config set registry '<host>/<repository>' --stack ${quoted(name)}`;
  if (remote !== undefined) {
    throw new Refusal(
      `registry is not set, and the engine is at ${remote}: a registry on this machine's loopback is none that it reaches`,
      [set],
    );
  }
  const address = await new Promise<string>((resolve, reject) => {
    const child = execFile(join(directory, "setup", "registry"), (error, stdout) =>
      error === null
        ? resolve(stdout.trim())
        : reject(new CantTellError("There is no registry on this machine's loopback", [set])),
    );
    child.stderr?.pipe(process.stderr);
    child.stdin?.end();
  });
  return `${address}/${owner.project.toLowerCase()}`;
}

/** What the registry has under a version's name: its tag is asked for there, whatever the engine has. */
async function releasedBefore(
  docker: Docker,
  image: string,
  login: Login | undefined,
): Promise<{ digest: string; labels: Record<string, string> } | undefined> {
  say(`Asking ${imageNamed(image).host} for ${image}`);
  let digest: string;
  try {
    digest = await pull(docker, image, login);
  } catch (error) {
    if (error instanceof RegistryError && error.problem.kind === "missing") return undefined;
    throw error;
  }
  const labels = JSON.parse(await docker.ask("image", "inspect", "--format", "{{json .Config.Labels}}", image));
  return { digest, labels: labels ?? {} };
}

async function build(docker: Docker, image: string, sources: Sources): Promise<void> {
  say(`Building ${image} on ${sources.base}`);
  const started = Date.now();
  const args = buildArguments(image, FOLDER, sources, new Date());
  const { code, stdout, stderr } = await docker.run(args, { timeoutSeconds: BUILD_TIMEOUT_SECONDS });
  if (code !== 0) throw buildProblem(sources.base, `${stdout}\n${stderr}`);
  say(`Built in ${((Date.now() - started) / 1000).toFixed(1)} s; pushing it`);
}

runCommand(USAGE, async (asked) => {
  await release(asked).catch((error) => {
    throw registryStop(error);
  });
  return EXIT.well;
});
