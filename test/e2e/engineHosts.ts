import { randomInt } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { TestContext } from "node:test";
import { load } from "./currentEngine";
import { EngineHost, ip, PATH, SCRIPT, type Switch, startNamespaces } from "./engineHost";
import { until } from "./failures";
import { baseImages, must, run } from "./stack";

/** What a run's folder is named after, with the process that it belongs to: its id, and when it started, since ids are used again. */
const FOLDER = "blue-green-hosts-";
/** What a run's interface and group are named after, with the number of its network. */
const NAME = "bghosts";
/** Its first half; a /24 of it for each run. This machine is .1 there. */
const NETWORKS = "10.214";

/** What has to be on this machine, and Debian's package with it. */
const TOOLS = {
  ...{ dockerd: "docker.io", iptables: "iptables", ip: "iproute2" },
  ...{ nsenter: "util-linux", unshare: "util-linux", setpriv: "util-linux" },
};

const END_SECONDS = 30;

/**
 * Hosts with a Docker Engine each, all on this machine and on one network.
 *
 *     const hosts = await EngineHosts.start(t);
 *     if (typeof hosts === "string") return t.skip(hosts);
 *     const [one, two, three] = hosts.all;
 *
 * A host's processes, mounts and network are in namespaces of its own, within those of a switch. The kernel ends the switch with the
 * test's process, however that ends, and all hosts with the switch.
 */
export class EngineHosts {
  private constructor(
    private readonly directory: string,
    private readonly hub: Switch,
    readonly all: readonly EngineHost[],
  ) {}

  /**
   * Starts hosts that are gone when the test ends, so that stacks on them belong in tests within; or answers in words why this machine
   * can't have them.
   *
   * @param images what each of them gets of this machine's own engine. They reach nothing outside.
   */
  static async start(t: TestContext, count = 3, images = Object.values(baseImages())): Promise<EngineHosts | string> {
    const reason = await whyNot();
    if (reason !== undefined) return reason;
    for (const left of folders().filter((folder) => !isOwned(folder))) await remove(left);
    const directory = mkdtempSync(join(tmpdir(), `${FOLDER}${process.pid}-${startOf(process.pid)}-`));
    t.after(() => remove(directory));

    const own = ["unshare", "--net", "--pid", "--fork", "--kill-child", SCRIPT, "switch", directory];
    const first = await startNamespaces(directory, "setpriv", "--pdeathsig", "KILL", ...own);
    const hub = { first, ...(await connect(directory, first)) };
    const all = await Promise.all(
      Array.from({ length: count }, (_, at) => EngineHost.make(join(directory, `${at + 1}`), at, hub)),
    );
    await startEngines(all, images);
    return new EngineHosts(directory, hub, all);
  }

  /** Pulls a host's cable: what it sends and what is sent to it is lost. */
  async cut(host: EngineHost): Promise<void> {
    await ip(this.hub.first, "link", "set", host.name, "nomaster");
  }

  /** Puts a host's cable in again. */
  async mend(host: EngineHost): Promise<void> {
    await ip(this.hub.first, "link", "set", host.name, "master", "switch");
  }

  /** Kills a host's engine. Its containers run on, as they do after a crash of Docker. */
  kill(host: EngineHost): Promise<void> {
    return host.endEngine("KILL");
  }

  /** Does what `systemctl restart docker` does on a host, also where its engine was killed. */
  async restart(host: EngineHost): Promise<void> {
    await host.endEngine("TERM");
    await host.startEngine();
  }

  /** Makes a swarm of them: the first ones are its managers, the others its workers. */
  async joinSwarm(managers = 1): Promise<void> {
    const [leader, ...others] = this.all;
    if (leader === undefined) return;
    const at = ({ address }: EngineHost) => ["--advertise-addr", address, "--listen-addr", `${address}:2377`];
    await leader.docker("swarm", "init", ...at(leader));
    for (const [index, host] of others.entries()) {
      const role = index + 1 < managers ? "manager" : "worker";
      const token = (await leader.docker("swarm", "join-token", "--quiet", role)).trim();
      await host.docker("swarm", "join", ...at(host), "--token", token, `${leader.address}:2377`);
    }
    await until("all nodes are ready", async () => {
      const states = (await leader.docker("node", "ls", "--format", "{{.Status}}")).trim().split("\n");
      return states.length === this.all.length && states.every((state) => state === "Ready");
    });
  }

  /** Ends and removes all of them before the test ends. */
  stop(): Promise<void> {
    return remove(this.directory);
  }
}

