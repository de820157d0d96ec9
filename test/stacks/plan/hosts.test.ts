import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decideHosts, type HostSituation } from "../../../stacks/plan/hostChanges";
import { onHost, saidOnAll } from "../../../stacks/plan/hosts";
import { partsIn } from "../../../stacks/plan/ownState";
import { type StatePart, stateFindings } from "../../../stacks/plan/stateProblem";
import type { Host } from "../../../stacks/service/hosts";
import { containerName, logicalName, nameOnEngine, networkName, type ServiceId } from "../../../stacks/service/names";
import type { World } from "../../../stacks/service/world";
import type { Settings } from "../../../stacks/settings/settings";
import { sampleSettings } from "../settings/settings.sample";

const owner: ServiceId = { project: "blue-green", stack: "dev" };
const OWN: Host = { name: "a" };
const B: Host = { name: "b", address: "ssh://deploy@b.example" };
const C: Host = { name: "c", address: "ssh://c.example" };

const worldWith = (proxy?: string): World => ({
  ...{ slots: { blue: [], green: [] }, built: { blue: [], green: [] } },
  ...(proxy !== undefined && { proxy: { id: proxy, running: true, made: {} } }),
});

/** A proxy in the state. */
const proxyOn = (host: Host | undefined, id: string): StatePart => ({
  ...{
    kind: "container",
    logical: host ? `${host.name}-proxy` : "proxy",
    id,
    name: "blue-green-dev-proxy",
    ports: [8080],
  },
  labels: { "blue-green.project": "blue-green", "blue-green.stack": "dev", "blue-green.role": "proxy" },
  ...(host && { host }),
});

const situation = (
  host: Host | undefined,
  {
    proxy,
    state = [],
    settings = {},
    engineId,
  }: { proxy?: string; state?: StatePart[]; settings?: Partial<Settings>; engineId?: string } = {},
): HostSituation => ({
  ...{ settings: { ...sampleSettings, ...settings }, world: worldWith(proxy), state, engineId },
  ...(host && { host }),
  owner: host?.address === undefined ? owner : { ...owner, host: host.name },
});

describe("the names of a host's parts", () => {
  test("Pulumi's have the host in them, and the engine's do not", () => {
    const onB = { ...owner, host: "b" };
    assert.equal(logicalName(onB, "blue-2"), "b-blue-2");
    assert.equal(logicalName({ ...onB, service: "shop" }, "blue-2"), "shop-b-blue-2");
    for (const of of [owner, { ...owner, service: "shop" }, { ...owner, service: "b-b" }]) {
      const on = { ...of, host: "b" };
      assert.equal(containerName(on, "blue-2"), containerName(of, "blue-2"));
      assert.equal(containerName(on, ""), containerName(of, ""));
      assert.equal(networkName(on), networkName(of));
      for (const part of ["blue", "blue-2", "proxy", "data-b-b", "b-data"])
        assert.equal(nameOnEngine(on, logicalName(on, part)), nameOnEngine(of, logicalName(of, part)));
    }
  });
});

describe("what plans of several hosts say", () => {
  const plan = (...warnings: string[]) => ({ refusals: [], warnings, notes: [], pending: [] });
  const said = (...plans: [Host | undefined, string[]][]) =>
    saidOnAll(plans.map(([host, warnings]) => ({ host, plan: plan(...warnings) }))).warnings;

  test("what all say is said once, and anything else with the names of those that say it", () => {
    assert.deepEqual(said([undefined, ["x", "y"]]), ["x", "y"]);
    assert.deepEqual(said([OWN, ["x"]], [B, ["x"]]), ["x"]);
    assert.deepEqual(said([OWN, ["x"]], [B, ["x", "y"]], [C, ["x", "y", "z"]]), ["x", "b, c: y", "c: z"]);
    assert.deepEqual(said([OWN, ["y"]], [B, []]), ["a: y"]);
  });

  test("a command of one host asks that host's engine; prose before it and a host's own engine are left alone", () => {
    const seen = "blue is gone, as after docker system prune. Next: docker logs --tail 30 x; then: pulumi up";
    assert.equal(
      onHost(B, seen),
      "b: blue is gone, as after docker system prune. Next: docker -H ssh://deploy@b.example logs --tail 30 x; then: pulumi up",
    );
    assert.equal(onHost(OWN, seen), `a: ${seen}`);
    assert.equal(onHost(undefined, seen), seen);
    assert.equal(onHost(B, "two\nlines"), "b: two\nlines");
  });
});

