import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
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

const golden = readFileSync(join(__dirname, "..", "nginx.conf.golden"), "utf8");

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