/** Returns why this machine can't have such hosts; undefined where it can. */
async function whyNot(): Promise<string | undefined> {
  if (process.platform !== "linux") return "Hosts of their own need Linux's namespaces. Next: run this on Linux";
  if (process.geteuid?.() !== 0) return "Only root can start hosts of their own. Next: run this as root";
  const has = (tool: string) => PATH.split(":").some((folder) => existsSync(join(folder, tool)));
  const missing = Object.entries(TOOLS).filter(([tool]) => !has(tool));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
    return `There is no ${missing.map(([tool]) => tool).join(", no ")} here. Next: apt-get install ${packages}`;
  }
  const { code, output } = await run("unshare", ["--mount", "--uts", "--net", "--pid", "--fork", "true"]);
  if (code !== 0)
    return `Root may not make namespaces here: ${output.trim()}. Next: run this outside of a container, or in a privileged one`;
  return undefined;
}

/** Connects this machine with a switch, as .1 of a network that nobody has: its interface's name is taken or it isn't. */
async function connect(directory: string, first: string): Promise<Omit<Switch, "first">> {
  const begin = randomInt(256);
  for (let tries = 0; tries < 256; tries++) {
    const number = (begin + tries) % 256;
    const name = `${NAME}${number}`;
    const network = `${NETWORKS}.${number}`;
    const routes = await must("ip", ["route", "show", "match", `${network}.1`], { env: { ...process.env, PATH } });
    if (/^(?!default|$)/m.test(routes)) continue;
    const add = ["link", "add", name, "type", "veth", "peer", "name", "machine", "netns", first];
    if ((await run("ip", add, { env: { ...process.env, PATH } })).code !== 0) continue;
    writeFileSync(join(directory, "name"), name);
    await must("ip", ["address", "add", `${network}.1/24`, "dev", name], { env: { ...process.env, PATH } });
    await must("ip", ["link", "set", name, "up"], { env: { ...process.env, PATH } });
    await ip(first, "link", "set", "machine", "master", "switch", "up");
    return { name, network };
  }
  throw new Error(`Each /24 of ${NETWORKS}.0.0/16 is in use. Next: ip route`);
}

/**
 * Starts the engines, with images on each. One engine loads them, and the others begin with its layers as links to the same files, which
 * no engine ever writes to: that takes a tenth of a second and no room on the disk.
 */
async function startEngines([first, ...others]: EngineHost[], images: string[]): Promise<void> {
  if (first === undefined) return;
  await first.startEngine();
  if (images.length > 0) await load(images, first.env);
  for (const { data } of images.length > 0 ? others : []) {
    await must("cp", ["--archive", join(first.data, "image"), data]);
    await must("cp", ["--archive", "--link", join(first.data, "overlay2"), data]);
  }
  await Promise.all(others.map((host) => host.startEngine()));
}

/** Returns the folders of all runs that are there. */
const folders = (): string[] => globSync(join(tmpdir(), `${FOLDER}*`));

/** Reports whether the process that a folder belongs to still runs. */
function isOwned(folder: string): boolean {
  const [pid, started] = basename(folder).slice(FOLDER.length).split("-");
  return started !== undefined && startOf(Number(pid)) === started;
}

/** Returns when a process started, in the kernel's ticks; undefined where there is none of this id. */
function startOf(pid: number): string | undefined {
  try {
    // Its name, in parentheses, may hold anything.
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Ends and removes all that a run has, or has left; nothing of it is fine too. */
async function remove(directory: string): Promise<void> {
  const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8").trim() : "");
  const first = read(join(directory, "first"));
  // Its arguments say whether it is still the same process.
  const runs = () => first !== "" && read(`/proc/${first}/cmdline`).includes(directory);
  if (runs()) process.kill(Number(first), "SIGKILL"); // the kernel ends all others first, and then this one
  await until(`process ${first} has ended`, () => !runs(), END_SECONDS);
  const name = read(join(directory, "name"));
  if (name !== "") {
    // The kernel would remove it too, some time after the last network in there.
    await run("ip", ["link", "delete", name], { env: { ...process.env, PATH } });
    for (const group of globSync([`/sys/fs/cgroup/${name}`, `/sys/fs/cgroup/*/${name}`]))
      await until(`${group} is gone`, async () => removeGroup(group), END_SECONDS);
  }
  rmSync(directory, { recursive: true, force: true });
}

/** Removes a group and all groups in it, and reports whether nothing of it is left. */
function removeGroup(group: string): boolean {
  if (!existsSync(group)) return true;
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(group, entry.name));
  rmdirSync(group);
  return true;
}
