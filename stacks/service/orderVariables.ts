/**
 * Begins the name of every variable by which the program orders a cutover. A command inherits the environment of whoever runs
 * `pulumi up`, in which a FILE_UPLOAD_MAX or a STACK may stand; nobody has these names by chance.
 */
const PREFIX = "BLUE_GREEN_";

/** The same variables under the names by which a cutover reads them. */
export const orderVariables = <Value>(variables: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [`${PREFIX}${name}`, value]));

/** Read one variable of an order. */
export const orderVariable = (env: NodeJS.ProcessEnv, name: string): string | undefined => env[`${PREFIX}${name}`];

/** Whether a variable belongs to an order, and to nobody else. */
export const isOrderVariable = (name: string): boolean => name.startsWith(PREFIX);

/** A variable's name without what only tells that it belongs to an order; releases before 2026-12 had that name alone. */
export const plainVariable = (name: string): string => (isOrderVariable(name) ? name.slice(PREFIX.length) : name);

/** The same for all variables of a cutover in Pulumi's state. */
export const plainVariables = <Value>(variables: Readonly<Record<string, Value>>): Record<string, Value> =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [plainVariable(name), value]));

/** What the files beside nginx's configuration are for (see files.ts). */
export const FILE_KINDS = ["tester", "maintenance", "tlsCertificate", "tlsKey"] as const;

/** The variable in which such a file travels. */
export const fileVariable = (kind: (typeof FILE_KINDS)[number]): string => `FILE_${kind.toUpperCase()}`;

/** Whether a file's name is one that the program gives: without a path, so that it stays in the folder of the files. */
export const isFileName = (name: string): boolean =>
  /^(?:tester-[0-9a-f]+\.conf|maintenance-[0-9a-f]+\.html|tls-[0-9a-f]+\.(?:crt|key))$/.test(name);
