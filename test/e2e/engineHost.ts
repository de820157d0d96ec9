import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./failures";
import { must, run } from "./stack";

/** Makes a host of the namespaces that it is started in. */
export const SCRIPT = join(__dirname, "engine-host");

/** Not every root's has what is called here. */
export const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** The last number of the first host's address; the next host has the next one. */
const FIRST_HOST = 11;

const READY_SECONDS = 10;
const ANSWER_SECONDS = 60;
const END_SECONDS = 90; // dockerd lets every container have its stop timeout

/** The switch that joins the hosts. */
export interface Switch {
  /** Its first process. */
  first: string;
  /** The interface by which this machine is on it, and the group of all containers on its hosts. */
  name: string;
  /** The first three numbers of all addresses on it. */
  network: string;
}

/** Starts namespaces, and returns the id of their first process when it is ready. */
export async function startNamespaces(directory: string, file: string, ...args: string[]): Promise<string> {
  const log = join(directory, "namespaces.log");
  const ready = join(directory, "first");
  const child = start(log, file, args);
  await until(`${ready} is written`, () => existsSync(ready) || hasEnded(child), READY_SECONDS);
  if (hasEnded(child)) throw new Error(`${file} ${args.join(" ")} ended:\n${readFileSync(log)}`);
  return readFileSync(ready, "utf8").trim();
}

/** Starts something that goes on. It gets nothing of our environment, which may name folders and proxies that it can't reach. */
function start(log: string, file: string, args: string[]): ChildProcess {
  const written = openSync(log, "a");
  const child = spawn(file, args, { stdio: ["ignore", written, written], env: { PATH } });
  closeSync(written);
  child.unref(); // its end is that of the switch
  return child;
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** A machine with a Docker Engine, as far as anybody on its network can tell. */
export class EngineHost {
  private daemon: ChildProcess | undefined;

  private constructor(
    /** Its host name, by which a swarm knows it: host1, host2, ... */
    readonly name: string,
    /** Where this machine and the other hosts reach what its containers publish. */
    readonly address: string,
    /** All that the host has on disk. */
    private readonly directory: string,
    private readonly first: string,
  ) {}

  /**
   * Starts a host, without its engine.
   *
   * @param at how many stand before it on the switch.
   */
  static async make(directory: string, at: number, on: Switch): Promise<EngineHost> {
    mkdirSync(directory);
    const name = `host${at + 1}`;
    const own = ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", SCRIPT, "host", directory, name];
    const first = await startNamespaces(directory, "nsenter", "--target", on.first, "--net", "--pid", "--", ...own);
    const host = new EngineHost(name, `${on.network}.${FIRST_HOST + at}`, directory, first);
    await ip(on.first, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", first);
    await ip(on.first, "link", "set", name, "master", "switch", "up");
    await ip(first, "address", "add", `${host.address}/24`, "dev", "eth0");
    await ip(first, "link", "set", "eth0", "up");
    host.configure(on.name);
    return host;
  }

  /** Writes what its engine is started with. */
  private configure(group: string): void {
    mkdirSync(this.data);
    const daemon = {
      hosts: [this.env.DOCKER_HOST, this.tcp],
      tls: false, // said, since a dockerd that nobody says it to waits at its start to warn of that
      ...{ "data-root": this.data, "exec-root": join(this.directory, "exec"), pidfile: this.pidfile },
      // Its containers stand in a group of the run's own, which can be removed with no doubt whose they are.
      ...{ "storage-driver": "overlay2", "exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": `/${group}` },
    };
    writeFileSync(join(this.directory, "daemon.json"), JSON.stringify(daemon));
  }

  /** Points docker and pulumi at its engine. */
  get env(): { DOCKER_HOST: string } {
    return { DOCKER_HOST: `unix://${join(this.directory, "docker.sock")}` };
  }

  /** Its engine's address on the hosts' own network: who asks there feels a cut, which who asks by the socket doesn't. */
  get tcp(): string {
    return `tcp://${this.address}:2375`;
  }

  /** Where its engine keeps images and containers. */
  get data(): string {
    return join(this.directory, "data");
  }

  private get pidfile(): string {
    return join(this.directory, "docker.pid");
  }

  /** Runs a docker command there, which must succeed; returns what it printed. */
  docker(...args: string[]): Promise<string> {
    return must("docker", args, { env: { ...process.env, ...this.env } });
  }

  /** Starts its engine, and waits until it answers. */
  async startEngine(): Promise<void> {
    const log = join(this.directory, "dockerd.log");
    rmSync(this.pidfile, { force: true }); // one that was killed has left it
    const enter = ["--target", this.first, "--mount", "--uts", "--net", "--pid", "--"];
    const daemon = start(log, "nsenter", [...enter, "dockerd", "--config-file", join(this.directory, "daemon.json")]);
    this.daemon = daemon;
    const answers = async () =>
      (await run("docker", ["version"], { env: { ...process.env, ...this.env } })).code === 0 || hasEnded(daemon);
    await until(`${this.name}'s engine answers`, answers, ANSWER_SECONDS);
    if (hasEnded(daemon)) throw new Error(`${this.name}'s dockerd ended:\n${readFileSync(log, "utf8").slice(-2000)}`);
  }

  /** Ends its engine as a crash does, where its containers run on, or as `systemctl stop docker` does. */
  async endEngine(signal: "KILL" | "TERM"): Promise<void> {
    const { daemon } = this;
    if (daemon === undefined || hasEnded(daemon)) return;
    const ended = once(daemon, "exit", { signal: AbortSignal.timeout(END_SECONDS * 1000) });
    // The file has the number that it has in there.
    const kill = ["sh", "-c", 'kill -s "$1" "$(cat "$2")"', "sh", signal, this.pidfile];
    await must("nsenter", ["--target", this.first, "--pid", "--", ...kill]);
    daemon.ref();
    await ended;
  }
}

/** Runs `ip` in a process's network. */
export const ip = (pid: string, ...args: string[]): Promise<string> =>
  must("nsenter", ["--target", pid, "--net", "--", "ip", ...args], { env: { ...process.env, PATH } });
