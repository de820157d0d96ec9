import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { type Document, parseDocument } from "yaml";
import { shell } from "../../stacks/engine/scripts";
import type { ReplicaName } from "../../stacks/service/names";
import { CHECKOUT, copyBundles, copyProgram } from "../program";
import { pulumiHome } from "./pulumiHome";

/** The longest that one command may take; a first build of images is the slowest of them. */
const COMMAND_TIMEOUT_SECONDS = 600;

/** How a command ended, whatever its exit code was. */
export interface Ended {
  code: number;
  /** Standard output and standard error, one after the other. */
  output: string;
}

/** Where and with what a command runs. */
interface Options {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Its standard input; none where it is left out. */
  input?: string;
}

/** Runs a command to its end, without a shell. */
export function run(file: string, args: string[], { input, ...options }: Options = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { ...options, timeout: COMMAND_TIMEOUT_SECONDS * 1000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== "number") {
          reject(new Error(`${file} ${args.join(" ")}: ${error.message}\n${stdout}\n${stderr}`));
        } else {
          resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr });
        }
      },
    );
    child.stdin?.end(input);
  });
}

/** Runs a command that must succeed; answers what it printed. */
export async function must(file: string, args: string[], options?: Options): Promise<string> {
  const { code, output } = await run(file, args, options);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")}: exit code ${code}\n${output}`);
  return output;
}

/** An answer to one request on a connection of its own. */
export interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** One request on a connection of its own. */
export function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(url, { agent: false, headers, timeout: 10_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.on("error", reject);
    })
      .on("timeout", function (this: { destroy(error: Error): void }) {
        this.destroy(new Error(`${url}: no answer within 10 s`));
      })
      .on("error", reject)
      .end();
  });
}

/** Below the ports that the kernel gives to outgoing connections: one of those may hold a port while its container is replaced. */
const PORTS = { first: 20_000, last: 32_000 };

/** Test files run side by side: each port has a folder here while a test holds it, whether or not something listens on it yet. */
const HELD_PORTS = join(tmpdir(), "blue-green-test-ports");
const heldPorts: string[] = [];
process.on("exit", () => {
  for (const folder of heldPorts) rmSync(folder, { recursive: true, force: true });
});

/** Hold a port until this process ends; return false where another test holds it. */
function holdPort(port: number): boolean {
  const folder = join(HELD_PORTS, String(port));
  try {
    mkdirSync(folder);
  } catch {
    return false;
  }
  heldPorts.push(folder);
  return true;
}

