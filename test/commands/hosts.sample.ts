import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { Project } from "./standIn";

/** The file of a stack on three hosts, of which `a` is on the stack's own engine. */
export const THREE_HOSTS =
  "config:\n  blue-green:activeColor: blue\n" +
  "  blue-green:hosts:\n    a: own\n    b: ssh://b.example\n    c: tcp://c.example:1\n";

/** Has `docker` work in the folder `b` or `c` for the engine of that host, or fail where there is a file `away` in it. */
const BY_HOST = `case "$DOCKER_HOST" in ssh://b.example) cd b ;; tcp://c.example:1) cd c ;; esac
[ ! -e away ] || { printf 'no \\342\\200\\256route\\n' >&2; exit 1; }
`;

/** A project whose stack has three hosts: what the engines of `b` and `c` have and keep is in the folders of that name. */
export function onThreeHosts(t: TestContext, command: string, containers: unknown[], script: string): Project {
  const made = new Project(t, command, containers, script, THREE_HOSTS, BY_HOST);
  for (const host of ["b", "c"]) {
    mkdirSync(made.file(host));
    copyFileSync(made.file("containers"), made.file(host, "containers"));
  }
  return made;
}

/** From now on the engine of a host does not answer; the empty name is `a`. */
export const takeAway = (made: Project, host: string): void => writeFileSync(made.file(host, "away"), "");
