import { type Color, isColor } from "../stacks/service/color";
import { LABEL } from "../stacks/service/names";
import { at, type Inputs, items, UNKNOWN } from "./known";
import { labelIn } from "./workload";

/** One of a color's containers, as a run declares it. */
export interface SlotInputs {
  name: string;
  inputs: Inputs;
  /** Whether it stays what it is, whatever the program says of it. */
  kept: boolean;
}

/** What the run says of itself. */
export interface Colors {
  containers: readonly SlotInputs[];
  /** What the color that is live does not run yet of the settings (the program's own output). */
  pending: unknown;
  idleColor: unknown;
  /** Whether the idle color has visitors of its own, under whom it is not changed. */
  canary: boolean;
}

/** The color that a container's label says it is of. */
export const colorOf = (inputs: Inputs): Color | undefined => {
  const color = labelIn(inputs.labels, LABEL.color);
  return isColor(color) ? color : undefined;
};

/** Both colors are equal but for version and image, or the one that is tried before a switch is not the one that goes live. */
export function equalColors(colors: Colors): string[] {
  // Web containers with web containers, those of one worker with each other, and a job's.
  const kinds = new Set(colors.containers.map(({ inputs }) => kindOf(inputs)));
  const ofKind = (kind: string) => colors.containers.filter(({ inputs }) => kindOf(inputs) === kind);
  return [...kinds].flatMap((kind) => equalOfKind({ ...colors, containers: ofKind(kind) }));
}

/** What of a color's containers one is, as its labels say. */
const kindOf = (inputs: Inputs): string =>
  [LABEL.role, LABEL.worker, LABEL.job].map((label) => String(labelIn(inputs.labels, label) ?? "")).join(" ");

function equalOfKind({ containers, pending, idleColor, canary }: Colors): string[] {
  // Live lags behind the settings, on purpose, and says so: it takes them when it is idle.
  if (Array.isArray(pending) && pending.length > 0) return [];
  const compared = containers
    .filter(({ inputs, kept }) => !(canary && kept && colorOf(inputs) === idleColor))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const [first, ...others] = compared;
  if (first === undefined) return [];
  const seen = new Set(
    others.flatMap((other) => differing(shared(first.inputs), shared(other.inputs), first.kept || other.kept)),
  );
  if (seen.size === 0) return [];
  const names = compared.map(({ name }) => name).join(", ");
  return [
    `The containers of both colors (${names}) differ in ${[...seen].sort().join(", ")}: nothing but the version and the image may, or what is tried ` +
      "is not what goes live. Next: git log -p -5 -- stacks/slot.ts stacks/blueGreen.ts shows what made the difference; take it out, then: pulumi preview",
  ];
}

/** Of a container's own: its name, its release, and what follows from which color and which one of the color it is. */
const OWN_LABELS: readonly unknown[] = [LABEL.color, LABEL.replica, LABEL.version, LABEL.slot, LABEL.build];

/** All of a container but what is its own. Variables and labels by name, so that a difference names them. */
function shared({
  name,
  image,
  ports,
  labels,
  envs,
  networksAdvanced,
  memorySwap,
  volumes,
  ...rest
}: Inputs): Map<string, unknown> {
  const published = items(ports).map((port) => (port as Inputs).internal);
  return new Map<string, unknown>([
    ...Object.entries(rest),
    ...items(labels)
      .filter((label) => !OWN_LABELS.includes(at(label, "label")))
      .map((label): [string, unknown] => [`label ${at(label, "label")}`, at(label, "value")]),
    ...items(envs)
      .map((line): [string, unknown] => {
        const [variable = "", value] = String(line).split(/=(.*)/s);
        return [`environment ${variable}`, value];
      })
      .filter(([variable]) => variable !== "environment COLOR"),
    // A volume may be a color's own.
    [
      "volumes",
      items(volumes).map((volume) => ({ ...(volume as Inputs), volumeName: withoutColor(at(volume, "volumeName")) })),
    ],
    ["networks", items(networksAdvanced).map((network) => ({ ...(network as Inputs), aliases: undefined }))],
    // Only the first one of a color publishes its port.
    ...(published.length > 0 ? [["ports", published] as [string, unknown]] : []),
  ]);
}

const withoutColor = (name: unknown): unknown =>
  typeof name === "string" ? name.replace(/-(?:blue|green)-data-/, "-data-") : name;

function differing(one: Map<string, unknown>, other: Map<string, unknown>, isOneKept: boolean): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((key) => {
    const [a, b] = [one.get(key), other.get(key)];
    return !(key === "ports" && (a === undefined || b === undefined)) && !agree(a, b, isOneKept);
  });
}

/**
 * Whether both are the same, as far as they are known. What is kept was made by an earlier run, when the provider may have had other
 * defaults for what the program doesn't say: there only what both have counts.
 */
function agree(a: unknown, b: unknown, isOneKept: boolean): boolean {
  if (a === UNKNOWN || b === UNKNOWN || (isOneKept && (a === undefined || b === undefined))) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b) || (Array.isArray(a) && a.length !== (b as unknown[]).length)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) =>
    agree((a as Inputs)[key], (b as Inputs)[key], isOneKept),
  );
}
