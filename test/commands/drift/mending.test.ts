import assert from "node:assert/strict";
import { test } from "node:test";
import { blockedBy, commandsOf, mendingOf, upFlags } from "../../../commands/drift/mending";
import type { Mend, Row } from "../../../commands/drift/row";
import { commandsFor } from "../../../commands/typed";

const commands = commandsFor(undefined, undefined);
const row = (resource: string, mend: Mend): Row => ({ resource, what: "w", declared: "d", runs: "r", mend });
const replace = row("green", { by: "replace", urn: "urn::a$b", remove: "c".repeat(64) });
const tag = row("image green", { by: "docker", args: ["tag", "sha256:1", "-x;$(id)"] });
const start = row("green", { by: "docker", args: ["start", "green"], start: "g" });
const hand = row("blue", { by: "hand", why: "live", command: { activate: "green" } });

test("all is mended by one `up`, and by docker what no `up` mends", () => {
  const mending = mendingOf(
    [tag, replace, row("nginx", { by: "up" }), row("state", { by: "refresh" }), hand],
    commands,
    undefined,
  );
  assert.deepEqual(mending.up, { replace: ["urn::a$b"], refresh: true });
  assert.deepEqual(upFlags(mending.up ?? { replace: [], refresh: false }), ["--replace", "urn::a$b", "--refresh"]);
  assert.deepEqual(commandsOf(mending, commands), [
    "docker tag sha256:1 -- '-x;$(id)'",
    "docker stop cccccccccccc",
    "docker rm cccccccccccc",
    "pulumi up --replace 'urn::a$b' --refresh",
  ]);
  assert.deepEqual(mending.left, [
    { rows: [hand], why: "live", command: "pulumi config set activeColor green && pulumi up" },
  ]);
});

test("what is made anew is not started before", () => {
  assert.deepEqual(mendingOf([start, replace], commands, undefined).docker, []);
  assert.deepEqual(mendingOf([start], commands, undefined).starts, ["g"]);
  const blocked = { why: "a switch", command: "pulumi up" };
  assert.deepEqual(mendingOf([start, replace], commands, blocked).docker, [["start", "green"]]);
});

test("where an `up` would do something else, none is run", () => {
  const blocked = { why: "a switch", command: "pulumi up" };
  const mending = mendingOf([replace, row("nginx", { by: "up" }), tag], commands, blocked);
  assert.deepEqual([mending.up, mending.remove, mending.docker.length], [undefined, [], 1]);
  assert.deepEqual(
    mending.left.map(({ why, command, rows }) => [why, command, rows.length]),
    [["a switch", "pulumi up", 2]],
  );
});

test("a pending switch and refused settings are no drift that --fix mends", () => {
  assert.equal(blockedBy("blue", "blue", undefined, commands), undefined);
  assert.equal(blockedBy(undefined, "blue", undefined, commands), undefined);
  assert.deepEqual(blockedBy("green", "blue", undefined, commandsFor("prod", undefined)), {
    why: "activeColor is green, and blue was the last one that was switched to: any `pulumi up` would switch, which --fix does not",
    command: "pulumi up --stack prod",
  });
  assert.deepEqual(blockedBy("blue", "blue", "no", commands), {
    why: "pulumi preview refuses the settings: first mend what it says",
    command: "pulumi preview",
  });
});
