import { join } from "node:path";
import type { TlsPair } from "../stacks/proxy/pem";
import { command, docker } from "./command";
import { defaults } from "./cutover";
import { type Contender, INSIDE_PORT, type Missing, type Place, placed, writing } from "./place";

const NAME = "HAProxy, runtime map";
const SOCKET = "/run/haproxy.sock";
const MAP = "/tmp/color.map";

/** How it speaks TLS: by default it offers HTTP/1.1 alone where it does. */
const TLS = " ssl crt /tmp/site.pem ssl-min-ver TLSv1.2 alpn h2,http/1.1";

/** The time limits, keep-alive and connections of this product's nginx; everything else as HAProxy has it. */
const configurationOf = (tls: string): string => `
global
    stats socket ${SOCKET} mode 600 level admin
    maxconn 4096
defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client ${defaults.proxyTimeoutSeconds}s
    timeout server ${defaults.proxyTimeoutSeconds}s
    timeout http-request 15s
    timeout http-keep-alive ${defaults.keepAliveSeconds}s
frontend public
    bind :${INSIDE_PORT}${tls}
    use_backend %[str(live),map(${MAP})]
backend blue
    server blue blue:${defaults.appPort}
backend green
    server green green:${defaults.appPort}
`;

/**
 * HAProxy, switched by its runtime map through its stats socket.
 *
 * @param pair what it speaks TLS with; without one it speaks plain HTTP.
 */
export async function haproxy(place: Place, port: number, pair?: TlsPair): Promise<Contender | Missing> {
  let image: string;
  try {
    image = (await command(join(__dirname, "haproxy-image"), [])).trim();
  } catch (error) {
    return { name: NAME, missing: `its image could not be made: ${(error as Error).message}` };
  }
  const files = {
    "color.map": "live blue\n",
    "haproxy.cfg": configurationOf(pair ? TLS : ""),
    ...(pair && { "site.pem": pair.certificate + pair.key }),
  };
  const { flags, script } = writing(files, "haproxy -db -f /tmp/haproxy.cfg");
  const id = (await docker("run", "--detach", ...placed(place, "haproxy", port), ...flags, image, "-c", script)).trim();
  const version = await docker("exec", id, "haproxy", "-v");
  return {
    name: NAME,
    id,
    log: "none (its default)",
    version: `HAProxy ${version.match(/version (\d+\.\d+\.\d+)/)?.[1]}`,
    port,
    ...(pair && { tls: true }),
    switchTo: (color) =>
      docker("exec", id, "sh", "-c", `echo 'set map ${MAP} live ${color}' | socat - UNIX-CONNECT:${SOCKET}`),
  };
}
