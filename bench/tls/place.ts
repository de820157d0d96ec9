import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { checkTls } from "../../stacks/proxy/certificate";
import { type FileNames, namesOf, proxyFiles } from "../../stacks/proxy/files";
import { normalized, type TlsPair } from "../../stacks/proxy/pem";
import { COLORS } from "../../stacks/service/color";
import { backendImage } from "../../test/e2e/backend";
import { TestStack } from "../../test/e2e/stack";
import { makeCertificate } from "../../test/stacks/proxy/certificates.sample";
import { HOST_ADDRESS } from "../client";
import { docker } from "../command";
import { defaults } from "../cutover";
import { containerName, makePlace, type Place, removeContainers, standing } from "../place";

/** What clients ask for. */
export const PATHS = { small: "/", large: "/large", upload: "/upload", webSocket: "/ws" } as const;

export const LARGE_BYTES = 20 * 1024;

/** Where the service of the WebSockets is reached, behind the backends: nginx has no end of a WebSocket of its own. */
const SOCKETS = "sockets";

/** An upload is read to its end before it is answered. */
const LOCATIONS = `
        resolver 127.0.0.11 ipv6=off;
        location = ${PATHS.large} { root /tmp; sendfile on; open_file_cache max=10; }
        location = ${PATHS.upload} {
          client_max_body_size 0;
          client_body_buffer_size 2m;
          proxy_pass_request_body off;
          proxy_set_header Content-Length "";
          proxy_pass http://127.0.0.1:${defaults.appPort}/;
        }
        location = ${PATHS.webSocket} {
          set $sockets ${SOCKETS};
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection upgrade;
          proxy_read_timeout 1h;
          proxy_pass http://$sockets:${defaults.appPort};
        }`;

/** Where the proxies stand that speak TLS. */
export interface TlsPlace extends Place {
  /** The certificate of all of them: made here, EC on P-256, alone in its chain. */
  pair: TlsPair;
  /** The files by which this product's configuration names the pair. */
  files: FileNames;
  /** The port on which this product's proxy speaks TLS. */
  port: number;
}

/**
 * Makes a stack that speaks TLS, and puts backends where its colors were.
 *
 * @param context removes what was made.
 */
export async function makeTlsPlace(context: TestContext): Promise<TlsPlace> {
  const pair = normalized(makeCertificate({ names: [HOST_ADDRESS], days: 90 }));
  const stack = await TestStack.make(context, { bindAddress: HOST_ADDRESS });
  context.after(removeContainers); // before the stack, whose network they are on
  await removeContainers();
  writeFileSync(join(stack.directory, "site.crt"), pair.certificate);
  writeFileSync(join(stack.directory, "site.key"), pair.key);
  await stack.set("tlsCertificate", "site.crt");
  await stack.set("tlsKey", "site.key");
  await stack.up();

  const place = await makePlace(stack, defaults.appPort, LOCATIONS);
  for (const color of COLORS) {
    const write = `head -c ${LARGE_BYTES} /dev/zero | tr '\\0' x >/tmp${PATHS.large}`;
    await docker("exec", containerName(color), "sh", "-c", write);
  }
  const variables = ["--env", `COLOR=${SOCKETS}`, "--env", `PORT=${defaults.appPort}`];
  const image = await backendImage("1.0.0");
  await docker("run", "--detach", ...standing(place, SOCKETS), "--network-alias", SOCKETS, ...variables, image);

  const { fingerprint } = checkTls(pair, new Date());
  const owner = { project: "blue-green", stack: stack.name };
  const files = namesOf(proxyFiles(owner, { maintenance: false }, () => "", { ...pair, fingerprint }));
  return { ...place, pair, files, port: stack.ports.https };
}
