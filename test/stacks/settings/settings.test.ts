import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { COLORS, other } from "../../../stacks/service/color";
import { RESERVED_NAMES } from "../../../stacks/settings/environment";
import { SettingsError } from "../../../stacks/settings/errors";
import { readSettings } from "../../../stacks/settings/read";
import { parseSettings } from "../../../stacks/settings/settings";
import { isStructured, NAMESPACE, SETTING_NAMES } from "../../../stacks/settings/shape";
import { shown } from "../../../stacks/text/plain";
import { quoted } from "../../../stacks/text/shell";
import { FIT } from "../text/hostile.sample";
import { defaults, project, raw, refused, secrets } from "./settings.raw";
import { sampleSettings } from "./settings.sample";

const PORT = "must be a whole number from 1 to 65535, in plain digits";

const VERSION = "must be 1 to 100 of A-Z a-z 0-9 . _ - and begin with a letter or digit";

const IMAGE = "must be an image reference such as registry.example.com/team/app:1.2 or app@sha256:...";

const PATH = "must be a path of A-Z a-z 0-9 . _ ~ - / from the root, without // and .., at most 200 characters";

const STATUSES =
  "must be statuses from 200 to 599 and ranges of them, separated by commas, such as 200-299,401; at most 20, or empty";

const ADDRESS = "must be an IPv4 or IPv6 address, without a zone";

const NAME = "must have a name of A-Z a-z 0-9 _, no digit first, at most 128 characters";

