import { type Docker, isGone } from "./engine/docker";
import { Refusal } from "./refusal";
import type { Color } from "./service/color";
import { dockerProblem } from "./service/health";
import { PROXY_DIRECTORY } from "./service/names";
import { colorHealth, HEALTH_SECONDS, readServing, writeDeclared } from "./service/serving";
import type { Inspected, SlotContainer, World } from "./service/world";
import { hide } from "./text/hide";

/** What {@link confirmLive} compares. */
export interface LiveExpectation {
  proxyId: string;
  active: Color;
  /** The generation of the configuration that Pulumi's state holds by now. */
  generation: string;
  /** How the names of the stack's containers begin, for messages. */
  containers: string;
  /** The live color's containers where each of them was unhealthy when the run began (see {@link illLive}). */
  ill?: readonly SlotContainer[];
}

/**
 * The containers of a color that was live when the run began and stays live, where its image's own health check called each of them
 * unhealthy: only then are they asked for again at the end of the run. A way back to such a color is not held up by that.
 */
export function illLive({ serving, slots }: World, active: Color): readonly SlotContainer[] {
  const containers = slots[active];
  const ill = containers.every(({ state }) => state.Running && state.Health?.Status === "unhealthy");
  return serving?.color === active && ill ? containers : [];
}

/** What is wrong with the first of these containers, where Docker calls none of them well; undefined otherwise. */
async function stillIll(docker: Docker, containers: readonly SlotContainer[]): Promise<string | undefined> {
  if (containers.length === 0) return undefined;
  const now: Inspected[] = JSON.parse(await docker.ask("container", "inspect", ...containers.map(({ id }) => id)));
  const seen = now.map(({ State }) => State && dockerProblem(State));
  const [first] = seen;
  if (first === undefined || seen.includes(undefined)) return undefined;
  const secrets = containers.flatMap(({ made, environment }) =>
    (made.secretEnvironment ?? []).map((name) => environment[name] ?? ""),
  );
  return hide(secrets, `${containers[0]?.name} ${first}`);
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
export async function confirmLive(
  docker: Docker,
  expected: LiveExpectation,
  warn: (line: string) => unknown,
): Promise<void> {
  const { proxyId, active, generation, containers } = expected;
  const serving = await readServing(docker, proxyId, { healthSeconds: HEALTH_SECONDS }).catch((error: Error) => {
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
  const health = colorHealth(serving.health, active);
  if (health?.well !== true) {
    throw new Refusal(
      `${active} is live, but does not answer its health path: ${health?.seen ?? "not asked"}. ` +
        `Next: docker logs --tail 30 ${containers}${active}; if it does not run: docker start ${containers}${active}; ` +
        `or move the public: pulumi config set activeColor <the other color> && pulumi up`,
    );
  }
  const ill = await stillIll(docker, expected.ill ?? []).catch(() => undefined);
  if (ill !== undefined) {
    throw new Refusal(
      `${active} is live and answers through nginx, but it is not well: the container ${ill}. The public stays on it. ` +
        `Next: docker logs --tail 30 ${containers}${active}; then put a mended release on the other color and ` +
        "move the public there: pulumi up",
    );
  }
}
