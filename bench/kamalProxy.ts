import type { TlsPair } from "../stacks/proxy/pem";
import { HOST_ADDRESS } from "./client";
import { docker } from "./command";
import { defaults } from "./cutover";
import { buildGoPeer } from "./goPeer";
import { type Contender, INSIDE_PORT, type Missing, type Place, startExecutable } from "./place";

const NAME = "kamal-proxy";

/** Where it listens for what is not measured. */
const OTHER_PORT = INSIDE_PORT + 1;

/** How often its first deploy is tried while it starts. */
const TRIES = 50;
const TRY_EVERY_MILLISECONDS = 100;

/**
 * kamal-proxy, switched by `kamal-proxy deploy`. It has no settings for keep-alive.
 *
 * @param pair what it speaks TLS with; without one it speaks plain HTTP.
 */
export async function kamalProxy(place: Place, port: number, pair?: TlsPair): Promise<Contender | Missing> {
  const peer = await buildGoPeer("kamal-proxy", "github.com/basecamp/kamal-proxy");
  if ("missing" in peer) return { name: NAME, ...peer };

  const [http, https] = pair ? [OTHER_PORT, INSIDE_PORT] : [INSIDE_PORT, OTHER_PORT];
  const id = await startExecutable(place, port, {
    name: NAME,
    path: peer.path,
    files: pair ? { "site.crt": pair.certificate, "site.key": pair.key } : {},
    command: `kamal-proxy run --http-port ${http} --https-port ${https}`,
  });
  // It serves a certificate for a host alone, and takes this one where a client names none.
  const tls = ["--tls-certificate-path", "/tmp/site.crt", "--tls-private-key-path", "/tmp/site.key"];
  const switchTo = (color: string) =>
    docker(
      ...["exec", id, "kamal-proxy", "deploy", "bench", "--target", `${color}:${defaults.appPort}`],
      ...["--health-check-path", defaults.healthPath],
      ...(pair ? ["--host", HOST_ADDRESS, "--tls", ...tls] : []),
    );
  for (let tries = 1; ; tries++) {
    try {
      await switchTo("blue");
      break;
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MILLISECONDS));
    }
  }
  return {
    name: NAME,
    id,
    log: "JSON line per request, to standard output (its default)",
    version: `${NAME} ${peer.version}`,
    port,
    ...(pair && { tls: true }),
    switchTo,
  };
}
