import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Docker, dockerAt } from "../../stacks/engine/docker";
import { LABEL, ownerLabels, PROXY_DIRECTORY, RECOVERY } from "../../stacks/service/names";
import { generationOf } from "../../stacks/service/serving";
import { readWorld, type World } from "../../stacks/service/world";
import { isObject, type JsonObject, jsonIn, objectIn } from "../../stacks/text/json";
import { plain, printableMessage } from "../../stacks/text/plain";
import { quoted } from "../../stacks/text/shell";
import { askPulumi, previewIn } from "../drift/preview";
import { cantTellLine } from "../outcome";
import { type FoundStack, findStack, Untold } from "../stack";
import { HELP, optionsIn } from "./arguments";
import { type Found, type PlannedResource, plannedIn, resourcesOf, TYPES } from "./deployment";

const EXIT = { written: 0, refused: 1, unknown: 3 } as const;

/** Why nothing was written, for people. */
class Refused extends Error {}

/** What `pulumi` answers for the stack; its own words where it fails. */
async function pulumi(stack: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await askPulumi(stack, args);
  if (code === 0) return stdout;
  // A preview as JSON says there what is wrong.
  const why = previewIn(stdout)?.error ?? (stderr || stdout).trim();
  throw new Refused(`\`pulumi ${args.slice(0, 2).join(" ")}\` failed: ${why}`);
}

/** The state as it is, which must have nothing that recovering could overwrite. */
async function emptyState(stack: string): Promise<JsonObject> {
  const state = objectIn(await pulumi(stack, "stack", "export")) ?? {};
  const deployment = isObject(state.deployment) ? state.deployment : {};
  const resources = (Array.isArray(deployment.resources) ? deployment.resources : []).filter(isObject);
  // A run that was refused leaves the stack itself and its services, which are names and nothing on the engine.
  const real = resources.filter(({ type, custom }) => custom === true && !String(type).startsWith("pulumi:providers:"));
  if (real.length > 0) {
    throw new Refused(
      `Pulumi's state of ${stack} has ${real.length} resources already. It was not touched. Next: npm run drift -- ${quoted(stack)}`,
    );
  }
  return state;
}

/** The settings' key for secrets, which Pulumi writes into a state with its first run. */
async function stateWithSecrets(stack: string): Promise<JsonObject> {
  const state = await emptyState(stack);
  if (isObject(state.deployment) && state.deployment.secrets_providers !== undefined) return state;
  await pulumi(stack, "refresh", "--yes", "--skip-preview");
  return emptyState(stack);
}

