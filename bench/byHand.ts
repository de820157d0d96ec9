import type { Color } from "../stacks/service/color";
import { PROXY_DIRECTORY } from "../stacks/service/names";
import { command, docker } from "./command";
import { configurationFor, nginxVersion } from "./cutover";
import { type Contender, type Place, twin } from "./place";

const FILE = `${PROXY_DIRECTORY}/nginx.conf`;

/** What people do by hand: edit the file, `nginx -s reload`. The same configuration, but for the setting that makes reloads harmless. */
export async function byHand(place: Place, port: number): Promise<Contender> {
  const id = await twin(place, "by-hand", port);
  const configuration = configurationFor("blue").replace(/^ *keepalive_min_timeout .*\n/m, "");
  // nginx starts as soon as the file is there, so it has to be there as a whole.
  const write = `mkdir -p ${PROXY_DIRECTORY}/tmp && cat >${FILE}.next && mv ${FILE}.next ${FILE}`;
  await command("docker", ["exec", "--interactive", id, "sh", "-c", write], { input: configuration });
  return {
    name: "nginx, reload by hand",
    id,
    log: "the same as this cutover's",
    version: await nginxVersion(id),
    port,
    switchTo: (color: Color) =>
      docker(
        ...["exec", id, "sh", "-c"],
        `sed -i 's/default \\(blue\\|green\\);/default ${color};/' ${FILE} && nginx -c ${FILE} -s reload`,
      ),
  };
}
