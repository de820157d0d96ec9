import type { Docker } from "../engine/docker";
import { shell } from "../engine/scripts";
import { objectIn } from "../text/json";
import { gatewayName, LABEL, type ServiceId } from "./names";
import { isGateway } from "./ours";
import { lastLine } from "./serving";
import { filtersOf, type Inspected, type UnknownWorld } from "./world";

/** What the engine has of the stack's gateway; nothing where there is none. */
export type SeenGateway =
  | UnknownWorld
  | {
      container?: { running: boolean; made: Record<string, unknown> };
      serving?: GatewayServing;
    };

/** What a gateway serves, in its own words. */
export interface GatewayServing {
  /** Hash of the configuration that serves. */
  generation: string;
  /** Whether the file is another than the one that was written. */
  edited: boolean;
  /** Set where nginx itself does not answer: then the rest is what its file says. */
  silent?: true;
  /** What Pulumi's state holds, as the latest run that ended well found it. */
  declared?: string;
  /** The fingerprint of the pair that it speaks TLS with. */
  tls?: string;
}

/** Reads what the engine has of the stack's gateway, and asks it what it serves. */
export async function readGateway(docker: Docker, owner: ServiceId): Promise<SeenGateway> {
  try {
    const name = gatewayName(owner);
    const filters = [...filtersOf(owner), "--filter", `label=${LABEL.role}=gateway`];
    const [ids, told] = await Promise.all([
      docker.ask("container", "ls", "--all", "--quiet", "--no-trunc", ...filters),
      // One that isn't there or doesn't run serves nothing.
      docker.ask("exec", name, ...shell("readGateway")).catch(() => ""),
    ]);
    const labelled = ids.split("\n").filter(Boolean);
    if (labelled.length === 0) return {};
    const all = JSON.parse(await docker.ask("container", "inspect", ...labelled)) as Inspected[];
    const found = all.find((container) => isGateway(owner, container));
    if (found === undefined) return {};
    const made = objectIn(found.Config.Labels?.[LABEL.gateway]) ?? {};
    const running = found.State?.Running === true || found.State?.Restarting === true;
    const serving = gatewayServing(told);
    return { container: { running, made }, ...(serving && { serving }) };
  } catch (error) {
    return { unknown: true, reason: (error as Error).message };
  }
}

/** Makes sense of what nginx/read-gateway.sh printed. */
export function gatewayServing(text: string): GatewayServing | undefined {
  const last = (word: string) => lastLine(text, word).trim();
  const file = last("file");
  const [answered] = last("answer").split(" ").filter(Boolean);
  const generation = answered ?? file;
  if (generation === "") return undefined;
  const [declared, tls] = [last("declared"), last("tls")];
  const silent = answered === undefined && { silent: true as const };
  return { generation, edited: file !== generation, ...silent, ...(declared && { declared }), ...(tls && { tls }) };
}