/** Setting, value given, how the error shows it, what is allowed, the command that mends it. */
const BAD: [setting: string, value: string, given: string, rule: string, mend: string][] = [
  ["activeColor", "Green", '"Green"', "must be blue or green", "pulumi config set activeColor green"],
  ["activeColor", "gren", '"gren"', "must be blue or green", "pulumi config set activeColor green"],
  // Which color the public is to see is not guessed.
  ["activeColor", "red", '"red"', "must be blue or green", "pulumi config set activeColor '<blue or green>'"],
  ...["99999", "0", "65536", "1e3", "0x10", " 5", "5 ", "5.0", "-1", "+5", "", "08080", "5_000", "5\n"].map(
    (value): (typeof BAD)[number] => [
      "httpPort",
      value,
      JSON.stringify(value),
      PORT,
      "pulumi config set httpPort 8080",
    ],
  ),
  ["appPort", "９", '"\\u{ff19}"', PORT, "pulumi config set appPort 5000"],
  ["bluePort", "70000", '"70000"', PORT, "pulumi config set bluePort 5001"],
  ["greenPort", "x", '"x"', PORT, "pulumi config set greenPort 5002"],
  ["bluePort", "8080", '"8080"', "must differ from httpPort, which has this port", "pulumi config set bluePort 8081"],
  ["greenPort", "5001", '"5001"', "must differ from bluePort, which has this port", "pulumi config set greenPort 5002"],
  ...["1; return 200", "1.0\nx", "{{x}}", "$(id)", "", "-1", ".", "a b", "v\u0000", "é", "a".repeat(101)].map(
    (value): (typeof BAD)[number] => [
      "blueVersion",
      value,
      value.length > 60 ? `"${"a".repeat(61)}... (101 characters)` : JSON.stringify(value),
      VERSION,
      "pulumi config set blueVersion '<version>'",
    ],
  ),
  [
    "greenVersion",
    "\u202e\u007f\u{1f600}",
    '"\\u{202e}\\u{7f}\\u{1f600}"',
    VERSION,
    "pulumi config set greenVersion '<version>'",
  ],
  ...["healthz", "", "//x", "/a//b", "/..", "/a/../b", "/./a", "/a?b", "/a b", "/a;", "/%41", "/a\n", "/{", "/$x"].map(
    (value): (typeof BAD)[number] => [
      "healthPath",
      value,
      JSON.stringify(value),
      PATH,
      "pulumi config set healthPath /healthz",
    ],
  ),
  ...[
    // What would end nginx's line, be a variable of its or stand for another request.
    ...[
      "a b",
      "a;",
      "a}",
      "{a",
      "$host",
      "$(host)",
      "a\n",
      "a\r\nX-Evil: 1",
      "a\0",
      '"a"',
      "'a'",
      "a#",
      "a\\",
      "{{a}}",
    ],
    // No host, or more than one.
    ...[
      "shop:80",
      "10.0.0.1:80",
      "::1",
      "[::1]",
      "fe80::1%eth0",
      "http://shop",
      "shop/",
      "user@shop",
      "a,b",
      "*",
      "*.a",
    ],
    ...[".", ".a", "a.", "a..b", "-a", "a-", "a_b", "é", "127.1", "256.0.0.1", "0x7f000001"],
    ...["a".repeat(64), Array(128).fill("a").join(".")],
  ].map((value): (typeof BAD)[number] => [
    "healthHost",
    value,
    value.length > 60 ? `"${value.slice(0, 61)}... (${value.length} characters)` : JSON.stringify(value),
    "must be a host name or an IPv4 address, without a port, or empty",
    "pulumi config set healthHost '<host>'",
  ]),
  ...[
    ...[
      "199",
      "600",
      "100-299",
      "200-600",
      "300-200",
      "2xx",
      "20",
      "2000",
      "0200",
      "+200",
      "200.0",
      "2e2",
      "two",
      "-1",
    ],
    ...["200,", ",200", ",", "200,,401", "200-", "-299", "-", "200-299-399", "200-,401", "200--299", "200..299"],
    ...[
      " 200",
      "200 ",
      "200, 401",
      "200 - 299",
      "200\n",
      "200\t",
      "200;",
      "200}",
      "200 always; }",
      "$status",
      "200|401",
    ],
    ...['"200"', "'200'", "200#", "200\0", Array(21).fill("200").join(",")],
  ].map((value): (typeof BAD)[number] => [
    "healthStatus",
    value,
    value.length > 60 ? `"${value.slice(0, 61)}... (${value.length} characters)` : JSON.stringify(value),
    STATUSES,
    "pulumi config set healthStatus '<statuses>'",
  ]),
  ["healthStatus", "２００", '"\\u{ff12}\\u{ff10}\\u{ff10}"', STATUSES, "pulumi config set healthStatus '<statuses>'"],
  ...["http://x", "UPPER", "a b", "a:", "a@sha256:12", "-a", "a//b", "a;b", "a".repeat(600), "f".repeat(64)].map(
    (value): (typeof BAD)[number] => [
      "blueImage",
      value,
      value.length > 60 ? `"${value.slice(0, 61)}... (${value.length} characters)` : JSON.stringify(value),
      `${IMAGE}, or empty`,
      "pulumi config set blueImage '<image>'",
    ],
  ),
  ["nginxImage", "", '""', IMAGE, "pulumi config set nginxImage '<image>'"],
  ["appBaseImage", "a\nRUN id", '"a\\nRUN id"', IMAGE, "pulumi config set appBaseImage '<image>'"],
  ...["localhost", "127.1", "256.0.0.1", "", "fe80::1%eth0", "[::1]", "127.0.0.1:80"].map(
    (value): (typeof BAD)[number] => [
      "bindAddress",
      value,
      JSON.stringify(value),
      ADDRESS,
      "pulumi config set bindAddress 127.0.0.1",
    ],
  ),
  ...[
    ...["", "[::1]", "fe80::1%eth0", "127.0.0.1:80", "http://host", "host:80", "host/", "user@host", "a b", "a\n", "é"],
    // The same address to a URL, and no name; and what is none of both.
    ...["127.1", "256.0.0.1", "1", "0x7f000001", "a.0X7F", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "*", "$HOST"],
    ...["a".repeat(64), Array(128).fill("a").join(".")],
  ].map((value): (typeof BAD)[number] => [
    "targetHost",
    value,
    value.length > 60 ? `"${value.slice(0, 61)}... (${value.length} characters)` : JSON.stringify(value),
    "must be a host name, or an IPv4 or IPv6 address without brackets or a zone; no port, no http://",
    "pulumi config set targetHost 127.0.0.1",
  ]),
  [
    "memoryMb",
    "31",
    '"31"',
    "must be a whole number from 32 to 1048576, in plain digits",
    "pulumi config set memoryMb 256",
  ],
  [
    "drainSeconds",
    "0",
    '"0"',
    "must be a whole number from 1 to 3600, in plain digits",
    "pulumi config set drainSeconds 60",
  ],
  ["drainSeconds", "9", '"9"', "must be at least keepAliveSeconds, which is 10", "pulumi config set drainSeconds 10"],
  [
    "keepAliveSeconds",
    "0",
    '"0"',
    "must be a whole number from 1 to 3600, in plain digits",
    "pulumi config set keepAliveSeconds 10",
  ],
  [
    "proxyTimeoutSeconds",
    "60s",
    '"60s"',
    "must be a whole number from 1 to 3600, in plain digits",
    "pulumi config set proxyTimeoutSeconds 60",
  ],
  [
    "maxBodyMb",
    "0",
    '"0"',
    "must be a whole number from 1 to 10240, in plain digits",
    "pulumi config set maxBodyMb 10",
  ],
  [
    "maxHeaderKb",
    "32k; }",
    '"32k; }"',
    "must be a whole number from 4 to 128, in plain digits",
    "pulumi config set maxHeaderKb 32",
  ],
  ["underscoreHeaders", "on", '"on"', "must be true or false", "pulumi config set underscoreHeaders false"],
  ...(
    [
      ["healthTimeoutSeconds", 1, 3600, "60"],
      ["gateTimeoutSeconds", 1, 3600, "300"],
      ["verifyRequests", 1, 1000, "8"],
      ["bakeSeconds", 0, 3600, "10"],
      ["minRequests", 1, 1_000_000, "20"],
      ["canaryPercent", 0, 99, "0"],
      ["stickySeconds", 1, 604_800, "3600"],
      ["rateLimitPerSecond", 0, 100_000, "0"],
      ["maxConnections", 0, 65_535, "4096"],
      ["maxUploads", 0, 65_535, "1000"],
      ["maxBufferMb", 0, 1024, "1"],
      ["stopGraceSeconds", 1, 3600, "30"],
      ["replicas", 1, 20, "1"],
      ["idleAfterMinutes", 0, 10_080, "60"],
    ] as const
  ).flatMap(([setting, least, most, mend]) =>
    [
      String(least - 1),
      String(most + 1),
      "-5",
      "1e2",
      "1.5",
      "5%",
      "",
      " 1",
      "01",
      "9".repeat(20),
      "１",
      "Infinity",
    ].map((value): (typeof BAD)[number] => [
      setting,
      value,
      JSON.stringify(value).replace("１", "\\u{ff11}"),
      `must be a whole number from ${least} to ${most}, in plain digits`,
      `pulumi config set ${setting} ${mend}`,
    ]),
  ),
  ...(
    [
      ["maxErrorPercent", 100, "1"],
      ["maxP95Seconds", 300, "0"],
    ] as const
  ).flatMap(([setting, most, mend]) =>
    ["-0.5", "1e-7", "0.1234", ".5", "5.", "00.5", "0,5", "5%", "", "NaN", `${most}.001`, "9".repeat(20), "0.5\n"].map(
      (value): (typeof BAD)[number] => [
        setting,
        value,
        JSON.stringify(value),
        `must be a number from 0 to ${most}, in plain digits with at most 3 decimals`,
        `pulumi config set ${setting} ${mend}`,
      ],
    ),
  ),
  // A blank one would let everything pass.
  ...["a\0b", "a\rb", "a\u001bb", "a\u007fb", "a\u0085b", " \n\t", "<command>", "x".repeat(4097)].map(
    (value): (typeof BAD)[number] => [
      "gateCommand",
      value,
      value.length > 60
        ? `"${value.slice(0, 61)}... (${value.length} characters)`
        : JSON.stringify(value).replace(/[\u007f\u0085]/, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`),
      "must be a shell command of at most 4096 characters, without control characters other than tab and newline, or empty",
      "pulumi config set gateCommand '<command>'",
    ],
  ),
  ["allowLiveReplace", "1", '"1"', "must be true or false", "pulumi config set allowLiveReplace false"],
  ...["yes", "True", "1", "", "true\n"].map((value): (typeof BAD)[number] => [
    "maintenance",
    value,
    JSON.stringify(value),
    "must be true or false",
    "pulumi config set maintenance false",
  ]),
  ...["Cookie", "cookies", "true", "", "none; x", "cookie\n"].map((value): (typeof BAD)[number] => [
    "stickySessions",
    value,
    JSON.stringify(value),
    "must be none or cookie",
    "pulumi config set stickySessions none",
  ]),
  ...["Stopped", "stop", "true", "", "removed; x", "stopped\n"].map((value): (typeof BAD)[number] => [
    "idle",
    value,
    JSON.stringify(value),
    "must be running, stopped or removed",
    "pulumi config set idle running",
  ]),
  ["allowProxyReplace", "yes", '"yes"', "must be true or false", "pulumi config set allowProxyReplace false"],
  ["environment", "[]", '"[]"', "must be an object: one variable a time, with --path", "pulumi config rm environment"],
  ["environment", "{", '"{"', "must be an object: one variable a time, with --path", "pulumi config rm environment"],
];

const TOKEN = "must be 16 to 200 of A-Z a-z 0-9 . _ ~ -, or empty";

const SET_TOKEN = "    pulumi config set --secret testerToken";

const REPOSITORY =
  "must be a registry and a repository in it, such as registry.example.com/team/app: lower case, without https://, user, tag and digest, or empty";

const DIGEST = `@sha256:${"0123456789abcdef".repeat(4)}`;

/** Text that is often nearly right: the alphabet is what settings are made of, and what would break out of them. */
const nearlyRight = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(..."aZ09._-~/:@%;{}$\\'\"# \n\t\r\0`\u202e９"), maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(..."ab1./:-_"), maxLength: 8 }),
  fc.string({ unit: fc.constantFrom("200", "401", "599", "600", "-", ",", ";", " "), maxLength: 4 }),
  fc.nat({ max: 70_000 }).map(String),
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(...Object.values(defaults), ...COLORS),
);

/** Settings whose values are free text for the most part, and go nowhere else than where such text belongs. */
const FREE = [
  ...["environment", "secretEnvironment", "container", "workers", "jobs", "accessories", "smokeTests", "gateCommand"],
  // They reach headers of a request alone.
  ...["notifyUrl", "notifySecret"],
];

describe("what is accepted", () => {
  test("the defaults of Pulumi.yaml and an active color are a whole configuration", () => {
    assert.deepEqual(parseSettings(raw(), new Set()), sampleSettings);
  });

  test("underscores in header names are refused beside trusted proxies, since nginx reads X_Forwarded_Host as their word", () => {
    const proxies = JSON.stringify(["10.0.0.0/8"]);
    assert.equal(
      refused(raw({ underscoreHeaders: "true", trustedProxies: proxies })),
      'underscoreHeaders = "true": must be false while trustedProxies names any: nginx reads X_Forwarded_Host, which every client may send, ' +
        "as X-Forwarded-Host\n    pulumi config set underscoreHeaders false",
    );
    assert.equal(parseSettings(raw({ underscoreHeaders: "true" }), new Set()).underscoreHeaders, true);
    assert.equal(parseSettings(raw({ trustedProxies: proxies }), new Set()).underscoreHeaders, false);
  });

  test("Pulumi.yaml has every setting that the program reads and no other, each with type, meaning and default", () => {
    assert.deepEqual(Object.keys(project.config).sort(), [...SETTING_NAMES].sort());
    assert.equal(project.name, NAMESPACE);
    for (const [name, setting] of Object.entries(project.config)) {
      assert.match(setting.type ?? "", /^(string|integer|boolean|array|object)$/, name);
      assert.match(setting.description ?? "", /^\S[^\n]{10,160}$/, name);
      assert.equal(setting.default === undefined, name === "activeColor", name);
      // The CLI would refuse the default of a secret setting: 'must be encrypted as it's secret'.
      assert.equal(setting.secret, undefined, name);
    }
  });

  test("app/ built by hand and by the program starts from the same image", () => {
    const dockerfile = readFileSync(join(__dirname, "..", "..", "..", "app", "Dockerfile"), "utf8");
    assert.equal(/^ARG BASE_IMAGE=(\S+)$/m.exec(dockerfile)?.[1], defaults.appBaseImage);
  });

  test("a host to be asked for is a name or an IPv4 address, statuses are a list of ranges, and both may be left out", () => {
    const parsed = (values: Record<string, string>) => parseSettings(raw(values), new Set());
    for (const healthHost of [
      "shop.example.com",
      "localhost",
      "blue",
      "SHOP.example",
      "xn--mnchen-3ya.de",
      "1a.b",
      "10.0.0.1",
    ])
      assert.equal(parsed({ healthHost }).healthHost, healthHost);
    const most = Array(20).fill("200-299").join(",");
    for (const healthStatus of [
      "200",
      "599",
      "200-200",
      "200-399",
      "200-299,401",
      "401,200-299",
      "204,301-302,404",
      most,
    ])
      assert.equal(parsed({ healthStatus }).healthStatus, healthStatus);
    const { healthHost, healthStatus } = parsed({ healthHost: "", healthStatus: "" });
    assert.deepEqual([healthHost, healthStatus], [undefined, undefined]);
  });

  test("everything that can be set arrives as it was set", () => {
    const settings = parseSettings(
      {
        ...raw({
          activeColor: "green",
          blueVersion: "2026.09.16-rc_1",
          greenImage: `registry.example.com:5000/team/shop:1.2@sha256:${"0123456789abcdef".repeat(4)}`,
          bindAddress: "::1",
          httpPort: "65535",
          healthPath: "/",
          healthHost: "shop.example.com",
          healthStatus: "200-299,401",
          environment:
            '{"LEVEL":"debug","RATE":0.5,"COUNT":3,"ON":true,"EMPTY":"","constructor":"c","TEXT":"a\\n\\"$b"}',
          secretEnvironment: '{"API_KEY":"hunter2"}',
          drainSeconds: "10",
          registry: "registry.example.com:5000/team/shop",
          registryUser: "robot$team+ci",
          registryPassword: 'it\'s "so" $ecret\n',
          healthTimeoutSeconds: "3600",
          smokeTests: "[]",
          gateCommand: "set -eu\n\tcurl \"$TARGET_URL\" | grep 'né'",
          gateTimeoutSeconds: "1",
          verifyRequests: "1000",
          bakeSeconds: "0",
          maxErrorPercent: "0.125",
          minRequests: "1000000",
          maxP95Seconds: "1.50",
          canaryPercent: "99",
          stickySessions: "cookie",
          stickySeconds: "604800",
          testerToken: "A-token_of.20~letters",
          maintenance: "true",
          rateLimitPerSecond: "100000",
          maxConnections: "7",
          maxUploads: "65535",
          maxBufferMb: "1024",
          stopGraceSeconds: "1",
          replicas: "20",
          idle: "stopped",
          idleAfterMinutes: "10080",
          canaryFirst: "true",
          allowProxyReplace: "true",
          allowLiveReplace: "true",
        }),
        "docker:host": "ssh://deploy@host:22",
        "docker:registryAuth": "[]",
        "pulumi:tags": "{}",
      },
      secrets("secretEnvironment", "testerToken", "registryPassword"),
    );
    assert.deepEqual(settings, {
      ...parseSettings(raw(), new Set()),
      activeColor: "green",
      slots: {
        blue: { version: "2026.09.16-rc_1", port: 5001 },
        green: {
          version: "1.0.0",
          image: `registry.example.com:5000/team/shop:1.2@sha256:${"0123456789abcdef".repeat(4)}`,
          port: 5002,
        },
      },
      bindAddress: "::1",
      httpPort: 65_535,
      healthPath: "/",
      healthHost: "shop.example.com",
      healthStatus: "200-299,401",
      environment: {
        LEVEL: "debug",
        RATE: "0.5",
        COUNT: "3",
        ON: "true",
        EMPTY: "",
        constructor: "c",
        TEXT: 'a\n"$b',
      },
      secretEnvironment: { API_KEY: "hunter2" },
      drainSeconds: 10,
      registry: "registry.example.com:5000/team/shop",
      registryUser: "robot$team+ci",
      registryPassword: 'it\'s "so" $ecret\n',
      healthTimeoutSeconds: 3600,
      smokeTests: [],
      gateCommand: "set -eu\n\tcurl \"$TARGET_URL\" | grep 'né'",
      gateTimeoutSeconds: 1,
      verifyRequests: 1000,
      bakeSeconds: 0,
      maxErrorPercent: 0.125,
      minRequests: 1_000_000,
      maxP95Seconds: 1.5,
      canaryPercent: 99,
      stickySessions: "cookie",
      stickySeconds: 604_800,
      testerToken: "A-token_of.20~letters",
      maintenance: true,
      rateLimitPerSecond: 100_000,
      maxConnections: 7,
      maxUploads: 65_535,
      maxBufferMb: 1024,
      stopGraceSeconds: 1,
      replicas: 20,
      idle: "stopped",
      idleAfterMinutes: 10_080,
      canaryFirst: true,
      allowProxyReplace: true,
      allowLiveReplace: true,
      dockerHost: "ssh://deploy@host:22",
    });
  });

  test("readSettings reads the stack's configuration, and which keys are secret, from Pulumi", () => {
    const configuration = raw({ secretEnvironment: '{"A":"hunter2"}' }) as Record<string, string>;
    pulumi.runtime.setAllConfig(configuration, [`${NAMESPACE}:secretEnvironment`]);
    assert.deepEqual(readSettings().secretEnvironment, { A: "hunter2" });
    pulumi.runtime.setAllConfig(configuration, []);
    assert.throws(readSettings, SettingsError);
  });

  test("the error is one that Pulumi prints without a stack trace", () => {
    assert.throws(
      () => parseSettings({}, new Set()),
      (error) => pulumi.RunError.isInstance(error),
    );
  });
});

describe("what is refused, with what mends it", () => {
  test("each bad value is refused with the setting, the value, what is allowed and the command that mends it", () => {
    for (const [setting, value, given, rule, mend] of BAD) {
      assert.equal(refused(raw({ [setting]: value })), `${setting} = ${given}: ${rule}\n    ${mend}`);
    }
  });

  test("ports that clash are mended by the commands given, up to the highest port", () => {
    for (const port of [1, 5001, 65_532, 65_533, 65_534, 65_535]) {
      const clash = { httpPort: String(port), bluePort: String(port), greenPort: String(port) };
      const mended = [...refused(raw(clash)).matchAll(/ set (\S+) (\S+)$/gm)].map(([, name, value]) => [name, value]);
      assert.equal(mended.length, 2);
      parseSettings(raw({ ...clash, ...Object.fromEntries(mended) }), new Set());
    }
  });

  test("the values in mending commands are Pulumi.yaml's defaults, or placeholders that are refused themselves", () => {
    for (const name of SETTING_NAMES) {
      if (isStructured(name)) continue;
      // Its default is to say nothing.
      // A command that asks for its value, or reads it from a file.
      if (["testerToken", "tlsKey", "registryPassword", "notifyUrl", "notifySecret"].includes(name)) continue;
      const value = / set \S+ (.+)$/.exec(refused(raw({ [name]: "\n" })))?.[1] ?? "";
      if (value.startsWith("'<")) refused(raw({ [name]: value.slice(1, -1) }));
      else assert.equal(value, defaults[name], name);
    }
  });

  test("each bad variable is refused with its path", () => {
    const cases: [json: string, expected: string][] = [
      ['{"a b":"1"}', `environment["a b"] = "1": ${NAME}\n    pulumi config rm --path 'environment["a b"]'`],
      ['{"it\'s":"1"}', `environment["it's"] = "1": ${NAME}\n    pulumi config rm --path 'environment["it'\\''s"]'`],
      ['{"a\\"b":1}', `environment["a\\"b"] = 1: ${NAME}\n    pulumi config rm --path 'environment["a\\"b"]'`],
      ['{"":1}', `environment[""] = 1: ${NAME}\n    pulumi config rm --path 'environment[""]'`],
      ['{"1A":1}', `environment["1A"] = 1: ${NAME}\n    pulumi config rm --path 'environment["1A"]'`],
      [
        '{"a\\n":1}',
        `environment["a\\n"] = 1: ${NAME}\n    edit the stack's Pulumi.<stack>.yaml: this name can't be typed in a shell`,
      ],
      [
        '{"__proto__":1}',
        "environment.__proto__ = 1: is not possible as a name\n    pulumi config rm --path environment.__proto__",
      ],
      ...RESERVED_NAMES.map((name): [string, string] => [
        `{"${name}":"x"}`,
        `environment.${name} = "x": is set by the program itself\n    pulumi config rm --path environment.${name}`,
      ]),
      ...(["null", "[1]", '{"B":1}'] as const).map((value): [string, string] => [
        `{"A":${value}}`,
        `environment.A = ${value}: must be a text, a number, true or false\n` +
          "    pulumi config set --type string --path environment.A '<value>'",
      ]),
      [
        '{"A":12345678901234567890}',
        "environment.A = 12345678901234567000: is too large for a number and would be rounded; must be set as text\n" +
          "    pulumi config set --type string --path environment.A '<value>'",
      ],
      [
        '{"A":"x\\u0000"}',
        'environment.A = "x\\u0000": must not contain a NUL character\n' +
          "    pulumi config set --type string --path environment.A '<value>'",
      ],
      [
        JSON.stringify({ A: "x".repeat(32 * 1024 + 1) }),
        `environment.A = "${"x".repeat(61)}... (32769 characters): must be at most 32 KiB\n` +
          "    pulumi config set --type string --path environment.A '<value>'",
      ],
    ];
    for (const [json, expected] of cases) assert.equal(refused(raw({ environment: json })), expected);

    const many = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`A${i}`, ""]));
    assert.match(
      refused(raw({ environment: JSON.stringify(many) })),
      /must have at most 200 variables and 512 KiB in all/,
    );
    const large = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`A${i}`, "x".repeat(32 * 1024)]));
    assert.match(
      refused(raw({ environment: JSON.stringify(large) })),
      /must have at most 200 variables and 512 KiB in all/,
    );
  });

  test("a setting that doesn't exist is refused, with the one that was meant", () => {
    const cases: [name: string, value: string, expected: string][] = [
      [
        "activecolor",
        "green",
        'activecolor = "green": there is no such setting; activeColor was meant?\n' +
          "    pulumi config rm activecolor && pulumi config set activeColor green",
      ],
      [
        "http_port",
        "x",
        'http_port = "x": there is no such setting; httpPort was meant?\n' +
          "    pulumi config rm http_port && pulumi config set httpPort 8080",
      ],
      [
        "bleuVersion",
        "2.0.0",
        'bleuVersion = "2.0.0": there is no such setting; blueVersion was meant?\n' +
          "    pulumi config rm bleuVersion && pulumi config set blueVersion 2.0.0",
      ],
      [
        "drain",
        "30",
        'drain = "30": there is no such setting; drainSeconds was meant?\n' +
          "    pulumi config rm drain && pulumi config set drainSeconds 30",
      ],
      [
        "enviroment",
        "{}",
        'enviroment = "{}": there is no such setting; environment was meant?\n' +
          "    pulumi config rm enviroment && pulumi config set --type string --path 'environment.<NAME>' '<value>'",
      ],
      [
        "secretEnviroment",
        '{"A":"hunter2"}',
        "secretEnviroment = (not shown): there is no such setting; secretEnvironment was meant?\n" +
          "    pulumi config rm secretEnviroment && pulumi config set --secret --path 'secretEnvironment.<NAME>'",
      ],
      [
        "shards",
        "2",
        "shards = (not shown): there is no such setting; Pulumi.yaml lists all\n    pulumi config rm shards",
      ],
      ["-x", "2", "-x = (not shown): there is no such setting; Pulumi.yaml lists all\n    pulumi config rm -- -x"],
      [
        "a b'c",
        "2",
        "a b'c = (not shown): there is no such setting; Pulumi.yaml lists all\n    pulumi config rm 'a b'\\''c'",
      ],
      [
        "a\nb",
        "2",
        '"a\\nb" = (not shown): there is no such setting; Pulumi.yaml lists all\n' +
          "    edit the stack's Pulumi.<stack>.yaml: this name can't be typed in a shell",
      ],
      ...["__proto__", "constructor", "toString", "hasOwnProperty"].map((name): [string, string, string] => [
        name,
        "x",
        `${name} = (not shown): there is no such setting; Pulumi.yaml lists all\n    pulumi config rm ${name}`,
      ]),
    ];
    for (const [name, value, expected] of cases) {
      assert.equal(refused({ ...raw(), [`${NAMESPACE}:${name}`]: value }), expected);
    }
  });
});

