import { type Decision, decisionIn } from "../../stacks/service/decision";
import { isObject, type JsonObject, objectIn } from "../../stacks/text/json";

/** What is done to one resource. */
export interface Step {
  op: "create" | "update" | "delete" | "replace";
  /** Pulumi's name of the resource, unique within the stack. */
  urn: string;
  /** Its type, such as `docker:index/container:Container`. */
  type: string;
  /** What it is made from now, and what it would be made from; secrets are objects, never their values. */
  old: JsonObject;
  new: JsonObject;
  /** The paths of what differs, such as `envs[0]`. */
  differs: string[];
}

/** What Pulumi's engine and the program said in one preview. */
export interface Said {
  /** Whether the preview began at all; otherwise Pulumi could not even reach its state. */
  began: boolean;
  /** Of each resource that something is done to, once. */
  steps: Step[];
  /** Of each service, what the program found and decided. */
  decisions: Decision[];
  warnings: string[];
  errors: string[];
}

const OPS: readonly string[] = ["create", "update", "delete", "replace"] satisfies Step["op"][];

/** Left over from a run that was cut off: a deletion without a replacement of the same name. */
const LEFT_OVER = "delete-replaced";

/** Reads the engine's log of events: a JSON object a line, of which exactly one key names the kind. A line cut off counts as none. */
export function eventsIn(log: string): Said {
  const said: Said = { began: false, steps: [], decisions: [], warnings: [], errors: [] };
  const leftOver: Step[] = [];
  for (const line of log.split("\n")) {
    const event = objectIn(line);
    if (event === undefined) continue;
    if (isObject(event.preludeEvent)) said.began = true;
    if (isObject(event.diagnosticEvent)) takeMessage(said, event.diagnosticEvent);
    if (isObject(event.policyEvent)) takePolicy(said, event.policyEvent);
    const step = isObject(event.resourcePreEvent) ? stepOf(event.resourcePreEvent.metadata) : undefined;
    if (step !== undefined) (step.op === "delete" && step.leftOver ? leftOver : said.steps).push(step.step);
  }
  const known = new Set(said.steps.map(({ urn }) => urn));
  said.steps.push(...leftOver.filter(({ urn }) => !known.has(urn)));
  for (const list of ["warnings", "errors"] as const) said[list] = [...new Set(said[list])];
  return said;
}

function stepOf(metadata: unknown): { op: string; leftOver: boolean; step: Step } | undefined {
  if (!isObject(metadata)) return undefined;
  const { urn, type } = metadata;
  const leftOver = metadata.op === LEFT_OVER;
  const op = leftOver ? "delete" : metadata.op;
  if (typeof urn !== "string" || typeof type !== "string" || typeof op !== "string" || !OPS.includes(op))
    return undefined;
  const detailed = isObject(metadata.detailedDiff) ? Object.keys(metadata.detailedDiff) : [];
  const differs = detailed.length > 0 ? detailed : Array.isArray(metadata.diffs) ? metadata.diffs.map(String) : [];
  return {
    op,
    leftOver,
    step: { op: op as Step["op"], urn, type, old: inputsOf(metadata.old), new: inputsOf(metadata.new), differs },
  };
}

const inputsOf = (state: unknown): JsonObject => (isObject(state) && isObject(state.inputs) ? state.inputs : {});

function takeMessage(said: Said, { severity, message }: JsonObject): void {
  if (typeof message !== "string") return;
  const text = uncolored(message).trim();
  if (severity === "debug") {
    const decision = decisionIn(text);
    if (decision !== undefined) said.decisions.push(decision);
  }
  if (severity === "warning") said.warnings.push(text);
  if (severity === "error") said.errors.push(text);
}

function takePolicy(said: Said, { enforcementLevel, policyName, message }: JsonObject): void {
  if (typeof message !== "string") return;
  const text = `${policyName}: ${uncolored(message).trim()}`;
  (enforcementLevel === "mandatory" ? said.errors : said.warnings).push(text);
}

/** Without the engine's own marks for colors, such as `<{%fg 1%}>`. */
const uncolored = (message: string): string => message.replace(/<\{%[^%]*%\}>/g, "");
