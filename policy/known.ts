/** Stands for a value that only the run itself will tell: nothing is said of it in a preview. */
export const UNKNOWN = Symbol("known only after the run");

/** A resource's inputs, in which what is not known yet is {@link UNKNOWN}. */
export type Inputs = Readonly<Record<string, unknown>>;

/** Which inputs a provider has filled in by itself, as bridged providers note it among them. It changes from run to run. */
const BOOKKEEPING = "__defaults";

/** Copies what Pulumi hands to a policy, which throws at each look at a value that is not known yet. */
export function known(inputs: object): Inputs {
  return Object.fromEntries(
    Object.keys(inputs)
      .filter((key) => key !== BOOKKEEPING)
      .map((key) => [key, valueAt(inputs, key)]),
  );
}

function valueAt(holder: object, key: string | number): unknown {
  let value: unknown;
  try {
    value = (holder as Record<string | number, unknown>)[key];
  } catch {
    return UNKNOWN;
  }
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, at) => valueAt(value as object, at));
  return typeof value === "object" && value !== null ? known(value) : value;
}

/** The value at a path within; undefined where there is none, {@link UNKNOWN} where what leads there is not known. */
export function at(value: unknown, ...path: string[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined || value === UNKNOWN) return value;
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? at((value as Inputs)[key], ...rest)
    : undefined;
}

/** The items of a list that are known; none where it is no list. */
export const items = (value: unknown): unknown[] =>
  Array.isArray(value) ? value.filter((item) => item !== UNKNOWN) : [];