describe("secrets", () => {
  test("secrets must be set with --secret, only where they are kept so, and never show", () => {
    const planted = { secretEnvironment: '{"A":"hunter2","B":"hunter2"}' };
    assert.equal(
      refused(raw(planted)),
      "secretEnvironment = [secret]: must be set with --secret; what the stack's file holds now is readable, so give it a new value\n" +
        "    pulumi config set --secret --path secretEnvironment.A && pulumi config set --secret --path secretEnvironment.B",
    );
    assert.equal(
      refused(raw({ ...planted, environment: '{"A":"hunter2"}' }), secrets("secretEnvironment")),
      "environment.A = [secret]: is in secretEnvironment too; must be in one of them only\n" +
        "    pulumi config rm --path environment.A",
    );
    assert.equal(
      refused(raw({ secretEnvironment: '{"A":null,"b c":"hunter2"}' }), secrets("secretEnvironment")),
      "secretEnvironment.A = [secret]: must be a text, a number, true or false\n" +
        "    pulumi config set --secret --path secretEnvironment.A\n" +
        `secretEnvironment["b c"] = [secret]: ${NAME}\n` +
        "    pulumi config rm --path 'secretEnvironment[\"b c\"]'",
    );
    assert.equal(
      refused(raw({ blueVersion: "hunter2!" }), secrets("blueVersion")),
      "blueVersion = [secret]: can't be kept secret; must be set without --secret\n    pulumi config set blueVersion '<version>'",
    );
    assert.equal(
      refused(raw({ environment: '{"A":"hunter2"}' }), secrets("environment")),
      "environment = [secret]: can't be kept secret; what was set with --secret belongs in secretEnvironment\n" +
        "    pulumi config rm --path 'environment.<NAME>' && pulumi config set --secret --path 'secretEnvironment.<NAME>'",
    );
    assert.equal(
      refused({ ...raw(), [`${NAMESPACE}:blueVersoin`]: "hunter2" }, secrets("blueVersoin")),
      "blueVersoin = [secret]: there is no such setting; blueVersion was meant?\n" +
        "    pulumi config rm blueVersoin && pulumi config set blueVersion '<version>'",
    );
  });

  test("a testers' token is 16 to 200 plain characters, or none; whatever else it is, it is refused and never shown", () => {
    for (const token of ["abcdefghijklmnop", "0123456789-._~AB", "Z".repeat(200)]) {
      assert.equal(parseSettings(raw({ testerToken: token }), secrets("testerToken")).testerToken, token);
    }
    for (const keys of [secrets(), secrets("testerToken")]) {
      assert.equal("testerToken" in parseSettings(raw({ testerToken: "" }), keys), false);
    }
    const long = "hunter2hunter2hunter2";
    for (const token of [
      ...["hunter2", "hunter2hunter2h", "x".repeat(201), " ".repeat(20), `${long} `, `${long}\n`, `\n${long}`],
      ...[
        `${long}"`,
        `${long}'`,
        `"${long}"`,
        `${long}$`,
        `$${long}`,
        `\${${long}}`,
        `${long}\\`,
        `${long};`,
        `${long}}`,
      ],
      ...[
        `${long}é`,
        `${long}\u202e`,
        `${long}\u{1f986}`,
        `${long}１`,
        `${long}\0`,
        `${long}#`,
        `{{${long}}}`,
        `${long},x`,
      ],
      ...[
        `(${long})`,
        `[${long}]`,
        `${long}*`,
        `${long}+`,
        `${long}?`,
        `${long}|`,
        `^${long}`,
        `${long}%`,
        `${long}/=`,
      ],
    ]) {
      assert.equal(
        refused(raw({ testerToken: token }), secrets("testerToken")),
        `testerToken = [secret]: ${TOKEN}\n${SET_TOKEN}`,
        token,
      );
    }
  });

  test("a testers' token that is not secret is refused, even a good one, and shown nowhere", () => {
    const secret =
      "testerToken = [secret]: must be set with --secret; what the stack's file holds now is readable, so give it a new value";
    assert.equal(refused(raw({ testerToken: "hunter2hunter2hunter2" })), `${secret}\n${SET_TOKEN}`);
    assert.equal(
      refused(raw({ testerToken: "hunter2" })),
      `testerToken = [secret]: ${TOKEN}\n${SET_TOKEN}\n${secret}\n${SET_TOKEN}`,
    );
    for (const name of ["testertoken", "tester_token", "testerTokn"]) {
      assert.equal(
        refused({ ...raw(), [`${NAMESPACE}:${name}`]: "hunter2hunter2hunter2" }),
        `${name} = (not shown): there is no such setting; testerToken was meant?\n` +
          `    pulumi config rm ${name} && pulumi config set --secret testerToken`,
      );
    }
  });
});

