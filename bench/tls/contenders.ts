import { freePorts } from "../../test/e2e/stack";
import { load } from "../client";
import { thisCutover } from "../cutover";
import { haproxy } from "../haproxy";
import { kamalProxy } from "../kamalProxy";
import { startsToServe } from "../measure";
import type { Contender, Missing } from "../place";
import { caddy } from "./caddy";
import type { TlsPlace } from "./place";
import { traefik } from "./traefik";

/** Starts the proxies, this product's first, and makes sure that each serves. */
export async function startContenders(place: TlsPlace, say: (line: string) => void): Promise<(Contender | Missing)[]> {
  const ports = (await freePorts(4)) as [number, number, number, number];
  const proxies = [
    await thisCutover(place, place.port, place.files),
    await haproxy(place, ports[0], place.pair),
    await kamalProxy(place, ports[1], place.pair),
    await caddy(place, ports[2], place.pair),
    await traefik(place, ports[3], place.pair),
  ];
  for (const proxy of proxies) {
    if ("missing" in proxy) {
      say(`  ${proxy.name} is left out: ${proxy.missing}`);
    } else {
      await startsToServe(proxy);
      await load(proxy, 1); // none is measured cold
    }
  }
  return proxies;
}
