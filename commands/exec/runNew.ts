import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { askApi } from "../../stacks/engine/api";
import { type Attached, type Docker, DockerError, signalExit } from "../../stacks/engine/docker";
import type { ServiceId } from "../../stacks/service/names";
import { oneOffName } from "../../stacks/service/parts";
import { isObject, jsonIn } from "../../stacks/text/json";
import { CantTellError } from "../outcome";
import type { Commands } from "../typed";
import { oneOffOf } from "./oneOff";
import { type Passing, SignalRelay } from "./signals";

/** What a command is run with in a container of its own. */
export interface NewRun {
  docker: Docker;
  owner: ServiceId;
  /** The container that the new one is like. */
  like: { id: string; name: string };
  words: readonly string[];
  isTerminal: boolean;
  commands: Commands;
}

/** So soon the engine tells what it remembers. */
const REMEMBER_MILLISECONDS = 2000;

/** The exit code of `docker start` where it could not start a container. */
const CLIENT_FAILED = 1;

/**
 * Runs a command in a new container like another one, on this process's own standard input and output.
 *
 * @returns its exit code.
 * @throws Stop where the container can't be made or started.
 */
export async function runNew(run: NewRun): Promise<number> {
  const { docker, like, isTerminal } = run;
  const relay = new SignalRelay();
  const name = oneOffName(like.name, randomBytes(4).toString("hex"));
  const id = await made(run, name);
  try {
    const created = await docker.ask("container", "inspect", "--format", "{{.Created}}", id);
    // Ended before it was begun.
    if (relay.first !== undefined) return signalExit(relay.first);
    const start = ["container", "start", "--attach", "--interactive", id];
    const code = await relay.attend(passing(docker, id, docker.attach(start, isTerminal)));
    if (code === CLIENT_FAILED && !(await hasStarted(docker, id, created.trim())))
      throw new CantTellError("The container could not be started; docker's words are above");
    return code;
  } finally {
    await leave(run, { id, name }, relay);
  }
}

/** Makes the container and connects it to its networks; returns its id. */
async function made({ docker, owner, like, words, isTerminal }: NewRun, name: string): Promise<string> {
  const [text, version] = await Promise.all([
    docker.ask("container", "inspect", like.id),
    // The version in which the client tells of a container: the engine's newest may mean something else.
    docker.ask("version", "--format", "{{.Client.APIVersion}}"),
  ]);
  const found: unknown = jsonIn(text);
  const [inspected] = Array.isArray(found) ? found : [];
  if (!isObject(inspected)) throw new DockerError(`${like.name} can't be read`);
  const { body, moreNetworks } = oneOffOf(inspected, words, { owner, isTerminal });
  const path = `/v${version.trim()}/containers/create?name=${encodeURIComponent(name)}`;
  const { Id } = await askApi(docker, { method: "POST", path, body });
  if (typeof Id !== "string") throw new DockerError("the engine names no container that it has made");
  try {
    for (const network of moreNetworks) await docker.ask("network", "connect", network, Id);
  } catch (error) {
    await docker.run(["container", "rm", "--force", "--volumes", Id]);
    throw error;
  }
  return Id;
}

const passing = (docker: Docker, id: string, client: Attached): Passing => ({
  ended: client.ended,
  pass: async (signal) => {
    await docker.run(["container", "kill", "--signal", signal, id]).catch(() => {});
  },
  leave: () => client.end("SIGKILL"),
});

/** Reports whether a container has begun: the engine remembers that for a while, though the container is gone. */
async function hasStarted(docker: Docker, id: string, created: string): Promise<boolean> {
  const filters = ["--filter", `container=${id}`, "--filter", "event=start"];
  const { stream, end } = docker.output(["events", "--since", created, ...filters]);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), REMEMBER_MILLISECONDS);
  try {
    await once(stream, "data", { signal: late.signal });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    end();
  }
}

/** Sees to it that nothing is left of the container, but where somebody has left it on purpose, or lost it. */
async function leave({ docker, commands }: NewRun, { id, name }: { id: string; name: string }, relay: SignalRelay) {
  const seen = await docker.run(["container", "inspect", "--format", "{{.State.Status}}", id]).catch(() => undefined);
  const status = seen?.stdout.trim();
  if (status === "running" && relay.first === undefined) {
    console.error(`${name} still runs. Next, to go back to it: ${commands.docker("attach", name)}`);
    console.error(`Next, to end it: ${commands.docker("rm", "--force", name)}`);
    return;
  }
  // The engine removes what has ended.
  if (status !== "running" && status !== "created") return;
  if (status === "running" && !relay.isInsistent) await docker.run(["container", "stop", id]).catch(() => {});
  await docker.run(["container", "rm", "--force", "--volumes", id]).catch(() => {});
}
