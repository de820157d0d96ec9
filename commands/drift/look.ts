import type { Docker } from "../../stacks/engine/docker";
import { shell } from "../../stacks/engine/scripts";
import { containerName, type Owner } from "../../stacks/service/names";
import { readServing, type Serving } from "../../stacks/service/serving";
import { Untold } from "../stack";
import { commandsFor } from "../typed";
import { readRunning } from "./engine";
import { askPulumi, type Preview, previewIn } from "./preview";
import type { Facts } from "./rows";
import { type Declared, declaredIn } from "./state";

/** The stack that is looked at. */
export interface Looked {
  owner: Owner;
  /** As `pulumi --stack` takes it. */
  name: string;
  /** The engine's address, where the stack's file names one. */
  host?: string;
}

/** How `pulumi ... --expect-no-changes` ends where there are some. */
const CHANGES_EXIT_CODE = 7;

/** Lines of Pulumi's words that are shown. */
const LINES = 3;

/**
 * Reads what is declared and what runs. Nothing is changed: the refresh is a preview too.
 *
 * @throws Untold where it can't be told, with what to type.
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
  if (refreshed.error !== undefined) throw new Untold(`\`pulumi refresh\` failed: ${firstLines(refreshed.error)}`);
  return {
    ...{ owner, declared, running, serving, volume, now: new Date() },
    refreshed: refreshed.steps,
    pending: pending.steps,
    refused: pending.error,
  };
}

async function readDeclared({ owner, name }: Looked): Promise<Declared> {
  const { code, stdout, stderr } = await askPulumi(name, ["stack", "export", "--show-secrets"]).catch(
    (error: Error) => {
      throw new Untold(error.message);
    },
  );
  if (code !== 0) throw new Untold(`Pulumi's state of ${name} can't be read: ${errorIn(stderr)}`);
  const declared = declaredIn(stdout, owner);
  if (declared !== undefined) return declared;
  throw new Untold(`Pulumi's state of ${name} has no container: nothing is declared yet`, [
    { purpose: "bring it up", command: commandsFor(name, undefined).up() },
  ]);
}

/** What Pulumi would do. Its own error is part of that; that it can't be asked is none. */
async function preview(stack: string, args: string[]): Promise<Preview> {
  const { code, stdout, stderr } = await askPulumi(stack, [...args, "--json", "--expect-no-changes"]);
  const preview = previewIn(stdout);
  if (preview !== undefined && (code === 0 || code === CHANGES_EXIT_CODE || preview.error !== undefined))
    return preview;
  throw new Untold(`\`pulumi ${args[0]}\` failed: ${errorIn(stderr || stdout)}`);
}

const errorIn = (text: string): string => firstLines(text.trim().replace(/^error: /, "")) || "it said nothing";

const firstLines = (text: string): string => text.split("\n").slice(0, LINES).join(" ");

function noEngine(error: Error, { host }: Looked): never {
  throw new Untold(`The Docker Engine could not be asked: ${error.message}`, [
    { purpose: "see whether it answers", command: commandsFor(undefined, host).docker("version") },
  ]);
}

/** What the proxy says; while a cutover changes it, nothing can be said. */
async function readProxy(docker: Docker, id: string, { owner, name, host }: Looked): Promise<Serving | undefined> {
  const commands = commandsFor(name, host);
  const proxy = containerName(owner, "proxy");
  const serving = await readServing(docker, id, { health: true }).catch((error: Error) => {
    throw new Untold(`${proxy} runs, but can't be asked which color is live: ${error.message}`, [
      { purpose: "see what it says", command: commands.docker("logs", "--tail", "30", proxy) },
    ]);
  });
  if (serving?.busy === undefined) return serving;
  throw new Untold(`A cutover runs in ${proxy} (${serving.busy})`, [
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
