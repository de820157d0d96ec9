import { commandsAt, type Host } from "../service/hosts";
import type { Plan } from "./situation";

/** What a plan says to people. */
type Said = Pick<Plan, "refusals" | "warnings" | "notes" | "pending">;

/** The plan of a host. */
export interface HostPlan {
  host?: Host | undefined;
  plan: Said;
}

/** Returns what the plans of all hosts say: once where all say it, otherwise with the names of those that do. */
export function saidOnAll(hosts: readonly HostPlan[]): Said {
  const all = (of: keyof Said): string[] => {
    const texts = new Set(hosts.flatMap(({ plan }) => plan[of]));
    return [...texts].map((text) => {
      const those = hosts.filter(({ plan }) => plan[of].includes(text));
      if (those.length === hosts.length) return text;
      const [first] = those;
      if (those.length === 1) return onHost(first?.host, text);
      return `${those.map(({ host }) => host?.name).join(", ")}: ${text}`;
    });
  };
  return { refusals: all("refusals"), warnings: all("warnings"), notes: all("notes"), pending: all("pending") };
}

/** A message about a host: its name, and commands that ask its engine and no other. What comes before "Next" is prose. */
export function onHost(host: Host | undefined, message: string): string {
  return host === undefined ? message : `${host.name}: ${askingHost(host, message)}`;
}

/** The same without the name, for a message that has it already. */
export function askingHost(host: Host | undefined, message: string): string {
  const { address } = host ?? {};
  if (address === undefined) return message;
  const [seen = "", next = ""] = message.split(/(?=\bNext\b)(.*)/s);
  return `${seen}${commandsAt(address, next)}`;
}