describe("a registry", () => {
  test("a registry is a host and a repository there, and nothing that leads elsewhere", () => {
    for (const registry of ["registry.example/shop", "localhost/shop", "127.0.0.1:5055/a/b_c/d.e", "[::1]:5000/shop"]) {
      assert.equal(parseSettings(raw({ registry }), new Set()).registry, registry);
    }
    for (const registry of [
      ...["shop", "team/shop", "registry.example", "registry.example/", "/shop", "registry.example//shop"],
      ...[
        "https://registry.example/shop",
        "ci:pw@registry.example/shop",
        "registry.example/Shop",
        "registry.example/a b",
      ],
      ...["registry.example/shop:1.0", `registry.example/shop@sha256:${"a".repeat(64)}`, "registry.example/shop\n"],
      ...["registry.example/shop;reboot", "registry.example/$(id)", "--help", "-/a.b", `a.b/${"c".repeat(300)}`],
    ]) {
      const error = refused(raw({ registry }));
      assert.equal(error.split("\n")[0]?.replace(/ = .*: must/, " = ?: must"), `registry = ?: ${REPOSITORY}`, registry);
      assert.match(error, /\n {4}pulumi config set registry '<host>\/<repository>'$/);
    }
  });

  test("a registry's password is secret and shown nowhere; a user belongs to it, and a registry to the user", () => {
    const set = "    pulumi config set --secret registryPassword";
    const registry = "registry.example/shop";
    assert.equal(
      refused(raw({ registry, registryUser: "ci", registryPassword: "hunter2" })),
      `registryPassword = [secret]: must be set with --secret; what the stack's file holds now is readable, so give it a new value\n${set}`,
    );
    assert.equal(
      refused(raw({ registryUser: "ci", registryPassword: "hunter2" }), secrets("registryPassword")),
      "registry = \"\": must be set too, since registryUser is\n    pulumi config set registry '<host>/<repository>'",
    );
    assert.equal(
      refused(raw({ registry, registryPassword: "hunter2" }), secrets("registryPassword")),
      "registryUser = \"\": must be set too, since registryPassword is\n    pulumi config set registryUser '<user>'",
    );
    assert.equal(parseSettings(raw({ registry, registryUser: "ci" }), new Set()).registryUser, "ci");
    for (const registryUser of ["a b", "a:b", "a\n", "é", "x".repeat(201), "<user>"]) {
      assert.match(refused(raw({ registry, registryUser })), /^registryUser = .*: must be 1 to 200 printable ASCII/);
    }
    for (const registryPassword of ["\n", "\r\n", "x".repeat(8193)]) {
      assert.equal(
        refused(raw({ registry, registryUser: "ci", registryPassword }), secrets("registryPassword")),
        `registryPassword = [secret]: must be 1 to 8192 characters, of which the last may be a line's end, or empty\n${set}`,
      );
    }
  });
});

