import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Step } from "../../../commands/preview/events";
import { requestsOf } from "../../../commands/preview/requests";
import { inTerminal } from "../../../commands/preview/text";
import type { Decision } from "../../../stacks/service/decision";
import { LABEL } from "../../../stacks/service/names";
import { container, cutover, decision, other } from "./said.sample";

function requests(steps: Step[], change: Partial<Decision> = {}): [string, string] {
  const { verdict, says } = requestsOf(decision(change), steps);
  return [verdict, inTerminal(says)];
}

const lost = (why: string) => ["dropped", `the public gets no answer for some seconds: ${why}`];

const KEEPS = "and blue keeps its containers";

const RELOADS = ["none", `none is dropped: nginx stays up and takes its new configuration while it serves, ${KEEPS}`];

const AS_IT_IS = ["none", `none is dropped: nginx and its configuration stay as they are, ${KEEPS}`];

describe("whether a run drops requests", () => {
  test("nothing drops where the proxy and live's containers are left alone", () => {
    assert.deepEqual(requests([]), AS_IT_IS);
    assert.deepEqual(requests([container("green", "replace"), other("remoteImage:RemoteImage", "replace")]), AS_IT_IS);
    assert.deepEqual(requests([cutover()]), RELOADS);
    assert.deepEqual(requests([cutover(), container("green", "replace")], { active: "green" }), RELOADS);
    assert.deepEqual(requests([container("blue-2", "create"), cutover()]), RELOADS);
  });

  test("what is gone takes nothing away when it is made again, of the live color too", () => {
    for (const name of ["blue", "blue-2", "green"])
      assert.deepEqual(requests([container(name, "replace", { differs: ["waitTimeout"] }), cutover()]), RELOADS);
  });

  test("no request comes to a worker, a job or what watches both colors, whatever is done to its container", () => {
    for (const role of ["worker", "job"]) {
      const inputs = { name: "x", labels: [{ label: LABEL.role, value: role }] };
      for (const color of ["blue", "green"])
        for (const op of ["replace", "delete", "update"] as const)
          assert.deepEqual(requests([container(`${color}-${role}-x`, op, { old: inputs, new: inputs })]), AS_IT_IS);
      assert.deepEqual(requests([container("blue-job-x", "delete", { old: inputs, new: {} })]), AS_IT_IS);
    }
    const watches = { name: "x", labels: [{ label: LABEL.role, value: "monitoring" }] };
    for (const op of ["replace", "delete"] as const)
      assert.deepEqual(requests([container("monitoring-metrics", op, { old: watches, new: watches })]), AS_IT_IS);
    const db = { name: "db", labels: [{ label: LABEL.role, value: "accessory" }] };
    assert.equal(requests([container("accessory-db", "replace", { old: db, new: db })])[0], "dropped");
  });

  test("in maintenance everybody gets 503, whatever else the run does; at its beginning that is what drops", () => {
    const maintenance = (before: boolean, after: boolean) => ({ maintenance: { before, after } });
    assert.deepEqual(requests([cutover()], maintenance(true, true)), [
      "none",
      "everybody but testers gets 503 while maintenance is on; this run drops none besides",
    ]);
    assert.deepEqual(requests([cutover()], maintenance(false, true)), [
      "dropped",
      "maintenance begins: everybody but testers gets 503 from this run on",
    ]);
    assert.deepEqual(requests([cutover()], maintenance(true, false)), [
      "none",
      "everybody but testers gets 503 until this run has ended maintenance",
    ]);
    assert.equal(requests([container("proxy", "replace")], maintenance(true, true))[0], "dropped");
  });

  test("whatever touches the proxy, live's containers or what they hang on is named", () => {
    const name = "blue-green-dev-";
    for (const [step, why] of [
      [container("proxy", "replace"), `the nginx container ${name}proxy is replaced`],
      [container("proxy", "delete"), `the nginx container ${name}proxy is deleted`],
      [container("proxy", "update"), `the nginx container ${name}proxy is changed in place`],
      [container("blue", "replace"), `${name}blue, which is live, is replaced`],
      [container("blue-2", "replace"), `${name}blue-2, which is live, is replaced`],
      [container("blue", "delete"), `${name}blue, which is live, is deleted`],
      [container("blue", "update"), `${name}blue, which is live, is changed in place`],
      [container("else", "replace"), `${name}else is replaced, and is neither color's`],
      [container("blueish", "delete"), `${name}blueish is deleted, and is neither color's`],
      [other("network:Network", "replace"), "the network blue-green-dev is replaced, and the containers on it with it"],
      [other("volume:Volume", "delete"), "the volume blue-green-dev is deleted, and the containers on it with it"],
    ] as const) {
      assert.deepEqual(requests([step, cutover()]), lost(why));
    }
    assert.deepEqual(
      requests([container("proxy", "replace"), container("blue", "replace")]),
      lost(`the nginx container ${name}proxy is replaced; ${name}blue, which is live, is replaced`),
    );
  });

  test("a switch does not make live's container one that may go", () => {
    assert.deepEqual(
      requests([container("blue", "replace"), cutover()], { active: "green" }),
      lost("blue-green-dev-blue, which is live, is replaced"),
    );
  });

  test("live containers beyond `replicas` are drained by a cutover before they go, and only by one", () => {
    const change = {
      before: { blue: { version: "1", containers: 3, running: 3 } },
      after: { blue: { version: "1", containers: 2 }, green: { version: "1", containers: 2 } },
    };
    assert.deepEqual(requests([cutover(), container("blue-3", "delete")], change), RELOADS);
    assert.deepEqual(
      requests([container("blue-3", "delete")], change),
      lost("blue-green-dev-blue-3, which is live, is deleted"),
    );
    assert.deepEqual(
      requests([cutover(), container("blue-2", "delete")], change),
      lost("blue-green-dev-blue-2, which is live, is deleted"),
    );
  });

  test("a canary's visitors leave the idle color by a cutover before it is replaced, and only by one", () => {
    const change = { canaryPercent: { before: 5, after: 0 } };
    assert.deepEqual(requests([cutover(), container("green", "replace")], change), RELOADS);
    assert.deepEqual(
      requests([container("green", "replace")], change),
      lost("blue-green-dev-green, which has visitors as a canary, is replaced"),
    );
  });

  test("where nobody is served, none can be dropped", () => {
    const { live: _, ...nobody } = decision({ proxyRuns: false, before: {} });
    const { verdict, says } = requestsOf(nobody, [container("proxy", "create")]);
    assert.equal(verdict, "nobody");
    assert.equal(inTerminal(says), "nobody is served now (the proxy serves no color yet), so none can be dropped");
    assert.deepEqual(requests([], { proxyRuns: false }), [
      "nobody",
      "nobody is served now (the proxy does not run), so none can be dropped",
    ]);
  });

  test("errors that the public gets already are not called fine", () => {
    const before = { blue: { version: "1", containers: 1, running: 0 } };
    assert.deepEqual(requests([], { before }), [
      "none",
      "the public gets errors already, since no container of blue runs; this run drops none besides",
    ]);
    assert.equal(requests([container("proxy", "replace")], { before })[0], "dropped");
  });

  test("where what runs is unknown it can't be told, whatever the steps are", () => {
    for (const steps of [[], [cutover()], [container("proxy", "replace")]]) {
      assert.deepEqual(requests(steps, { unknown: "no answer within 20 s" }), [
        "unknown",
        "it can't be told whether any is dropped: no answer within 20 s",
      ]);
    }
  });
});
