import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { sessionsFile } from "../../../cutover/sessions";
import { testerFile } from "../../../stacks/proxy/files";
import { PROXY_HEADERS } from "../../../stacks/proxy/headers";
import { type ConfigurationSettings, renderConfiguration } from "../../../stacks/proxy/nginxConfiguration";
import { COLORS, type Color, other } from "../../../stacks/service/color";
import { healthIn } from "../../../stacks/service/configuration";
import type { Sessions } from "../../../stacks/service/serving";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings } from "../../../stacks/settings/settings";
import { raw } from "../settings/settings.raw";
import { Maps, type Request } from "./nginxMaps";

const template = readFileSync(join(__dirname, "..", "..", "..", "nginx", "nginx.conf.mustache"), "utf8");

const golden = (name: string): string => readFileSync(join(__dirname, name), "utf8");

/** Each value differs from the others, so that one in another's place would show. */
const settings: ConfigurationSettings = {
  activeColor: "blue",
  slots: {
    blue: { appPort: 5001, healthPath: "/health/ready", replicas: 1 },
    green: { appPort: 5002, healthPath: "/health/green", image: "shop:2", replicas: 1 },
  },
  drainSeconds: 31,
  keepAliveSeconds: 11,
  maxBodyMb: 7,
  maxHeaderKb: 33,
  underscoreHeaders: false,
  proxyTimeoutSeconds: 61,
  canaryPercent: 0,
  stickySessions: "none",
  rateLimitPerSecond: 0,
  maxConnections: 0,
  maxUploads: 0,
  maxBufferMb: 3,
  bindAddress: "127.0.0.1",
  httpsPort: 8443,
  trustedProxies: [],
  assetPaths: [],
  monitoring: "off",
  files: {},
};

const FILES = { tester: "tester-0123456789abcdef.conf", maintenance: "maintenance-0123456789abcdef.html" };

/** Those slots with so many containers. */
const slotsOf = (blue: number, green: number): ConfigurationSettings["slots"] => ({
  blue: { ...settings.slots.blue, replicas: blue },
  green: { ...settings.slots.green, replicas: green },
});

/** The same with all that can be on. */
const everything: ConfigurationSettings = {
  ...settings,
  slots: slotsOf(3, 2),
  healthHost: "shop.example",
  healthStatus: "200-299,401",
  canaryPercent: 5,
  stickySessions: "cookie",
  rateLimitPerSecond: 50,
  maxConnections: 20,
  maxUploads: 30,
  files: FILES,
};

/** The lines in which two configurations of the same length differ. */
function different(one: string, another: string): [string, string][] {
  const [before, after] = [one.split("\n"), another.split("\n")];
  assert.equal(before.length, after.length);
  return before.flatMap((line, at): [string, string][] =>
    line === after[at] ? [] : [[line.trim(), after[at]?.trim() ?? ""]],
  );
}

/** All that can be on or off, in each combination. */
const COMBINATIONS: ConfigurationSettings[] = [0, 5].flatMap((canaryPercent) =>
  (["none", "cookie"] as const).flatMap((stickySessions) =>
    [{}, { tester: FILES.tester }, { maintenance: FILES.maintenance }, FILES].flatMap((files) =>
      [0, 50].flatMap((rateLimitPerSecond) =>
        [0, 20].flatMap((maxConnections) =>
          [settings.slots, everything.slots].map((slots) => ({
            ...settings,
            ...{ canaryPercent, stickySessions, files, rateLimitPerSecond, maxConnections, slots },
          })),
        ),
      ),
    ),
  ),
);

