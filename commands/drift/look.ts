import type { Docker } from "../../stacks/engine/docker";
import { shell } from "../../stacks/engine/scripts";
import { containerName, type ServiceId } from "../../stacks/service/names";
import { readServing, type Serving } from "../../stacks/service/serving";
import { CantTellError } from "../outcome";
import { askPulumi, errorIn, runPulumi } from "../pulumi";
import { commandsFor } from "../typed";
import { readRunning } from "./engine";
import { type Preview, previewIn } from "./preview";
import type { Facts } from "./row";
import { type Declared, declaredIn } from "./state";

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
 * Reads what is declared and what runs. Nothing is changed: the refresh is a preview too.
 *
 * @throws CantTellError where it can't be told, with what to type.
 */
export async function look(docker: Docker, stack: Looked): Promise<Facts> {
  const { owner, name } = stack;
  const declared = await readDeclared(stack);
  const asked = Promise.all([preview(name, ["refresh", "--preview-only"]), preview(name, ["preview"])]);
  // Whatever fails first is what is told.
  asked.catch(() => {});
  const running = await readRunning(docker, owner, declared).catch((error: Error) => noEngine(error, stack));
  const proxy = declared.containers.find(({ role }) => role === "proxy");
  const runs = running.containers.find(({ Id }) => Id === proxy?.id)?.State?.Status === "running";
  const serving = runs && proxy !== undefined ? await readProxy(docker, proxy.id, stack) : undefined;
  const volume = runs && proxy !== undefined && serving !== undefined ? await readVolume(docker, proxy.id) : undefined;
  const [refreshed, pending] = await asked;
  if (refreshed.error !== undefined) throw new CantTellError(`\`pulumi refresh\` failed: ${errorIn(refreshed.error)}`);
  return {
    ...{ owner, declared, running, serving, volume, now: new Date() },
    refreshed: refreshed.steps,
    pending: pending.steps,
    refused: pending.error,
  };
}

async function readDeclared({ owner, name }: Looked): Promise<Declared> {
  const state = await askPulumi(["stack", "export", "--show-secrets", "--stack", name]).catch((error: Error) => {
    if (error instanceof CantTellError) throw error;
    throw new CantTellError(`Pulumi's state of ${name} can't be read: ${error.message}`);
  });
  const declared = declaredIn(state, owner);
  if (declared !== undefined) return declared;
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
  const serving = await readServing(docker, id, { health: true }).catch((error: Error) => {
    throw new CantTellError(`${proxy} runs, but can't be asked which color is live: ${error.message}`, [
      { purpose: "see what it says", command: commands.docker("logs", "--tail", "30", proxy) },
    ]);
  });
  if (serving?.busy === undefined) return serving;
  throw new CantTellError(`A cutover runs in ${proxy} (${serving.busy})`, [
    { purpose: "see how it ends", command: commands.status() },
  ]);
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
