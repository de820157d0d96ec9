import { shown } from "../text/shell";

const LEAST_BITS = 16;
const MOST_BITS = 28;

/** The last address of a network that a host can have; undefined where the text is no such network. */
export function lastAddress(subnet: unknown): string | undefined {
  const octet = "(0|[1-9][0-9]{0,2})";
  const found = new RegExp(`^${octet}\\.${octet}\\.${octet}\\.${octet}/([1-9][0-9])$`).exec(String(subnet));
  const [a = 256, b = 256, c = 256, d = 256, bits = 0] = (found ?? []).slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || bits < LEAST_BITS || bits > MOST_BITS) return undefined;
  const size = 2 ** (32 - bits);
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  if (first % size !== 0) return undefined;
  const last = first + size - 2;
  return [24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join(".");
}

/** What is wrong with a subnet, in a sentence; nothing where it can be used. */
export const subnetProblems = (subnet: unknown): string[] =>
  lastAddress(subnet) === undefined
    ? [
        `subnet = ${shown(subnet)}: must be an IPv4 network from /16 to /28 by its first address, such as 10.213.0.0/24.`,
      ]
    : [];
