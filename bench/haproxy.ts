import { join } from "node:path";
import { command, docker } from "./command";
import { defaults } from "./cutover";
import { type Contender, INSIDE_PORT, type Missing, type Place, placed } from "./place";

const NAME = "HAProxy, runtime map";
const SOCKET = "/run/haproxy.sock";
const MAP = "/tmp/color.map";

/** The time limits, keep-alive and connections of this product's nginx; everything else as HAProxy has it. */
const CONFIGURATION = `
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
    bind :${INSIDE_PORT}
    use_backend %[str(live),map(${MAP})]
backend blue
    server blue blue:${defaults.appPort}
backend green
    server green green:${defaults.appPort}
`;

/** HAProxy, switched by its runtime map through its stats socket. */
export async function haproxy(place: Place, port: number): Promise<Contender | Missing> {
  let image: string;
  try {
    image = (await command(join(__dirname, "haproxy-image"), [])).trim();
  } catch (error) {
    return { name: NAME, missing: `its image could not be made: ${(error as Error).message}` };
  }
  const start = `echo live blue >${MAP} && printf %s "$CONFIGURATION" >/tmp/haproxy.cfg && exec haproxy -db -f /tmp/haproxy.cfg`;
  const id = (
    await docker(
      ...["run", "--detach", ...placed(place, "haproxy", port), "--env", `CONFIGURATION=${CONFIGURATION}`],
      ...["--entrypoint", "sh", image, "-c", start],
    )
  ).trim();
  const version = await docker("exec", id, "haproxy", "-v");
  return {
    name: NAME,
    log: "none (its default)",
    version: `HAProxy ${version.match(/version (\d+\.\d+\.\d+)/)?.[1]}`,
    port,
    switchTo: (color) =>
      docker("exec", id, "sh", "-c", `echo 'set map ${MAP} live ${color}' | socat - UNIX-CONNECT:${SOCKET}`),
  };
}