/** What stands in an upstream. */
const linesOf = (text: string, upstream: string): string[] =>
  (new RegExp(`upstream ${upstream} \\{\\n([^}]*)\\}`).exec(text)?.[1] ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

const KEPT = ["keepalive 64;", "keepalive_timeout 1s;"];

/** What the configuration is made from with these values and everything on, the defaults for the rest; nothing where they are refused. */
function accepted(values: Record<string, string>): ConfigurationSettings | undefined {
  const on = {
    ...{ canaryPercent: "5", stickySessions: "cookie", rateLimitPerSecond: "50", maxConnections: "20" },
    ...{ healthHost: "shop.example", healthStatus: "200-299,401" },
  };
  try {
    const parsed = parseSettings(raw({ ...on, ...values }), new Set());
    const slot = { appPort: parsed.appPort, healthPath: parsed.healthPath };
    return {
      ...parsed,
      slots: { blue: { ...slot, replicas: 3 }, green: { ...slot, replicas: 2 } },
      files: FILES,
    };
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    return undefined;
  }
}

const TOKEN = "hunter2.hunter2-hunter2";

const WORDS = { blue: "blue-word_0123456", green: "green-word_012345" };

const NOW = 1_800_000_000;

const CUTOVER = "127.0.0.1";

/** The variables of a configuration with the files that it names. */
function mapsOf(each: ConfigurationSettings, sessions: Sessions): Maps {
  const text = renderConfiguration(template, each);
  const named = (file: string) => text.includes(`include /var/lib/blue-green/${file};`);
  return new Maps(
    text,
    ...(named("sessions.conf") ? [sessionsFile(sessions)] : []),
    ...(named(`files/${FILES.tester}`) ? [testerFile(TOKEN)] : []),
  );
}

const TESTING: [what: string, headers: Record<string, string>, tester: boolean][] = [
  ["no token", {}, false],
  ["the token as header", { "x-blue-green-preview": TOKEN }, true],
  ["the token as cookie", { cookie: `X-Blue-Green-Preview=${TOKEN}` }, true],
  ["the token among cookies", { cookie: `a=1;X-Blue-Green-Preview=${TOKEN};b=2` }, true],
  [
    "a wrong header and the right cookie",
    { "x-blue-green-preview": "x", cookie: `X-Blue-Green-Preview=${TOKEN}` },
    true,
  ],
  ["both right", { "x-blue-green-preview": TOKEN, cookie: `X-Blue-Green-Preview=${TOKEN}` }, true],
  ...[
    ...[
      "",
      " ",
      "1",
      "0",
      "blue",
      "green",
      "$idle",
      ".*",
      TOKEN.toUpperCase(),
      `${TOKEN}x`,
      `x${TOKEN}`,
      TOKEN.slice(0, -1),
    ],
    ...[TOKEN.replace(".", "x"), `${TOKEN}, ${TOKEN}`, `${TOKEN}\n`, "hunter2", "default", `~^${TOKEN}`],
  ].map((wrong): [string, Record<string, string>, boolean] => [
    `a wrong header ${JSON.stringify(wrong)}`,
    { "x-blue-green-preview": wrong },
    false,
  ]),
  ...[
    ...[`X-Blue-Green-Preview=${TOKEN}x`, `x-X-Blue-Green-Preview=${TOKEN}`, `X-Blue-Green-Preview=x${TOKEN}`],
    ...[`X-Blue-Green-Preview = ${TOKEN}`, `X-Blue-Green-Preview="${TOKEN}"`, `a=X-Blue-Green-Preview=${TOKEN}`],
    ...["X-Blue-Green-Preview=", "X-Blue-Green-Preview", `X-Blue-Green-Preview=${TOKEN},`],
  ].map((cookie): [string, Record<string, string>, boolean] => [`a wrong cookie ${cookie}`, { cookie }, false]),
];

/** What a visitor's cookie can be, as of the color that is active; `idle` where the idle color's word is in it. */
const SESSIONS: [what: string, value: (active: Color) => string | undefined, whose: "active" | "idle" | undefined][] = [
  ["none", () => undefined, undefined],
  ["the active color's", (active) => WORDS[active], "active"],
  ["the idle color's", (active) => WORDS[other(active)], "idle"],
  ...[
    ...[
      "",
      "blue",
      "green",
      "invented-word-123",
      "$idle",
      ".*",
      "^",
      `${WORDS.blue}x`,
      `x${WORDS.green}`,
      "é",
      "default",
    ],
    ...[
      "blue_or_active",
      "127.0.0.1:8082",
      "~^.*$",
      '"',
      "\\",
      "%00",
      "{",
      `${WORDS.blue},${WORDS.green}`,
      "x".repeat(4000),
    ],
  ].map((value): [string, () => string, undefined] => [`an invented ${value.slice(0, 20)}`, () => value, undefined]),
];

/** When the idle color's sessions end, as they are read at {@link NOW}. */
const IDLE = { held: NOW + 1, over: NOW, none: 0, canary: undefined } as const;

/** All on, blue active and green with sessions that hold. */
const all = mapsOf(everything, { blue: { word: WORDS.blue }, green: { word: WORDS.green, until: NOW + 60 } });

describe("the text of the configuration", () => {
  test("with nothing on, the configuration is what the golden file says", () => {
    assert.equal(renderConfiguration(template, settings), golden("nginx.conf.golden"));
  });

  test("with everything on, the configuration is what its golden file says", () => {
    assert.equal(renderConfiguration(template, everything), golden("nginx.all.golden"));
  });

  test("an upload is a body of 10,000 bytes or more, or one whose length nobody says; the cutover has none", () => {
    const maps = new Maps(renderConfiguration(template, { ...settings, maxUploads: 10 }));
    const upload = (method: string, protocol: string, headers: Record<string, string> = {}, from = "192.0.2.7") =>
      maps.value("upload", { method, protocol, headers, from });
    for (const protocol of ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"]) {
      for (const method of ["GET", "POST", "PUT", "DELETE", "PROPFIND"]) {
        for (const length of ["10000", "99999", "100000", "0000010000", "18446744073709551615"])
          assert.equal(upload(method, protocol, { "content-length": length }), "1", `${method} ${protocol} ${length}`);
        for (const length of ["0", "1", "9999"])
          assert.equal(upload(method, protocol, { "content-length": length }), "", `${method} ${protocol} ${length}`);
      }
    }
    assert.equal(upload("GET", "HTTP/1.1", { "transfer-encoding": "chunked" }), "1");
    assert.equal(upload("POST", "HTTP/1.1"), "");
    assert.equal(upload("POST", "HTTP/2.0"), "1");
    assert.equal(upload("GET", "HTTP/2.0"), "");
    assert.equal(upload("POST", "HTTP/1.1", { "content-length": "10000" }, "127.0.0.1"), "");
    assert.equal(maps.value("uploader", { method: "PUT", protocol: "HTTP/2.0", from: "192.0.2.7" }), "192.0.2.7");
  });

  test("one client's share of maxUploads is a quarter, at least one, and without maxUploads neither is counted", () => {
    const conns = (maxUploads: number) =>
      [...renderConfiguration(template, { ...settings, maxUploads }).matchAll(/^ *limit_conn (\w+ \d+);$/gm)].map(
        ([, text]) => text,
      );
    assert.deepEqual(conns(0), []);
    assert.deepEqual(conns(1), ["uploads 1", "uploaders 1"]);
    assert.deepEqual(conns(1000), ["uploads 1000", "uploaders 250"]);
  });

  test("a body waits in 128 KiB of memory, in less where that many uploads would take more than 128 MiB, and in 16 at least", () => {
    const buffer = (maxUploads: number) =>
      /client_body_buffer_size (\d+)k;/.exec(renderConfiguration(template, { ...settings, maxUploads }))?.[1];
    const of = [1, 1000, 1024, 1025, 2048, 8192, 65_535].map(buffer);
    assert.deepEqual(of, ["128", "128", "128", "127", "64", "16", "16"]);
  });

  test("a switch changes one line, whatever is on", () => {
    assert.equal(COMBINATIONS.length, 128);
    for (const each of COMBINATIONS) {
      const [blue, green] = COLORS.map((activeColor) => renderConfiguration(template, { ...each, activeColor }));
      assert.deepEqual(different(blue ?? "", green ?? ""), [["default blue;", "default green;"]]);
    }
  });

  test("a canary that is raised changes one line", () => {
    const raised = renderConfiguration(template, { ...everything, canaryPercent: 20 });
    assert.deepEqual(different(renderConfiguration(template, everything), raised), [["5% 1;", "20% 1;"]]);
  });

  test("what is off does not stand in it, and no line is left behind where it would", () => {
    const words = {
      canaryPercent: /split_clients|\$canary|\$drawn/,
      sessions: /sessions\.conf|\$session|_or_active|8082|Set-Cookie|\$visiting|\$answered/,
      tester: /\$tester|\$tried|Preview|cookies_without/,
      maintenance: /maintenance|\$closed|return 503/,
      rateLimitPerSecond: /limit_req/,
      maxConnections: /zone=connections/,
      maxUploads: /\$upload|client_body_buffer/,
      replicas: /least_conn|-2:|fail_timeout|next_upstream_t/,
    };
    for (const each of COMBINATIONS) {
      const sessions = each.canaryPercent > 0 || each.stickySessions === "cookie";
      const replicas = each.slots !== settings.slots;
      const on = { ...each, ...each.files, sessions, replicas };
      const text = renderConfiguration(template, each);
      for (const [key, pattern] of Object.entries(words)) {
        assert.equal(pattern.test(text), Boolean(on[key as keyof typeof on]), `${key}: ${pattern}`);
      }
      assert.equal(/binary_remote_addr/.test(text), each.rateLimitPerSecond + each.maxConnections > 0);
      assert.equal(/[$@]again|proxy_connect_timeout 2s/.test(text), sessions || replicas);
      assert.equal(/\$idle\b/.test(text), each.canaryPercent > 0 || "tester" in each.files);
      assert.doesNotMatch(text, /\n\n\n|\{\{|\}\}|[ \t]\n/);
      assert.equal(text.split("{").length, text.split("}").length);
    }
  });
});

describe("where a color is reached", () => {
  test("where a color is reached stands in lines of its own, and nowhere else", () => {
    const slots = { ...settings.slots, green: { ...settings.slots.green, appPort: 5099, healthPath: "/other" } };
    const one = { ...everything, slots: settings.slots };
    assert.deepEqual(
      different(renderConfiguration(template, settings), renderConfiguration(template, { ...settings, slots })),
      [
        ["server green:5002 resolve;", "server green:5099 resolve;"],
        ["proxy_pass http://green/health/green;", "proxy_pass http://green/other;"],
      ],
    );
    assert.deepEqual(
      different(renderConfiguration(template, one), renderConfiguration(template, { ...everything, slots })),
      [
        ["server green:5002 resolve;", "server green:5099 resolve;"],
        ["server green:5002 resolve max_fails=0;", "server green:5099 resolve max_fails=0;"],
        ["proxy_pass http://green/health/green;", "proxy_pass http://green/other;"],
      ],
    );
  });

  test("one container of a color is the server of its upstream, whatever the other color has", () => {
    for (const slots of [slotsOf(1, 1), slotsOf(1, 20)]) {
      const text = renderConfiguration(template, { ...everything, slots });
      assert.deepEqual(linesOf(text, "blue"), ["zone blue 256k;", "server blue:5001 resolve;", ...KEPT]);
      assert.deepEqual(linesOf(text, "blue_or_active"), [
        ...[
          "zone blue_or_active 256k;",
          "server blue:5001 resolve max_fails=0;",
          "server 127.0.0.1:8082 backup;",
          ...KEPT,
        ],
      ]);
    }
  });

  test("several containers are each a server by their own names, and again as backups that never count as failed", () => {
    for (const [replicas, names] of [
      [2, ["green", "green-2"]],
      [3, ["green", "green-2", "green-3"]],
      [20, ["green", ...Array.from({ length: 19 }, (_, at) => `green-${at + 2}`)]],
    ] as const) {
      const text = renderConfiguration(template, { ...everything, slots: slotsOf(1, replicas) });
      const servers = names.map((name) => `server ${name}:5002 resolve max_fails=1 fail_timeout=5s;`);
      assert.deepEqual(linesOf(text, "green"), [
        ...["zone green 256k;", "least_conn;", ...servers],
        ...names.map((name) => `server ${name}:5002 resolve backup max_fails=0;`),
        ...KEPT,
      ]);
      assert.deepEqual(linesOf(text, "green_or_active"), [
        ...["zone green_or_active 256k;", "least_conn;", ...servers, "server 127.0.0.1:8082 backup;", ...KEPT],
      ]);
    }
  });

  test("another number of containers changes the servers of that color's upstreams, and nothing else", () => {
    const [few, many] = [slotsOf(3, 2), slotsOf(20, 2)].map((slots) => {
      const text = renderConfiguration(template, { ...everything, slots });
      assert.equal(text.split(/^ *server blue/m).length - 1, 3 * slots.blue.replicas);
      return text.replace(/^ *server blue.*\n/gm, "");
    });
    assert.equal(few, many);
  });
});

describe("how a color is asked for its health", () => {
  const TLS = { tlsCertificate: "tls-0123456789abcdef.crt", tlsKey: "tls-0123456789abcdef.key" };

  /** What stands in the control server's location of a color, by its first words. */
  const askedIn = (text: string, color: Color): Record<string, string> => {
    const block = new RegExp(`location = /${color} \\{\\n([^}]*)\\}`).exec(text)?.[1] ?? "";
    return Object.fromEntries(
      block.split("\n").flatMap((line): [string, string][] => {
        const [, name = "", value = ""] = /^ *(proxy_set_header [\w-]+|add_header [\w-]+|\w+) (.*);$/.exec(line) ?? [];
        return name === "" ? [] : [[name.split(" ").at(-1) ?? "", value]];
      }),
    );
  };
  const asked = (change: Partial<ConfigurationSettings>, color: Color) =>
    askedIn(renderConfiguration(template, { ...settings, ...change }), color);
  const withImages = (blue: string, green: string) => ({
    blue: { ...settings.slots.blue, image: blue },
    green: { ...settings.slots.green, image: green },
  });

  test("it is asked as a visitor of its own name, and where it redirects to is left as it is", () => {
    assert.deepEqual(asked({}, "blue"), {
      ...{ Host: "blue", "X-Forwarded-Proto": "http", "X-Health-Status": "200-299 always" },
      ...{ proxy_redirect: "off", proxy_pass: "http://blue/health/ready" },
    });
    assert.deepEqual(asked({}, "green"), {
      ...{ Host: "green", "X-Forwarded-Proto": "http", "X-Health-Status": "200-399 always" },
      ...{ proxy_redirect: "off", proxy_pass: "http://green/health/green" },
    });
  });

  test("healthHost is the host of both colors, in place of their names", () => {
    for (const healthHost of ["shop.example", "10.0.0.1", "green"])
      for (const color of COLORS) assert.equal(asked({ healthHost }, color).Host, healthHost);
  });

  test("what a run builds is well with 200 to 299, and an image that is named up to 399 too, each color by its own", () => {
    const statuses = (slots: ConfigurationSettings["slots"]) =>
      COLORS.map((color) => asked({ slots }, color)["X-Health-Status"]?.replace(" always", ""));
    assert.deepEqual(statuses(withImages("", "")), ["200-299", "200-299"]);
    assert.deepEqual(statuses(withImages("nginx:1.30.6", "")), ["200-399", "200-299"]);
    assert.deepEqual(statuses(withImages("", "nginx:1.30.6")), ["200-299", "200-399"]);
    assert.deepEqual(statuses(withImages("shop:1", "shop:2")), ["200-399", "200-399"]);
  });

  test("healthStatus wins over what the image says", () => {
    for (const healthStatus of ["200", "200-299,401", "200-599"])
      for (const slots of [withImages("", "shop:2"), withImages("shop:1", "")])
        for (const color of COLORS)
          assert.equal(asked({ slots, healthStatus }, color)["X-Health-Status"], `${healthStatus} always`);
  });

  test("with TLS it is asked as by visitors that come with it, and without TLS whatever a trusted proxy would say", () => {
    for (const trustedProxies of [[], ["10.0.0.0/8"]]) {
      for (const color of COLORS) {
        assert.equal(asked({ trustedProxies }, color)["X-Forwarded-Proto"], "http");
        assert.equal(asked({ trustedProxies, files: TLS }, color)["X-Forwarded-Proto"], "https");
      }
    }
  });

  test("with TLS the front tells the color https of the cutover's own requests, and of visitors how they came", () => {
    const front = (change: Partial<ConfigurationSettings>) => {
      const text = renderConfiguration(template, { ...settings, ...change });
      const scheme = /^ {4}proxy_set_header X-Forwarded-Proto \$(\w+);$/m.exec(text)?.[1] ?? "";
      return (request: Request) => {
        const maps = new Maps(text);
        return [
          scheme === "scheme" ? (request.scheme ?? "http") : maps.value(scheme, request),
          maps.value("asked_port", request),
        ];
      };
    };
    const host = { headers: { host: "shop.example" } };
    for (const [trustedProxies, trust] of [
      [[], {}],
      [["10.0.0.0/8"], { trusted: false }],
    ] as const) {
      const of = front({ files: TLS, trustedProxies: [...trustedProxies] });
      assert.deepEqual(of({ ...host, ...trust, from: CUTOVER }), ["https", "443"], "it comes to the port without TLS");
      assert.deepEqual(of({ headers: { host: "shop.example:8443" }, ...trust, from: CUTOVER }), ["https", "8443"]);
      assert.deepEqual(of({ ...host, ...trust, scheme: "https" }), ["https", "443"]);
      assert.deepEqual(of({ ...host, ...trust }), ["http", "80"]);
      // A client's word counts for nothing.
      const claims = { headers: { host: "shop.example", "x-forwarded-proto": "https" } };
      assert.deepEqual(of({ ...claims, ...trust }), ["http", "80"]);
    }
    // A trusted proxy's does, with TLS here or there.
    const claims = { headers: { host: "shop.example", "x-forwarded-proto": "https" }, trusted: true };
    for (const files of [{}, TLS])
      assert.deepEqual(front({ files, trustedProxies: ["10.0.0.0/8"] })(claims), ["https", "443"]);
    // Without TLS nothing of it stands there, and the cutover's requests are as any.
    const plain = front({});
    assert.deepEqual(plain({ ...host, from: CUTOVER }), ["http", "80"]);
    assert.deepEqual(plain(host), ["http", "80"]);
    for (const each of COMBINATIONS) assert.doesNotMatch(renderConfiguration(template, each), /forwarded_scheme/);
  });

  test("what is written there is what the cutover reads of it, in each combination", () => {
    for (const each of COMBINATIONS) {
      for (const change of [{}, { healthHost: "shop.example", healthStatus: "200-299,401" }]) {
        for (const tls of [{}, TLS]) {
          const all = { ...each, ...change, files: { ...each.files, ...tls } };
          const text = renderConfiguration(template, all);
          for (const color of COLORS) {
            const read = healthIn(text, color);
            assert.deepEqual(read, {
              port: each.slots[color].appPort,
              path: each.slots[color].healthPath,
              host: change.healthHost ?? color,
              scheme: "tlsKey" in tls ? "https" : "http",
              statuses: change.healthStatus ?? (color === "green" ? "200-399" : "200-299"),
            });
          }
        }
      }
    }
    const away = renderConfiguration(template, { ...settings, slots: slotsOf(1, 0) });
    assert.equal(healthIn(away, "green"), undefined);
    assert.equal(healthIn(away, "blue")?.port, 5001);
  });
});

describe("what the template refuses", () => {
  test("the page of maintenance is named where 503 is answered: what a location has of its own ends what it would inherit", () => {
    for (const each of COMBINATIONS) {
      if (each.files.maintenance === undefined) continue;
      const text = renderConfiguration(template, each);
      assert.match(
        text,
        /if \(\$closed\) \{\n(?: *#.*\n)* *error_page 503 \/maintenance-0123456789abcdef\.html;\n *return 503;\n/,
      );
      assert.equal(text.split("return 503;").length, 2);
    }
  });

  test("a key that the settings do not have is an error, not an empty place", () => {
    const message = "nginx.conf.mustache asks for {{nowhere}}, which the settings do not have";
    for (const text of [
      "listen {{nowhere}};",
      "{{#nowhere}}x{{/nowhere}}",
      "{{^nowhere}}x{{/nowhere}}",
      "{{^tester}}{{nowhere}}{{/tester}}",
      "{{^tester}}{{^sessions}}{{#limited}}{{/limited}}{{#nowhere}}x{{/nowhere}}{{/sessions}}{{/tester}}",
    ]) {
      assert.throws(() => renderConfiguration(text, settings), { message }, text);
    }
    for (const name of ["constructor", "toString", "__proto__", "slots", "files"]) {
      assert.throws(() => renderConfiguration(`x {{${name}}};`, settings), {
        message: message.replace("nowhere", name),
      });
    }
  });

  test("a name that stands for no text is an error where it would be written, and none in a section that is left out", () => {
    const message = (name: string) => `nginx.conf.mustache writes {{${name}}} where it has no text`;
    for (const name of ["tester", "maintenance", "sessions", "idle", "limited"]) {
      assert.throws(() => renderConfiguration(`x {{${name}}};`, settings), { message: message(name) });
    }
    assert.throws(() => renderConfiguration("{{#sessions}}{{sessions}}{{/sessions}}", everything), {
      message: message("sessions"),
    });
    assert.equal(renderConfiguration("a{{#tester}}{{tester}}{{/tester}}b", settings), "ab");
    assert.equal(renderConfiguration("a{{#tester}}{{tester}}{{/tester}}b", everything), `a${FILES.tester}b`);
  });

  test("any other kind of tag is refused: what it does is checked by nobody", () => {
    for (const text of ["{{{appPort}}}", "{{&drainSeconds}}", "{{>part}}", "{{=<% %>=}}", "{{! a comment }}"]) {
      assert.throws(
        () => renderConfiguration(text, settings),
        /only \{\{name\}\}, \{\{#name\}\} and \{\{\^name\}\} are used there/,
        text,
      );
    }
  });

  test("slashes are written as they are", () => {
    assert.match(renderConfiguration(template, settings), /proxy_pass http:\/\/blue\/health\/ready;/);
  });
});

describe("what settings can't do to it", () => {
  test("no accepted setting can change the structure of the configuration", () => {
    const reference = renderConfiguration(template, everything).split("\n");
    /** All that is not a plain word, or a list of them. */
    const structure = (line: string | undefined) => line?.replace(/[A-Za-z0-9._~/,-]+/g, "x");
    const nasty = fc.constantFrom(
      ...[
        ";",
        "{",
        "}",
        " ",
        "\n",
        "\r",
        "\t",
        "$",
        '"',
        "'",
        "\\",
        "#",
        "%0a",
        "..",
        "\0",
        "{{x}}",
        "`id`",
        "%",
        "% 1;",
      ],
    );
    const piece = fc.oneof(
      fc.constantFrom("/", "a", "healthz", "1", "5000", "30", "blue", "green", "-", "~", ".", "cookie"),
      nasty,
      fc.string(),
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
      fc.array(piece, { maxLength: 6 }).map((pieces) => `/${pieces.join("")}`),
      fc.integer({ min: -5, max: 70_000 }).map(String),
      fc.integer({ min: 1, max: 99 }).map(String),
      fc.constantFrom("blue", "green", "10.0.0.1", "shop.example", "200", "200-399", "200-299,401,404-410"),
    );
    let rendered = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(
          ...[
            "activeColor",
            "appPort",
            ...["healthPath", "healthHost", "healthStatus"],
            "drainSeconds",
            "keepAliveSeconds",
            "maxBodyMb",
            "maxHeaderKb",
            "proxyTimeoutSeconds",
          ],
          ...["canaryPercent", "stickySessions", "rateLimitPerSecond", "maxConnections"],
        ),
        text,
        (name, value) => {
          // Off is another structure on purpose.
          if (value === "0") return;
          const values = accepted({ [name]: value });
          if (values === undefined) return;
          rendered += 1;
          const lines = renderConfiguration(template, values).split("\n");
          assert.equal(lines.length, reference.length);
          for (const [at, line] of lines.entries()) {
            if (line === reference[at]) continue;
            assert.equal(structure(line), structure(reference[at]));
            if (!/^ *[0-9]+(% 1;$| "an answer)/.test(line))
              assert.equal(line.trim().split(" ")[0], reference[at]?.trim().split(" ")[0]);
          }
        },
      ),
      { numRuns: 1500 },
    );
    assert.ok(rendered > 50, `${rendered} of 1500 were accepted and so compared`);
  });
});

describe("where a request goes", () => {
  test("whatever a request brings, exactly one color comes out, and the right one: tester, session and canary, in each combination", () => {
    let count = 0;
    for (const each of COMBINATIONS) {
      // Neither limits nor containers have a say in it: see below.
      if (each.rateLimitPerSecond + each.maxConnections > 0 || each.slots !== settings.slots) continue;
      const hasSessions = each.canaryPercent > 0 || each.stickySessions === "cookie";
      const hasTesters = each.files.tester !== undefined;
      const front = hasSessions ? "$upstream" : "$color";
      assert.ok(renderConfiguration(template, each).includes(`proxy_pass http://${front};`));
      for (const active of COLORS) {
        const idle = other(active);
        for (const [state, until] of Object.entries(IDLE)) {
          if (!hasSessions && state !== "none") continue;
          const sessions = {
            [active]: { word: WORDS[active] },
            [idle]: { word: WORDS[idle], ...(until !== undefined && { until }) },
          } as Sessions;
          const maps = mapsOf({ ...each, activeColor: active }, sessions);
          for (const [token, headers, isToken] of TESTING) {
            for (const [session, valueFor, whose] of SESSIONS) {
              // What is hostile meets all that is not, and not one another.
              if (token.startsWith("a wrong") && session.startsWith("an invented")) continue;
              const value = valueFor(active);
              const own = value === undefined ? [] : [`blue_green_session=${value}`];
              const cookie = [headers.cookie, ...own].filter((part) => part !== undefined).join("; ");
              for (const lot of [0, 4.99, 5, 99]) {
                for (const from of [CUTOVER, "192.0.2.7", "127.0.0.10"]) {
                  count++;
                  const request: Request = {
                    now: NOW,
                    lot,
                    from,
                    headers: { ...headers, ...(cookie !== "" && { cookie }) },
                  };
                  const what = `${active}, ${state}, ${token}, session ${session}, ${lot} %, ${from}: ${JSON.stringify(each)}`;
                  const isTester = hasTesters && isToken;
                  const valid = !hasSessions
                    ? ""
                    : whose === "active"
                      ? active
                      : whose === "idle" && (state === "held" || state === "canary")
                        ? idle
                        : "";
                  const drawn = each.canaryPercent > lot ? idle : active;
                  const color = from === CUTOVER ? active : isTester ? idle : valid || drawn;
                  if (maps.value("color", request) !== color) assert.equal(maps.value("color", request), color, what);
                  if (hasSessions) {
                    const upstream = color === active || isTester ? color : `${color}_or_active`;
                    if (maps.value("upstream", request) !== upstream)
                      assert.equal(maps.value("upstream", request), upstream, what);
                    const given =
                      isTester || from === CUTOVER || valid === color
                        ? ""
                        : `blue_green_session=${WORDS[color]}; Path=/; HttpOnly; SameSite=Lax`;
                    if (maps.value("new_session", request) !== given)
                      assert.equal(maps.value("new_session", request), given, what);
                  }
                  if (each.files.maintenance !== undefined) {
                    const closed = isTester || from === CUTOVER ? "" : "1";
                    if (maps.value("closed", request) !== closed)
                      assert.equal(maps.value("closed", request), closed, what);
                  }
                }
              }
            }
          }
        }
      }
    }
    assert.ok(count > 50_000, String(count));
  });

  test("the number of containers changes no variable, but for whom a request is asked of again", () => {
    /** Without the servers, the tries and their times, and that. */
    const rest = (text: string) =>
      text
        .replace(/\n\n( *#.*\n)* *proxy_next_upstream_tries.*\n.*/, "")
        .replace(/\n\n( *#.*\n)* *map .* \$again \{[^}]*\}/, "")
        .replace(/ *location @again \{[^}]*\}[^}]*\}\n/, "")
        .replace(
          /^ *(server [a-z0-9-]+:\d+ resolve.*|least_conn;|error_page 502 = @again;|proxy_connect_timeout [25]s;)\n/gm,
          "",
        );
    for (const each of COMBINATIONS) {
      assert.equal(
        rest(renderConfiguration(template, each)),
        rest(renderConfiguration(template, { ...each, slots: settings.slots })),
      );
    }
  });

  test("with nothing on, nothing that a request brings says where it goes", () => {
    for (const activeColor of COLORS) {
      const maps = mapsOf({ ...settings, activeColor }, {} as Sessions);
      assert.deepEqual(maps.names.sort(), [
        "active",
        "asked_host",
        "asked_port",
        "checked",
        "color",
        "connection_upgrade",
        "generation",
        "two_hosts",
        "unanswered",
        "upgrade",
      ]);
      fc.assert(
        fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (cookie, token) => {
          assert.equal(maps.value("color", { headers: { cookie, "x-blue-green-preview": token } }), activeColor);
        }),
      );
    }
  });

  test("an invented cookie or token changes nothing at all, whatever is in it", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...Object.values(WORDS),
        TOKEN,
        "blue",
        "green",
        "=",
        ";",
        "; ",
        '"',
        "$",
        "X-Blue-Green-Preview",
        "blue_green_session",
      ),
      fc.string({ unit: "binary", maxLength: 8 }),
    );
    const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
    let compared = 0;
    fc.assert(
      fc.property(text, text, fc.nat({ max: 99 }), (cookie, token, lot) => {
        // Whoever has a word or the token in its place has it.
        const has = (one: string) =>
          cookie.split(/; */).some((pair) => pair.replace(/ *= */, "=").trim().toLowerCase() === one.toLowerCase());
        if (has(`X-Blue-Green-Preview=${TOKEN}`) || token === TOKEN) return;
        if (COLORS.some((color) => has(`blue_green_session=${WORDS[color]}`))) return;
        compared++;
        const [bare, invented] = [{}, { cookie, "x-blue-green-preview": token }].map((headers) =>
          ["color", "upstream", "new_session", "closed", "again"].map((name) =>
            all.value(name, { headers, lot, now: NOW }),
          ),
        );
        assert.deepEqual(invented, bare);
      }),
      { numRuns: 1500 },
    );
    assert.ok(compared > 1000, String(compared));
  });

  test("asked again is what may be asked twice, or what nginx was about to ask another container", () => {
    const one = "172.18.0.3:5001";
    const again = (of: ConfigurationSettings, request: Request) =>
      mapsOf(of, { blue: { word: WORDS.blue }, green: { word: WORDS.green, until: NOW + 60 } }).value("again", {
        now: NOW,
        ...request,
      });
    const onGreen = { headers: { cookie: `blue_green_session=${WORDS.green}` } };
    const replicas = { ...settings, slots: slotsOf(3, 2) };
    const sessions = { ...everything, slots: settings.slots };
    for (const method of ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "BREW"]) {
      const safe = ["GET", "HEAD", "OPTIONS"].includes(method);
      const after = (asked: string, more: Request = {}) => ({ method, asked, ...more });
      // It answered, or was asked and did not: that was for nginx to repeat.
      for (const asked of ["", one, `${one}, ${one}`, `${one} : ${one}`, "127.0.0.1:8082"]) {
        assert.equal(again(replicas, after(asked)), "", asked);
        assert.equal(again(everything, after(asked)), "", asked);
        for (const of of [everything, sessions]) {
          assert.equal(again(of, after(asked, onGreen)), safe ? "127.0.0.1:8082" : "", asked);
        }
      }
      // Going on, it found that the upstream had changed.
      for (const before of ["", `${one}, `, `${one}, ${one}, `]) {
        assert.equal(again(replicas, after(`${before}blue`)), "blue");
        assert.equal(again(everything, after(`${before}blue`)), "blue");
        assert.equal(again(everything, after(`${before}green_or_active`, onGreen)), "green_or_active");
        assert.equal(again(sessions, after(`${before}blue`)), "");
        assert.equal(again(sessions, after(`${before}green_or_active`, onGreen)), safe ? "127.0.0.1:8082" : "");
      }
    }
  });

  test("the visitor's cookie is secure under TLS, and names whoever answered", () => {
    const given = (request: Request) => all.value("new_session", { now: NOW, ...request });
    const cookie = (color: Color) => `blue_green_session=${WORDS[color]}; Path=/; HttpOnly; SameSite=Lax`;
    assert.equal(given({}), cookie("blue"));
    assert.equal(given({ scheme: "https" }), `${cookie("blue")}; Secure`);
    assert.equal(given({ lot: 0, scheme: "https" }), `${cookie("green")}; Secure`);
    // Green did not answer, and blue did in its place: the session moves.
    const onGreen = { headers: { cookie: `blue_green_session=${WORDS.green}` } };
    const green = "172.18.0.3:5002";
    assert.equal(given({ ...onGreen, asked: green }), "");
    for (const asked of ["127.0.0.1:8082", `${green}, 127.0.0.1:8082`, `${green} : 127.0.0.1:8082`]) {
      assert.equal(given({ ...onGreen, asked }), cookie("blue"), asked);
      assert.equal(all.value("answered", { ...onGreen, asked, now: NOW }), "blue", asked);
    }
    for (const asked of [
      "",
      green,
      "127.0.0.1:80820",
      "27.0.0.1:8082",
      "172.127.0.0.1:8082",
      `127.0.0.1:8082, ${green}`,
    ]) {
      assert.equal(all.value("answered", { ...onGreen, asked, now: NOW }), "green", asked);
    }
  });
});

describe("what clients and apps are not believed", () => {
  test("nothing that the app says decides who answered, what is logged or what is counted", () => {
    for (const each of COMBINATIONS)
      assert.doesNotMatch(renderConfiguration(template, each), /upstream_http_|sent_http_/);
  });

  test("only a WebSocket is passed on as an upgrade, whatever else is asked for", () => {
    const maps = mapsOf(settings, {} as Sessions);
    const upgrade = (value: string) =>
      ["upgrade", "connection_upgrade"].map((name) => maps.value(name, { headers: { upgrade: value } }));
    for (const value of ["websocket", "WebSocket", "WEBSOCKET"])
      assert.deepEqual(upgrade(value), ["websocket", "upgrade"]);
    for (const value of [
      ...["", "h2c", "H2C", "TLS/1.0", "websocket, h2c", "h2c, websocket", "websocket/13", "websocketx", "xwebsocket"],
      ...["default", "~websocket", "*", "web socket", "websocket,websocket"],
    ]) {
      assert.deepEqual(upgrade(value), ["", ""], value);
    }
  });

  test("a request that names two hosts is told from one that names the same twice", () => {
    const maps = mapsOf(settings, {} as Sessions);
    const twoHosts = (line: string, host?: string) =>
      maps.value("two_hosts", { line, ...(host !== undefined && { headers: { host } }) });
    for (const [line, host] of [
      ["GET / HTTP/1.1", "a.example"],
      ["GET / HTTP/1.0"],
      ["GET /x?u=http://b.example/ HTTP/1.1", "a.example"],
      ["GET //b.example/ HTTP/2.0", "a.example"],
      ["GET http://a.example/ HTTP/1.1", "a.example"],
      ["GET http://A.example:81/x?y HTTP/1.1", "a.EXAMPLE:81"],
      ["GET http://a.example HTTP/1.1", "a.example"],
      ["GET http://a.example?x=/ HTTP/1.1", "a.example"],
      ["GET http://a.example/ HTTP/1.0"],
    ] as const) {
      assert.equal(twoHosts(line, host), "", `${line} ${host}`);
    }
    for (const [line, host] of [
      ["GET http://b.example/ HTTP/1.1", "a.example"],
      ["GET  http://b.example/ HTTP/1.1", "a.example"],
      ["GET HTTPS://b.example/ HTTP/1.1", "a.example"],
      ["GET http://a.example/ HTTP/1.1", "a.example.evil"],
      ["GET http://a.example.evil/ HTTP/1.1", "a.example"],
      ["GET http://a.example:80/ HTTP/1.1", "a.example:81"],
      ["GET http://xa.example/ HTTP/1.1", "a.example"],
      ["GET http://b.example/a.example HTTP/1.1", "a.example"],
      ["GET http://b.example/?http://a.example HTTP/1.1", "a.example"],
      ["BREW pot://b.example/ HTTP/1.1", "a.example"],
      ["OPTIONS * HTTP/1.1", "a.example"],
    ] as const) {
      assert.equal(twoHosts(line, host), "1", `${line} ${host}`);
    }
  });

  test("headers that the proxy vouches for come in by no other spelling", () => {
    const gateway = readFileSync(join(__dirname, "..", "..", "..", "nginx", "gateway.conf.mustache"), "utf8");
    const everySet = [template, gateway].flatMap((text) => [...text.matchAll(/proxy_set_header ([A-Za-z0-9-]+) /g)]);
    const named = new Set(everySet.map(([, name = ""]) => name).filter((name) => name.includes("-")));
    // Of curl's, which the gate asks with; CGI has nothing of that name.
    named.delete("Proxy-Connection");
    for (const name of named) assert.ok((PROXY_HEADERS as readonly string[]).includes(name), name);

    const text = renderConfiguration(template, { ...everything, underscoreHeaders: true });
    const dropped = new Set(
      [...text.matchAll(/proxy_set_header (\S+) "";/g)].map(([, name = ""]) => name.toLowerCase()),
    );
    const spelling = fc.constantFrom(...PROXY_HEADERS).chain((name) =>
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }).map((flips) => {
        let at = 0;
        return name.toLowerCase().replace(/-/g, () => (flips[at++] ? "_" : "-"));
      }),
    );
    fc.assert(
      fc.property(spelling, (name) => {
        assert.ok(!name.includes("_") || dropped.has(name), name);
      }),
    );
    assert.match(text, /^ *underscores_in_headers on;$/m);
    assert.doesNotMatch(
      renderConfiguration(template, everything),
      /underscores_in_headers|_Forwarded|_Real|ignore_invalid/,
    );
  });
});

