import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import { Nginx } from "../../cutover/nginx";
import { dockerAt } from "../../stacks/docker";
import { NGINX_DNS, nginxContainer } from "../../stacks/nginx";
import { baseImages, must } from "./stack";

const BACKEND_PORT = 5000;

/** Answers at once; `/large` is an answer of 40 MiB, and bodies are taken to their end. */
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

/** Starts a container on the network, with these arguments of `docker run`. */
type Run = (...args: string[]) => Promise<{ id: string; address: string }>;

/** The proxy's nginx and a small backend on the engine, without Pulumi. */
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
   * Starts both; gone when the test ends.
   *
   * @param beside starts what stands beside them on their network, and answers more flags of `docker run` for the proxy.
   */
  static async start(
    t: TestContext,
    { beside, dns = NGINX_DNS }: { beside?: (run: Run) => Promise<string[]>; dns?: Partial<typeof NGINX_DNS> } = {},
  ): Promise<NginxAlone> {
    const name = `blue-green-test-alone-${randomBytes(4).toString("hex")}`;
    const image = baseImages().nginxImage ?? "";
    await must("docker", ["network", "create", name]);
    const ids: string[] = [];
    t.after(async () => {
      if (ids.length > 0) await must("docker", ["rm", "--force", "--volumes", ...ids]);
      await must("docker", ["network", "rm", name]);
    });
    const run: Run = async (...args) => {
      const id = (await must("docker", ["run", "--detach", "--network", name, ...args])).trim();
      ids.push(id);
      const address = `{{(index .NetworkSettings.Networks "${name}").IPAddress}}`;
      return { id, address: (await must("docker", ["inspect", "--format", address, id])).trim() };
    };
    const backend = `truncate -s 40M /tmp/large && echo "$CONF" >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g 'daemon off;'`;
    const names = ["--network-alias", "blue", "--network-alias", "green"];
    const conf = ["--env", `CONF=${BACKEND}`, "--entrypoint", "/bin/sh"];
    const colors = (await run(...names, ...conf, image, "-c", backend)).id;
    const flags = [...flagsOf(name, dns), ...((await beside?.(run)) ?? [])];
    const { id, address } = await run(...flags, "--entrypoint", "/bin/sh", image, "-c", startOf(name));
    return new NginxAlone(id, `http://${address}:8080`, new Nginx(dockerAt(undefined), id), colors);
  }

  /** Has it serve this configuration, by the cutover's own step. */
  async serve(configuration: string): Promise<string> {
    const how = {
      appPort: BACKEND_PORT,
      healthPath: "/",
      answerSeconds: 10,
      verifyRequests: 8,
      keepPrevious: false,
      reload: false,
    };
    const said: string[] = [];
    const { code, stderr } = await this.nginx.move(configuration, how, (line) => said.push(line));
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

const startOf = (name: string) => nginxContainer(name, []).command[0] ?? "";

/** What the program makes the container of, in `docker run`'s words. */
function flagsOf(name: string, { dnsOpts = [], dnsSearches = [] }: Partial<typeof NGINX_DNS>): string[] {
  const { tmpfs, securityOpts, capabilities, memory, user } = nginxContainer(name, []);
  return [
    ...["--read-only", "--user", user, "--memory", `${memory}m`, "--volume", "/var/lib/blue-green"],
    ...Object.entries(tmpfs).flatMap(([path, options]) => ["--tmpfs", `${path}:${options}`]),
    ...securityOpts.flatMap((option) => ["--security-opt", option]),
    ...capabilities.drops.flatMap((one) => ["--cap-drop", one]),
    ...capabilities.adds.flatMap((one) => ["--cap-add", one]),
    ...dnsOpts.flatMap((option) => ["--dns-option", option]),
    ...dnsSearches.flatMap((domain) => ["--dns-search", domain]),
  ];
}
