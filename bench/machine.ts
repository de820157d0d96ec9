import { cpus, loadavg, release, totalmem } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { command, docker } from "./command";

/** The machine and what ran on it, for whoever compares figures. Nothing that names it. */
export interface Machine {
  cores: number;
  memoryGib: number;
  kernel: string;
  /** Load average of the minute before the benchmark. */
  load: number;
  /** The tools, each with its version. */
  versions: string[];
}

/** How busy the whole machine is over so many seconds, in percent of one core. */
export async function busyPercent(seconds: number): Promise<number> {
  const busy = () => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const before = busy();
  await pause(seconds * 1000);
  return (busy() - before) / (seconds * 10);
}

/** @param h2load whether it is among the tools. */
export async function describeMachine(h2load: boolean): Promise<Machine> {
  const engine = await docker("version", "--format", "{{.Server.Version}}");
  const pulumi = await command("pulumi", ["version"]);
  // wrk prints its version along with its usage, and fails.
  const wrk = await command("wrk", ["--version"]).catch((error: Error) => error.message);
  return {
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    kernel: `Linux ${release().match(/^[\d.]+\d/)?.[0]}`,
    load: loadavg()[0] ?? 0,
    versions: [
      `Docker Engine ${engine.trim().replace(/[+~].*/, "")}`,
      `Pulumi ${pulumi.trim().replace(/^v/, "")}`,
      `Node ${process.version.slice(1)}`,
      ...(h2load ? [`h2load ${(await command("h2load", ["--version"])).trim().replace(/^.*\//, "")}`] : []),
      `wrk ${wrk.match(/wrk (?:debian\/)?(\d[\d.]*\d)/)?.[1] ?? "of unknown version"}`,
    ],
  };
}