/** Return ports that nobody has at this moment, all different; no other test gets them while this process runs. */
export async function freePorts(count: number): Promise<number[]> {
  mkdirSync(HELD_PORTS, { recursive: true });
  const servers: Server[] = [];
  while (servers.length < count) {
    const port = randomInt(PORTS.first, PORTS.last);
    if (!holdPort(port)) continue;
    const server = createServer().listen(port, "127.0.0.1");
    // Taken: another one is tried.
    await once(server, "listening").then(
      () => servers.push(server),
      () => {},
    );
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Return so many ports one after the other that nobody has at this moment, likewise. */
export async function portsInARow(count: number): Promise<number[]> {
  mkdirSync(HELD_PORTS, { recursive: true });
  for (;;) {
    const first = randomInt(PORTS.first, PORTS.last - count);
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (!ports.every(holdPort)) continue;
    const servers = ports.map((port) => createServer().listen(port, "127.0.0.1"));
    const listening = await Promise.allSettled(servers.map((server) => once(server, "listening")));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (listening.every(({ status }) => status === "fulfilled")) return ports;
  }
}

/** The base images that the set-up found or made on this machine, by setting. */
export const baseImages = (): Record<string, string> =>
  Object.fromEntries(
    readFileSync(join(CHECKOUT, ".state", "images"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split("=") as [string, string]),
  );

/** Returns the names and indices of a path such as `smokeTests[0].name`; undefined for one that only the CLI reads. */
function placeOf(path: string): (string | number)[] | undefined {
  const steps = [...path.matchAll(/(?:^|\.)([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]/g)];
  if (steps.map(([step]) => step).join("") !== path) return undefined;
  return steps.map(([, name, index]) => name ?? Number(index));
}

/** Returns a setting's key in the stack's file: without a namespace it is the project's own. */
const keyOf = (project: string, setting: string): string => (setting.includes(":") ? setting : `${project}:${setting}`);

/** With `--path` the CLI makes numbers and truth values of what looks like them. */
const valueAs = (text: string): unknown =>
  text === "true" || text === "false" ? text === "true" : /^(?:0|-?[1-9][0-9]{0,14})$/.test(text) ? Number(text) : text;

/** Returns a copy with the value at a place, and what leads there. */
function withValue(before: unknown, [step, ...rest]: readonly (string | number)[], value: unknown): unknown {
  if (step === undefined) return value;
  if (typeof step === "number") {
    const list: unknown[] = Array.isArray(before) ? [...before] : [];
    list[step] = withValue(list[step], rest, value);
    return list;
  }
  const map = (typeof before === "object" && before !== null ? before : {}) as Record<string, unknown>;
  return { ...map, [step]: withValue(map[step], rest, value) };
}

/** What a container is and does, of what `docker inspect` tells. */
export interface Container {
  Id: string;
  Image: string;
  RestartCount: number;
  State: { Status: string; StartedAt: string };
  Config: { Env: string[]; Labels: Record<string, string>; User: string };
}

/** A stack of a test's own: its own copy of the program, its own state, ports and names; gone when the test ends. */
export class TestStack {
  /** How many were removed in this process. */
  private static removed = 0;
  /** What `pulumi stack init` has made of the first one. */
  private static first: { name: string; file: string; state: string } | undefined;

  private constructor(
    readonly name: string,
    /** The copy of the program, free to be changed by the test. */
    readonly directory: string,
    readonly ports: { http: number; https: number; blue: number; green: number },
    private readonly address: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * Makes the stack's files and settings, and sees to it that nothing of it is left. Nothing is deployed yet.
   *
   * @param settings what differs from the defaults.
   * @param env what differs from our environment, e.g. DOCKER_HOST.
   */
  static async make(
    t: TestContext,
    settings: Record<string, string> = {},
    env: NodeJS.ProcessEnv = {},
  ): Promise<TestStack> {
    const directory = mkdtempSync(join(tmpdir(), "blue-green-test-"));
    copyProgram(directory, /^Pulumi\..+\.yaml$/);
    copyBundles(directory);
    mkdirSync(join(directory, "state"));
    const [http, https, blue, green] = (await freePorts(4)) as [number, number, number, number];
    const name = `test-${directory.slice(-6).toLowerCase()}`;
    const stack = new TestStack(name, directory, { http, https, blue, green }, settings.bindAddress ?? "127.0.0.1", {
      // Pulumi and its plugins, programs in Go, have more memory than they fill in a run: collecting it was a part of what each run costs.
      GOGC: "400",
      ...process.env,
      PULUMI_HOME: pulumiHome(directory),
      ...env,
      PULUMI_BACKEND_URL: `file://${directory}/state`,
      PULUMI_CONFIG_PASSPHRASE: "of a test",
      PULUMI_STACK: name,
    });
    t.after(() => stack.remove());
    const ports = { httpPort: http, httpsPort: https, bluePort: blue, greenPort: green };
    // A second is enough where the watch after a switch is not what is tested.
    const all = { activeColor: "blue", bakeSeconds: "1", ...ports, ...baseImages(), ...settings };
    await stack.init();
    stack.edit((document, project) => {
      for (const [setting, value] of Object.entries(all))
        document.setIn(["config", keyOf(project, setting)], `${value}`);
    });
    return stack;
  }

  /** Makes it known to Pulumi. The first one of each file is made by `pulumi stack init`, and the others are copies of it, which takes no time. */
  private async init(): Promise<void> {
    const file = join(this.directory, `Pulumi.${this.name}.yaml`);
    const stateOf = (name: string) =>
      join(this.directory, "state", ".pulumi", "stacks", this.project(), `${name}.json`);
    if (TestStack.first === undefined) {
      await this.pulumi("stack", "init", this.name);
      TestStack.first = {
        name: this.name,
        file: readFileSync(file, "utf8"),
        state: readFileSync(stateOf(this.name), "utf8"),
      };
      return;
    }
    const { first } = TestStack;
    mkdirSync(dirname(stateOf(this.name)), { recursive: true });
    writeFileSync(file, first.file);
    writeFileSync(stateOf(this.name), first.state.replaceAll(first.name, this.name));
    writeFileSync(join(this.directory, "state", ".pulumi", "meta.yaml"), "version: 1\n");
  }

  get url(): string {
    return `http://${this.address}:${this.ports.http}`;
  }

  /** Where it is reached with a certificate. */
  get httpsUrl(): string {
    return `https://${this.address}:${this.ports.https}`;
  }

  /** A Pulumi command that must succeed, as a user types it. */
  pulumi(...args: string[]): Promise<string> {
    return must("pulumi", ["--non-interactive", ...args], { cwd: this.directory, env: this.env });
  }

  /** A Pulumi command that goes on by itself, as a user's shell would start it. */
  startPulumi(...args: string[]): ChildProcess {
    const options: SpawnOptions = { cwd: this.directory, env: this.env, stdio: ["ignore", "pipe", "pipe"] };
    return spawn("pulumi", ["--non-interactive", ...args], options);
  }

  /** A Pulumi command that may fail. */
  tryPulumi(...args: string[]): Promise<Ended> {
    return run("pulumi", ["--non-interactive", ...args], { cwd: this.directory, env: this.env });
  }

  /** Any command, in the copy of the program and with the stack's environment; it may fail. */
  command(file: string, ...args: string[]): Promise<Ended> {
    return run(file, args, { cwd: this.directory, env: this.env });
  }

  /** The same of one that goes on, and what it has printed so far. */
  start(file: string, ...args: string[]): { child: ChildProcess; seen: () => string } {
    const child = spawn(file, args, { cwd: this.directory, env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    let seen = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        seen += text;
      });
    return { child, seen: () => seen };
  }

  /** Sets a setting as `pulumi config set` does: in the stack's file, where nothing has to be encrypted, which takes no time. */
  async set(setting: string, value: string, ...flags: string[]): Promise<string> {
    const typed = flags.includes("--path") ? placeOf(setting) : [setting];
    if (flags.some((flag) => flag !== "--path") || typed === undefined) {
      return this.pulumi("config", "set", ...flags, setting, "--", value);
    }
    const [name = "", ...place] = typed;
    await this.change(String(name), (before) =>
      place.length === 0 ? value : withValue(before, place, valueAs(value)),
    );
    return "";
  }

  /** Sets a setting with values of its own within, as whoever edits the stack's file. */
  async setObject(setting: string, value: object): Promise<void> {
    await this.change(setting, () => value);
  }

  private async change(setting: string, to: (before: unknown) => unknown): Promise<void> {
    this.edit((document, project) => {
      const key = keyOf(project, setting);
      const { config = {} } = document.toJS() as { config?: Record<string, unknown> };
      document.setIn(["config", key], to(config[key]));
    });
  }

  private project(): string {
    return String(parseDocument(readFileSync(join(this.directory, "Pulumi.yaml"), "utf8")).get("name"));
  }

  /** Changes the stack's file. */
  private edit(how: (document: Document, project: string) => void): void {
    const file = join(this.directory, `Pulumi.${this.name}.yaml`);
    const document = parseDocument(readFileSync(file, "utf8"));
    how(document, this.project());
    writeFileSync(file, document.toString({ lineWidth: 0 }));
  }

  /** The stack's file. */
  async file(): Promise<string> {
    return readFileSync(join(this.directory, `Pulumi.${this.name}.yaml`), "utf8");
  }

  up(): Promise<string> {
    return this.pulumi("up", "--yes", "--skip-preview");
  }

  /** Switches, or rolls back: the same act. */
  async switchTo(color: "blue" | "green"): Promise<string> {
    await this.set("activeColor", color);
    return this.up();
  }

  docker(...args: string[]): Promise<string> {
    return must("docker", args, { env: this.env });
  }

  dockerWithInput(input: string, ...args: string[]): Promise<string> {
    return must("docker", args, { env: this.env, input });
  }

  /** The ids of what the engine has of this stack. */
  async ids(kind: "container" | "network" | "volume" | "image"): Promise<string[]> {
    const all = kind === "container" || kind === "image" ? ["--all"] : [];
    const out = await this.docker(kind, "ls", ...all, "--quiet", "--filter", `label=blue-green.stack=${this.name}`);
    return [...new Set(out.split("\n").filter(Boolean))];
  }

  /** The container of a color, or the proxy's. */
  async container(part: "blue" | "green" | "proxy"): Promise<Container> {
    const label = part === "proxy" ? "blue-green.role=proxy" : `blue-green.color=${part}`;
    const mine = ["--filter", `label=blue-green.stack=${this.name}`, "--filter", `label=${label}`];
    const id = (await this.docker("container", "ls", "--all", "--quiet", ...mine)).trim();
    return JSON.parse(await this.docker("container", "inspect", id))[0];
  }

  /** Reports whether a container answers the proxy on its health path, which may take a second. */
  async isWell(container: ReplicaName): Promise<boolean> {
    const ask = shell("health", 1, container, 5000, "/healthz", container, "http", "200-299");
    return (await this.docker("exec", `blue-green-${this.name}-proxy`, ...ask)).startsWith("well ");
  }

  private async remove(): Promise<void> {
    // The first one of each file goes as a user's does, in whatever state its test has left it; for all of them that took minutes.
    const asUser = TestStack.removed === 0;
    TestStack.removed += 1;
    const destroyed = asUser ? await this.tryPulumi("destroy", "--yes", "--skip-preview") : { code: 0, output: "" };
    // Where a test has broken more than `destroy` can mend: what carries this stack's label, and nothing else.
    for (const kind of ["container", "network", "volume", "image"] as const) {
      const ids = await this.ids(kind);
      const force = kind === "network" ? [] : ["--force"];
      if (ids.length > 0) await run("docker", [kind, "rm", ...force, ...ids], { env: this.env });
    }
    rmSync(this.directory, { recursive: true, force: true });
    if (destroyed.code !== 0) throw new Error(`pulumi destroy failed:\n${destroyed.output}`);
  }
}
