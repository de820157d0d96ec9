import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Colors, equalColors } from "../../policy/colors";
import { type Inputs, UNKNOWN } from "../../policy/known";
import { labels, slotInputs } from "./container.sample";

/** Both colors, green with something else. */
const colors = (green: Inputs = {}, change: Partial<Colors> = {}, kept = { blue: false, green: false }): Colors => ({
  containers: [
    { name: "green", inputs: slotInputs("green", green), kept: kept.green },
    { name: "blue", inputs: slotInputs("blue"), kept: kept.blue },
  ],
  pending: [],
  idleColor: "green",
  canary: false,
  ...change,
});

const differIn = (what: string) => [
  `The containers of both colors (blue, green) differ in ${what}: nothing but the version and the image may, or what is tried is not ` +
    "what goes live. Next: git log -p -5 -- stacks/slot.ts stacks/blueGreen.ts shows what made the difference; take it out, then: pulumi preview",
];

describe("the policy: both colors are equal", () => {
  test("version, image, name, the port of the host and what says the color may differ", () => {
    assert.deepEqual(equalColors(colors({ image: "sha256:another" })), []);
  });

  test("any other difference is refused by its name, and no value of a variable is shown", () => {
    const differences: [Inputs, string][] = [
      [{ memory: 512 }, "memory"],
      [{ readOnly: undefined }, "readOnly"],
      [{ cpuShares: 2 }, "cpuShares"],
      [{ capabilities: { drops: [] } }, "capabilities"],
      [{ healthcheck: { tests: ["CMD", "true"], interval: "2s" } }, "healthcheck"],
      [{ envs: ["COLOR=green", "DRAIN_SECONDS=27", "PORT=5000", "DB_PASSWORD=hunter2"] }, "environment DB_PASSWORD"],
      [{ envs: ["COLOR=green", "DRAIN_SECONDS=1", "PORT=5000"], memory: 1 }, "environment DRAIN_SECONDS, memory"],
      [
        { labels: labels({ "blue-green.role": "slot", "blue-green.color": "green", "blue-green.stack": "dev" }) },
        "label blue-green.stack",
      ],
      [{ networksAdvanced: [{ name: "another", aliases: ["green"] }] }, "networks"],
      [{ ports: [{ internal: 5001, external: 5202, ip: "127.0.0.1" }] }, "ports"],
    ];
    for (const [green, what] of differences) assert.deepEqual(equalColors(colors(green)), differIn(what));
  });

  test("a volume of each color's own is the same for both, and any other one must be the same", () => {
    const mounted = (color: "blue" | "green", volume: Inputs) => ({
      ...{ name: color, kept: false },
      inputs: slotInputs(color, { volumes: [{ containerPath: "/a", ...volume }] }),
    });
    const both = (blue: Inputs, green: Inputs) =>
      equalColors(colors({}, { containers: [mounted("green", green), mounted("blue", blue)] }));
    const own = (color: string) => ({ volumeName: `blue-green-prod-${color}-data-cache` });
    const equal: [Inputs, Inputs][] = [
      [own("blue"), own("green")],
      [{ volumeName: "blue-green-prod-shop-blue-data-x" }, { volumeName: "blue-green-prod-shop-green-data-x" }],
      [{ volumeName: "blue-green-prod-data-a" }, { volumeName: "blue-green-prod-data-a" }],
      [{ hostPath: "/srv/a" }, { hostPath: "/srv/a" }],
      [{ volumeName: UNKNOWN }, own("green")],
    ];
    for (const [blue, green] of equal) assert.deepEqual(both(blue, green), []);
    const different: [Inputs, Inputs][] = [
      [own("blue"), { volumeName: "blue-green-prod-green-data-other" }],
      [{ volumeName: "shop_blue" }, { volumeName: "shop_green" }],
      [{ hostPath: "/srv/blue" }, { hostPath: "/srv/green" }],
      [own("blue"), { ...own("green"), readOnly: true }],
      [own("blue"), { ...own("green"), containerPath: "/b" }],
    ];
    for (const [blue, green] of different) assert.deepEqual(both(blue, green), differIn("volumes"));
    assert.deepEqual(equalColors(colors({ volumes: [own("green")] })), differIn("volumes"));
  });

  test("containers of one color are compared as well, but for the port that only the first one publishes", () => {
    const second = (change: Inputs) => ({
      name: "green-2",
      kept: false,
      inputs: slotInputs("green", { name: "x-green-2", ports: undefined, ...change }),
    });
    const three = (change: Inputs) => colors({}, { containers: [...colors().containers, second(change)] });
    assert.deepEqual(equalColors(three({})), []);
    assert.match(
      equalColors(three({ memory: 1 }))[0] ?? "",
      /^The containers of both colors \(blue, green, green-2\) differ in memory:/,
    );
  });

  test("what is not known before the run differs from nothing", () => {
    for (const green of [
      { memory: UNKNOWN },
      { networksAdvanced: [{ name: UNKNOWN }] },
      { capabilities: { drops: UNKNOWN } },
    ])
      assert.deepEqual(equalColors(colors(green)), []);
  });

  test("a live color that lags behind, and says so, is no difference; one that says nothing is", () => {
    assert.deepEqual(
      equalColors(colors({ memory: 512 }, { pending: ["memoryMb 256 -> 512"] }, { blue: true, green: false })),
      [],
    );
    for (const pending of [[], undefined, "memoryMb", UNKNOWN])
      assert.deepEqual(
        equalColors(colors({ memory: 512 }, { pending }, { blue: true, green: false })),
        differIn("memory"),
      );
  });

  test("an idle color that has a canary's visitors lags behind too", () => {
    const kept = { blue: false, green: true };
    assert.deepEqual(equalColors(colors({ memory: 512 }, { canary: true }, kept)), []);
    assert.deepEqual(equalColors(colors({ memory: 512 }, { canary: true })), differIn("memory"));
    assert.deepEqual(equalColors(colors({ memory: 512 }, {}, kept)), differIn("memory"));
  });

  test("what a newer provider says of itself is missing in what an older one made, and is no difference", () => {
    assert.deepEqual(equalColors(colors({ cgroupnsMode: "private" }, {}, { blue: true, green: false })), []);
    assert.deepEqual(equalColors(colors({ cgroupnsMode: "private" })), differIn("cgroupnsMode"));
    const capabilities = { drops: ["ALL"], adds: [] };
    assert.deepEqual(equalColors(colors({ capabilities }, {}, { blue: true, green: false })), []);
    assert.deepEqual(equalColors(colors({ capabilities })), differIn("capabilities"));
    const other = { ...capabilities, drops: ["NET_RAW"] };
    assert.deepEqual(
      equalColors(colors({ capabilities: other }, {}, { blue: true, green: false })),
      differIn("capabilities"),
    );
  });

  test("live that an older checkout gave a health check lags behind, and is no difference", () => {
    const healthcheck = { tests: ["CMD", "sh", "-c", "curl"], interval: "2s" };
    const made = (kept: boolean) => ({ name: "blue", kept, inputs: slotInputs("blue", { healthcheck }) });
    const containers = (kept: boolean) => [...colors().containers.slice(0, 1), made(kept)];
    assert.deepEqual(equalColors(colors({}, { containers: containers(true) })), []);
    assert.deepEqual(equalColors(colors({}, { containers: containers(false) })), differIn("healthcheck"));
  });

  describe("workers and jobs", () => {
    const beside = (color: "blue" | "green", own: Record<string, string>, change: Inputs = {}) => ({
      ...{ name: `${color}-${Object.values(own).join("-")}`, kept: false },
      inputs: slotInputs(color, {
        ...{ name: `blue-green-prod-${color}-x`, ports: undefined, networksAdvanced: [{ name: "blue-green-prod" }] },
        labels: labels({
          ...{
            "blue-green.stack": "prod",
            "blue-green.color": color,
            "blue-green.version": color,
            "blue-green.spec": "{}",
          },
          ...own,
        }),
        ...change,
      }),
    });
    const worker = (color: "blue" | "green", name: string, change?: Inputs, replica = "1") =>
      beside(color, { "blue-green.role": "worker", "blue-green.worker": name, "blue-green.replica": replica }, change);
    const job = (color: "blue" | "green", name: string, change?: Inputs) =>
      beside(color, { "blue-green.role": "job", "blue-green.job": name }, change);
    const found = (...more: Colors["containers"][number][]) =>
      equalColors(colors({}, { containers: [...colors().containers, ...more] })).map((text) =>
        /\((.*?)\) differ in (.*?):/.exec(text)?.slice(1),
      );

    test("are compared with their own kind and name alone, and not with web containers", () => {
      const mail = { memory: 64, start: false };
      const others = { memory: 512, start: true, command: ["report"] };
      assert.deepEqual(
        found(
          ...[worker("blue", "mail", mail), worker("green", "mail", mail), worker("green", "mail", mail, "2")],
          ...[worker("blue", "report", others), worker("green", "report", others)],
          // A job may be called as a worker is.
          ...[job("blue", "mail", { restart: "no" }), job("green", "mail", { restart: "no" })],
        ),
        [],
      );
    });

    test("that differ between the colors are refused, by kind", () => {
      assert.deepEqual(
        found(
          worker("blue", "mail"),
          worker("green", "mail", { memory: 64 }),
          job("blue", "up"),
          job("green", "up", { user: "0" }),
        ),
        [
          ["blue-worker-mail-1, green-worker-mail-1", "memory"],
          ["blue-job-up, green-job-up", "user"],
        ],
      );
      const spec = (text: string) =>
        labels({ "blue-green.role": "worker", "blue-green.worker": "mail", "blue-green.spec": text });
      const color = (of: string, text: string) => ({ labels: [...spec(text), ...labels({ "blue-green.color": of })] });
      assert.deepEqual(
        found(
          worker("blue", "mail", color("blue", '{"follow":"live"}')),
          worker("green", "mail", color("green", '{"follow":"both"}')),
        ),
        [["blue-worker-mail-1, green-worker-mail-1", "label blue-green.spec"]],
      );
    });

    test("that one color alone has, as before its first switch, differ from nothing", () => {
      assert.deepEqual(found(worker("green", "mail", { memory: 64 })), []);
    });
  });

  test("with one color, or none, there is nothing to compare", () => {
    assert.deepEqual(equalColors(colors({}, { containers: [] })), []);
    assert.deepEqual(equalColors(colors({}, { containers: colors().containers.slice(0, 1) })), []);
  });
});
