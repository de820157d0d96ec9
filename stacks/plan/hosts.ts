import type { Host } from "../service/hosts";
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

/** Commands of Docker's client that stand in messages as the next one to type. */
const DOCKER_COMMAND =
  /\bdocker (?=(?:container|exec|image|inspect|logs|network|ps|pull|restart|rm|start|stop|system|volume)\b)/g;

/** A message about a host: its name, and commands that ask its engine and no other. What comes before "Next" is prose. */
export function onHost(host: Host | undefined, message: string): string {
  if (host === undefined) return message;
  const { name, address } = host;
  const [seen = "", next = ""] = message.split(/(?=\bNext\b)(.*)/s);
  const typed = address === undefined ? next : next.replace(DOCKER_COMMAND, `docker -H ${address} `);
  return `${name}: ${seen}${typed}`;
}
