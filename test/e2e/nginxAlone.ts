import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Nginx } from "../../cutover/proxy";
import { dockerAt } from "../../stacks/engine/docker";
import { readNginx } from "../../stacks/engine/scripts";
import { type ConfigurationSettings, renderConfiguration } from "../../stacks/proxy/nginxConfiguration";
import { NGINX_DNS, nginxContainer } from "../../stacks/proxy/nginxContainer";
import { COLORS, type Color } from "../../stacks/service/color";
import { PROXY_DIRECTORY } from "../../stacks/service/names";
import { generationOf } from "../../stacks/service/serving";
import { sampleConfiguration } from "../stacks/settings/settings.sample";
import { until } from "./failures";
import { baseImages, must } from "./stack";

const BACKEND_PORT = 5000;

/** A backend that answers at once. `/large` is an answer of 40 MiB, and every request body is read to its end. */
const BACKEND = `
events { worker_connections 16384; }
http {
    access_log off;
    client_max_body_size 0;
    server {
        listen ${BACKEND_PORT};
        location = /large { root /tmp; }
        location / { return 200 "well\\n"; }
    }
}`;

/** Renders the proxy's whole configuration for these settings and the defaults. */
export const configurationOf = (changes: Partial<ConfigurationSettings> = {}): string =>
  renderConfiguration(readNginx("nginx.conf.mustache"), { ...sampleConfiguration, ...changes });

/** A container that a test started, and its address on the test's network. */
interface Started {
  id: string;
  address: string;
}

/** Starts a container on the test's network, with these arguments of `docker run`. */
type Run = (...args: string[]) => Promise<Started>;

/** A network of the test's own. The network and every container on it are removed when the test ends. */
export class TestNetwork {
  private readonly name = `blue-green-test-alone-${randomBytes(4).toString("hex")}`;
  private readonly ids: string[] = [];

  static async create(t: TestContext): Promise<TestNetwork> {
    const network = new TestNetwork();
    await must("docker", ["network", "create", network.name]);
    t.after(() => network.remove());
    return network;
  }

  run: Run = async (...args) => {
    const id = (await must("docker", ["run", "--detach", "--network", this.name, ...args])).trim();
    this.ids.push(id);
    const address = `{{(index .NetworkSettings.Networks "${this.name}").IPAddress}}`;
    return { id, address: (await must("docker", ["inspect", "--format", address, id])).trim() };
  };

  /** Starts the nginx container that the program declares. It waits for its configuration. */
  nginx(flags: string[], dns: Partial<typeof NGINX_DNS> = NGINX_DNS): Promise<Started> {
    const { command, ...container } = nginxContainer(this.name, []);
    const image = baseImages().nginxImage ?? "";
    return this.run(...flagsOf(container, dns), ...flags, "--entrypoint", "/bin/sh", image, "-c", command[0] ?? "");
  }

  private async remove(): Promise<void> {
    if (this.ids.length > 0) await must("docker", ["rm", "--force", "--volumes", ...this.ids]);
    await must("docker", ["network", "rm", this.name]);
  }
}

/** Translates the container that the program declares into flags of `docker run`. */
export function flagsOf(
  { tmpfs, securityOpts, capabilities, memory, user }: Omit<ReturnType<typeof nginxContainer>, "command">,
  { dnsOpts = [], dnsSearches = [] }: Partial<typeof NGINX_DNS> = {},
): string[] {
  return [
    ...["--read-only", "--user", user, "--memory", `${memory}m`, "--volume", PROXY_DIRECTORY],
    ...Object.entries(tmpfs).flatMap(([path, options]) => ["--tmpfs", `${path}:${options}`]),
    ...securityOpts.flatMap((option) => ["--security-opt", option]),
    ...capabilities.drops.flatMap((one) => ["--cap-drop", one]),
    ...capabilities.adds.flatMap((one) => ["--cap-add", one]),
    ...dnsOpts.flatMap((option) => ["--dns-option", option]),
    ...dnsSearches.flatMap((domain) => ["--dns-search", domain]),
  ];
}

/** The proxy's nginx with one small backend for both colors, without Pulumi. The cutover's own step gives it a configuration. */
export class NginxAlone {
  private constructor(
    /** The proxy's container. */
    readonly id: string,
    /** Its front, from this machine. */
    readonly url: string,
    readonly nginx: Nginx,
    /** The container that is both colors. */
    readonly colors: string,
  ) {}

  /**
   * Starts both. They are removed when the test ends.
   *
   * @param beside starts more containers on their network, and returns more flags of `docker run` for the proxy.
   */
  static async start(
    t: TestContext,
    { beside, dns = NGINX_DNS }: { beside?: (run: Run) => Promise<string[]>; dns?: Partial<typeof NGINX_DNS> } = {},
  ): Promise<NginxAlone> {
    const network = await TestNetwork.create(t);
    const backend = `truncate -s 40M /tmp/large && echo "$CONF" >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g 'daemon off;'`;
    const names = ["--network-alias", "blue", "--network-alias", "green"];
    const conf = ["--env", `CONF=${BACKEND}`, "--entrypoint", "/bin/sh"];
    const colors = (await network.run(...names, ...conf, baseImages().nginxImage ?? "", "-c", backend)).id;
    const { id, address } = await network.nginx((await beside?.(network.run)) ?? [], dns);
    return new NginxAlone(id, `http://${address}:8080`, new Nginx(dockerAt(undefined), id), colors);
  }

