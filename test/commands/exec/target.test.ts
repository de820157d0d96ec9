import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Asked, type Choosing, targetOf } from "../../../commands/exec/target";
import { CantTellError, Refusal, type Stop } from "../../../commands/outcome";
import { commandsFor } from "../../../commands/typed";
import type { ServiceId } from "../../../stacks/service/names";
import type { StackContainer, StackPart } from "../../../stacks/service/parts";
import { stubDocker } from "../../stacks/engine/docker.stub";

const one = (name: string, part: StackPart, Status = "running", service?: string): StackContainer => ({
  ...{ id: name, name, part, ...(service !== undefined && { service }) },
  state: { Running: Status === "running", Status, StartedAt: "", ExitCode: 0, OOMKilled: false },
});

const ALL = [
  one("blue", { role: "slot", color: "blue", replica: 1 }, "exited"),
  one("blue-2", { role: "slot", color: "blue", replica: 2 }),
  one("green", { role: "slot", color: "green", replica: 1 }, "paused"),
  one("blue-mail", { role: "worker", name: "mail", color: "blue", replica: 1 }),
  one("green-mail", { role: "worker", name: "mail", color: "green", replica: 1 }),
  one("db", { role: "accessory", name: "db" }),
  one("proxy", { role: "proxy" }),
];

const GENERATION = "37a29a8e711eceac";

const says = (live: string) => (live === "" ? "" : `answer ${GENERATION} ${live}\nfile ${GENERATION} ${live}\n`);

const from = (more: Partial<Choosing> & { live?: string } = {}): Choosing => {
  const { live = "blue", ...others } = more;
  return {
    docker: stubDocker({ ask: async () => says(live) }),
    owner: { project: "p", stack: "dev" } as ServiceId,
    containers: ALL,
    commands: commandsFor(undefined, undefined),
    again: (options, service) => commandsFor(undefined, undefined, service).exec(options, ["ls", "-l"]),
    ...others,
  };
};

const chosen = async (asked: Partial<Asked> = {}, more?: Parameters<typeof from>[0]) =>
  (await targetOf(from(more), { isNew: false, ...asked })).name;

async function stopped(
  asked: Partial<Asked>,
  more?: Parameters<typeof from>[0],
): Promise<Stop & { commands: string[] }> {
  try {
    await targetOf(from(more), { isNew: false, ...asked });
  } catch (error) {
    assert.ok(error instanceof CantTellError || error instanceof Refusal);
    const commands = error.next.map((next) => (typeof next === "string" ? next : next.command));
    return Object.assign(error, { commands });
  }
  return assert.fail("it was not stopped");
}

describe("where a command runs", () => {
  test("in the first container of the live color that runs, or in the one that is named", async () => {
    assert.equal(await chosen(), "blue-2");
    assert.equal(await chosen({ worker: "mail" }), "blue-mail");
    assert.equal(await chosen({ worker: "mail" }, { live: "green" }), "green-mail");
    assert.equal(await chosen({ worker: "mail", color: "green" }), "green-mail");
    const unasked = { docker: stubDocker({}) };
    assert.equal(await chosen({ accessory: "db" }, unasked), "db", "for which the proxy is not asked");
    assert.equal(await chosen({ color: "blue" }, unasked), "blue-2");
  });

  test("in one that does not run no command runs, but a new one may be like it", async () => {
    const error = await stopped({ color: "green" });
    assert.equal(error.message, "green does not run: green is paused");
    assert.deepEqual(error.commands, ["docker unpause green", "npm run exec -- --new -- ls -l"]);
    assert.equal(await chosen({ color: "green", isNew: true }), "green");
  });

  test("what is not there is named, with what there is", async () => {
    assert.match((await stopped({ worker: "x" })).message, /^There is no worker "x" in blue; it has mail$/);
    assert.match((await stopped({ accessory: "x" })).message, /^There is no accessory "x" in this stack; it has db$/);
    const { message } = await stopped({ color: "green" }, { containers: ALL.slice(0, 2) });
    assert.equal(message, "green has no container");
  });

  test("where the live color can't be told, it has to be named", async () => {
    const silent = stubDocker({ ask: async () => Promise.reject(new Error("no such container")) });
    const error = await stopped({}, { docker: silent });
    assert.match(error.message, /^Which color is live\? The proxy can't be asked: no such container$/);
    assert.deepEqual(error.commands, ["npm run exec -- --color blue -- ls -l"]);
    assert.match((await stopped({}, { live: "" })).message, /^Which color\? Nobody is served yet$/);
  });

  test("of several services one has to be named, but for what is the stack's own", async () => {
    const containers = [
      one("shop-blue", { role: "slot", color: "blue", replica: 1 }, "running", "shop"),
      one("api-blue", { role: "slot", color: "blue", replica: 1 }, "running", "api"),
      one("db", { role: "accessory", name: "db" }),
      one("shop-cache", { role: "accessory", name: "cache" }, "running", "shop"),
    ];
    const error = await stopped({ color: "blue" }, { containers });
    assert.equal(error.message, "This stack has several services: which one?");
    assert.deepEqual(error.commands, [
      "npm run exec -- --service shop -- ls -l",
      "npm run exec -- --service api -- ls -l",
    ]);
    assert.equal(await chosen({ accessory: "db" }, { containers }), "db");
    assert.match((await stopped({ accessory: "cache" }, { containers })).message, /^This stack has several services/);
    const owner = { project: "p", stack: "dev", service: "shop" };
    assert.equal(await chosen({ accessory: "cache" }, { containers: containers.slice(3), owner }), "shop-cache");
  });

  test("options that name two containers are refused", async () => {
    assert.match((await stopped({ worker: "a", accessory: "b" })).message, /^--worker and --accessory name two/);
    assert.match((await stopped({ color: "blue", accessory: "b" })).message, /^--color says nothing of an accessory/);
  });
});