describe("hosts that come, go, and are others", () => {
  test("hosts that are as the state has them, and a first run, say nothing", () => {
    const state = [proxyOn(undefined, "1"), proxyOn(B, "2")];
    const none = { refusals: [], warnings: [], notes: [] };
    assert.deepEqual(decideHosts([situation(OWN, { proxy: "1", state }), situation(B, { proxy: "2", state })]), none);
    assert.deepEqual(decideHosts([situation(OWN), situation(B)]), none);
    assert.deepEqual(decideHosts([situation(undefined, { proxy: "1", state: [proxyOn(undefined, "1")] })]), none);
    assert.deepEqual(
      decideHosts([situation(OWN, { proxy: "1", state: [proxyOn(undefined, "1")] }), situation(B)]),
      none,
    );
  });

  test("one that goes is told, and refused where none stays that serves", () => {
    const state = [proxyOn(undefined, "1"), proxyOn(B, "2")];
    const stays = decideHosts([situation(undefined, { proxy: "1", state })]);
    assert.deepEqual(stays.refusals, []);
    assert.match(
      stays.warnings?.[0] ?? "",
      /^the host b is no longer in hosts: .*lead the visitors to the other hosts first\.$/,
    );
    const replaced = decideHosts([situation(C, { state: [proxyOn(undefined, "1")] })]);
    assert.deepEqual(replaced.warnings, []);
    assert.match(
      replaced.refusals?.[0] ?? "",
      /^This run would take away what serves now, on the stack's own engine, .*Nothing was touched\. Next: /,
    );
  });

  test("an address that leads to another engine is refused, and another way to the same one is not", () => {
    const state = [proxyOn(undefined, "1"), proxyOn(B, "2")];
    const there = { ...B, address: "ssh://other.example" };
    const at = (proxy?: string) =>
      decideHosts([situation(OWN, { proxy: "1", state }), situation(there, { ...(proxy && { proxy }), state })])
        .refusals;
    assert.deepEqual(at("2"), []);
    assert.equal(
      at()?.[0],
      "The host b was at ssh://deploy@b.example. At ssh://other.example is another engine, which has none of its containers, and Pulumi would " +
        "believe that they are there. Nothing was touched. Next: pulumi config set --path hosts.b ssh://deploy@b.example; another machine gets a " +
        "name of its own in hosts",
    );
    assert.equal(at("3")?.length, 1);
  });

  test("a host that the state has under another name, or as the stack's own engine, is refused with that name", () => {
    const renamed = [proxyOn(undefined, "1"), proxyOn(B, "2")];
    const [word] =
      decideHosts([
        situation(OWN, { proxy: "1", state: renamed }),
        situation({ ...B, name: "web" }, { proxy: "2", state: renamed }),
      ]).refusals ?? [];
    assert.match(
      word ?? "",
      /^The host web is the host b in Pulumi's state: .*Next: pulumi config rm --path hosts\.web && pulumi config set --path hosts\.b ssh:/,
    );
    const own = decideHosts([
      situation({ ...B, name: "a" }, { proxy: "1", state: [proxyOn(undefined, "1")] }),
    ]).refusals;
    assert.match(
      own?.[0] ?? "",
      /^The host a is the stack's own engine in Pulumi's state: .*Next: pulumi config set --path hosts\.a own$/,
    );
  });

  test("two names for one engine are refused", () => {
    const { refusals } = decideHosts([
      situation(OWN, { engineId: "X1" }),
      situation(B, { engineId: "X1" }),
      situation(C, { engineId: "X2" }),
    ]);
    assert.deepEqual(refusals?.length, 1);
    assert.match(refusals?.[0] ?? "", /^The hosts a and b are one engine \(X1\)/);
    assert.deepEqual(decideHosts([situation(OWN), situation(B)]).refusals, []);
  });

  test("named volumes and an address of one machine are told where there are several hosts", () => {
    const volume = { type: "volume", source: "data", target: "/data" } as const;
    const settings = {
      container: {
        volumes: { volumes: [{ ...volume, readOnly: false, perColor: false, external: false }], tmpfs: {} },
      },
      bindAddress: "10.0.0.7",
    } as unknown as Partial<Settings>;
    const { warnings } = decideHosts([situation(OWN, { settings }), situation(B, { settings })]);
    assert.match(warnings?.[0] ?? "", /^Each host has its own volume data: /);
    assert.match(warnings?.[1] ?? "", /^bindAddress is 10\.0\.0\.7, /);
    assert.deepEqual(decideHosts([situation(OWN, { settings })]).warnings, []);
  });
});

