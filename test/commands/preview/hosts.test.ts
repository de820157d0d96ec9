import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commentOf } from "../../../commands/preview/comment";
import type { Said, Step } from "../../../commands/preview/events";
import { screenOf } from "../../../commands/preview/screen";
import { summaryOf } from "../../../commands/preview/summary";
import type { Host } from "../../../stacks/service/hosts";
import { AGAIN } from "../../../stacks/service/missing";
import { container, cutover, decision, other, said, slotInputs } from "./said.sample";

const FINE = { code: 0, output: "" };
const B: Host = { name: "b", address: "ssh://b.example" };
const C: Host = { name: "c", address: "tcp://c.example:1" };
const HOSTS: Host[] = [{ name: "a" }, B, C];

const summary = (change: Partial<Said>, hosts = HOSTS) => summaryOf("prod", said(change), FINE, hosts);
const shown = (change: Partial<Said>, hosts = HOSTS): string => screenOf(summary(change, hosts), "");

/** The same step on another host: Pulumi's name says where, the engine's does not. */
const on = (host: string, step: Step): Step => {
  const part = step.urn.slice(step.urn.lastIndexOf("::") + 2).replace(/^blue-green-dev-?/, "") || "network";
  const above = "blue-green:index:Service$blue-green:index:Host$";
  return { ...step, urn: `urn:pulumi:dev::blue-green::${above}${step.type}::${host}-${part}` };
};

/** One step on each of the three hosts. */
const everywhere = (step: Step): Step[] => [step, on("b", step), on("c", step)];

const hostsVariable = (...hosts: Host[]) => JSON.stringify(hosts.map((host) => ({ ...host, proxy: "id" })));

const REMADE = container("green", "replace", {
  old: slotInputs("green", { version: "1.0.0" }),
  new: slotInputs("green", { version: "1.1.0" }),
});

