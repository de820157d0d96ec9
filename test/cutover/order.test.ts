import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { orderFrom as orderIn, withoutCanary } from "../../cutover/order";
import { type ConfigurationSettings, renderConfiguration } from "../../stacks/proxy/nginxConfiguration";
import { orderVariables } from "../../stacks/service/orderVariables";
import { generationOf } from "../../stacks/service/serving";
import { sampleConfiguration, sampleSettings } from "../stacks/settings/settings.sample";

const template = readFileSync(join(__dirname, "..", "..", "nginx", "nginx.conf.mustache"), "utf8");

const configurationFor = (activeColor: "blue" | "green", change: Partial<ConfigurationSettings> = {}) =>
  renderConfiguration(template, {
    ...sampleConfiguration,
    activeColor,
    slots: {
      blue: { appPort: 5001, healthPath: "/a", replicas: 1 },
      green: { appPort: 5002, healthPath: "/b", replicas: 1 },
    },
    ...change,
  });

const configuration = configurationFor("green");

/** The order in these variables, under the names that the program gives them. */
const orderFrom = (variables: Record<string, string>, configuration: string) =>
  orderIn(orderVariables(variables), configuration);

/** What stacks/cutover.ts sets; that it does is proved in blueGreen.test.ts. Each value differs from the others. */
const environment = {
  PROXY: "p1",
  PROJECT: "blue-green",
  STACK: "dev",
  SERVICE: "",
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
  CANARY_PERCENT: "7",
  STICKY_SECONDS: "3601",
  DRAIN_SECONDS: "62",
  KEEP_ALIVE_SECONDS: "12",
  IDLE: "running",
  NOTIFY: '{"kind":"slack","url":"https://hooks.example/T0/B0"}',
};

/** How the sample's colors are asked for their health. */
const HEALTH = {
  blue: { port: 5001, path: "/a", host: "blue", scheme: "http", statuses: "200-299" },
  green: { port: 5002, path: "/b", host: "green", scheme: "http", statuses: "200-299" },
};