  /** Has it serve this configuration, by the cutover's own step. */
  async serve(configuration: string): Promise<string> {
    const how = {
      answerSeconds: 10,
      verifyRequests: 8,
      keepPrevious: false,
      reload: false,
    };
    const said: string[] = [];
    const lock = await this.nginx.lock("a test", 5, () => {});
    const { code, stderr } = await lock.move(configuration, how, (line) => said.push(line));
    await lock.release();
    if (code !== 0) throw new Error(`the move ended with ${code}: ${stderr}`);
    return said.join("\n");
  }

  /** How many bytes nginx's workers have in files that nobody else sees any more. */
  async unlinkedBytes(): Promise<number> {
    const inside = (user: string, script: string) =>
      must("docker", ["exec", "--user", user, this.id, "sh", "-c", script]);
    const worker = "stat -c %u $(grep -ls '^nginx: worker' /proc/[0-9]*/cmdline | head -n 1)";
    // As the workers' own user: nobody else may look at their files.
    const text = await inside(
      (await inside("root", worker)).trim(),
      `for file in /proc/[0-9]*/fd/*; do
        case $(readlink "$file") in /var/lib/blue-green/tmp/*) stat -L -c %b "$file" ;; esac
      done 2>/dev/null | awk '{ blocks += $1 } END { print blocks * 512 }'`,
    );
    return Number(text);
  }
}

/** An nginx of {@link Fronts}. */
export interface Front {
  id: string;
  /** Where it answers on this machine's loopback. */
  port: number;
}

/** Any number of nginx containers in front of a backend for each color, without Pulumi. */
export class Fronts {
  private constructor(
    private readonly network: TestNetwork,
    /** The backends' containers. */
    readonly ids: Record<Color, string>,
  ) {}

  /**
   * Starts the backends. Everything is removed when the test ends.
   *
   * @param backend the program of both, a file in backend/.
   */
  static async start(t: TestContext, backend = "raw.py"): Promise<Fronts> {
    const network = await TestNetwork.create(t);
    const program = readFileSync(join(__dirname, "backend", backend), "utf8");
    const python = ["--entrypoint", "python3", baseImages().appBaseImage ?? "", "-c", program];
    const [blue, green] = await Promise.all(
      COLORS.map((color) => network.run("--network-alias", color, "--env", `COLOR=${color}`, ...python)),
    );
    return new Fronts(network, { blue: blue?.id ?? "", green: green?.id ?? "" });
  }

  /** Starts nginx under a name on the network, gives it a configuration and the files beside it, and waits until it answers. */
  async nginx(alias: string, configuration: string, files: Record<string, string> = {}): Promise<Front> {
    const { id } = await this.network.nginx(["--network-alias", alias, "--publish", "127.0.0.1::8080"]);
    const text = configuration.replaceAll("@GENERATION@", generationOf(configuration));
    // nginx starts as soon as its configuration exists, so the configuration comes last, and in one step.
    for (const [name, input] of [["sessions.conf", ""], ...Object.entries(files), ["nginx.conf", text]] as const) {
      const script = `cd ${PROXY_DIRECTORY} && mkdir -p files && cat >${name}.next && mv ${name}.next ${name}`;
      await must("docker", ["exec", "--interactive", id, "sh", "-c", script], { input });
    }
    const port = Number((await must("docker", ["port", id, "8080/tcp"])).trim().split(":").at(-1));
    await until("nginx answers", async () => (await raw(port, request("/"))).startsWith("HTTP/1.1 "), 20);
    return { id, port };
  }
}

/** Writes a request for a target with these header lines; the connection closes after the answer. */
export const request = (target: string, ...headers: string[]): string =>
  [`GET ${target} HTTP/1.1`, ...(headers.some((line) => /^host:/i.test(line)) ? [] : ["Host: shop.example"])]
    .concat(headers.some((line) => /^connection:/i.test(line)) ? [] : ["Connection: close"])
    .concat(headers, "", "")
    .join("\r\n");

/** Sends bytes and returns everything that comes back until the other side closes or is silent for `silentMs`. */
export function raw(port: number, bytes: string, silentMs = 3000): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    socket.setEncoding("latin1").setTimeout(silentMs, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", (error) => (text === "" ? reject(error) : undefined));
    socket.on("close", () => resolve(text));
  });
}

/** Returns the status of an answer. */
export const statusOf = (answer: string): number => Number(answer.split(" ", 2)[1]);

/** Returns the value of an answer's header, or undefined if it has no such header. */
export const headerOf = (answer: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*?)\\r?$`, "im").exec(answer.split("\r\n\r\n", 1)[0] ?? "")?.[1];

/** Returns the request as the raw backend received it. */
export function gotBy(answer: string): { color: string; headers: [name: string, value: string][] } {
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
}
