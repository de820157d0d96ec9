import { isIP } from "node:net";
import { boundedList } from "./boundedList";
import { type Refuse, removeCommand } from "./problem";

const MAX_PROXIES = 100;
const BITS = { 4: 32, 6: 128 } as const;

/** Shows how one is set, since the CLI can't set all at once. */
export const SET_TRUSTED_PROXY = "pulumi config set --path 'trustedProxies[<n>]' '<address or network>'";

const RULE = "must be an IPv4 or IPv6 address, without a zone, or a network such as 10.0.0.0/8";

/** Whether it is an address or a network in the notation of RFC 4632. A zone (fe80::1%eth0) is free text to isIP. */
function isNetwork(value: string): boolean {
  const [address = "", bits, ...more] = value.split("/");
  const version = isIP(address);
  if ((version !== 4 && version !== 6) || address.includes("%") || more.length > 0) return false;
  return bits === undefined || (/^(?:0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= BITS[version]);
}

/** The senders whose word about their clients is believed, out of the JSON text that Pulumi hands over for a list. */
export function parseTrustedProxies(json: unknown, refuse: Refuse): string[] {
  const named = { setting: "trustedProxies", one: "address or network", several: "addresses and networks" };
  const given = boundedList(json, { ...named, most: MAX_PROXIES }, refuse);
  const accepted = new Set<string>();
  for (const [index, value] of given.entries()) {
    if (typeof value === "string" && isNetwork(value)) accepted.add(value);
    else refuse([index], RULE, removeCommand("trustedProxies", index));
  }
  return [...accepted];
}
