import type { TlsPair } from "../../stacks/proxy/pem";
import { HOST_ADDRESS } from "../client";
import { docker } from "../command";
import { defaults } from "../cutover";
import { buildGoPeer } from "../goPeer";
import { type Contender, INSIDE_PORT, type Missing, type Place, startExecutable } from "../place";

const NAME = "Caddy";

/** Keep-alive of this product's nginx; everything else as Caddy has it. It takes its certificate where a client names no host. */
const CONFIGURATION = `
{
	auto_https disable_redirects
	default_sni ${HOST_ADDRESS}
	servers {
		timeouts {
			idle ${defaults.keepAliveSeconds}s
		}
	}
}
https://:${INSIDE_PORT} {
	tls /tmp/site.crt /tmp/site.key
	reverse_proxy blue:${defaults.appPort}
}
`;

/** Caddy, switched as its users do it: another upstream in the file, then `caddy reload`. */
export async function caddy(place: Place, port: number, pair: TlsPair): Promise<Contender | Missing> {
  const peer = await buildGoPeer("caddy", "github.com/caddyserver/caddy/v2");
  if ("missing" in peer) return { name: NAME, ...peer };

  const id = await startExecutable(place, port, {
    name: "caddy",
    path: peer.path,
    files: { Caddyfile: CONFIGURATION, "site.crt": pair.certificate, "site.key": pair.key },
    command: "caddy run --config /tmp/Caddyfile",
  });
  return {
    name: NAME,
    id,
    log: "none (its default)",
    version: `${NAME} ${peer.version}`,
    port,
    tls: true,
    switchTo: (color) =>
      docker(
        ...["exec", id, "sh", "-c"],
        `sed -i 's/reverse_proxy [a-z]*:/reverse_proxy ${color}:/' /tmp/Caddyfile && caddy reload --config /tmp/Caddyfile`,
      ),
  };
}