describe("limits", () => {
  test("nginx's buffers fit one another, whatever maxHeaderKb is", () => {
    for (let maxHeaderKb = 4; maxHeaderKb <= 128; maxHeaderKb++) {
      const text = renderConfiguration(template, { ...settings, maxHeaderKb });
      const kilobytes = (directive: string) =>
        Number(new RegExp(`^ *${directive} (?:[0-9]+ )?([0-9]+)k;`, "m").exec(text)?.[1]);
      const count = Number(/proxy_buffers ([0-9]+) 4k;/.exec(text)?.[1]);
      assert.equal(kilobytes("large_client_header_buffers"), maxHeaderKb);
      // What nginx itself asks of them (ngx_http_proxy_merge_loc_conf).
      assert.ok(kilobytes("proxy_busy_buffers_size") >= kilobytes("proxy_buffer_size"));
      assert.ok(kilobytes("proxy_busy_buffers_size") <= (count - 1) * 4);
      assert.ok(kilobytes("proxy_buffer_size") > maxHeaderKb && count >= 8);
    }
  });

  test("the app gets every cookie but the token's, and the token's never", () => {
    const cookies = (header: string) => all.value("cookies_without_token", { headers: { cookie: header } });
    const mine = `X-Blue-Green-Preview=${TOKEN}`;
    for (const [header, left] of [
      ["", ""],
      ["a=1; b=2", "a=1; b=2"],
      [mine, ""],
      [`${mine}; a=1`, "a=1"],
      [`a=1; ${mine}`, "a=1"],
      [`a=1; ${mine}; b=2`, "a=1; b=2"],
      [`a=1;${mine};b=2`, "a=1;b=2"],
      [`a=1; x${mine}`, ""],
      ["x-blue-green-preview=guess; a=1", "a=1"],
      // Twice: none at all rather than one that is left.
      [`${mine}; ${mine}; a=1`, ""],
    ] as const) {
      assert.equal(cookies(header), left, header);
    }
    const pair = fc.stringMatching(/^[a-z]{1,4}=[A-Za-z0-9$"{}.-]{0,6}$/);
    fc.assert(
      fc.property(
        fc.array(pair, { maxLength: 5 }),
        fc.nat({ max: 5 }),
        fc.constantFrom("; ", ";"),
        (pairs, at, separator) => {
          const header = [...pairs.slice(0, at), mine, ...pairs.slice(at)].join(separator);
          assert.equal(cookies(header), pairs.join(separator));
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(pair, fc.constantFrom(mine, mine.toLowerCase(), `${mine}x`, ` ${mine}`, `"${mine}"`)), {
          maxLength: 6,
        }),
        (pairs) => {
          assert.ok(!cookies(pairs.join("; ")).toLowerCase().includes(TOKEN));
        },
      ),
    );
  });

  test("the limits count each client by its address, and the cutover not at all", () => {
    assert.deepEqual(
      [all.value("client", { from: "192.0.2.7" }), all.value("client", { from: CUTOVER })],
      ["192.0.2.7", ""],
    );
  });
});
