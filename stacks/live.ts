import type { Color } from "./color";
import { type Docker, isGone } from "./docker";
import { PROXY_DIRECTORY } from "./names";
import { Refusal } from "./refusal";
import { readServing, writeDeclared } from "./serving";

/** What {@link confirmLive} compares. */
export interface Expected {
  proxyId: string;
  active: Color;
  /** The generation of the configuration that Pulumi's state holds by now. */
  generation: string;
  /** How the names of the stack's containers begin, for messages. */
  containers: string;
}

const couldNotWrite = (error: Error): string =>
  `What this run has declared could not be written to the proxy's volume (${error.message}): an interrupted run after it may not ` +
  "be noticed before its end. Next: make room on the engine's disk (docker system df), then: pulumi up";

/**
 * Makes sure, at the end of a run, that the proxy serves the active color and that it is well: exit code 0 must not be said
 * otherwise. Pulumi compares with its own state alone, and an interrupted run may have moved the public without having written
 * it down. What the state holds is then noted beside the configuration, so that the next run can tell the two apart.
 *
 * @throws Refusal that names what is live and the command that mends it.
 */
export async function confirmLive(docker: Docker, expected: Expected, warn: (line: string) => unknown): Promise<void> {
  const { proxyId, active, generation, containers } = expected;
  const serving = await readServing(docker, proxyId, { health: true }).catch((error: Error) => {
    if (isGone(error)) {
      throw new Refusal(
        `The public gets no answer: the container ${containers}proxy is gone, and Pulumi's state does not know that yet. It was removed by ` +
          "hand, as by docker system prune. Next, which makes again whatever is gone: pulumi up --refresh",
      );
    }
    throw new Refusal(
      `The proxy does not say which color it serves: ${error.message}. Next: docker start ${containers}proxy && pulumi up`,
    );
  });
  if (serving?.answers !== true) {
    throw new Refusal(
      `nginx in ${containers}proxy does not say which color it serves; its configuration is in ${PROXY_DIRECTORY}. ` +
        `Next: docker logs --tail 30 ${containers}proxy`,
    );
  }
  if (serving.declared !== generation) {
    await writeDeclared(docker, proxyId, generation).catch((error: Error) => warn(couldNotWrite(error)));
  }
  if (serving.color !== active || serving.generation !== generation) {
    throw new Refusal(
      `The proxy serves ${serving.color} (configuration ${serving.generation}), although activeColor is ${active} ` +
        `(configuration ${generation}) and Pulumi's state says the same: an earlier run was interrupted, or somebody changed the ` +
        "proxy by hand. The next run puts it right: pulumi up",
    );
  }
  if (serving.health?.well !== true) {
    throw new Refusal(
      `${active} is live, but does not answer its health path: ${serving.health?.seen ?? "not asked"}. ` +
        `Next: docker logs --tail 30 ${containers}${active}; if it does not run: docker start ${containers}${active}; ` +
        `or move the public: pulumi config set activeColor <the other color> && pulumi up`,
    );
  }
}
