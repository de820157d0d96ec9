import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Docker } from "../../stacks/engine/docker";
import { shell } from "../../stacks/engine/scripts";
import { printableMessage } from "../../stacks/text/plain";
import { SignalRelay } from "./signals";

/** The variable that tells the command's processes from the container's own. */
const MARK = "BLUE_GREEN_EXEC";

/** So often a signal is tried: the command may just be beginning. */
const TRIES = 5;
const TRY_MILLISECONDS = 200;

/** The exit code of nginx/signal.sh where no process was found. */
const NOBODY = 1;

/**
 * Runs a command in a container that runs, on this process's own standard input and output.
 *
 * @returns its exit code.
 */
export function runIn(
  docker: Docker,
  container: { id: string; name: string },
  words: readonly string[],
  isTerminal: boolean,
): Promise<number> {
  const mark = `${MARK}=${randomBytes(8).toString("hex")}`;
  const relay = new SignalRelay();
  const terminal = isTerminal ? ["--tty"] : [];
  const client = docker.attach(
    ["exec", "--interactive", ...terminal, "--env", mark, container.id, ...words],
    isTerminal,
  );
  return relay.attend({
    ended: client.ended,
    pass: async (signal) => {
      if (await passOn(docker, container.id, mark, signal)) return;
      const left = `${words[0]} may go on in ${container.name}: the signal could not be passed on there`;
      console.error(printableMessage(left));
      client.end(signal);
    },
    leave: () => client.end("SIGKILL"),
  });
}

/** Sends a signal to what was begun in a container with a mark; reports whether anything got it. */
async function passOn(docker: Docker, id: string, mark: string, signal: NodeJS.Signals): Promise<boolean> {
  const script = shell("signal", mark, signal.replace(/^SIG/, ""));
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const ended = await docker.run(["exec", id, ...script]).catch(() => undefined);
    if (ended?.code !== NOBODY) return ended?.code === 0;
    await sleep(TRY_MILLISECONDS);
  }
  return false;
}
