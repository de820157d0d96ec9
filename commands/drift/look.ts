import type { Docker } from "../../stacks/engine/docker";
import { shell } from "../../stacks/engine/scripts";
import { readGateway } from "../../stacks/service/gateway";
import { containerName, type ServiceId } from "../../stacks/service/names";
import { HEALTH_SECONDS, readServing, type Serving } from "../../stacks/service/serving";
import { ASKED_AT_A_TIME, inTurns } from "../../stacks/service/world";
import { CantTellError } from "../outcome";
import { askPulumi, errorIn, runPulumi } from "../pulumi";
import { commandsFor } from "../typed";
import { readRunning } from "./engine";
import { refuseHosts } from "./hosts";
import { type Preview, previewIn } from "./preview";
import type { Compared, Facts } from "./row";
import { type Declared, declaredIn, hasGateway } from "./state";

/** The stack that is looked at. */
export interface Looked {
  owner: ServiceId;
  /** As `pulumi --stack` takes it. */
  name: string;
  /** The engine's address, where the stack's file names one. */
  host?: string;
}

/** How `pulumi ... --expect-no-changes` ends where there are some. */
const CHANGES_EXIT_CODE = 7;

/**
 * Reads what is declared and what runs, of all services of the stack and of the gateway. Nothing is changed: the refresh is a preview too.
 *
 * @throws CantTellError where it can't be told, with what to type.
 */
export async function look(docker: Docker, stack: Looked): Promise<Compared> {
  const declared = await readDeclared(stack);
  const names = [...declared.keys()].filter((name) => name !== undefined);
  const asked = Promise.all([preview(stack.name, ["refresh", "--preview-only"]), preview(stack.name, ["preview"])]);
  // Whatever fails first is what is told.
  asked.catch(() => {});
  const services = await inTurns([...declared], ASKED_AT_A_TIME, ([name, of]) =>
    lookAtService(docker, { ...stack, owner: { ...stack.owner, ...(name && { service: name }) } }, of, names),
  );
  const [refreshed, pending] = await asked;
  if (refreshed.error !== undefined) throw new CantTellError(`\`pulumi refresh\` failed: ${errorIn(refreshed.error)}`);
  return { services, refreshed: refreshed.steps, pending: pending.steps, refused: pending.error };
}

/** Reads what runs of one service, or of the gateway. */
async function lookAtService(docker: Docker, stack: Looked, declared: Declared, names: string[]): Promise<Facts> {
  const { owner } = stack;
  const running = await readRunning(docker, owner, declared, names).catch((error: Error) => noEngine(error, stack));
  const proxy = declared.containers.find(({ role }) => role === "proxy");
  const runs = running.containers.find(({ Id }) => Id === proxy?.id)?.State?.Status === "running";
  const serving = runs && proxy !== undefined ? await readProxy(docker, proxy.id, stack) : undefined;
  const volume = runs && proxy !== undefined && serving !== undefined ? await readVolume(docker, proxy.id) : undefined;
  const gateway = hasGateway(declared) ? await askGateway(docker, stack) : undefined;
  return { owner, declared, running, serving, volume, ...(gateway && { gateway }), now: new Date() };
}

async function readDeclared({ owner, name }: Looked): Promise<ReturnType<typeof declaredIn>> {
  const state = await askPulumi(["stack", "export", "--show-secrets", "--stack", name]).catch((error: Error) => {
    if (error instanceof CantTellError) throw error;
    throw new CantTellError(`Pulumi's state of ${name} can't be read: ${error.message}`);
  });
  refuseHosts({ named: name }, state);
  const declared = declaredIn(state, owner);
  if (declared.size > 0) return declared;
  throw new CantTellError(`Pulumi's state of ${name} has no container: nothing is declared yet`, [
    { purpose: "bring it up", command: commandsFor(name, undefined).up() },
  ]);
}

/** What Pulumi would do. Its own error is part of that; that it can't be asked is none. */
async function preview(stack: string, args: string[]): Promise<Preview> {
  const { code, stdout, stderr } = await runPulumi([...args, "--json", "--expect-no-changes", "--stack", stack]);
  const preview = previewIn(stdout);
  if (preview !== undefined && (code === 0 || code === CHANGES_EXIT_CODE || preview.error !== undefined))
    return preview;
  throw new CantTellError(`\`pulumi ${args[0]}\` failed: ${errorIn(stderr || stdout) ?? "it said nothing"}`);
}

function noEngine(error: Error, { host }: Looked): never {
  throw new CantTellError(`The Docker Engine could not be asked: ${error.message}`, [
    { purpose: "see whether it answers", command: commandsFor(undefined, host).docker("version") },
  ]);
}

/** What the proxy says; while a cutover changes it, nothing can be said. */
async function readProxy(docker: Docker, id: string, { owner, name, host }: Looked): Promise<Serving | undefined> {
  const commands = commandsFor(name, host);
  const proxy = containerName(owner, "proxy");
  const serving = await readServing(docker, id, { healthSeconds: HEALTH_SECONDS }).catch((error: Error) => {
    throw new CantTellError(`${proxy} runs, but can't be asked which color is live: ${error.message}`, [
      { purpose: "see what it says", command: commands.docker("logs", "--tail", "30", proxy) },
    ]);
  });
  if (serving?.busy === undefined) return serving;
  throw new CantTellError(`A cutover runs in ${proxy} (${serving.busy})`, [
    { purpose: "see how it ends", command: commands.status() },
  ]);
}

/** What the gateway says; nothing where it does not run, which its container's row tells. */
async function askGateway(docker: Docker, stack: Looked): Promise<Facts["gateway"]> {
  const front = await readGateway(docker, stack.owner);
  if ("unknown" in front) return noEngine(new Error(front.reason), stack);
  if (front.container?.running !== true) return undefined;
  return front.serving ?? { generation: "", edited: false, silent: true };
}

const MARK = "--- files ---";

async function readVolume(docker: Docker, id: string): Promise<Facts["volume"]> {
  const text = await docker.ask("exec", id, ...shell("volume", MARK));
  const at = text.lastIndexOf(`\n${MARK}\n`);
  const files = text
    .slice(at + MARK.length + 2)
    .split("\n")
    .flatMap((line) => {
      const [, hash, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return hash === undefined || name === undefined ? [] : [[name, hash]];
    });
  return { configuration: text.slice(0, at), files: Object.fromEntries(files) };
}
