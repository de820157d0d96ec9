import { type Docker, DockerError } from "../stacks/engine/docker";

/**
 * Where there are several hosts, one that is not heard of for so long is given up, in whatever step it is. A network that is cut for half
 * of that time is not noticed.
 */
export const SILENT_SECONDS = 10;

/** What is said of a host that was given up. */
export const SILENT = `it did not answer for ${SILENT_SECONDS} s`;

/** The same engine. A question that it is asked when it is given up ends then, and not with the time that it has; later ones are asked. */
export function untilSilent(docker: Docker, silence: AbortSignal): Docker {
  const heard = <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    if (silence.aborted) return answer;
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(new DockerError(SILENT));
      silence.addEventListener("abort", giveUp, { once: true });
      const settled = () => silence.removeEventListener("abort", giveUp);
      answer.then(resolve, reject).finally(settled);
    });
  };
  return {
    ...docker,
    ask: (...args) => heard(docker.ask(...args)),
    run: (args, options) => heard(docker.run(args, options)),
    log: (container, lines) => heard(docker.log(container, lines)),
  };
}
