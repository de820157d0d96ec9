import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertReachable, placeIn, stableIn } from "../../../commands/release/promotion";
import type { Facts } from "../../../commands/status/status";
import type { SlotContainer } from "../../../stacks/service/world";
import { answered, ended, facts, made, noServing, serving, slot, stableOnly, world } from "../status/facts.sample";

const IMAGE = `registry.example/shop@sha256:${"0123456789abcdef".repeat(4)}`;

const blue = (image = IMAGE, more: Partial<SlotContainer> = {}) =>
  slot("blue", { version: "1.5.0", made: made("blue", { image, version: "1.5.0" }), ...more });

const running = (more: Parameters<typeof serving>[0] = {}, slots = { blue: blue(), green: slot("green") }) =>
  facts({ world: world({ slots, serving: serving(more) }) });

const LOOK = "npm run status -- staging";

function refused(run: () => unknown): [exit: number, message: string, next: readonly unknown[]] {
  try {
    run();
  } catch (error) {
    const { exit, message, next } = error as { exit: number; message: string; next: unknown[] };
    return [exit, message, next];
  }
  assert.fail("accepted");
}

const notTaken = (from: Facts) => refused(() => stableIn("staging", from));

const placed = (to: Facts, canaryPercent = "0") => placeIn("prod", to, canaryPercent);

const notPlaced = (to: Facts, canaryPercent = "0") => refused(() => placed(to, canaryPercent));

