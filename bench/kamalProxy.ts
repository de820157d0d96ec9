import { join } from "node:path";
import { command, docker } from "./command";
import { defaults } from "./cutover";
import { type Contender, INSIDE_PORT, type Missing, type Place, placed } from "./place";

const NAME = "kamal-proxy";

/** How often its first deploy is tried while it starts. */
const TRIES = 50;
const TRY_EVERY_MILLISECONDS = 100;

/** kamal-proxy, switched by `kamal-proxy deploy`. It has no settings for keep-alive. */
export async function kamalProxy(place: Place, port: number): Promise<Contender | Missing> {
  const hasGo = await command("go", ["version"]).then(
    () => true,
    () => false,
  );
  if (!hasGo) return { name: NAME, missing: "there is no Go on this machine to build it" };
  const build = join(__dirname, "kamal-proxy", "build");
  const executable = (await command(build, [])).trim();

  const flags = [...placed(place, "kamal-proxy", port), "--entrypoint", "kamal-proxy"];
  const id = (await docker("create", ...flags, place.nginxImage, "run", "--http-port", String(INSIDE_PORT))).trim();
  await docker("cp", executable, `${id}:/usr/local/bin/kamal-proxy`);
  await docker("start", id);

  const switchTo = (color: string) =>
    docker(
      ...["exec", id, "kamal-proxy", "deploy", "bench", "--target", `${color}:${defaults.appPort}`],
      ...["--health-check-path", defaults.healthPath],
    );
  for (let tries = 1; ; tries++) {
    try {
      await switchTo("blue");
      break;
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MILLISECONDS));
    }
  }
  const module = await command("go", [
    "list",
    "-C",
    join(__dirname, "kamal-proxy"),
    "-m",
    "github.com/basecamp/kamal-proxy",
  ]);
  return {
    name: NAME,
    log: "JSON line per request, to standard output (its default)",
    version: `kamal-proxy ${module.trim().split(" v")[1]}`,
    port,
    switchTo,
  };
}
