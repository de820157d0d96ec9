import type { Docker } from "./docker";

/**
 * Seconds from the moment when the engine told a container to stop until now. The engine remembers its latest events, so that this
 * is known after the container is gone; undefined where it has forgotten.
 */
export async function secondsWithout(docker: Docker, containerId: string): Promise<number | undefined> {
  const now = Date.now();
  const events = await docker.ask(
    ...["events", "--since", "1h", "--until", String(Math.ceil(now / 1000)), "--filter", `container=${containerId}`],
    ...["--filter", "event=kill", "--filter", "event=die", "--format", "{{.TimeNano}}"],
  );
  const first = events.split("\n").find(Boolean);
  return first === undefined ? undefined : (now - Number(first) / 1e6) / 1000;
}