describe("what may be no secret, and addresses", () => {
  test("what stands in the proxy's configuration can't be secret, and is not shown where somebody tried", () => {
    for (const [name, value, mend] of [
      ["canaryPercent", "57", "0"],
      ["canaryPercent", "570", "0"],
      ["stickySessions", "cookie", "none"],
      ["stickySeconds", "5757", "3600"],
      ["maintenance", "true", "false"],
      ["rateLimitPerSecond", "5757", "0"],
      ["maxConnections", "5757", "4096"],
      ["maxUploads", "5757", "1000"],
      ["maxBufferMb", "57", "1"],
      ["stopGraceSeconds", "57", "30"],
      ["replicas", "17", "1"],
      ["idle", "stopped", "running"],
      ["idleAfterMinutes", "57", "60"],
    ] as const) {
      assert.equal(
        refused(raw({ [name]: value }), secrets(name)),
        `${name} = [secret]: can't be kept secret; must be set without --secret\n    pulumi config set ${name} ${mend}`,
      );
    }
  });

  test("an engine's address that could not be one is refused, and an empty one is none", () => {
    assert.equal(parseSettings({ ...raw(), "docker:host": "" }, new Set()).dockerHost, undefined);
    assert.match(
      refused({ ...raw(), "docker:context": "elsewhere" }),
      /docker:context = \[not shown\]: is not supported, since it would win over docker:host; must be docker:host instead\n/,
    );
    assert.equal(
      refused({ ...raw(), "docker:host": "ssh://a b" }),
      'docker:host = "ssh://a b": must be an engine\'s address such as ssh://user@host or unix:///var/run/docker.sock\n' +
        "    pulumi config set docker:host '<scheme://address>'",
    );
    assert.equal(
      refused({ ...raw(), "docker:host": "ssh://hunter2" }, new Set(["docker:host"])),
      "docker:host = [secret]: can't be kept secret, since commands get it as DOCKER_HOST; must be set without --secret\n" +
        "    pulumi config set docker:host '<scheme://address>'",
    );
  });

  test("a target host is a name or an address, and a URL's host as it is", () => {
    const names = ["localhost", "engine", "Engine-1.example", "1a", "3.example", "xn--bcher-kva.example", "0x7g"];
    const longest = `${`${"a".repeat(63)}.`.repeat(3)}${"a".repeat(61)}`;
    for (const host of [...names, longest, "127.0.0.1", "10.0.0.7", "::1", "fd00::7"]) {
      assert.equal(parseSettings(raw({ targetHost: host }), new Set()).targetHost, host);
      const authority = host.includes(":") ? `[${host}]` : host;
      assert.equal(new URL(`http://${authority}:5001`).hostname, authority.toLowerCase());
    }
  });
});

