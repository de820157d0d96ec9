import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decideMissingHosts, type MissingSituation } from "../../../stacks/plan/missingHosts";
import type { StatePart, StateResource } from "../../../stacks/plan/stateProblem";
import type { Host } from "../../../stacks/service/hosts";
import type { ServiceId } from "../../../stacks/service/names";
import type { UnknownWorld, World } from "../../../stacks/service/world";
import { sampleSettings } from "../settings/settings.sample";

const owner: ServiceId = { project: "blue-green", stack: "dev" };
const OWN: Host = { name: "a" };
const B: Host = { name: "b", address: "ssh://deploy@b.example" };
const C: Host = { name: "c", address: "tcp://c.example:2376" };
const HERE: World = { slots: { blue: [], green: [] }, built: { blue: [], green: [] } };
const AWAY: UnknownWorld = { unknown: true, reason: "no route to host.\n" };

const SERVICE = "blue-green:index:BlueGreen";
const HOST = "blue-green:index:Host";
const SLOT = "blue-green:index:Slot";
const CONTAINER = "docker:index/container:Container";
const COMMAND = "command:local:Command";

const resource = (name: string, ...types: string[]): StateResource => ({
  ...{ types: [SERVICE, ...types], name, properties: [] },
});

const RESOURCES: StateResource[] = [
  { types: [SERVICE], name: "service", properties: [] },
  resource("service", "docker:index/network:Network"),
  resource("blue", SLOT),
  resource("blue", SLOT, CONTAINER),
  resource("cutover", "blue-green:index:Cutover"),
  resource("cutover", "blue-green:index:Cutover", COMMAND),
  resource("service-b", "pulumi:providers:docker"),
  resource("service-b", HOST),
  resource("b-blue", HOST, SLOT),
  resource("b-blue", HOST, SLOT, CONTAINER),
  resource("service-c", HOST),
  resource("c-blue", HOST, SLOT, CONTAINER),
  // What a program of somebody else's hangs below the service.
  resource("dns", "aws:route53/record:Record"),
  resource("mine", "example:index:Mine", CONTAINER),
  { types: ["other:index:Thing"], name: "b-thing", properties: [] },
];

const proxyOn = (host: Host | undefined): StatePart => ({
  ...{ kind: "container", logical: "proxy", id: host?.name ?? "own", name: "x", ports: [] },
  labels: { "blue-green.role": "proxy" },
  ...(host && { host }),
});

const STATE = [proxyOn(undefined), proxyOn(B), proxyOn(C)];

interface Case {
  away: readonly Host[];
  allowed?: number;
  hosts?: readonly Host[];
  state?: StatePart[];
  resources?: StateResource[] | undefined;
  preview?: boolean;
}

function decide({ away, allowed = 0, hosts = [OWN, B, C], state = STATE, preview = false, ...given }: Case) {
  const resources = "resources" in given ? given.resources : RESOURCES;
  const places = hosts.map(
    (host): MissingSituation => ({
      ...{ host, state, resources, world: away.includes(host) ? AWAY : HERE },
      owner: host.address === undefined ? owner : { ...owner, host: host.name },
      settings: { ...sampleSettings, allowMissingHosts: allowed },
    }),
  );
  const { part, without } = decideMissingHosts(places, preview);
  const kept = [...without].map(([place, { missing }]) => [place.host?.name, missing.map(({ name }) => name)]);
  return { refusals: part.refusals ?? [], warnings: part.warnings ?? [], kept: Object.fromEntries(kept) };
}

const nothing = { refusals: [], warnings: [], kept: {} };

describe("hosts that do not answer", () => {
  test("where all answer, and without the setting hosts, nothing is said", () => {
    assert.deepEqual(decide({ away: [], allowed: 2 }), nothing);
    const alone = [{ owner, settings: sampleSettings, world: AWAY }];
    assert.deepEqual(decideMissingHosts(alone, false), { part: { refusals: [], warnings: [] }, without: new Map() });
  });

  test("more than are allowed are refused, each with its own words and how to go on without them", () => {
    const { refusals, kept } = decide({ away: [OWN, C], allowed: 1 });
    assert.deepEqual(kept, {});
    const [a, c] = refusals;
    assert.equal(refusals.length, 2);
    assert.match(
      a ?? "",
      /^a: No Docker Engine answered: no route to host\. Nothing was touched, on no host\. It is looked for at docker:host/,
    );
    assert.equal(
      c,
      "c: No Docker Engine answered: no route to host. Nothing was touched, on no host. Next: DOCKER_HOST=tcp://c.example:2376 docker version; " +
        "then, when it answers: pulumi up; or go on without them (a, c): pulumi config set allowMissingHosts 2 && pulumi up",
    );
  });

  test("where none answers there is nobody to go on with, whatever is allowed", () => {
    const { refusals, kept } = decide({ away: [OWN, B], allowed: 2, hosts: [OWN, B] });
    assert.equal(refusals.length, 2);
    for (const refusal of refusals) assert.doesNotMatch(refusal, /allowMissingHosts/);
    assert.deepEqual(kept, {});
  });

  test("a preview goes on without engines as it does on one host", () => {
    assert.deepEqual(decide({ away: [C], preview: true }), nothing);
    assert.deepEqual(decide({ away: [OWN, B, C], allowed: 2, preview: true }), nothing);
  });

  test("of those that are allowed what the state has there is kept, and no other host's, nor the cutover", () => {
    for (const preview of [false, true]) {
      const onB = decide({ away: [B], allowed: 1, preview });
      assert.deepEqual(onB.kept, { b: ["b-blue", "b-blue"] });
      assert.deepEqual(onB.refusals, []);
      assert.deepEqual(onB.warnings, [
        "b does not answer (no route to host): it keeps what it has and serves what it served (allowMissingHosts 1). " +
          "The first `pulumi up` that reaches it puts it right.",
      ]);
    }
    assert.deepEqual(decide({ away: [OWN], allowed: 1 }).kept, { a: ["service", "blue", "blue"] });
  });

  test("one of which the state has nothing is left out", () => {
    const state = [proxyOn(undefined), proxyOn(B)];
    const resources = RESOURCES.filter(({ name }) => !name.startsWith("c-"));
    const { kept, warnings } = decide({ away: [C], allowed: 1, state, resources });
    assert.deepEqual(kept, { c: [] });
    assert.match(warnings[0] ?? "", /and Pulumi's state has nothing there: it is left out \(allowMissingHosts 1\)/);
  });

  test("without a state that can be read nothing can be kept", () => {
    assert.match(
      decide({ away: [C], allowed: 1, resources: undefined }).refusals[0] ?? "",
      /^c does not answer, and Pulumi's state can't be read: .*Nothing was touched\./,
    );
  });

  test("another address than the state's may be another engine", () => {
    const moved: Host = { ...C, address: "ssh://new.example" };
    const { refusals } = decide({ away: [moved], allowed: 1, hosts: [OWN, B, moved] });
    assert.equal(refusals.length, 1);
    assert.match(
      refusals[0] ?? "",
      /^c was at tcp:\/\/c\.example:2376, .*Nothing was touched\. Next: pulumi config set --path hosts\.c tcp:\/\/c\.example:2376$/,
    );
  });

  test("no host is taken away meanwhile", () => {
    const { refusals } = decide({ away: [C], allowed: 1, hosts: [OWN, C] });
    assert.equal(refusals.length, 1);
    assert.match(
      refusals[0] ?? "",
      /^This run would take away what is on the host b while c does not answer, .*Nothing was touched\. Next: /,
    );
  });
});
