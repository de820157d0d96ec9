import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Docker } from "../../stacks/engine/docker";
import { LABEL, ownerLabels, PROXY_DIRECTORY, RECOVERY } from "../../stacks/service/names";
import { generationOf } from "../../stacks/service/serving";
import { readWorld, type World } from "../../stacks/service/world";
import { isObject, type JsonObject, jsonIn, objectIn } from "../../stacks/text/json";
import { quoted } from "../../stacks/text/shell";
import { runCommand } from "../command";
import { previewIn } from "../drift/preview";
import { tooManyHosts } from "../hosts";
import { CantTellError, EXIT, Refusal } from "../outcome";
import { errorIn, runPulumi } from "../pulumi";
import { engineOf, findStack, readStack, type Stack } from "../stack";
import { type Found, type PlannedResource, plannedIn, resourcesOf, TYPES } from "./deployment";
import { USAGE } from "./usage";

/**
 * Returns what `pulumi` answers for the stack.
 *
 * @throws Refusal with its own words where it fails.
 */
async function pulumi(stack: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await runPulumi([...args, "--stack", stack], { env });
  if (code === 0) return stdout;
  // A preview as JSON says there what is wrong.
  const why = errorIn(previewIn(stdout)?.error ?? (stderr || stdout)) ?? "it said nothing";
  throw new Refusal(`\`pulumi ${args.slice(0, 2).join(" ")}\` failed: ${why}`);
}

/** The state as it is, which must have nothing that recovering could overwrite. */
async function emptyState(stack: string): Promise<JsonObject> {
  const state = objectIn(await pulumi(stack, ["stack", "export"])) ?? {};
  const deployment = isObject(state.deployment) ? state.deployment : {};
  const resources = (Array.isArray(deployment.resources) ? deployment.resources : []).filter(isObject);
  // A run that was refused leaves the stack itself and its services, which are names and nothing on the engine.
  const real = resources.filter(({ type, custom }) => custom === true && !String(type).startsWith("pulumi:providers:"));
  if (real.length > 0) {
    throw new Refusal(`Pulumi's state of ${stack} has ${real.length} resources already. It was not touched`, [
      { purpose: "see how it differs from what runs", command: `npm run drift -- ${quoted(stack)}` },
    ]);
  }
  return state;
}

/** The settings' key for secrets, which Pulumi writes into a state with its first run. */
async function stateWithSecrets(stack: string): Promise<JsonObject> {
  const state = await emptyState(stack);
  if (isObject(state.deployment) && state.deployment.secrets_providers !== undefined) return state;
  await pulumi(stack, ["refresh", "--yes", "--skip-preview"]);
  return emptyState(stack);
}

/** What a run into an empty state would declare, were both colors kept as they are. */
async function planOf(stack: string): Promise<PlannedResource[]> {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-recover-"));
  const file = join(directory, "plan.json");
  try {
    // Secrets stay encrypted in the file.
    await pulumi(stack, ["preview", "--json", "--save-plan", file], { [RECOVERY]: "preview" });
    return plannedIn(jsonIn(readFileSync(file, "utf8")));
  } finally {
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
async function runningWorld(docker: Docker, { owner }: Stack): Promise<World & { proxy: { id: string } }> {
  const world = await readWorld(docker, owner);
  if ("unknown" in world) throw new CantTellError(`No Docker Engine answered: ${world.reason}`);
  const { proxy, serving } = world;
  if (proxy === undefined || serving === undefined) {
    throw new CantTellError(
      proxy === undefined
        ? `nothing of the stack ${owner.stack} is on this engine`
        : "the proxy can't be asked which color is live",
      [{ purpose: "see what is there", command: `docker ps --all --filter label=blue-green.stack=${owner.stack}` }],
    );
  }
  if (serving.busy !== undefined) throw new CantTellError(`a cutover runs in the proxy (${serving.busy})`);
  return { ...world, proxy };
}

/**
 * Refuses a stack whose program has services with names, or a gateway: only the service without a name is declared as it runs.
 *
 * @throws Refusal with the services that there are.
 */
async function refuseServices(docker: Docker, { owner, name }: Stack): Promise<void> {
  const labels = Object.entries(ownerLabels(owner)).flatMap(([label, value]) => [
    "--filter",
    `label=${label}=${value}`,
  ]);
  const format = `{{.Label "${LABEL.service}"}},{{.Label "${LABEL.role}"}}`;
  const listed = await docker.ask("container", "ls", "--all", ...labels, "--format", format).catch((error: Error) => {
    throw new CantTellError(`No Docker Engine answered: ${error.message}`);
  });
  const parts = listed.split("\n").map((line) => line.trim().split(","));
  const services = [...new Set(parts.flatMap(([service]) => service || []))].sort();
  const found = [
    ...(services.length === 0 ? [] : [`the services ${services.join(", ")}`]),
    ...(parts.some(([, role]) => role === "gateway") ? ["a gateway"] : []),
  ];
  if (found.length === 0) return;
  throw new Refusal(
    `${name} has ${found.join(" and ")}, and npm run recover writes the state of a single service without a name. Nothing was written`,
    [backupOf(name)],
  );
}

const backupOf = (stack: string) => ({
  purpose: "bring a backup of the state back",
  command: `pulumi stack import --file <the backup> --stack ${quoted(stack)}`,
});

/**
 * Refuses a stack with hosts: what runs is on several engines.
 *
 * @throws Refusal with the hosts that there are.
 */
function refuseHosts(stack: Stack): void {
  const reason = tooManyHosts(stack, "npm run recover");
  if (reason !== undefined) throw new Refusal(`${reason}. Nothing was written`, [backupOf(stack.name)]);
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
    throw new Refusal("Nobody can be asked here. Nothing was written", [
      { purpose: "write it without a question", command: `npm run recover -- ${quoted(stack)} --yes` },
    ]);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Write this as the state of ${stack}? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

async function recover(stack: Stack, yes: boolean): Promise<void> {
  const { name } = stack;
  refuseHosts(stack);
  const docker = engineOf(stack);
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
  if (!(await mayWrite(name, yes))) throw new Refusal("Nothing was written");
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
    await pulumi(stack, ["stack", "import", "--file", file]);
    await pulumi(stack, ["refresh", "--yes", "--skip-preview"]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

runCommand(USAGE, async ({ stack, yes }) => {
  await recover(readStack(await findStack(process.cwd(), stack, (name) => `npm run recover -- ${name}`)), yes);
  return EXIT.well;
});
