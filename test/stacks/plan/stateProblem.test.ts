import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { partsIn } from "../../../stacks/plan/ownState";
import { type StatePart, type StateQuestion, stateFindings } from "../../../stacks/plan/stateProblem";
import type { SlotContainer, World } from "../../../stacks/service/world";

const owner = { project: "blue-green", stack: "dev" };

const nothingRuns: World = { slots: { blue: [], green: [] }, built: { blue: [], green: [] } };

const runs: World = {
  ...nothingRuns,
  proxy: { id: "p", running: true, made: {} },
  slots: { blue: [{ name: "blue-green-dev-blue" } as SlotContainer], green: [] },
};

const unknown = { unknown: true, reason: "no engine" } as const;

/** A state as an `up` of this stack leaves it. */
const stateOf = (project: string, stack: string, service?: string): StatePart[] => {
  const before = service === undefined ? "" : `${service}-`;
  const labels = {
    ...{ "blue-green.project": project, "blue-green.stack": stack },
    ...(service !== undefined && { "blue-green.service": service }),
  };
  const name = `${project}-${stack}-${before}`;
  const part = { labels, ports: [], id: "x" };
  return [
    { ...part, kind: "network", logical: service ?? "service", name: name.slice(0, -1) },
    { ...part, kind: "volume", logical: `${before}proxy`, name: `${name}proxy` },
    {
      ...{ ...part, kind: "container", logical: `${before}proxy`, name: `${name}proxy`, id: "old", ports: [8080] },
      labels: { ...labels, "blue-green.role": "proxy" },
    },
    { ...part, kind: "container", logical: `${before}blue`, name: `${name}blue` },
  ];
};

const findings = (change: Partial<StateQuestion>) =>
  stateFindings({
    ...{ owner, organization: "organization", state: stateOf("blue-green", "dev"), world: runs },
    ...{ httpPort: 8080, allowProxyReplace: false },
    ...change,
  });

describe("a state that does not fit what runs", () => {
  test("a state and an engine that agree are left alone, as are a first run and an engine that does not answer", () => {
    const none = { refusals: [], warnings: [] };
    assert.deepEqual(findings({}), none);
    assert.deepEqual(findings({ state: [], world: nothingRuns }), none);
    assert.deepEqual(findings({ state: [], world: unknown }), none);
    assert.deepEqual(findings({ world: unknown }), none);
    assert.deepEqual(
      findings({ owner: { ...owner, service: "shop" }, state: stateOf("blue-green", "dev", "shop") }),
      none,
    );
  });

  test("a renamed stack is refused, with or without an engine, with the command that brings its name back", () => {
    for (const world of [nothingRuns, unknown]) {
      const { refusals } = findings({ owner: { ...owner, stack: "live" }, world });
      assert.equal(refusals.length, 1);
      for (const said of [
        "nginx container blue-green-dev-proxy -> blue-green-live-proxy",
        "network blue-green-dev -> blue-green-live",
        "volume blue-green-dev-proxy -> blue-green-live-proxy",
        "pulumi stack rename dev --stack live",
        "Nothing was touched.",
      ])
        assert.ok(refusals[0]?.includes(said), `${said}\n${refusals[0]}`);
    }
  });

  test("a renamed project is refused, with the command that brings its name back", () => {
    const { refusals } = findings({ owner: { project: "shop", stack: "dev" } });
    assert.match(
      refusals[0] ?? "",
      /pulumi stack rename organization\/blue-green\/dev --stack organization\/shop\/dev, with name: blue-green in Pulumi\.yaml/,
    );
  });

  test("a name of the network alone is refused too", () => {
    const state = stateOf("blue-green", "dev").map((part) =>
      part.kind === "network" ? { ...part, name: "another" } : part,
    );
    assert.match(findings({ state }).refusals[0] ?? "", /\(network another -> blue-green-dev\)/);
  });

  test("allowProxyReplace lets the names change, says so, and names the proxy whose outage is measured", () => {
    const found = findings({ owner: { ...owner, stack: "live" }, allowProxyReplace: true });
    assert.deepEqual(found.refusals, []);
    assert.match(found.warnings[0] ?? "", /everything is replaced .*config rm allowProxyReplace/);
    assert.equal(found.replacedProxyId, "old");
  });

  test("a service that the program calls otherwise is refused, and one beside it is not", () => {
    const state = stateOf("blue-green", "dev", "shop");
    const { refusals } = findings({ owner: { ...owner, service: "store" }, state, world: nothingRuns });
    assert.match(refusals[0] ?? "", /Port 8080 belongs to the service shop .*Next: call it shop in the program again/);
    assert.match(findings({ state, world: nothingRuns }).refusals[0] ?? "", /call it shop in the program again/);
    const other = { owner: { ...owner, service: "store" }, httpPort: 8081, state, world: nothingRuns };
    assert.deepEqual(findings(other).refusals, []);
  });

  test("a state that has nothing of the containers that run is refused, and recover is named", () => {
    const { refusals } = findings({ state: [] });
    assert.match(
      refusals[0] ?? "",
      /\(blue-green-dev-blue, blue-green-dev-proxy\).*has none of them.*npm run recover -- dev/,
    );
    const debug = { ...nothingRuns, slots: { blue: [{ name: "debug" } as SlotContainer], green: [] } };
    assert.deepEqual(findings({ state: [], world: debug }).refusals, [], "somebody's container is not the stack's");
  });

  test("the state's resources are read by type and name, and no environment is kept", () => {
    const urn = "urn:pulumi:dev::blue-green::blue-green:index:Proxy$docker:index/container:Container::proxy";
    const outputs = {
      ...{ id: "1", name: "a-proxy", envs: ["SECRET=x"], ports: [{ external: 8080, internal: 1 }] },
      labels: [{ label: "blue-green.role", value: "proxy" }],
    };
    const container = { type: "docker:index/container:Container", outputs };
    const ports = [8080];
    const labels = { "blue-green.role": "proxy" };
    assert.deepEqual(partsIn({ [urn]: container, other: { type: "command:local:Command", outputs } }), [
      { kind: "container", logical: "proxy", id: "1", name: "a-proxy", labels, ports },
    ]);
    for (const hostile of [undefined, null, [], { a: null }, { [urn]: { ...container, outputs: 7 } }])
      assert.deepEqual(partsIn(hostile), []);
  });
});
