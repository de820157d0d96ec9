import { changed, lacksDns, neededChanges } from "../plan/proxy";
import type { SeenGateway } from "../service/gateway";

/** What a gateway's container is made from: what a change of would replace it. */
export type GatewayMade = Record<string, string | number>;

/** What a run does with the gateway. */
export interface GatewayPlan {
  refusals: string[];
  warnings: string[];
  /** Whether the container stays what it is. */
  keep: boolean;
  /** Set where Pulumi's state says that nothing is to be done, while other routes serve. */
  mend: string | undefined;
}

/** Decides what a run does with the gateway; refuses what would take all services from the public. */
export function planGateway({
  seen,
  made,
  generation,
  allowReplace,
  preview,
}: {
  seen: SeenGateway;
  made: GatewayMade;
  generation: string;
  allowReplace: boolean;
  preview: boolean;
}): GatewayPlan {
  const plan: GatewayPlan = { refusals: [], warnings: [], keep: false, mend: undefined };
  if ("unknown" in seen) {
    const says = `what runs of it is unknown (${seen.reason}).`;
    if (preview) plan.warnings.push(`${says} This preview can't tell whether \`pulumi up\` would refuse this change.`);
    else
      plan.refusals.push(
        `gateway: ${says} Nothing was touched. Next: docker version; then, when it answers: pulumi up`,
      );
    return plan;
  }
  const { container, serving } = seen;
  if (container?.running) {
    const changes = changed(container.made, made);
    const needed = neededChanges(container.made, made);
    const list = (allowReplace ? changes : needed).join(", ");
    const subnet = changes.some((change) => change.startsWith("subnet "));
    if (changes.length === 0) plan.keep = true;
    else if (needed.length === 0 && !allowReplace) {
      plan.keep = true;
      plan.warnings.push(
        `${lacksDns("gateway")} To replace it, for some seconds without an answer of any service: allowReplace: true, then: pulumi up`,
      );
    } else if (subnet)
      plan.refusals.push(
        `gateway: the network of a gateway that runs can't be changed (${list}): every service is on it. Nothing was touched. ` +
          "Next: put subnet back as it was; or take everything down for it: pulumi destroy",
      );
    else if (allowReplace)
      plan.warnings.push(
        `it is replaced (${list}), as allowReplace allows: the public gets no answer for some seconds. Afterwards: take allowReplace away`,
      );
    else
      plan.refusals.push(
        `gateway: this would replace the gateway's container (${list}), and the public would get no answer of any service for some ` +
          "seconds. Nothing was touched. Next: put it back as it was; or do it on purpose: allowReplace: true, then: pulumi up",
      );
  }
  if (serving?.edited) {
    plan.mend = `edited ${serving.generation}`;
    plan.warnings.push(`its configuration was changed by hand: this run puts it right.`);
  } else if (serving !== undefined && serving.generation !== generation && serving.declared === generation) {
    plan.mend = serving.generation;
    plan.warnings.push(`it serves other routes than the latest run that ended well left: this run puts it right.`);
  }
  return plan;
}