/** What a run into an empty state would declare, were both colors kept as they are. */
async function planOf(stack: string): Promise<PlannedResource[]> {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-recover-"));
  const file = join(directory, "plan.json");
  try {
    process.env[RECOVERY] = "preview";
    // Secrets stay encrypted in the file.
    await pulumi(stack, "preview", "--json", "--save-plan", file);
    return plannedIn(jsonIn(readFileSync(file, "utf8")));
  } finally {
    delete process.env[RECOVERY];
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What the engine has of each planned resource, by URN. */
async function findAll(docker: Docker, planned: readonly PlannedResource[]): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  const inspect = async (kind: string, name: string) => {
    const { code, stdout } = await docker.run([kind, "inspect", name]);
    const list = code === 0 ? jsonIn(stdout) : undefined;
    return Array.isArray(list) && isObject(list[0]) ? list[0] : undefined;
  };
  for (const { urn, type, inputs } of planned) {
    const name = String(inputs.name);
    if (type === TYPES.container) {
      const container = await inspect("container", name);
      if (container) found.set(urn, { id: String(container.Id), imageId: String(container.Image) });
    } else if (type === TYPES.network) {
      const network = await inspect("network", name);
      if (network) found.set(urn, { id: String(network.Id) });
    } else if (type === TYPES.volume) {
      if (await inspect("volume", name)) found.set(urn, { id: name });
    } else if (type === TYPES.image) {
      const image = await inspect("image", name);
      const imageId = image && String(image.Id);
      // The Docker provider calls an image by both.
      if (imageId) found.set(urn, { id: `${imageId}${name}`, imageId });
    }
  }
  return found;
}

/** What runs; without a proxy that answers nobody knows which color is live. */
async function runningWorld(docker: Docker, { owner }: FoundStack): Promise<World & { proxy: { id: string } }> {
  const world = await readWorld(docker, owner);
  if ("unknown" in world) throw new Untold(`No Docker Engine answered: ${world.reason}`);
  const { proxy, serving } = world;
  if (proxy === undefined || serving === undefined) {
    throw new Untold(
      proxy === undefined
        ? `nothing of the stack ${owner.stack} is on this engine`
        : "the proxy can't be asked which color is live",
      [{ purpose: "see what is there", command: `docker ps --all --filter label=blue-green.stack=${owner.stack}` }],
    );
  }
  if (serving.busy !== undefined) throw new Untold(`a cutover runs in the proxy (${serving.busy})`);
  return { ...world, proxy };
}

/**
 * Refuses a stack whose program has services with names, or a gateway: only the service without a name is declared as it runs.
 *
 * @throws Refused with the services that there are.
 */
async function refuseServices(docker: Docker, { owner, name }: FoundStack): Promise<void> {
  const labels = Object.entries(ownerLabels(owner)).flatMap(([label, value]) => [
    "--filter",
    `label=${label}=${value}`,
  ]);
  const format = `{{.Label "${LABEL.service}"}},{{.Label "${LABEL.role}"}}`;
  const listed = await docker.ask("container", "ls", "--all", ...labels, "--format", format).catch((error: Error) => {
    throw new Untold(`No Docker Engine answered: ${error.message}`);
  });
  const parts = listed.split("\n").map((line) => line.trim().split(","));
  const services = [...new Set(parts.flatMap(([service]) => service || []))].sort();
  const found = [
    ...(services.length === 0 ? [] : [`the services ${services.join(", ")}`]),
    ...(parts.some(([, role]) => role === "gateway") ? ["a gateway"] : []),
  ];
  if (found.length === 0) return;
  throw new Refused(
    `${name} has ${found.join(" and ")}, and npm run recover writes the state of a single service without a name. ` +
      `Nothing was written. Next: pulumi stack import --file <a backup of the state> --stack ${quoted(name)}`,
  );
}

/** The configuration on the volume, where the planned one isn't what serves. */
async function configurationBeside(docker: Docker, world: World, planned: readonly PlannedResource[]) {
  const stdin = planned.find(({ type }) => type === TYPES.command)?.inputs.stdin;
  const { proxy, serving } = world;
  if (typeof stdin === "string" && !serving?.edited && serving?.generation === generationOf(stdin)) return undefined;
  return docker.ask("exec", proxy?.id ?? "", "cat", `${PROXY_DIRECTORY}/nginx.conf`);
}

async function mayWrite(stack: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY)
    throw new Refused("Nobody can be asked here. Nothing was written. Next: the same with --yes");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Write this as the state of ${stack}? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

async function recover(stack: FoundStack, yes: boolean): Promise<void> {
  const { name } = stack;
  const docker = dockerAt(stack.host);
  await refuseServices(docker, stack);
  const state = await stateWithSecrets(name);
  const world = await runningWorld(docker, stack);
  const planned = await planOf(name);
  const found = await findAll(docker, planned);
  const configuration = await configurationBeside(docker, world, planned);
  const resources = resourcesOf({
    ...{ planned, found, proxyId: world.proxy.id },
    ...(configuration !== undefined && { configuration }),
  });

  console.log(`What runs of ${name}:`);
  for (const { urn, type, inputs } of planned.filter(({ type }) => type.startsWith("docker:"))) {
    const { id } = found.get(urn) ?? {};
    const kind = type.slice(type.lastIndexOf(":") + 1);
    console.log(
      `  ${kind.padEnd(12)} ${String(inputs.name)}${id === undefined ? ": not on the engine, `pulumi up` makes it" : ""}`,
    );
  }
  if (!(await mayWrite(name, yes))) throw new Refused("Nothing was written.");
  await write(name, state, resources);
  console.log(
    `The state of ${name} has ${resources.length} resources now. ` +
      `${world.serving?.color} is live and was not touched.\nNext: pulumi preview --stack ${quoted(name)}`,
  );
}

async function write(stack: string, state: JsonObject, resources: JsonObject[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-recover-"));
  try {
    const file = join(directory, "state.json");
    const deployment = { ...(state.deployment as JsonObject), resources };
    writeFileSync(file, JSON.stringify({ ...state, deployment }), { mode: 0o600 });
    await pulumi(stack, "stack", "import", "--file", file);
    await pulumi(stack, "refresh", "--yes", "--skip-preview");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { stack, yes, help, problem } = optionsIn(process.argv.slice(2), process.env);
  if (help) return console.log(HELP);
  if (problem !== undefined)
    throw new Untold(problem, [{ purpose: "the options", command: "npm run recover -- --help" }]);
  await recover(await findStack(process.cwd(), stack, (name) => `npm run recover -- ${name}`), yes);
}

main().catch((error: Error) => {
  const next = error instanceof Untold ? error.next.map(({ command }) => `\nNext: ${plain(command)}`).join("") : "";
  console.error(`${error instanceof Refused ? printableMessage(error.message) : cantTellLine(error.message)}${next}`);
  process.exitCode = error instanceof Refused ? EXIT.refused : EXIT.unknown;
});
