import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CUTOVER_SCRIPT } from "../../cutover/proxy";
import { PROXY_DIRECTORY } from "../../stacks/service/names";
import { generationOf } from "../../stacks/service/serving";
import { baseImages } from "./stack";

/** What nginx itself says of a configuration, on the image that the proxy runs. */
function nginxTest(configuration: string): { status: number | null; words: string } {
  const script = "mkdir -p /var/lib/blue-green/tmp && cat >/tmp/nginx.conf && exec nginx -t -c /tmp/nginx.conf";
  const args = ["run", "--rm", "--interactive", "--network", "none", "--entrypoint", "/bin/sh"];
  const { status, stderr, error } = spawnSync("docker", [...args, baseImages().nginxImage ?? "", "-c", script], {
    input: configuration,
    encoding: "utf8",
    timeout: 60_000,
  });
  if (error) throw error;
  return { status, words: stderr };
}

const golden = readFileSync(join(__dirname, "..", "stacks", "proxy", "nginx.conf.golden"), "utf8");

test("nginx itself accepts the golden configuration, without a warning", () => {
  const { status, words } = nginxTest(golden);
  assert.equal(status, 0, words);
  assert.doesNotMatch(words, /\[(warn|emerg|alert|error|crit)\]/);
});

test("nginx itself refuses a broken one, so that the test above can fail", () => {
  const { status, words } = nginxTest(golden.replace("keepalive_min_timeout", "keepalive_minimum"));
  assert.equal(status, 1);
  assert.match(words, /unknown directive "keepalive_minimum"/);
});

/** What nginx serves: a color that answers the public with this status, and is well when it is asked itself: nobody is passed on. */
const configurationOf = (color: string, status = 200) => `
worker_processes 1;
events {}
http {
    map "" $active {
        default ${color};
    }
    resolver 127.0.0.1;
    upstream ${color} {
        zone ${color} 64k;
        server ${color}:5000 resolve;
    }
    server {
        listen 127.0.0.1:8081;
        location = /generation {
            return 200 "@GENERATION@ $active\\n";
        }
        location = /${color} {
            return 200;
            proxy_pass http://${color}/;
        }
    }
    server {
        listen 127.0.0.1:5000;
        return 200;
    }
    server {
        listen 127.0.0.1:8080;
        add_header X-Color $active always;
        add_header X-Generation @GENERATION@ always;
        return ${status};
    }
}
`;

/** nginx in a container of its own, with a curl that takes so many seconds longer for addresses with this in them. */
function nginxAlone(t: TestContext, slow: string, seconds: number) {
  const docker = (args: string[], input = "") => {
    const { status, stdout, stderr, error } = spawnSync("docker", args, { input, encoding: "utf8", timeout: 120_000 });
    if (error) throw error;
    return { status, stdout, stderr };
  };
  const shim = `case "$*" in *${slow}*) sleep ${seconds} ;; esac; exec /usr/bin/curl "$@"`;
  const start =
    `printf '%s\\n' '#!/bin/sh' '${shim}' >/usr/local/bin/curl && chmod +x /usr/local/bin/curl; d=/var/lib/blue-green; mkdir -p $d; ` +
    `until [ -s $d/nginx.conf ]; do sleep 0.05; done; exec nginx -g 'daemon off;' -c $d/nginx.conf`;
  const hosts = ["--add-host", "blue:127.0.0.1", "--add-host", "green:127.0.0.1"];
  const entry = ["--entrypoint", "/bin/sh", baseImages().nginxImage ?? "", "-c", start];
  const id = docker(["run", "--detach", "--network", "none", ...hosts, ...entry]).stdout.trim();
  t.after(() => docker(["rm", "--force", id]));
  const cutover = (variables: string[], configuration?: string) =>
    docker(["exec", "-i", ...variables.flatMap((one) => ["-e", one]), id, "sh", "-c", CUTOVER_SCRIPT], configuration);
  const how = ["STEP=move", "ANSWER_SECONDS=10", "VERIFY_REQUESTS=8", "KEEP_PREVIOUS=false", "RELOAD=false"];
  return {
    move: (configuration: string) => cutover(how, configuration),
    back: (wanted: string) => cutover(["STEP=back", `WANTED=${wanted}`]),
    inside: (script: string) => docker(["exec", id, "sh", "-c", `cd ${PROXY_DIRECTORY} && ${script}`]),
  };
}

test("on a machine on which asking takes longer than a machine at rest is given, a switch whose answers are right stands", (t) => {
  const { move } = nginxAlone(t, ":8080", 7);
  assert.equal(move(configurationOf("blue")).status, 0);
  const { status, stdout, stderr } = move(configurationOf("green"));
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^the public meets the new configuration, \d+ ms after the reload\ngreen is live: it answers every/,
  );
});

test("a switch with wrong answers is taken back, is never called live, and had longer where the machine is slow", (t) => {
  const { move } = nginxAlone(t, "/generation", 0.2);
  assert.equal(move(configurationOf("blue")).status, 0);
  const { status, stdout, stderr } = move(configurationOf("green", 500));
  assert.notEqual(status, 0);
  const seconds = Number(/did not get 200-299 from green within (\d+) s/.exec(stderr)?.[1]);
  assert.ok(seconds >= 9 && seconds <= 60, stderr);
  assert.match(stdout, /^the public meets the new configuration, \d+ ms after the reload\n$/);
  assert.match(move(configurationOf("blue")).stdout, /blue is live already/);
});

test("a configuration that nginx would not load again is none to go back to, also where a move was killed before it knew", (t) => {
  const { move, back, inside } = nginxAlone(t, "/nobody", 0);
  const [blue, green] = [configurationOf("blue"), configurationOf("green")];
  const kept = () => inside("grep -h '^ *default [a-z]*;' nginx.conf.previous").stdout.trim();
  for (const configuration of [blue, green]) assert.equal(move(configuration).status, 0);
  assert.equal(kept(), "default blue;");

  // By hand, while it serves: it still names what it serves.
  inside("echo spoilt >>nginx.conf");
  assert.equal(move(blue).status, 0);
  assert.deepEqual([kept(), inside("ls").stdout.includes("nginx.conf.previous")], ["", false]);

  inside("{ sed 's/default blue;/default green;/' nginx.conf; echo spoilt; } >nginx.conf.previous");
  const { status, stderr } = back(`${generationOf(blue)} green`);
  assert.equal(status, 1);
  assert.match(stderr, /unexpected end of file|unknown directive "spoilt"/);
  assert.match(stderr, /^nginx refuses the configuration of before \([0-9a-f]{16} green\)\.$/m);
  assert.match(move(blue).stdout, /blue is live already/, "it was not put in place");
});
