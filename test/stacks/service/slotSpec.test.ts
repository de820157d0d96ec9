import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  processLimit,
  type SlotInstance,
  type SlotSpec,
  specDifferences,
  valueChanges,
} from "../../../stacks/service/slotSpec";

const made: SlotSpec = {
  version: "1.0.0",
  image: "",
  port: 5001,
  appPort: 5000,
  healthPath: "/healthz",
  memoryMb: 256,
  stopGraceSeconds: 30,
  environment: [],
  secretEnvironment: [],
  definition: "abc",
};

/** What is made from the above but for this, with this environment. */
const making = (change: Partial<SlotSpec> = {}, environment: Record<string, string> = {}): SlotInstance => ({
  made: { ...made, ...change },
  environment,
});

describe("what a color was made from", () => {
  test("what runs as it would be made does not differ, whatever else its image brings into its environment", () => {
    const before = making({ environment: ["A"] }, { A: "1", PATH: "/bin", COLOR: "blue" });
    assert.deepEqual(specDifferences("blue", before, making({ environment: ["A"] }, { A: "1" })), {
      own: [],
      shared: [],
    });
  });

  test("a color's own is its version and its image; a missing image is called none", () => {
    const after = making({ version: "2.0.0", image: "shop:2" });
    assert.deepEqual(specDifferences("green", making(), after), {
      own: ["greenVersion 1.0.0 -> 2.0.0", "greenImage (none) -> shop:2"],
      shared: [],
    });
    assert.deepEqual(specDifferences("blue", making({ image: "shop:1" }), making()).own, [
      "blueImage shop:1 -> (none)",
    ]);
  });

  test("everything else is shared, each with its setting's name and both values", () => {
    const after = { port: 6001, appPort: 80, healthPath: "/", memoryMb: 512, stopGraceSeconds: 5, definition: "def" };
    assert.deepEqual(specDifferences("blue", making(), making(after)), {
      own: [],
      shared: [
        "bluePort 5001 -> 6001",
        "appPort 5000 -> 80",
        "healthPath /healthz -> /",
        "memoryMb 256 -> 512",
        "stopGraceSeconds 30 -> 5",
        "how this program makes a container",
      ],
    });
  });

  test("a variable that was added, removed or changed is named, in the order of the alphabet and without its value", () => {
    const before = making(
      { environment: ["CHANGED", "REMOVED", "SAME"], secretEnvironment: ["KEY", "OLD"] },
      { CHANGED: "was", REMOVED: "gone", SAME: "same", KEY: "hunter2", OLD: "hunter3" },
    );
    const after = making(
      { environment: ["ADDED", "CHANGED", "SAME"], secretEnvironment: ["KEY", "NEW"] },
      { ADDED: "here", CHANGED: "is", SAME: "same", KEY: "hunter4", NEW: "hunter5" },
    );
    assert.deepEqual(specDifferences("blue", before, after).shared, [
      "environment.ADDED",
      "environment.CHANGED",
      "environment.REMOVED",
      "secretEnvironment.KEY",
      "secretEnvironment.NEW",
      "secretEnvironment.OLD",
    ]);
  });

  test("a variable that turns secret differs in both, even where its value is the same", () => {
    const before = making({ environment: ["KEY"] }, { KEY: "same" });
    const after = making({ secretEnvironment: ["KEY"] }, { KEY: "same" });
    assert.deepEqual(specDifferences("blue", before, after).shared, ["environment.KEY", "secretEnvironment.KEY"]);
  });

  test("a variable that the image sets already counts as added, and one with an empty value is not one that is missing", () => {
    const image = making({}, { LANG: "C" });
    assert.deepEqual(specDifferences("blue", image, making({ environment: ["LANG"] }, { LANG: "C" })).shared, [
      "environment.LANG",
    ]);
    const empty = making({ environment: ["EMPTY"] }, { EMPTY: "" });
    assert.deepEqual(specDifferences("blue", empty, making()).shared, ["environment.EMPTY"]);
  });

  test("a container without the label differs in all of it, and in nothing of its own that could be told", () => {
    const unlabelled: SlotInstance = { made: {}, environment: { A: "1" } };
    assert.deepEqual(specDifferences("blue", unlabelled, making({ version: "2.0.0" })), {
      own: [],
      shared: ["all settings (its container does not say what it was made from)"],
    });
  });

  test("a label from before a setting existed differs in that setting alone", () => {
    const { stopGraceSeconds, ...older } = made;
    const before: SlotInstance = { made: older, environment: {} };
    assert.deepEqual(specDifferences("blue", before, making()).shared, ["stopGraceSeconds (none) -> 30"]);
  });

  test("every setting that either side names is compared, and nothing that is no setting's name is shown", () => {
    const more = (change: object): SlotInstance => ({ made: { ...made, ...change }, environment: {} });
    assert.deepEqual(specDifferences("blue", making(), more({ pidsLimit: 100 })).shared, ["pidsLimit (none) -> 100"]);
    assert.deepEqual(specDifferences("blue", more({ pidsLimit: 100 }), making()).shared, ["pidsLimit 100 -> (none)"]);
    const hostile = { "\u001b[2J": 1, "a b": 2, __proto__: 3, ["x".repeat(65)]: 4 };
    assert.deepEqual(specDifferences("blue", more(hostile), making()).shared, []);
  });

  test("of container each key that differs is named by itself, with both values", () => {
    const container = (value: unknown) => making({ container: value });
    const cases: [was: unknown, is: unknown, shared: string[]][] = [
      [{ cpus: "0.5", init: true }, { init: true, cpus: "0.5" }, []],
      [undefined, { cpus: "0.5" }, ["container.cpus (none) -> 0.5"]],
      [{ cpus: "0.5", init: true }, { cpus: "1" }, ["container.cpus 0.5 -> 1", "container.init true -> (none)"]],
      [{ cap_add: ["CHOWN"] }, undefined, ['container.cap_add ["CHOWN"] -> (none)']],
      [{ dns: ["10.0.0.1"] }, { dns: ["10.0.0.2"] }, ['container.dns ["10.0.0.1"] -> ["10.0.0.2"]']],
      [{}, undefined, []],
      ["older", { cpus: "1" }, ['container older -> {"cpus":"1"}']],
      [["a"], { cpus: "1" }, ['container ["a"] -> {"cpus":"1"}']],
      [{ "\u001b[2J\nkey": 1 }, {}, ["container.key 1 -> (none)"]],
      [{ constructor: 1 }, {}, ["container.constructor 1 -> (none)"]],
      [JSON.parse('{"__proto__":1}'), {}, ["container.__proto__ 1 -> (none)"]],
    ];
    for (const [was, is, shared] of cases) {
      assert.deepEqual(specDifferences("blue", container(was), container(is)), { own: [], shared });
    }
  });

  test("what differs deeper is named by its place: a worker's key, an option of a check, a mount by its path", () => {
    const data = { type: "volume", source: "data", target: "/data" };
    const volumes = (...mounts: object[]) => ({ volumes: mounts, tmpfs: {} });
    const mail = { command: ["serve"], replicas: 1, environment: { A: "1" } };
    const cases: [setting: string, was: unknown, is: unknown, changes: string[]][] = [
      ["workers", { mail }, { mail: { ...mail, replicas: 2 } }, ["workers.mail.replicas 1 -> 2"]],
      ["workers", { mail }, { mail: { ...mail, environment: {} } }, ["workers.mail.environment.A 1 -> (none)"]],
      ["workers", { mail: { command: ["a"] } }, undefined, ['workers.mail {"command":["a"]} -> (none)']],
      [
        "mail",
        undefined,
        { command: ["a"], replicas: 1 },
        ['mail.command (none) -> ["a"]', "mail.replicas (none) -> 1"],
      ],
      [
        "workers",
        { a: mail },
        { b: mail },
        [
          'workers.a {"command":["serve"],"replicas":1,"environment":{"A":"1"}} -> (none)',
          'workers.b (none) -> {"command":["serve"],"replicas":1,"environment":{"A":"1"}}',
        ],
      ],
      [
        "container",
        { volumes: volumes(data) },
        { volumes: volumes({ ...data, source: "other" }) },
        ['container.volumes./data {"type":"volume","source":"data"} -> {"type":"volume","source":"other"}'],
      ],
      [
        "container",
        {},
        { volumes: volumes(data) },
        ['container.volumes./data (none) -> {"type":"volume","source":"data"}'],
      ],
      [
        "container",
        { volumes: volumes(data, { ...data, target: "/b" }) },
        { volumes: volumes({ ...data, target: "/b" }, data) },
        [],
      ],
      [
        "volumes",
        { volumes: [], tmpfs: { "/run": "" } },
        { volumes: [], tmpfs: { "/run": "size=64m" } },
        ["volumes./run (none) -> size=64m"],
      ],
      [
        "healthcheck",
        { tests: ["CMD", "a"], interval: "1s" },
        { tests: ["CMD", "a"], interval: "2s" },
        ["healthcheck.interval 1s -> 2s"],
      ],
      ["dns", [], undefined, ["dns [] -> (none)"]],
      ["mem_limit", undefined, 300, ["mem_limit (none) -> 300"]],
    ];
    for (const [setting, was, is, changes] of cases) assert.deepEqual(valueChanges(setting, was, is), changes);
  });

  test("a label that is nested without an end, or is not what it should be, differs at a place that is not deep", () => {
    const deep = (value: unknown) =>
      JSON.parse(`${'{"a":'.repeat(20_000)}${JSON.stringify(value)}${"}".repeat(20_000)}`);
    assert.ok(valueChanges("x", deep(1), deep(2)).length <= 1);
    assert.deepEqual(valueChanges("x", { a: { a: { a: { a: { a: 1 } } } } }, { a: { a: { a: { a: { a: 2 } } } } }), [
      'x.a.a.a.a {"a":1} -> {"a":2}',
    ]);
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (was, is) => {
        assert.deepEqual(valueChanges("x", was, was), []);
        for (const change of valueChanges("x", was, is)) assert.match(change, /^x.* -> /s);
      }),
    );
  });

  test("a container that says nothing of hardened ran with the strict set", () => {
    const differ = (was: Partial<SlotSpec>, is: Partial<SlotSpec>) =>
      specDifferences("blue", making(was), making(is)).shared;
    assert.deepEqual(differ({}, {}), []);
    assert.deepEqual(differ({ hardened: false }, { hardened: false }), []);
    assert.deepEqual(differ({}, { hardened: false }), ["hardened true -> false"]);
    assert.deepEqual(differ({ hardened: false }, {}), ["hardened false -> true"]);
  });

  test("the most processes are those of container.pids_limit, otherwise 4096 without the strict set and unbounded with it", () => {
    const cases: [Parameters<typeof processLimit>[0], number | undefined][] = [
      [{}, undefined],
      [{ hardened: true }, undefined],
      [{ hardened: false }, 4096],
      [{ container: { pids_limit: 200 } }, 200],
      [{ container: { pids_limit: 200 }, hardened: false }, 200],
      [{ container: { pids_limit: -1 }, hardened: false }, -1],
      [{ container: { cpus: "1" }, hardened: false }, 4096],
      // A label that somebody wrote.
      [{ container: "pids_limit", hardened: "false" }, undefined],
      [{ container: { pids_limit: "200" } }, undefined],
    ];
    for (const [slot, limit] of cases) assert.equal(processLimit(slot), limit, JSON.stringify(slot));
  });

  test("no value of an environment is ever shown, whatever its name and its value are", () => {
    const values = fc.dictionary(fc.stringMatching(/^[A-Z_]{1,3}$/), fc.constantFrom("hunter2", "correct-horse"));
    const any = fc
      .tuple(values, values)
      .map(([plain, secret]) =>
        making(
          { environment: Object.keys(plain).sort(), secretEnvironment: Object.keys(secret).sort() },
          { ...plain, ...secret },
        ),
      );
    fc.assert(
      fc.property(any, any, (before, after) => {
        const { own, shared } = specDifferences("blue", before, after);
        assert.deepEqual(own, []);
        for (const line of shared) assert.match(line, /^(?:environment|secretEnvironment)\.[A-Z_]{1,3}$/);
      }),
    );
  });
});
