import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lastWordsIn, pastIn, readPast } from "../../../commands/status/past";
import { dockerAt } from "../../../stacks/engine/docker";
import { isLooping } from "../../../stacks/service/health";
import { slot, state } from "./facts.sample";

const NOW = Date.parse("2026-11-28T20:15:00Z") / 1000;

/** An event as the engine prints it. */
const event = (Action: string, ID: unknown, Attributes: object = {}, before = 1) =>
  JSON.stringify({ Type: "container", Action, Actor: { ID, Attributes }, timeNano: (NOW - before) * 1e9 });

describe("what happened to a container", () => {
  test("kills for want of memory and exit codes are counted for each container", () => {
    const past = pastIn([event("oom", "a", {}, 9), event("oom", "a", {}, 3), event("die", "b", { exitCode: "137" })]);
    assert.deepEqual(past.get("a"), { kills: 2, lastKill: (NOW - 3) * 1000 });
    assert.deepEqual(past.get("b"), { kills: 0, exitCode: 137 });
    const hostile = ["", "{", "null", "[]", '{"Action":"oom"}', event("oom", 7), event("oom", "__proto__")];
    assert.equal(pastIn([...hostile, event("die", "c", { exitCode: "\u001b[2J" })]).get("c")?.exitCode, undefined);
    assert.equal(({} as { kills?: number }).kills, undefined);
  });

  test("the last words are the line that speaks of an error, of before it ended, in the order of time", () => {
    const at = (second: number, text: string) => `2026-11-28T20:14:${String(second).padStart(2, "0")}.5Z ${text}`;
    const until = Date.parse("2026-11-28T20:14:30Z");
    const node = [
      "throw new Error('boom')",
      "^",
      "",
      "Error: no database",
      "    at x (/app/x.js:1:1)",
      "",
      "Node.js v24.1.0",
    ];
    const log = [at(40, "started, no errors"), ...node.map((text, second) => at(second, text))].join("\n");
    assert.equal(lastWordsIn(log, until), "Error: no database");
    assert.equal(lastWordsIn([at(2, "two"), at(1, "one")].join("\n"), until), "two");
    assert.equal(
      lastWordsIn([at(2, "two"), at(50, "later")].join("\n"), Number.NaN),
      "later",
      "it never says when it ended",
    );
    for (const empty of ["", "\n\n", "no time"])
      assert.equal(lastWordsIn(empty, until), undefined, JSON.stringify(empty));
  });

  test("a container loops that is about to be started again, or was started twice or more and lately", () => {
    const lately = state({ StartedAt: "2026-11-28T20:14:00Z" });
    const long = state({ StartedAt: "2026-11-28T19:14:00Z" });
    const loops = (container: Parameters<typeof slot>[1]) => isLooping(slot("blue", container), NOW);
    assert.deepEqual(
      [
        { state: lately, restarts: 2 },
        { state: lately, restarts: 1 },
        { state: long, restarts: 50 },
      ].map(loops),
      [true, false, false],
    );
    assert.equal(loops({ state: state({ Status: "restarting" }), restarts: 1 }), true);
    assert.equal(loops({ state: state({ Running: false, Status: "exited" }), restarts: 7 }), false);
  });

  test("what the engine does not tell, or not in time, is left out", async () => {
    const looping = slot("blue", { restarts: 3, state: state({ StartedAt: "2026-11-28T20:14:00Z" }) });
    const asked: string[] = [];
    const docker = {
      ...dockerAt(undefined),
      run: async (args: string[]) => {
        asked.push(args[0] ?? "");
        throw new Error("no answer");
      },
    };
    assert.deepEqual(await readPast(docker, [looping, slot("green")], NOW), new Map());
    assert.deepEqual(asked.sort(), ["container", "events"]);
    assert.deepEqual(await readPast(docker, [], NOW), new Map());
  });
});
