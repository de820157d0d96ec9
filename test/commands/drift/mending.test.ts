import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blockedBy, commandsOf, mendingOf, upFlags } from "../../../commands/drift/mending";
import type { Step } from "../../../commands/drift/preview";
import type { Mend, Row } from "../../../commands/drift/row";
import { commandsFor } from "../../../commands/typed";
import { CONFIGURATION, compared, declared, declaredSlot, facts, OWNER, runningSlot, urnOf } from "./facts.sample";

const commands = (service?: string) => commandsFor(undefined, undefined, service);
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
  assert.deepEqual(commandsOf(mending, commands()), [
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

describe("what keeps --fix from any `pulumi up`", () => {
  const urn = urnOf("command:local:Command", "cutover");
  /** A pending cutover that makes a color active. */
  const pending = (color: string): Step => ({
    ...{ urn, type: "command:local:Command", op: "update", reasons: ["stdin"] },
    configuration: CONFIGURATION.replace("default blue", `default ${color}`),
  });

  test("nothing, where no switch is pending", () => {
    assert.equal(blockedBy(compared(), commands), undefined);
    assert.equal(blockedBy(compared(facts(), { pending: [pending("blue")] }), commands), undefined);
    const none = facts({ declared: { ...declared(), cutover: undefined as never } });
    assert.equal(blockedBy(compared(none, { pending: [pending("green")] }), commands), undefined);
  });

  test("a pending switch, of a service by name too", () => {
    const prod = (service?: string) => commandsFor("prod", undefined, service);
    assert.deepEqual(blockedBy(compared(facts(), { pending: [pending("green")] }), prod), {
      why: "activeColor is green, and blue was the last one that was switched to: any `pulumi up` would switch, which --fix does not",
      command: "pulumi up --stack prod",
    });
    const shop = facts({ owner: { ...OWNER, service: "shop" } });
    assert.match(
      blockedBy(compared(shop, { pending: [pending("green")] }), prod)?.why ?? "",
      /^activeColor of shop is green, and blue was/,
    );
  });

  test("a run that would take away what the public is served by", () => {
    const step = (type: string, name: string, op: string): Step => ({ urn: urnOf(type, name), type, op, reasons: [] });
    const container = (name: string, op: string) => step("docker:index/container:Container", name, op);
    const why = (...steps: Step[]) => blockedBy(compared(facts(), { pending: steps }), commands)?.why;
    assert.equal(
      why(container("blue", "delete")),
      "`pulumi up` would delete blue, which the public is served by: --fix does not",
    );
    for (const taken of [
      container("proxy", "replace"),
      container("blue", "replace"),
      { ...pending("blue"), op: "delete" },
      { ...step("docker:index/network:Network", "network", "delete"), urn: "network" },
      { ...step("docker:index/volume:Volume", "proxy", "replace"), urn: "volume" },
    ])
      assert.match(why(container("green", "replace"), taken) ?? "", /which the public is served by/, taken.urn);
    assert.equal(
      why(container("green", "replace"), container("blue", "update"), container("green-2", "delete")),
      undefined,
    );
  });

  test("a worker of the idle color, a job or what is gone serves nobody: the run that makes it is no danger", () => {
    const named = (role: "worker" | "job", color: "blue" | "green") => {
      const name = `${color}-${role}-x`;
      const urn = urnOf("docker:index/container:Container", name);
      return { ...declaredSlot(color), urn, id: `id-${name}`, name: `blue-green-dev-${name}`, role };
    };
    const blocked = (role: "worker" | "job", color: "blue" | "green", isThere: boolean) => {
      const [all, container] = [facts(), named(role, color)];
      const containers = [...all.declared.containers, container];
      const running = [...all.running.containers, ...(isThere ? [{ ...runningSlot(color), Id: container.id }] : [])];
      const given = {
        ...all,
        declared: { ...all.declared, containers },
        running: { ...all.running, containers: running },
      };
      const step = { urn: container.urn, type: "docker:index/container:Container", op: "replace", reasons: [] };
      return blockedBy(compared(given, { pending: [step] }), commands)?.why;
    };
    assert.match(blocked("worker", "blue", true) ?? "", /would replace blue-worker-x, which the public is served by/);
    assert.equal(blocked("worker", "blue", false), undefined);
    for (const isThere of [true, false]) {
      assert.equal(blocked("worker", "green", isThere), undefined);
      for (const color of ["blue", "green"] as const) assert.equal(blocked("job", color, isThere), undefined);
    }
  });

  test("what is pending of other services, where one was asked for", () => {
    const other: Row = { ...row("api-green", { by: "up" }), what: "not carried out yet", service: "api" };
    assert.match(
      blockedBy(compared(), commands, [row("api nginx", { by: "up" }), other])?.why ?? "",
      /first of all api-green/,
    );
    assert.equal(blockedBy(compared(), commands, [row("api nginx", { by: "up" })]), undefined);
  });

  test("settings that are refused", () => {
    assert.deepEqual(blockedBy(compared(facts(), { refused: "no" }), commands), {
      why: "pulumi preview refuses the settings: first mend what it says",
      command: "pulumi preview",
    });
  });
});