describe("the order of a cutover", () => {
  test("each variable arrives where it belongs, and the target is the color that the configuration names", () => {
    assert.deepEqual(orderFrom(environment, configuration), {
      owner: { project: "blue-green", stack: "dev" },
      proxy: "p1",
      configuration,
      generation: generationOf(configuration),
      target: "green",
      health: HEALTH,
      healthTimeoutSeconds: 61,
      smokeTests: sampleSettings.smokeTests,
      gateCommand: environment.GATE_COMMAND,
      gateTimeoutSeconds: 301,
      targetHost: "engine.example",
      verifyRequests: 9,
      bakeSeconds: 11,
      limits: { maxErrorPercent: 1.5, minRequests: 21, maxP95Seconds: 0.25 },
      canaryPercent: 0,
      canarySetting: 7,
      replicas: { blue: 1, green: 1 },
      monitored: false,
      sessions: false,
      stickySeconds: 3601,
      retire: undefined,
      drainSeconds: 62,
      keepAliveSeconds: 12,
      idle: "running",
      files: {},
      receiver: { kind: "slack", url: "https://hooks.example/T0/B0" },
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
    const numbers = Object.entries(environment).filter(([, value]) => value !== "" && Number.isFinite(Number(value)));
    assert.equal(numbers.length, 11);
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
        fc.pre(!before.includes("$active"));
        const order = orderFrom(environment, `${before}\n${configuration}\n${after}`);
        assert.equal(order.target, "green");
      }),
      { numRuns: 200 },
    );
  });

  test("the share, how each color is asked for its health and the sessions are what the configuration says, and a share that is taken out leaves the rest", () => {
    const sharing = configurationFor("blue", { canaryPercent: 5 });
    const order = orderFrom(environment, sharing);
    assert.deepEqual([order.canaryPercent, order.canarySetting, order.health, order.sessions], [5, 7, HEALTH, true]);
    assert.equal(orderFrom(environment, configurationFor("blue", { stickySessions: "cookie" })).sessions, true);
    assert.equal(orderFrom(environment, configurationFor("blue", { canaryPercent: 99 })).canaryPercent, 99);

    const without = withoutCanary(sharing);
    assert.deepEqual(
      sharing.split("\n").filter((line) => !without.split("\n").includes(line)),
      ["        5% 1;"],
    );
    assert.equal(orderFrom(environment, without).canaryPercent, 0);
    assert.equal(withoutCanary(configuration), configuration);
  });

  test("how many containers each color has is read where they are listed, once each, with or without sessions", () => {
    for (const [blue, green] of [
      [1, 1],
      [1, 2],
      [3, 1],
      [11, 20],
    ] as const) {
      const slots = {
        blue: { appPort: 5001, healthPath: "/a", replicas: blue },
        green: { appPort: 5002, healthPath: "/b", replicas: green },
      };
      for (const change of [{}, { canaryPercent: 5 }]) {
        const order = orderFrom(environment, configurationFor("blue", { slots, ...change }));
        assert.deepEqual([order.replicas, order.health], [{ blue, green }, HEALTH]);
      }
    }
  });

  test("without sessions there is no time for which they hold", () => {
    assert.equal(orderFrom({ ...environment, STICKY_SECONDS: "0" }, configuration).stickySeconds, undefined);
  });

  test("who is to be retired is told by MEND in its own words alone, with the time after which that counts", () => {
    const retire = (MEND: string) => orderFrom({ ...environment, MEND }, configuration).retire;
    assert.deepEqual(retire("retire blue after 2026-01-02T03:04:05.678Z"), {
      color: "blue",
      after: "2026-01-02T03:04:05.678Z",
    });
    assert.deepEqual(retire("retire green after nothing"), { color: "green", after: "nothing" });
    for (const other of [
      "",
      "edited after nothing",
      "retire",
      "retire red after x",
      "retire blue",
      "not retire blue after x",
    ]) {
      assert.equal(retire(other), undefined, other);
    }
  });

  test("each file is a variable of its own: a name, the end of the line, and all the rest as it is", () => {
    const content = 'a\nb $X `c` \\ "d" ü\n\n';
    const files = {
      FILE_TESTER: `tester-1.conf\n${content}`,
      FILE_MAINTENANCE: "maintenance-1.html\n",
      FILE_TLSCERTIFICATE: "tls-1.crt\nc",
      FILE_TLSKEY: "",
    };
    assert.deepEqual(orderFrom({ ...environment, ...files }, configuration).files, {
      "tester-1.conf": content,
      "maintenance-1.html": "",
      "tls-1.crt": "c",
    });
  });

  test("nothing of the environment of whoever runs it is read, whatever it is called", () => {
    const names = [...Object.keys(environment), "MEND", "FILE_UPLOAD_MAX", "FILE_TESTER", "FILE_TLSKEY", "FILE_X"];
    const theirs = Object.fromEntries(
      names.flatMap((name) => [
        [name, "../nginx.conf\nretire blue after x"],
        [name.toLowerCase(), "10M"],
        [`BLUE_GREEN_FILE_${name}`, "../nginx.conf\nx"],
      ]),
    );
    theirs.MEND = "retire blue after x";
    assert.deepEqual(
      orderIn({ ...theirs, ...orderVariables(environment) }, configuration),
      orderFrom(environment, configuration),
    );
    assert.throws(() => orderIn(environment, configuration), /by hand lacks PROJECT/);
  });

  test("a file's name that the program would not give is refused: it could be anywhere on the proxy's volume", () => {
    for (const name of [
      "../nginx.conf",
      "nginx.conf",
      "10M",
      "tester-1.conf/..",
      "tls-1.key\r",
      "tester-.conf",
      " tester-1.conf",
      "files/tester-1.conf",
    ]) {
      assert.throws(() => orderFrom({ ...environment, FILE_TESTER: `${name}\nx` }, configuration), {
        message: "FILE_TESTER names no file of the proxy's. Nothing was changed",
      });
    }
  });
});