describe("a state with several hosts", () => {
  const urn = (chain: string, name: string) => `urn:pulumi:dev::blue-green::${chain}::${name}`;
  const SERVICE = "blue-green:index:BlueGreen";
  const CONTAINER = "docker:index/container:Container";
  const labels = (service?: string) => [
    { label: "blue-green.role", value: "proxy" },
    ...(service === undefined ? [] : [{ label: "blue-green.service", value: service }]),
  ];
  const proxy = (name: string, id: string, service?: string) => ({
    type: CONTAINER,
    outputs: { id, name, labels: labels(service), ports: [{ external: 8080 }] },
  });

  test("a part's host and the address of its engine are read of the component that it stands below", () => {
    for (const service of [undefined, "shop", "b-b"]) {
      const before = service === undefined ? "" : `${service}-`;
      const [own, onB] = partsIn({
        [urn(`${SERVICE}$blue-green:index:Proxy$${CONTAINER}`, `${before}proxy`)]: proxy("x", "1", service),
        [urn(`${SERVICE}$blue-green:index:Host$blue-green:index:Proxy$${CONTAINER}`, `${before}b-proxy`)]: proxy(
          "x",
          "2",
          service,
        ),
        [urn(`${SERVICE}$pulumi:providers:docker`, `${service ?? "service"}-b`)]: {
          type: "pulumi:providers:docker",
          outputs: { host: B.address },
        },
        [urn("pulumi:providers:docker", "default_5_2_0")]: { type: "pulumi:providers:docker", outputs: {} },
      });
      assert.equal(own?.host, undefined);
      assert.deepEqual(onB?.host, { name: "b", address: B.address });
    }
  });

  test("a new host is not taken for another service with the same port, nor for a lost state", () => {
    const find = (host: Host, world: World, state: StatePart[]) =>
      stateFindings({
        ...{ owner: situation(host).owner, organization: "organization", state, world },
        ...{ httpPort: 8080, allowProxyReplace: false },
      });
    const state = [proxyOn(undefined, "1"), proxyOn(B, "2")];
    const none = { refusals: [], warnings: [] };
    assert.deepEqual(find(C, worldWith(), state), none);
    assert.deepEqual(find(B, worldWith("2"), state), none);
    assert.deepEqual(find({ ...C }, worldWith("2"), state), none, "told as a host with two names");
    assert.match(find(C, worldWith("3"), state).refusals[0] ?? "", /Pulumi's state of the stack dev has none of them/);
  });

  test("the network of a host is looked for under its own name after a rename", () => {
    const network: StatePart = {
      ...{ kind: "network", logical: "b-network", id: "n", name: "blue-green-dev", labels: {}, ports: [] },
      host: B,
    };
    const { refusals } = stateFindings({
      ...{
        owner: { ...owner, stack: "live", host: "b" },
        organization: "organization",
        state: [network],
        world: worldWith(),
      },
      ...{ httpPort: 8080, allowProxyReplace: false },
    });
    assert.match(refusals[0] ?? "", /network blue-green-dev -> blue-green-live/);
  });
});
