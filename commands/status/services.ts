import type { Docker } from "../../stacks/engine/docker";
import { COLORS } from "../../stacks/service/color";
import { gatewayName, LABEL, type ServiceId, serviceNameRule } from "../../stacks/service/names";
import { filtersOf, type UnknownWorld, type World } from "../../stacks/service/world";

/** Which services of a stack have a name, and whether a gateway stands in front of them. */
export interface NamedServices {
  /** In the order of the alphabet; none where the stack has one service alone, without a name. */
  services: string[];
  /** The gateway's container; null where there is none. */
  gateway: { name: string; running: boolean } | null;
}

/** Reads from the engine which services a stack has, by the containers of their proxies. */
export async function readServices(docker: Docker, all: ServiceId): Promise<NamedServices> {
  const format = `{{.Names}}\t{{.State}}\t{{.Label "${LABEL.service}"}}`;
  const listed = await docker.ask("container", "ls", "--all", ...filtersOf(all), "--format", format);
  const rows = listed
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t") as [name: string, state: string, service: string]);
  // An image may have any label: what can't be a service's name was not written by this program.
  const names = rows.map(([, , service]) => service).filter((name) => serviceNameRule(name, all) === undefined);
  const gateway = rows.find(([name, , service]) => name === gatewayName(all) && service === "");
  return {
    services: [...new Set(names)].sort(),
    gateway: gateway === undefined ? null : { name: gateway[0], running: gateway[1] === "running" },
  };
}

/** Reports whether a service has no container; they may have been removed by hand. */
export const hasNoContainer = ({ proxy, slots }: World): boolean =>
  proxy === undefined && COLORS.every((color) => slots[color].length === 0);

/** Reports whether the engine has nothing of a service, not even the volume of a proxy that was removed. */
export const isAbsent = (world: World | UnknownWorld): boolean =>
  !("unknown" in world) && hasNoContainer(world) && world.proxyGone !== true;
