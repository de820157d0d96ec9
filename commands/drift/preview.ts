import { isObject, objectIn } from "../../stacks/text/json";
import { causesIn } from "../pulumi";
import { listIn } from "./state";

/** What Pulumi would do, or found changed, with one resource. */
export interface Step {
  urn: string;
  type: string;
  /** `update`, `replace`, `create`, `delete`. */
  op: string;
  /** The properties because of which. */
  reasons: string[];
  /** nginx's configuration that it would carry, where it is a cutover or the gateway's routes. */
  configuration?: string;
}

/** What a preview says. */
export interface Preview {
  steps: Step[];
  /** Its error, for people. */
  error?: string;
}

/** What is nothing to be done. */
const IDLE_OPS = ["same", "refresh", "read"];

/** Makes sense of what `pulumi preview --json` or `pulumi refresh --preview-only --json` printed; undefined where it is no such text. */
export function previewIn(json: string): Preview | undefined {
  const preview = objectIn(json);
  if (!Array.isArray(preview?.steps)) return undefined;
  const steps = new Map<string, Step>();
  for (const { op, urn, newState, oldState, diffReasons, replaceReasons } of preview.steps.filter(isObject)) {
    if (typeof op !== "string" || typeof urn !== "string" || IDLE_OPS.includes(op)) continue;
    const state = isObject(newState) ? newState : isObject(oldState) ? oldState : {};
    const type = typeof state.type === "string" ? state.type : "";
    if (type === "pulumi:pulumi:Stack") continue;
    const before = steps.get(urn);
    const reasons = [...(before?.reasons ?? []), ...listIn(replaceReasons), ...listIn(diffReasons)];
    // A replacement is told as its two halves beside the whole.
    const simple = op.includes("replace") || before?.op === "replace" ? "replace" : op;
    const { stdin = before?.configuration } = isObject(state.inputs) ? state.inputs : {};
    const carries = typeof stdin === "string" && { configuration: stdin };
    steps.set(urn, { urn, type, op: simple, reasons: [...new Set(reasons)], ...carries });
  }
  const [error] = causesIn(
    (Array.isArray(preview.diagnostics) ? preview.diagnostics : [])
      .filter(isObject)
      .flatMap((each) =>
        each.severity === "error" && typeof each.message === "string"
          ? [each.message.replace(/^error: /, "").trim()]
          : [],
      ),
  );
  return { steps: [...steps.values()], ...(error !== undefined && { error }) };
}
