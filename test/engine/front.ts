import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type ConfigurationSettings, renderConfiguration } from "../../stacks/configuration";
import { generationOf } from "../../stacks/serving";
import { readNginx } from "../../stacks/template";
import { until } from "./failures";
import { baseImages, must, run } from "./stack";

/** What a proxy's configuration is made from, with nothing on, for the backends of a {@link Front}. */
const PLAIN: ConfigurationSettings = {
  activeColor: "blue",
  slots: {
    blue: { appPort: 5000, healthPath: "/", replicas: 1 },
    green: { appPort: 5000, healthPath: "/", replicas: 1 },
  },
  drainSeconds: 30,
  keepAliveSeconds: 5,
  maxBodyMb: 1,
  maxHeaderKb: 32,
  underscoreHeaders: false,
  proxyTimeoutSeconds: 10,
  canaryPercent: 0,
  stickySessions: "none",
  rateLimitPerSecond: 0,
  maxConnections: 0,
  maxUploads: 0,
  maxBufferMb: 1,
  bindAddress: "127.0.0.1",
  httpsPort: 8443,
  trustedProxies: [],
  files: {},
};

/** The proxy's whole configuration for these settings. */
export const configurationOf = (settings: Partial<ConfigurationSettings> = {}): string =>
  renderConfiguration(readNginx("nginx.conf.mustache"), { ...PLAIN, ...settings });

/** An nginx as it is declared, without Pulumi. */
export interface BareNginx {
  id: string;
  port: number;
}

/** A network with a raw backend for each color, and nginx containers with a rendered configuration in front of them; gone with the test. */
export class Front {
  private readonly name = `blue-green-front-${randomBytes(4).toString("hex")}`;
  private readonly containers: string[] = [];

  static async make(t: TestContext): Promise<Front> {
    const front = new Front();
    t.after(() => front.remove());
    await must("docker", ["network", "create", front.name]);
    const program = readFileSync(join(__dirname, "backend", "raw.py"), "utf8");
    const python = baseImages().appBaseImage ?? "";
    await Promise.all(
      ["blue", "green"].map((color) =>
        front.start(color, "--env", `COLOR=${color}`, "--entrypoint", "python3", python, "-c", program),
      ),
    );
    return front;
  }

  /** Starts nginx with a configuration and the files beside it, under a name on the network, and waits until it answers. */
  async nginx(alias: string, configuration: string, files: Record<string, string> = {}): Promise<BareNginx> {
    const text = configuration.replaceAll("@GENERATION@", generationOf(configuration));
    const script = `cd /var/lib/blue-green && mkdir tmp && printf %s "$CONF" >nginx.conf && printf %s "$SESSIONS" >sessions.conf &&
      exec nginx -c "$PWD/nginx.conf" -g 'daemon off;'`;
    const id = await this.start(
      ...[alias, "--publish", "127.0.0.1::8080", "--env", `CONF=${text}`],
      ...["--env", `SESSIONS=${files["sessions.conf"] ?? ""}`],
      ...["--tmpfs", "/var/lib/blue-green:mode=755", "--entrypoint", "/bin/sh"],
      ...[baseImages().nginxImage ?? "", "-c", script],
    );
    const port = Number((await must("docker", ["port", id, "8080/tcp"])).trim().split(":").at(-1));
    await until("nginx answers", async () => (await raw(port, request("/"))).startsWith("HTTP/1.1 "), 20);
    return { id, port };
  }

  private async start(alias: string, ...args: string[]): Promise<string> {
    const id = (
      await must("docker", ["run", "--detach", "--network", this.name, "--network-alias", alias, ...args])
    ).trim();
    this.containers.push(id);
    return id;
  }

  private async remove(): Promise<void> {
    if (this.containers.length > 0) await run("docker", ["rm", "--force", "--volumes", ...this.containers]);
    await run("docker", ["network", "rm", this.name]);
  }
}

/** A request for a target as it is, with these header lines; the connection ends with its answer. */
export const request = (target: string, ...headers: string[]): string =>
  [`GET ${target} HTTP/1.1`, ...(headers.some((line) => /^host:/i.test(line)) ? [] : ["Host: shop.example"])]
    .concat(headers.some((line) => /^connection:/i.test(line)) ? [] : ["Connection: close"])
    .concat(headers, "", "")
    .join("\r\n");

/** Sends bytes and answers all that comes back until the other side closes, or falls silent for so long. */
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

/** The status of an answer. */
export const statusOf = (answer: string): number => Number(answer.split(" ", 2)[1]);

/** The value of an answer's header; undefined where it has none. */
export const headerOf = (answer: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*?)\\r?$`, "im").exec(answer.split("\r\n\r\n", 1)[0] ?? "")?.[1];

/** What the raw backend says of the request that it got. */
export function gotBy(answer: string): { color: string; headers: [name: string, value: string][] } {
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
}
