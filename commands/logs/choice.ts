import type { Color } from "../../stacks/service/color";
import type { StackContainer, StackPart } from "../../stacks/service/parts";
import { CantTellError } from "../outcome";
import { colorIn, colorOf, NAMED_ROLES, type NamedRole, noPart } from "../parts";
import { requestIdIn, tellsOf } from "./requests";
import { isAnswer, type StatusRange, statusRange } from "./statuses";

/** Whose logs are asked for, as it was typed. */
export interface Asked extends Partial<Record<NamedRole | "color" | "status" | "request", string>> {
  proxy: boolean;
}

/** The containers whose logs are shown. */
export interface Choice {
  /** Of the colors' containers, and of workers and jobs, those of this color alone. */
  color?: Color;
  /** Whether the colors' own containers are among them. */
  web: boolean;
  /** Whether the proxy is, and a gateway. */
  proxy: boolean;
  /** Those of workers, jobs, accessories and monitoring that are named. */
  named: { role: NamedRole; name: string }[];
  /** Of the proxy's log, the answers with such a status alone. */
  status?: StatusRange;
  /** The lines of the request with this id alone. */
  request?: string;
}

/**
 * Returns which containers are meant: those that are named, or else both colors' own ones and the proxy.
 *
 * @throws CantTellError for options that say nothing together.
 */
export function choiceOf(asked: Asked): Choice {
  const named = NAMED_ROLES.flatMap((role) => {
    const name = asked[role];
    return name === undefined ? [] : [{ role, name }];
  });
  const color = asked.color === undefined ? undefined : colorIn(asked.color);
  const [first] = named;
  if (asked.status !== undefined && first !== undefined)
    throw new CantTellError(`--status looks in the proxy's log, and --${first.role} asks for another one`);
  const status = asked.status === undefined ? undefined : statusRange(asked.status);
  const isOpen = named.length === 0 && status === undefined;
  return {
    ...(color !== undefined && { color }),
    web: isOpen && (color !== undefined || !asked.proxy),
    proxy: asked.proxy || status !== undefined || (isOpen && color === undefined),
    named,
    ...(status !== undefined && { status }),
    ...(asked.request !== undefined && { request: requestIdIn(asked.request) }),
  };
}

/** Reports whether a container is among those that are meant. */
export function isChosen({ web, proxy, color, named }: Choice, part: StackPart): boolean {
  if (part.role === "proxy" || part.role === "gateway") return proxy;
  if (color !== undefined && color !== (colorOf(part) ?? color)) return false;
  if (part.role === "slot") return web;
  return named.some(({ role, name }) => role === part.role && name === part.name);
}

/** Reports whether only some of the lines are meant: the engine can't tell which, so it can't count the last ones of them. */
export const isFilter = ({ status, request }: Choice): boolean => status !== undefined || request !== undefined;

/** Reports whether a line of a container is among those that are meant. */
export const isMeant = ({ status, request, color }: Choice, line: string, part: StackPart): boolean =>
  (status === undefined || isAnswer(line, status, color)) && (request === undefined || tellsOf(request, line, part));

/** Returns what of a choice the stack has no container of, in words; undefined where there is one of each. */
export function absence(choice: Choice, containers: readonly StackContainer[]): string | undefined {
  const { named, color } = choice;
  const isThere = (one: Choice["named"][number]) =>
    containers.some(({ part }) => isChosen({ ...choice, web: false, proxy: false, named: [one] }, part));
  const missing = named.find((one) => !isThere(one));
  if (missing !== undefined) return noPart(missing.role, missing.name, color, containers);
  if (containers.some(({ part }) => isChosen(choice, part))) return undefined;
  return choice.web && color !== undefined ? `${color} has no container` : "The proxy has no container";
}
