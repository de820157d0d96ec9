import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "blue-green-login-";

/** No pull takes longer (see registry.ts), so that a folder of this age has nobody any more. */
const OLD_MINUTES = 60;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A folder with a password in it, for as long as somebody uses it. */
export interface LoginFolder {
  path: string;
  remove(): void;
}

/**
 * Makes a folder that only this user can read. It goes with the process: also where a signal ends that, and where SIGKILL does, with
 * the next run (see {@link removeLeftLogins}).
 */
export function makeLoginFolder(): LoginFolder {
  removeLeftLogins();
  const path = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-${placeOfProcesses()}-`));
  const erase = () => rmSync(path, { recursive: true, force: true });
  const end = (signal: NodeJS.Signals) => {
    remove();
    // Whoever else listens decides what becomes of the process; with nobody it ends as it would have without us.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const remove = () => {
    erase();
    process.off("exit", erase);
    for (const signal of SIGNALS) process.off(signal, end);
  };
  process.on("exit", erase);
  for (const signal of SIGNALS) process.on(signal, end);
  return { path, remove };
}

/**
 * Removes what runs that were killed left behind: this user's folders whose process is gone. A folder of a process that may live, as
 * one in another container may that shares this folder for temporary files, stays until it is too old to be in use.
 */
export function removeLeftLogins(now: number = Date.now()): void {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(PREFIX))) {
    const path = join(tmpdir(), name);
    try {
      const found = lstatSync(path);
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue;
      const old = now - found.mtimeMs > OLD_MINUTES * 60_000;
      if (old || isOfDeadProcess(name.slice(PREFIX.length))) rmSync(path, { recursive: true, force: true });
    } catch {
      // Another run has just removed it, or it can't be removed: nothing that this run waits for.
    }
  }
}

function isOfDeadProcess(name: string): boolean {
  const [, pid, place] = /^([1-9][0-9]*)-([0-9a-f]{8})-[^-]+$/.exec(name) ?? [];
  if (pid === undefined || place !== placeOfProcesses()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Tells the processes that our numbers of processes are about from those of another machine or container. */
function placeOfProcesses(): string {
  let namespace = "";
  try {
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // Not on Linux.
  }
  return createHash("sha256").update(`${hostname()} ${namespace}`).digest("hex").slice(0, 8);
}
