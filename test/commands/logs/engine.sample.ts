import { writeFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { container, Project, proxy, slot } from "../standIn";

/** The engine keeps each container's log in a file `log-<part>`; one that is followed goes on in `follow-<part>`. */
export const ENGINE = `
for id; do :; done
part=\${id#id-of-blue-green-dev-}
case "$1 $2 $*" in
"container logs "*--follow*)
    : >>"follow-$part"
    tail -n +1 -s 0.02 -f --pid=$$ "follow-$part" &
    while [ ! -e "end-$part" ]; do sleep 0.02; done
    kill $! ;;
"container logs "*)
    [ -e "log-$part" ] || { echo "Error response from daemon: configured logging driver does not support reading" >&2; exit 1; }
    cat "log-$part" ;;
"events "*) : >>happened; exec tail -n +1 -s 0.02 -f --pid=$$ happened ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac`;

const CONTAINERS = [
  slot("blue"),
  slot("blue", 2),
  slot("green"),
  proxy(),
  container("blue-worker-mail", { role: "worker", worker: "mail", color: "blue", replica: "1" }),
  container("accessory-db", { role: "accessory", accessory: "db" }),
];

/** A line of a log, as the engine hands it over. */
export const at = (second: number, text: string) =>
  `2026-11-24T03:12:${String(second).padStart(2, "0")}.000000000Z ${text}\n`;

/** A project whose containers have these logs; the others have written nothing. */
export function project(t: TestContext, logs: Record<string, string>, containers: unknown[] = CONTAINERS): Project {
  const made = new Project(t, "logs", containers, ENGINE);
  for (const part of ["blue", "blue-2", "green", "proxy", "blue-worker-mail", "accessory-db"])
    writeFileSync(made.file(`log-${part}`), logs[part] ?? "");
  return made;
}