describe("everything wrong at once", () => {
  test("everything wrong at once is one error with all of it, in the order of the settings", () => {
    const wrong = {
      ...Object.fromEntries(SETTING_NAMES.map((name) => [name, "\n"])),
      httpPort: "5001",
      bluePort: "5001",
      keepAliveSeconds: "20",
      drainSeconds: "10",
      environment: '{"PORT":"1","S":"left behind"}',
      secretEnvironment: '{"S":"hunter2"}',
      blueVersoin: "2.0.0",
    };
    const settings = refused({ ...raw(wrong), "docker:host": "?" })
      .split("\n")
      .filter((line) => !line.startsWith(" "))
      .map((line) => line.split(" = ")[0]);
    assert.deepEqual(settings, [
      ...[
        "activeColor",
        "blueVersion",
        "greenVersion",
        "blueImage",
        "greenImage",
        "hosts",
        "allowMissingHosts",
        "bindAddress",
        ...["httpsPort", "tlsCertificate", "tlsKey", "tlsKey", "trustedProxies"],
        "bluePort",
        "greenPort",
      ],
      ...[
        "appPort",
        ...["healthPath", "healthHost", "healthStatus"],
        "environment.PORT",
        "environment.S",
        "secretEnvironment",
        ...["container", "workers", "jobs", "accessories"],
        ...["hardened", "ephemeralVolumes", "sharedWhileSwitching", "deleteVolumes"],
        "memoryMb",
        "drainSeconds",
      ],
      ...["maxBodyMb", "maxHeaderKb", "underscoreHeaders", "proxyTimeoutSeconds", "nginxImage", "appBaseImage"],
      ...["registry", "registryUser", "registryPassword", "registryPassword"],
      ...["healthTimeoutSeconds", "smokeTests", "gateCommand", "gateTimeoutSeconds", "targetHost"],
      ...["verifyRequests", "bakeSeconds"],
      ...[
        "maxErrorPercent",
        "minRequests",
        "maxP95Seconds",
        ...[
          "canaryPercent",
          "stickySessions",
          "stickySeconds",
          "testerToken",
          "testerToken",
          "assetPaths",
          "maintenance",
        ],
        ...["rateLimitPerSecond", "maxConnections", "maxUploads", "maxBufferMb"],
        ...["monitoring", "metricsPort", "alertReceiver", "prometheusPort", "alertmanagerPort"],
        ...["monitoringMemoryMb", "prometheusImage", "alertmanagerImage", "blackboxImage"],
        ...["stopGraceSeconds", "replicas", "idle", "idleAfterMinutes"],
        ...["canaryFirst", "notifyUrl", "notifyUrl", "notifyKind", "notifySecret", "notifySecret"],
        ...["imagesByDigest", "policies"],
        "allowProxyReplace",
        "allowLiveReplace",
        "allowAccessoryReplace",
        "blueVersoin",
        "docker:host",
      ],
    ]);
  });

  test("imagesByDigest takes images by their digest alone, and says how each is named so", () => {
    const byDigest = {
      blueImage: `shop${DIGEST}`,
      greenImage: `registry.example:5000/shop:1.2${DIGEST}`,
      nginxImage: `nginx${DIGEST}`,
    };
    const settings = parseSettings(raw({ imagesByDigest: "true", ...byDigest }), new Set());
    assert.deepEqual([settings.imagesByDigest, settings.nginxImage], [true, `nginx${DIGEST}`]);

    const others = [
      "shop",
      "shop:1.2",
      "shop:sha256",
      `shop@sha512:${"ab".repeat(64)}`,
      `shop@sha256:${"ab".repeat(16)}`,
      `shop${DIGEST.toUpperCase().replace("SHA256", "sha256")}`,
    ];
    for (const image of others) {
      for (const name of Object.keys(byDigest)) {
        const mend = `docker pull ${quoted(image)} && pulumi config set ${name} "$(docker image inspect --format '{{index .RepoDigests 0}}' ${quoted(image)})"`;
        assert.equal(
          refused(raw({ imagesByDigest: "true", ...byDigest, [name]: image })),
          `${name} = ${shown(image)}: must be named by its digest, since imagesByDigest is true\n    ${mend}`,
        );
        // Without the setting they are as good as any.
        parseSettings(raw({ ...byDigest, [name]: image }), new Set());
      }
    }
    assert.equal(
      refused(raw({ imagesByDigest: "true", ...byDigest, greenImage: "" })),
      'greenImage = "": must be an image by its digest, since imagesByDigest is true: app/ is not built here\n' +
        "    docker pull '<image>' && pulumi config set greenImage \"$(docker image inspect --format '{{index .RepoDigests 0}}' '<image>')\"",
    );
    // What is no image at all is said once, and a secret is not shown.
    assert.doesNotMatch(refused(raw({ imagesByDigest: "true", ...byDigest, nginxImage: "a b" })), /digest,/);
    const secret = refused(raw({ imagesByDigest: "true", ...byDigest, blueImage: "hunter2" }), secrets("blueImage"));
    assert.doesNotMatch(secret, /hunter2/);
  });

  test("what is missing is said too", () => {
    const lines = refused({}).split("\n");
    assert.equal(lines.length, 2 * SETTING_NAMES.length);
    assert.equal(lines[0], "activeColor = (not set): must be blue or green");
  });
});