describe("a preview of a stack on several hosts", () => {
  test("a switch is one changed line, and says on which hosts", () => {
    const green = { version: "1.1.0", containers: 1, running: 1 };
    const switched = decision({ active: "green", before: { ...decision().before, green } });
    const steps = [cutover([{}, {}], ["  default blue;", "  default green;"])];
    const text = shown({ decisions: [switched], steps });
    assert.match(text, /^prod: green goes live on 3 hosts \(a, b, c\)$/m);
    assert.match(text, /^- nginx's configuration:\n {4}- default blue;\n {4}\+ default green;$/m);
    assert.match(
      commentOf(summary({ decisions: [switched], steps }), ""),
      /^### prod: .*green.* goes live on 3 hosts \(a, b, c\)$/m,
    );
  });

  test("a host that does not answer is not among those that move", () => {
    const text = shown({ decisions: [decision({ missing: ["c"] })], steps: [REMADE, on("b", REMADE)] });
    assert.match(text, /^prod: blue stays live on 2 hosts \(a, b\)$/m);
    assert.match(text, /^- Containers: blue-green-dev-green is replaced \(greenVersion 1\.0\.0 -> 1\.1\.0\)$/m);
  });

  test("what becomes of the containers of all hosts is one line, and on some of them it names those", () => {
    const after = { ...decision().after, green: { version: "1.1.0", containers: 1 } };
    const all = shown({ decisions: [decision({ after })], steps: everywhere(REMADE) });
    assert.match(all, /^- Containers: blue-green-dev-green is replaced \(greenVersion 1\.0\.0 -> 1\.1\.0\)$/m);
    assert.match(all, /^- Settings: greenVersion 1\.0\.0 -> 1\.1\.0$/m);
    assert.match(all, /^prod: blue stays live on 3 hosts \(a, b, c\)$/m);
    const again = container("green", "replace", { differs: [AGAIN] });
    const some = shown({ steps: [on("b", again), on("c", again), other("remoteImage:RemoteImage", "create")] });
    assert.match(some, /^- Containers: blue-green-dev-green is replaced \(its container is gone\) on b, c$/m);
    assert.match(some, /^- Also: RemoteImage blue-green-dev is created on a$/m);
  });

  test("what drops requests on one host names it", () => {
    const text = shown({ steps: [on("c", container("blue", "replace"))] });
    assert.match(
      text,
      /^- Requests: the public gets no answer .*: blue-green-dev-blue, which is live, is replaced on c$/m,
    );
  });

  test("a host that is added is one line, and so is one that is removed, which drops nothing on the others", () => {
    const host = (name: string, op: Step["op"]) =>
      [container("blue", op), container("green", op), container("proxy", op), other("network:Network", op)].map(
        (step) => on(name, step),
      );
    const added = shown({
      steps: [...host("c", "create"), cutover([{ HOSTS: hostsVariable({ name: "a" }, B) }, { HOSTS: "unknown" }])],
    });
    assert.match(added, /^- Hosts: c is added: all that is there is created, and its proxy opens on the live color$/m);
    assert.match(added, /^- Settings: hosts$/m);
    assert.doesNotMatch(added, /Containers|Also/);
    const removed = shown({ steps: host("c", "delete") }, HOSTS.slice(0, 2));
    assert.match(removed, /^- Hosts: c is removed, with all that is there: whoever is led to it gets no answer$/m);
    assert.match(removed, /^- Requests: none is dropped/m);
    assert.match(removed, /on 2 hosts \(a, b\)$/m);
    const backToOne = shown({ steps: host("b", "delete") }, []);
    assert.match(backToOne, /^- Hosts: b is removed, with all/m);
    assert.match(backToOne, /^prod: blue stays live$/m);
    const own = host("x", "delete").map((step, at) => ({
      ...step,
      urn: container(["blue", "green", "proxy"][at] ?? "net", "delete").urn,
    }));
    assert.match(shown({ steps: own }, [B, C]), /^- Hosts: the stack's own engine is removed, with all/m);
  });

  test("in a first run nobody is added to anything: each container is one line", () => {
    const first = decision({ before: {}, proxyRuns: false });
    const { live: _, ...begins } = first;
    const steps = [container("blue", "create"), container("proxy", "create")].flatMap(everywhere);
    const text = shown({ decisions: [begins], steps });
    assert.match(text, /^prod: begins, with blue on 3 hosts \(a, b, c\)$/m);
    assert.match(text, /^ {2}- blue-green-dev-blue is created\n {2}- blue-green-dev-proxy is created$/m);
    assert.doesNotMatch(text, /^- Hosts/m);
  });

  test("of the setting itself what people set is told, and no container's id", () => {
    const settings = (before: string | undefined, after: string | undefined) =>
      /^- Settings: (.*)$/m.exec(
        shown({ steps: [cutover([{ ...(before && { HOSTS: before }) }, { ...(after && { HOSTS: after }) }])] }),
      )?.[1];
    const [a = { name: "a" }] = HOSTS;
    assert.equal(settings(hostsVariable(a, B), hostsVariable(a, B, C)), "hosts a, b -> a, b, c");
    assert.equal(settings(undefined, hostsVariable(a, B)), "hosts (none) -> a, b");
    assert.equal(settings(hostsVariable(a, B), undefined), "hosts a, b -> (none)");
    const moved = { ...B, address: "ssh://other.example" };
    assert.equal(settings(hostsVariable(a, B), hostsVariable(a, moved)), "hosts (the address of b)");
    assert.equal(settings(hostsVariable(a, B), hostsVariable(a, B).replace("id", "another")), undefined);
    assert.equal(settings(hostsVariable(a, B), "04da6b54-80e4-46f7-96ec-b56ff0331ba9"), "hosts");
  });

  test("on one host, named or not, nothing is said of hosts", () => {
    for (const hosts of [[], [{ name: "a" }]])
      assert.match(shown({ steps: [REMADE] }, hosts), /^prod: blue stays live$/m);
  });
});