describe("a promotion", () => {
  test("what is live and stable is what is promoted, whatever is pending or wrong beside it", () => {
    const release = { color: "blue", version: "1.5.0", image: IMAGE };
    assert.deepEqual(stableIn("staging", running()), release);
    assert.deepEqual(stableIn("staging", { ...running(), active: { color: "green" } }), release);
    assert.deepEqual(
      stableIn("staging", running({}, { blue: blue(), green: slot("green", { state: ended }) })),
      release,
    );
  });

  test("nothing can be told: exit code 3, and what status would say to type", () => {
    const unknown = facts({ world: { unknown: true, reason: "Cannot connect" }, host: "ssh://a.example" });
    assert.deepEqual(notTaken(unknown), [
      3,
      "staging: The Docker Engine could not be asked: Cannot connect",
      [{ purpose: "find the engine", command: "DOCKER_HOST=ssh://a.example docker version" }],
    ]);
    const silent = facts({ world: { ...noServing(), silent: "it is paused" } });
    assert.equal(notTaken(silent)[0], 3);
    const nothing = facts({ world: { slots: { blue: [], green: [] }, built: { blue: [], green: [] } } });
    assert.deepEqual(notTaken(nothing), [
      3,
      "staging: Nothing of the stack dev runs on this engine",
      [{ purpose: "bring it up", command: "pulumi up --stack staging" }],
    ]);
  });

  test("what isn't live, well, stable and as the program left it is refused, each with its reason", () => {
    const cases: [Facts, string][] = [
      [
        facts({ world: noServing() }),
        "staging serves nobody: blue-green-dev-proxy serves nothing: it has no configuration yet",
      ],
      [running({ answers: false }), "staging serves nobody: nginx in blue-green-dev-proxy does not answer"],
      [running({ busy: "ci@host" }), "A cutover runs in staging at this moment (ci@host)"],
      [running({ edited: true }), "The proxy's configuration in staging was changed by hand"],
      [
        running({ health: { blue: answered("503") } }),
        "blue (1.5.0) is live in staging and not well: blue is live and does not answer its health path through nginx: 503",
      ],
      [
        running({}, { blue: blue(IMAGE, { state: ended }), green: slot("green") }),
        "blue (1.5.0) is live in staging and not well: blue is live and answers, but its container ended with exit code 137",
      ],
      [
        running({ canaryPercent: 5 }),
        "staging has a canary: green (1.1.0) has 5 % of the new visitors and is not live; blue (1.5.0) is. Switch to the one that is meant, or end the canary",
      ],
      [
        running({ record: stableOnly("green") }),
        "blue (1.5.0) is live in staging and not stable: it was not watched to the end of its bake time",
      ],
      [
        running({ record: { ...serving().record, moving: { from: "green", generation: "x", to: "blue" } } }),
        "blue (1.5.0) is live in staging and not stable: it was not watched to the end of its bake time",
      ],
    ];
    for (const [from, message] of cases)
      assert.deepEqual(notTaken(from), [1, `${message}. Nothing was changed`, [LOOK]]);
  });

  test("only an image by its digest is promoted, and only under a version that can be set", () => {
    const from = (image: string, more = {}) => running({}, { blue: blue(image, more), green: slot("green") });
    const next = ["npm run release -- --version <version>", LOOK];
    const only = "only an image by its digest can be promoted. Nothing was changed";
    assert.deepEqual(notTaken(from("")), [
      1,
      `blue (1.5.0) is live in staging, and was built from app/ there: ${only}`,
      next,
    ]);
    assert.deepEqual(notTaken(from("shop:1.5")), [
      1,
      `blue (1.5.0) is live in staging, and is shop:1.5, a name that may mean another image tomorrow: ${only}`,
      next,
    ]);
    assert.equal(notTaken(from(IMAGE, { version: "1;reboot" }))[0], 1);
    assert.equal(notTaken(from(`a.example/$(id)\n${IMAGE}`))[0], 1);
  });

  test("the release goes onto the color that is idle there", () => {
    assert.deepEqual(placed(running()), { color: "green", live: { color: "blue", image: IMAGE, version: "1.5.0" } });
    const green = running({ color: "green" });
    assert.equal(placed({ ...green, active: { color: "green" } }).color, "blue");
  });

  test("where what runs can't be told, activeColor says which color is idle, and that is said", () => {
    assert.deepEqual(placed(facts({ world: { unknown: true, reason: "Cannot connect" } })), {
      color: "green",
      note: "What runs in prod is not known (Cannot connect), so green is taken for idle, since activeColor is blue",
    });
    assert.deepEqual(placed(facts({ active: { color: "green" }, world: noServing() })), {
      color: "blue",
      note: "prod serves nobody yet, so blue is taken for idle, since activeColor is green",
    });
  });

  test("a stack in which the idle color has visitors, or is about to, is left alone", () => {
    const end = ["pulumi config set canaryPercent 0 --stack prod && pulumi up --stack prod"];
    assert.deepEqual(notPlaced(running(), "5"), [
      1,
      "canaryPercent is 5 in the file of prod: the release would meet visitors as soon as it is there. Nothing was changed",
      end,
    ]);
    assert.deepEqual(notPlaced(running({ canaryPercent: 7 })), [
      1,
      "green has 7 % of the new visitors of prod as a canary, and is not changed under them. Nothing was changed",
      end,
    ]);
    assert.deepEqual(notPlaced({ ...running(), active: { color: "green" } }), [
      1,
      "A switch is pending in prod: activeColor is green, and blue is live. The release would go live with the next `pulumi up`. Nothing was changed",
      ["pulumi up --stack prod", "pulumi config set activeColor blue --stack prod && pulumi up --stack prod"],
    ]);
    assert.deepEqual(notPlaced(running({ busy: "ci@host" })), [
      1,
      "A cutover runs in prod at this moment (ci@host): which color is idle is about to change. Nothing was changed",
      ["npm run status -- prod"],
    ]);
    assert.equal(notPlaced(facts({ world: { ...noServing(), silent: "paused" } }))[0], 3);
    assert.deepEqual(notPlaced(facts({ active: { problem: "activeColor is not set in Pulumi.prod.yaml" } })), [
      1,
      "activeColor is not set in Pulumi.prod.yaml. Nothing was changed",
      ["pulumi config set activeColor <blue or green>"],
    ]);
  });

  test("an image on this machine's loopback is none for an engine elsewhere", () => {
    assertReachable(IMAGE, "prod", "shop.example");
    assertReachable("127.0.0.1:5055/shop@sha256:1", "prod", undefined);
    assert.match(
      refused(() => assertReachable("127.0.0.1:5055/shop@sha256:1", "prod", "shop.example"))[1],
      /^127\.0\.0\.1:5055\/shop@sha256:1 is in a registry on this machine's loopback, and the engine of prod is at shop\.example/,
    );
  });
});
