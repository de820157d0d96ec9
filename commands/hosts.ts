import { type Docker, dockerAt } from "../stacks/engine/docker";
import { shown } from "../stacks/text/plain";
import { CantTellError } from "./outcome";
import { engineOf, type Where } from "./stack";

/** One of the engines that a stack is on. */
export interface StackHost {
  /** The host's name; absent where the setting `hosts` names none. */
  name?: string;
  /** The engine's address, where commands have to name it. */
  host?: string;
  docker: Docker;
}

/**
 * Returns a stack's hosts with their engines, the lead first; of a stack without the setting `hosts` its only engine.
 *
 * @param seconds how long one question to an engine may take, of a stack with several: one that is away must not hold up the others.
 * @throws CantTellError where Docker's context would choose another engine.
 */
export function hostsOf({ host, hosts = [] }: Where, seconds?: number): readonly [StackHost, ...StackHost[]] {
  const own = host === undefined ? {} : { host };
  const docker = engineOf(own);
  const bound = hosts.length > 1 ? seconds : undefined;
  const [lead, ...others] = hosts.map(({ name, address }): StackHost => {
    const where = address === undefined ? own : { host: address };
    return { name, ...where, docker: dockerAt(where.host, bound) };
  });
  return lead === undefined ? [{ ...own, docker }] : [lead, ...others];
}

/**
 * Returns the hosts that an option `--host` leaves of a stack's: all of them where it is not given.
 *
 * @param retype the command for another host.
 * @throws CantTellError where there is no such host, with those that there are.
 */
export function hostsNamed(
  hosts: readonly [StackHost, ...StackHost[]],
  name: string | undefined,
  retype: (host: string) => string,
): readonly [StackHost, ...StackHost[]] {
  if (name === undefined) return hosts;
  const host = hosts.find((each) => each.name === name);
  if (host !== undefined) return [host];
  const names = hosts.flatMap((each) => each.name ?? []);
  const known = names.length === 0 ? "its file sets no hosts" : `it has ${names.join(", ")}`;
  throw new CantTellError(
    `There is no host ${shown(name)} in this stack; ${known}`,
    names.slice(0, 3).map((each) => ({ purpose: "name the host", command: retype(each) })),
  );
}

/** Returns why a command that knows one engine alone must leave a stack with others as it is; undefined where it need not. */
export function tooManyHosts({ hosts = [] }: Where, command: string): string | undefined {
  if (!hosts.some(({ address }) => address !== undefined)) return undefined;
  const names = hosts.map(({ name }) => name).join(", ");
  return `Not with hosts yet: ${command} knows one engine alone, and the stack's hosts are ${names}`;
}
