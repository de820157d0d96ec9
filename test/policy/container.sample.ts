import type { Inputs } from "../../policy/known";
import { CONTAINER, type Workload, workloadOf } from "../../policy/workload";

/** Labels as the provider has them. */
export const labels = (values: Record<string, string>): { label: string; value: string }[] =>
  Object.entries(values).map(([label, value]) => ({ label, value }));

/** The inputs of a color's container that no policy finds anything wrong with. */
export const slotInputs = (color: "blue" | "green", change: Inputs = {}): Inputs => ({
  name: `blue-green-prod-${color}`,
  image: `sha256:${"0123456789abcdef".repeat(4)}`,
  labels: labels({
    "blue-green.stack": "prod",
    "blue-green.role": "slot",
    "blue-green.color": color,
    "blue-green.replica": "1",
    "blue-green.version": color === "blue" ? "1.0.0" : "1.1.0",
    "blue-green.slot": `{"version":"${color}"}`,
  }),
  envs: [`COLOR=${color}`, "DRAIN_SECONDS=27", "PORT=5000"],
  capabilities: { drops: ["ALL"] },
  memory: 256,
  networksAdvanced: [{ name: "blue-green-prod", aliases: [color] }],
  ports: [{ internal: 5000, external: color === "blue" ? 5201 : 5202, ip: "127.0.0.1" }],
  readOnly: true,
  securityOpts: ["no-new-privileges"],
  ...change,
});

/** A container as policies see it. */
export function container(name: string, inputs: Inputs): Workload {
  const workload = workloadOf(CONTAINER, name, inputs);
  if (workload === undefined) throw new Error("no container");
  return workload;
}
