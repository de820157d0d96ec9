import type { Color } from "./color";
import type { Docker } from "./docker";
import { Refusal } from "./refusal";

/** How long the proxy may take to say which color it serves. */
const ANSWER_SECONDS = 5;

/** What {@link confirmLive} compares. */
export interface Expected {
  proxyId: string;
  active: Color;
  /** The resource that is done again where the two differ. */
  cutoverUrn: string;
}

/**
 * Makes sure, at the end of a run, that the proxy serves the active color: exit code 0 must not be said otherwise. Pulumi compares
 * with its own state alone, and an interrupted run may have moved the public without having written it down.
 *
 * @throws Refusal that names what is live and the command that mends it.
 */
export async function confirmLive(docker: Docker, { proxyId, active, cutoverUrn }: Expected): Promise<void> {
  const question = ["curl", "--silent", "--max-time", String(ANSWER_SECONDS), "http://127.0.0.1:8081/generation"];
  const answer = await docker.ask("exec", proxyId, ...question).catch((error: { stderr?: string }) => {
    throw new Refusal(
      `The proxy does not say which color it serves: ${(error.stderr || String(error)).trim()}. Next: pulumi up --refresh`,
    );
  });
  const [, live] = answer.trim().split(" ");
  if (live !== active) {
    throw new Refusal(
      `The proxy serves ${live}, although activeColor is ${active} and Pulumi's state says the same: an earlier run was ` +
        `interrupted, or somebody changed the proxy by hand. Next: pulumi up --replace '${cutoverUrn}'`,
    );
  }
}
