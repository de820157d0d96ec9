import type { TlsPair } from "../../stacks/proxy/pem";
import { docker } from "../command";
import { defaults } from "../cutover";
import { buildGoPeer } from "../goPeer";
import { type Contender, INSIDE_PORT, type Missing, type Place, startExecutable } from "../place";

const NAME = "Traefik";

/**
 * Keep-alive of this product's nginx; everything else as Traefik has it, but for the 2 s for which it would put off a second change
 * of its file: the switches come faster.
 */
const FLAGS = [
  `--entrypoints.public.address=:${INSIDE_PORT}`,
  "--entrypoints.public.http.tls=true",
  `--entrypoints.public.transport.respondingtimeouts.idletimeout=${defaults.keepAliveSeconds}s`,
  "--providers.file.directory=/tmp/live",
  "--providers.providersthrottleduration=50ms",
  "--global.checknewversion=false",
  "--global.sendanonymoususage=false",
].join(" ");

const CONFIGURATION = `
http:
  routers:
    public: { rule: "PathPrefix(\`/\`)", service: live, tls: {} }
  services:
    live: { loadBalancer: { servers: [{ url: "http://blue:${defaults.appPort}" }] } }
tls:
  stores:
    default: { defaultCertificate: { certFile: /tmp/site.crt, keyFile: /tmp/site.key } }
`;

/** Traefik, switched by its file provider, which watches a folder. */
export async function traefik(place: Place, port: number, pair: TlsPair): Promise<Contender | Missing> {
  const peer = await buildGoPeer("traefik", "github.com/traefik/traefik/v3");
  if ("missing" in peer) return { name: NAME, ...peer };

  const id = await startExecutable(place, port, {
    name: "traefik",
    path: peer.path,
    files: { "live.yml": CONFIGURATION, "site.crt": pair.certificate, "site.key": pair.key },
    command: `sh -c 'mkdir -p /tmp/live && cp /tmp/live.yml /tmp/live/ && exec traefik ${FLAGS}'`,
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
        `sed 's#http://[a-z]*:#http://${color}:#' /tmp/live.yml >/tmp/next.yml && mv /tmp/next.yml /tmp/live/live.yml`,
      ),
  };
}
