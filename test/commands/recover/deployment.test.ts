import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { plannedIn, resourcesOf, TYPES } from "../../../commands/recover/deployment";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const urn = (type: string, name: string) => `urn:pulumi:dev::blue-green::${type}::${name}`;

const PROVIDER = urn("pulumi:providers:docker", "default_5_2_0");

const NETWORK = urn(TYPES.network, "service");

const IMAGE = urn(TYPES.image, "blue");

const CONTAINER = urn(TYPES.container, "blue");

const COMMAND = urn(TYPES.command, "cutover");

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:x" };

const goal = (type: string, adds: object, more: object = {}) => ({
  goal: { type, custom: true, inputDiff: { adds }, provider: `${PROVIDER}::${UNKNOWN}`, ...more },
});

/** What would be made, the last ones first. */
const plan = {
  resourcePlans: {
    [COMMAND]: goal(
      TYPES.command,
      { create: "node x", stdin: "planned", environment: { BLUE_GREEN_PROXY: UNKNOWN, BLUE_GREEN_MEND: "why" } },
      { dependencies: [CONTAINER] },
    ),
    [CONTAINER]: goal(
      TYPES.container,
      {
        __defaults: ["attach"],
        name: "a-blue",
        image: UNKNOWN,
        envs: [SECRET],
        ports: [{ __defaults: [], internal: 1 }],
      },
      { dependencies: [IMAGE, NETWORK], propertyDependencies: { image: [IMAGE] } },
    ),
    [IMAGE]: goal(TYPES.image, { name: "app:1" }),
    [NETWORK]: goal(TYPES.network, { name: "a" }),
    [PROVIDER]: { goal: { type: "pulumi:providers:docker", custom: true, inputDiff: { adds: { version: "5.2.0" } } } },
  },
};

const found = new Map([
  [NETWORK, { id: "n" }],
  [CONTAINER, { id: "c", imageId: "sha256:1" }],
]);

const recovered = { planned: plannedIn({ version: 1, plan }), found, proxyId: "p" };

const byUrn = (resources: Record<string, unknown>[]) => new Map(resources.map((each) => [each.urn, each]));

describe("a recovered state", () => {
  test("a state has what the engine has, each resource after those that it needs, and nothing else", () => {
    const resources = resourcesOf(recovered);
    assert.deepEqual(
      resources.map(({ urn }) => urn),
      [PROVIDER, NETWORK, CONTAINER, COMMAND],
      "the image is gone, so the next run makes it",
    );
    const all = byUrn(resources);
    const { provider, dependencies, propertyDependencies, inputs, outputs } = all.get(CONTAINER) ?? {};
    assert.equal(provider, `${PROVIDER}::${all.get(PROVIDER)?.id}`);
    assert.deepEqual(
      { dependencies, propertyDependencies },
      { dependencies: [NETWORK], propertyDependencies: { image: [] } },
    );
    assert.equal((inputs as { image: string }).image, "sha256:1");
    assert.deepEqual(outputs, {
      ...{ id: "c", name: "a-blue", image: "sha256:1", envs: [SECRET], ports: [{ internal: 1 }] },
      ...{ attach: false, logs: false, wait: false },
      __meta: '{"schema_version":"2"}',
    });
  });

  test("the cutover is declared as what serves, and what an earlier run had to mend is not", () => {
    const inputs = (configuration?: string) =>
      byUrn(resourcesOf({ ...recovered, ...(configuration !== undefined && { configuration }) })).get(COMMAND)?.inputs;
    assert.deepEqual(inputs(), {
      create: "node x",
      stdin: "planned",
      environment: { BLUE_GREEN_PROXY: "p", BLUE_GREEN_MEND: "" },
    });
    assert.equal((inputs("what serves") as { stdin: string }).stdin, "what serves");
  });

  test("a value that nothing tells is an error, and never part of a state", () => {
    const planned = plannedIn({ resourcePlans: { [NETWORK]: goal(TYPES.network, { name: "a", driver: UNKNOWN }) } });
    assert.throws(() => resourcesOf({ ...recovered, planned }), /service has a value that nothing on the engine tells/);
    for (const hostile of [undefined, null, 7, [], {}, { plan: { resourcePlans: { a: null, b: { goal: 1 } } } }])
      assert.deepEqual(plannedIn(hostile), []);
  });
});
