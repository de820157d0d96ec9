/** A host that has a proxy and both colors of its own. */
export interface Host {
  /** How runs, messages and Pulumi call it; `b`. */
  name: string;
  /** Its engine's address; absent for the stack's own engine (`docker:host`, else DOCKER_HOST, else the local socket). */
  address?: string;
}

/** The address that stands for the stack's own engine. What runs there is called as in a stack without hosts. */
export const OWN_ENGINE = "own";

/**
 * Stands among the inputs that a resource of a missing host ignores changes of. None has it: the policies know by it that nothing is to be
 * judged.
 */
export const UNSEEN = "unseen";

/**
 * Returns hosts in the order in which everything treats them: the stack's own engine, then the others by name, since Pulumi tells nobody
 * in which order they are written. The first one is the lead: it has what is there once, such as workers, and a host that is added to
 * that of the stack's own never takes it away.
 */
export const orderedHosts = (hosts: readonly Host[]): Host[] =>
  hosts.toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));

const rank = ({ address }: Host): number => (address === undefined ? 0 : 1);

/** Commands of Docker's client that stand in messages as the next one to type. */
const DOCKER_COMMAND =
  /\bdocker (?=(?:container|exec|image|inspect|logs|network|ps|pull|restart|rm|start|stop|system|volume)\b)/g;

/** Returns a text whose commands of Docker's client ask the engine at this address. */
export const commandsAt = (address: string, text: string): string =>
  text.replace(DOCKER_COMMAND, `docker -H ${address} `);