describe("any value at all", () => {
  test("no accepted setting has a character that means something to nginx, a shell or a terminal", () => {
    const safe = /^[A-Za-z0-9._~/:@+,[\]-]*$/;
    let accepted = 0;
    fc.assert(
      fc.property(fc.constantFrom(...SETTING_NAMES), nearlyRight, (name, value) => {
        // An object without keys says nothing.
        if (FREE.includes(name) || value === "{}") return;
        try {
          parseSettings(raw({ [name]: value }), new Set());
        } catch (error) {
          assert.ok(error instanceof SettingsError);
          return;
        }
        accepted += 1;
        assert.match(value, safe);
        assert.ok(name !== "bindAddress" || isIP(value) !== 0);
      }),
      { numRuns: 2000 },
    );
    assert.ok(accepted > 80, `only ${accepted} accepted: the generator proves nothing`);
  });

  test("every integer within its bounds is accepted as itself, and only in one spelling", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => {
        assert.equal(parseSettings(raw({ appPort: String(port) }), new Set()).appPort, port);
        for (const spelling of [`0${port}`, `+${port}`, `${port}.0`, ` ${port}`, `${port}\n`, `${port}e0`]) {
          refused(raw({ appPort: spelling }));
        }
      }),
    );
  });

  test("every number within its bounds is accepted as itself with up to three decimals", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), (thousandths) => {
        const percent = thousandths / 1000;
        assert.equal(parseSettings(raw({ maxErrorPercent: String(percent) }), new Set()).maxErrorPercent, percent);
        assert.equal(parseSettings(raw({ maxErrorPercent: percent.toFixed(3) }), new Set()).maxErrorPercent, percent);
        for (const spelling of [`0${percent}`, `+${percent}`, ` ${percent}`, `${percent}e0`, percent.toFixed(4)]) {
          refused(raw({ maxErrorPercent: spelling }));
        }
      }),
    );
  });

  test("whatever the configuration is, parseSettings throws nothing but SettingsError", () => {
    const keys = fc.oneof(
      fc.constantFrom(...SETTING_NAMES).map((name) => `${NAMESPACE}:${name}`),
      fc.string().map((name) => `${NAMESPACE}:${name}`),
      fc.constantFrom("docker:host", `${NAMESPACE}:__proto__`, `${NAMESPACE}:`, "__proto__", "constructor"),
      fc.string(),
    );
    const values = fc.oneof(
      nearlyRight,
      fc.json(),
      fc.anything({ withBigInt: true, withMap: true, withNullPrototype: true }),
    );
    const configurations = fc.oneof(
      fc.dictionary(keys, values),
      fc.dictionary(keys, values).map((some) => ({ ...raw(), ...some })),
      fc.anything() as fc.Arbitrary<Record<string, unknown>>,
    );
    fc.assert(
      fc.property(configurations, fc.array(keys), (configuration, secretKeys) => {
        try {
          parseSettings(configuration, new Set(secretKeys));
        } catch (error) {
          if (!(error instanceof SettingsError)) throw error;
          for (const line of error.message.split("\n")) assert.match(line, FIT);
        }
        assert.equal(({} as Record<string, unknown>).polluted, undefined);
      }),
      { numRuns: 1500 },
    );
  });

  test("no planted secret shows in an error", () => {
    // Not a substring of anything else in an error, and valid nowhere but in an environment.
    const secret = fc.stringMatching(/^[xyz]{8}$/).map((text) => `Q${text}Q`);
    const around = fc.constantFrom("", " ", "\n", ";", "{");
    fc.assert(
      fc.property(
        secret,
        around,
        fc.subarray([...SETTING_NAMES, "blueVersoin", "sekrets"]),
        fc.boolean(),
        fc.constantFrom("A", "a b", "PORT", "__proto__", "A\n"),
        (text, broken, names, markSecretEnvironment, variable) => {
          const value = text + broken;
          const objects = { environment: `{${JSON.stringify(variable)}:${JSON.stringify(value)}}` };
          const configuration = raw({
            ...Object.fromEntries(names.map((name) => [name, value])),
            ...(names.includes("environment") ? objects : {}),
            // Wrong in some way, secret in any case.
            secretEnvironment: `{${JSON.stringify(variable)}:${JSON.stringify(value)},"LIST":[${JSON.stringify(value)}]}`,
            httpPort: "x",
          });
          const marked = names.filter((name) => name !== "httpPort" && name !== "secretEnvironment");
          const secretKeys = secrets(...marked, ...(markSecretEnvironment ? ["secretEnvironment"] : []));
          const error = refused(configuration, secretKeys);
          assert.ok(!error.includes(text), error);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("a secret number doesn't show through the settings that it is compared with", () => {
    const error = refused(
      raw({ keepAliveSeconds: "3141", httpPort: "2718", bluePort: "2718" }),
      secrets("keepAliveSeconds", "httpPort"),
    );
    assert.ok(!/3141|2718/.test(error), error);
  });

  test("the other of a color is never itself", () => {
    assert.deepEqual(COLORS.map(other), ["green", "blue"]);
  });
});
