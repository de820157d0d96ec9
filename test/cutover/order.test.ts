import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { orderFrom } from "../../cutover/order";
import { renderConfiguration } from "../../stacks/configuration";
import { generationOf } from "../../stacks/serving";
import { sampleSettings } from "../settings.sample";

const template = readFileSync(join(__dirname, "..", "..", "nginx", "nginx.conf.mustache"), "utf8");
const configurationFor = (activeColor: "blue" | "green") =>
  renderConfiguration(template, {
    ...sampleSettings,
    activeColor,
    slots: { blue: { appPort: 5001, healthPath: "/a" }, green: { appPort: 5002, healthPath: "/b" } },
  });
const configuration = configurationFor("green");

/** What stacks/cutover.ts sets; that it does is proved in blueGreen.test.ts. Each value differs from the others. */
const environment = {
  PROXY: "p1",
  PROJECT: "blue-green",
  STACK: "dev",
  APP_PORT: "5002",
  HEALTH_PATH: "/b",
  HEALTH_TIMEOUT_SECONDS: "61",
  SMOKE_TESTS: JSON.stringify(sampleSettings.smokeTests),
  GATE_COMMAND: "npm run e2e -- 'a b' \"$X\"\n# ü\u{1f986}",
  GATE_TIMEOUT_SECONDS: "301",
  TARGET_HOST: "engine.example",
  VERIFY_REQUESTS: "9",
  BAKE_SECONDS: "11",
  MAX_ERROR_PERCENT: "1.5",
  MIN_REQUESTS: "21",
  MAX_P95_SECONDS: "0.25",
};

test("each variable arrives where it belongs, and the target is the color that the configuration names", () => {
  assert.deepEqual(orderFrom(environment, configuration), {
    owner: { project: "blue-green", stack: "dev" },
    proxy: "p1",
    configuration,
    generation: generationOf(configuration),
    target: "green",
    appPort: 5002,
    healthPath: "/b",
    healthTimeoutSeconds: 61,
    smokeTests: sampleSettings.smokeTests,
    gateCommand: environment.GATE_COMMAND,
    gateTimeoutSeconds: 301,
    targetHost: "engine.example",
    verifyRequests: 9,
    bakeSeconds: 11,
    limits: { maxErrorPercent: 1.5, minRequests: 21, maxP95Seconds: 0.25 },
  });
  assert.equal(orderFrom(environment, configurationFor("blue")).target, "blue");
});

test("a variable that is missing is named, whichever it is", () => {
  for (const name of Object.keys(environment)) {
    const { [name as keyof typeof environment]: _, ...rest } = environment;
    assert.throws(() => orderFrom(rest, configuration), {
      message: `the cutover is run by \`pulumi up\`, and by hand lacks ${name}`,
    });
  }
});

test("a number that is none is named", () => {
  const numbers = Object.entries(environment).filter(([, value]) => Number.isFinite(Number(value)));
  assert.equal(numbers.length, 8);
  for (const [name] of numbers) {
    for (const value of ["ten", "Infinity", "NaN", "1s", "--1"]) {
      assert.throws(() => orderFrom({ ...environment, [name]: value }, configuration), {
        message: `${name} is no number`,
      });
    }
  }
});

test("a configuration that names no color is refused before anything is done, with the way to mend it", () => {
  const message =
    "the configuration names no active color. Nothing was changed.\n" +
    "Next: put nginx/nginx.conf.mustache back as it was (git diff nginx), then: pulumi up";
  for (const wrong of ["", "default green;", configuration.replace("default green;", "default red;")]) {
    assert.throws(() => orderFrom(environment, wrong), { message });
  }
});

test("the target is the color of the switch's own map, never one that stands anywhere else", () => {
  const elsewhere = configuration.replace("http {", 'http {\n    map "" $other {\n        default blue;\n    }');
  assert.equal(orderFrom(environment, elsewhere).target, "green");
  assert.equal(orderFrom(environment, `# default blue;\n${configuration}`).target, "green");
});

test("no text around the map changes the target or makes it unreadable", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (before, after) => {
      fc.pre(!before.includes("$color"));
      const order = orderFrom(environment, `${before}\n${configuration}\n${after}`);
      assert.equal(order.target, "green");
    }),
    { numRuns: 200 },
  );
});
