import { type Docker, isGone } from "../stacks/engine/docker";
import { commandsAt } from "../stacks/service/hosts";
import { containerName } from "../stacks/service/names";
import { isReceiverLine } from "../stacks/service/receiver";
import { Hosts } from "./hosts";
import { holderSince, type Lock, type LockBound } from "./lock";
import type { Order } from "./order";
import { Nginx } from "./proxy";
import { after, CutoverFailed, Run, type Tools } from "./run";
import { SILENT_SECONDS, untilSilent } from "./silence";

/** How long another cutover in the same proxy is waited for: one whose `pulumi up` was killed goes on to its end. */
const LOCK_WAIT_SECONDS = 120;

/** Where a cutover takes place, and what is to be done there. */
export interface Place {
  /** The host's name; absent where there is one alone. */
  host?: string;
  /** Its engine. */
  docker: Docker;
  /** The engine's address, where commands have to name it. */
  address?: string;
  order: Order;
}

/**
 * Takes the locks of all proxies and returns the runs that hold them. The first lock is taken before the others: of two cutovers over
 * the same hosts one waits there, and never each for the other.
 *
 * @throws Error with who else holds a lock, or why a proxy can't be entered; no lock is held then.
 */
export async function startRuns(places: readonly Place[], tools: Tools): Promise<Run[]> {
  const [first, ...others] = places;
  if (first === undefined) throw new Error("a cutover takes place on one host at least");
  const began = new Date().toISOString();
  const hosts = new Hosts(places.map(({ host = "" }) => host));
  const start = async (place: Place) => {
    const { order, host = "", address } = place;
    const silence = new AbortController();
    const docker = untilSilent(place.docker, silence.signal);
    const own = { ...tools, docker, say: sayingWhere(host, tools.say), ...(address !== undefined && { address }) };
    const proxy = new Nginx(docker, order.proxy);
    const lock = await takeLock(place, own, proxy, began, hosts.isOne ? {} : boundOf(silence));
    return new Run(order, own, proxy, lock, began, hosts, host, silence.signal);
  };
  const lead = await start(first);
  const started = await Promise.allSettled(others.map(start));
  const runs = [lead, ...started.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []))];
  const failed = started.find((end) => end.status === "rejected");
  if (failed !== undefined) {
    await Promise.all(runs.map(({ lock }) => lock.release()));
    throw failed.reason;
  }
  hosts.before = runs.find(({ before }) => before !== undefined)?.before;
  return runs;
}

/** How the lock of one of several hosts is held, which is given up by `silence`. */
export const boundOf = (silence: AbortController): LockBound => ({
  answerSeconds: SILENT_SECONDS,
  silent: () => silence.abort(),
});

/** Takes a proxy's lock; whoever else has it is waited for. */
function takeLock({ order, host }: Place, tools: Tools, proxy: Nginx, began: string, bound: LockBound): Promise<Lock> {
  return cancellable(proxy.lock(holderSince(began), LOCK_WAIT_SECONDS, tools.say, bound), tools.signal).catch(
    (error: Error) => {
      const name = containerName(order.owner, "proxy");
      const next = isGone(error)
        ? "pulumi up --refresh, which makes it again"
        : `docker logs --tail 30 ${name}; then: pulumi up`;
      const seen = isGone(error) ? `the container ${name} is gone, so that the public gets no answer.` : error.message;
      const where = host === undefined ? "" : `on host ${host}, `;
      throw new Error(`${order.target} was not switched to: ${where}${seen} Nothing was changed.\nNext: ${next}`);
    },
  );
}

/** A wait that ends with the run. */
const cancellable = <T>(wait: Promise<T>, signal: AbortSignal): Promise<T> =>
  Promise.race([
    wait,
    new Promise<never>((_, reject) => {
      const stop = () => reject(new Error("the run was cancelled."));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
    }),
  ]);

/** Says on which host it is, where there are several. What is about a receiver is of no host. */
export const sayingWhere =
  (host: string, say: Tools["say"]): Tools["say"] =>
  (line) =>
    say(host === "" || isReceiverLine(line) ? line : `${host}: ${line}`);

/** The last word of a cutover over several hosts that went well: who is live, and how far apart they moved. */
export function lastWord(runs: readonly Run[]): string | undefined {
  const [lead] = runs;
  if (lead === undefined || lead.hosts.isOne) return undefined;
  const moved = runs.flatMap(({ met }) => (met === undefined ? [] : [met]));
  const spread = Math.round(Math.max(...moved) - Math.min(...moved));
  const apart = moved.length < 2 ? "" : `; the public moved on all of them within ${spread} ms`;
  const notes = runs.flatMap(({ host, notes }) => notes.map((note) => `; ${host}: ${note}`)).join("");
  return `${lead.target} is live on ${runs.length} hosts (${runs.map(({ host }) => host).join(", ")})${apart}${notes}`;
}

/** What failed first, with what became of the other hosts; undefined where nothing did. */
export function failureOf(runs: readonly Run[], ends: readonly PromiseSettledResult<void>[]): Error | undefined {
  const failed = runs.flatMap((run, at) => {
    const end = ends[at];
    return end?.status === "rejected" ? [{ run, error: end.reason as Error }] : [];
  });
  const [first] = failed;
  if (first === undefined || first.run.hosts.isOne) return first?.error;
  const { run, error } = failed.find(({ run }) => run.host === run.hosts.failure?.host) ?? first;
  const others = failed.flatMap((one) => (one.run === run ? [] : [whereLines(one.run, one.error)]));
  const [, what = error.message, typed = ""] = /^(.*?)(\nNext: .*)?$/s.exec(error.message) ?? [];
  const { address } = run.tools;
  const next = address === undefined ? typed : commandsAt(address, typed);
  const message = `On host ${run.host}: ${what}${after(others.join("\n"))}${next}`;
  return error instanceof CutoverFailed ? new CutoverFailed(error.result, error.reason, message) : new Error(message);
}

/** What became of the public on a host, out of its own error: neither why, which is another host's, nor what to do. */
function whereLines({ host, hosts }: Run, { message }: Error): string {
  const lines = message.split("\n").filter((line) => !line.startsWith("Next: "));
  const isOwn = hosts.failure?.host === host || lines.length === 1;
  return `On host ${host}: ${(isOwn ? lines : lines.slice(1)).join("\n")}`;
}
