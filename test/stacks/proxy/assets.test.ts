import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { structuredPatch } from "diff";
import fc from "fast-check";
import { sessionsFile } from "../../../cutover/sessions";
import { readNginx } from "../../../stacks/engine/scripts";
import { testerFile } from "../../../stacks/proxy/files";
import { type ConfigurationSettings, renderConfiguration } from "../../../stacks/proxy/nginxConfiguration";
import { COLORS, other } from "../../../stacks/service/color";
import { activeIn, healthIn, withActive } from "../../../stacks/service/configuration";
import type { Sessions } from "../../../stacks/service/serving";
import { parseSettings } from "../../../stacks/settings/settings";
import { raw } from "../settings/settings.raw";
import { sampleConfiguration } from "../settings/settings.sample";
import { Maps, type Request } from "./nginxMaps";

const PATHS = ["/assets/", "/_next/v1.0/"];
const TOKEN = "hunter2.hunter2-hunter2";
const WORDS = { blue: "blue-word_0123456", green: "green-word_012345" };
const CUTOVER = "127.0.0.1";

const FILES = { tester: "tester-0123456789abcdef.conf", maintenance: "maintenance-0123456789abcdef.html" };

const slotsOf = (blue: number, green: number): ConfigurationSettings["slots"] => ({
  blue: { ...sampleConfiguration.slots.blue, replicas: blue },
  green: { ...sampleConfiguration.slots.green, replicas: green },
});

/** What else may be on, each by itself and all together. */
const SITUATIONS: Record<string, Partial<ConfigurationSettings>> = {
  "nothing else": { maxConnections: 0, maxUploads: 0 },
  "the defaults": {},
  "a canary": { canaryPercent: 5 },
  sessions: { stickySessions: "cookie" },
  testers: { files: { tester: FILES.tester } },
  maintenance: { files: { maintenance: FILES.maintenance } },
  replicas: { slots: slotsOf(3, 2) },
  limits: { rateLimitPerSecond: 50, maxConnections: 20, maxUploads: 30 },
  TLS: { files: { tlsCertificate: "tls-0.crt", tlsKey: "tls-0.key" } },
  "a gateway": { trustedProxies: ["10.0.0.2"], gateway: "10.0.0.2" },
  everything: {
    ...{ canaryPercent: 5, stickySessions: "cookie", slots: slotsOf(3, 2), rateLimitPerSecond: 50 },
    files: { ...FILES, tlsCertificate: "tls-0.crt", tlsKey: "tls-0.key" },
  },
};

const render = (change: Partial<ConfigurationSettings> = {}) =>
  renderConfiguration(readNginx("nginx.conf.mustache"), { ...sampleConfiguration, ...change });

/** The same situation without and with paths. */
const both = (change: Partial<ConfigurationSettings>) =>
  [render({ ...change, assetPaths: [] }), render({ ...change, assetPaths: PATHS })] as const;

/** The lines that only one of two texts has, in their order; a line of several is told from one. */
function addedTo(before: string, after: string): string[] {
  const left = new Map<string, number>();
  for (const line of before.split("\n")) left.set(line, (left.get(line) ?? 0) + 1);
  return after.split("\n").filter((line) => {
    const count = left.get(line) ?? 0;
    if (count > 0) left.set(line, count - 1);
    return count === 0;
  });
}

/** What `diff` says of two texts, without the numbers of lines. */
const changesOf = (before: string, after: string): string =>
  structuredPatch("", "", before, after, "", "", { context: 2 })
    .hunks.map(({ lines }) => ["@@", ...lines, ""].join("\n"))
    .join("");

/** The variables of a configuration. */
const mapsOf = (change: Partial<ConfigurationSettings>) =>
  new Maps(
    render(change),
    sessionsFile({ blue: { word: WORDS.blue }, green: { word: WORDS.green } } as Sessions),
    testerFile(TOKEN),
  );

describe("the text of a configuration with assetPaths", () => {
  test("with everything else on, what it changes is what its golden file says", () => {
    const golden = readFileSync(join(__dirname, "nginx.assets.golden"), "utf8");
    assert.equal(changesOf(...both(SITUATIONS.everything ?? {})), golden);
  });

  test("without paths nothing of it is there", () => {
    for (const [name, change] of Object.entries(SITUATIONS)) {
      assert.doesNotMatch(render(change), /asset|lender|answerer|recursive_error|418|intercept|@o/, name);
    }
  });

  test("whatever else is on, paths take only the lines that say who answered, and add their own", () => {
    for (const [name, change] of Object.entries(SITUATIONS)) {
      const [without, having] = both(change);
      assert.deepEqual(
        addedTo(having, without).map((line) => line.trim().replace(/\$(color|answered)\b/, "<who>")),
        [
          `'{"time":"$time_iso8601","color":"<who>","status":$status,"requestTime":$request_time,'`,
          "log_format answers '<who> $status $request_time';",
          "add_header X-Color <who> always;",
        ],
        name,
      );
      assert.doesNotMatch(having, /\n\n\n|\{\{|\}\}|[ \t]\n/, name);
      assert.equal(having.split("{").length, having.split("}").length, name);
    }
  });

  test("one path more is one line more, and a switch is one line", () => {
    for (const [name, change] of Object.entries(SITUATIONS)) {
      const having = (...assetPaths: string[]) => render({ ...change, assetPaths });
      const [one, two] = [having("/assets/"), having("/assets/", "/v1.0/")];
      assert.deepEqual(addedTo(one, two), ['        "~^ (GET|HEAD) /v1\\.0/" 1;'], name);
      assert.deepEqual(addedTo(two, one), [], name);
      const switched = render({ ...change, assetPaths: PATHS, activeColor: "green" });
      assert.deepEqual(addedTo(having(...PATHS), switched), ["        default green;"], name);
    }
  });

  test("where a color is stopped or removed nothing of it is there: nobody else could be asked", () => {
    for (const slots of [slotsOf(1, 0), slotsOf(0, 1), slotsOf(2, 0)]) {
      assert.equal(render({ slots, assetPaths: PATHS }), render({ slots }));
    }
  });

  test("a request reaches the color with the headers of every other one: no location has headers of its own", () => {
    for (const [name, change] of Object.entries(SITUATIONS)) {
      const [without, having] = both(change);
      const added = addedTo(without, having).join("\n");
      assert.doesNotMatch(added, /proxy_set_header|add_header (?!X-Color)|proxy_hide_header|limit_|access_log/, name);
    }
  });

  test("what the cutover asks nginx for stays what it was: its own servers, and what it reads of the text", () => {
    const [without, having] = both({});
    const servers = (text: string) => text.slice(text.indexOf("# For the cutover alone"));
    assert.equal(servers(having), servers(without));
    for (const color of COLORS) {
      assert.deepEqual(healthIn(having, color), healthIn(without, color));
      assert.equal(activeIn(withActive(having, color)), color);
    }
  });

  test("no path that is accepted says anything but itself, whatever it has in it", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "a",
        ".",
        "..",
        "/",
        "~",
        "-",
        "_",
        "v1",
        "$uri",
        "|",
        "(",
        ")",
        "*",
        "+",
        "\\",
        '"',
        ";",
        "{",
        "}",
      ),
      fc.string({ maxLength: 2 }),
    );
    let rendered = 0;
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 4 }), (pieces) => {
        const path = `/${pieces.join("")}/`;
        let assetPaths: string[];
        try {
          ({ assetPaths } = parseSettings(raw({ assetPaths: JSON.stringify([path]) }), new Set()));
        } catch {
          return;
        }
        rendered += 1;
        const text = render({ assetPaths });
        assert.deepEqual(
          addedTo(render({ assetPaths: ["/x/"] }), text),
          [`        "~^ (GET|HEAD) ${path.replaceAll(".", "\\.")}" 1;`].filter((line) => !line.endsWith(' /x/" 1;')),
        );
        const maps = new Maps(text);
        assert.equal(maps.value("asset", { uri: `${path}a.js` }), "1");
        assert.equal(maps.value("asset", { uri: `${path.replaceAll(".", "x")}a.js` }), path.includes(".") ? "" : "1");
      }),
      { numRuns: 3000 },
    );
    assert.ok(rendered > 100, String(rendered));
  });
});

describe("which requests are asked of the other color", () => {
  const asset = (maps: Maps, request: Request) => maps.value("asset", { uri: "/assets/app-1.js", ...request });

  test("GET and HEAD below the paths, and nothing else", () => {
    for (const [name, change] of Object.entries(SITUATIONS)) {
      const maps = mapsOf({ ...change, assetPaths: PATHS });
      for (const method of ["GET", "HEAD"]) {
        for (const uri of [
          "/assets/a.js",
          "/assets/",
          "/assets/b c/é.js",
          "/assets/\n",
          "/_next/v1.0/x",
          "/assets/a?b",
        ])
          assert.equal(asset(maps, { method, uri }), "1", `${name}: ${method} ${uri}`);
        for (const uri of [
          "/",
          "/assets",
          "/Assets/a.js",
          "/x/assets/a.js",
          "/_next/v1x0/x",
          "/_next/",
          "/assetsx/",
          "",
        ])
          assert.equal(asset(maps, { method, uri }), "", `${name}: ${method} ${uri}`);
      }
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "GETX", "XGET", "PROPFIND"])
        assert.equal(asset(maps, { method }), "", `${name}: ${method}`);
    }
  });

  test("not those of testers, who are to see the release alone", () => {
    const maps = mapsOf({ ...SITUATIONS.everything, assetPaths: PATHS });
    assert.equal(asset(maps, { headers: { "x-blue-green-preview": TOKEN } }), "");
    assert.equal(asset(maps, { headers: { cookie: `a=1; X-Blue-Green-Preview=${TOKEN}` } }), "");
    assert.equal(asset(maps, { headers: { "x-blue-green-preview": `${TOKEN}x` } }), "1");
  });

  test("not those of the cutover, which asks for one color", () => {
    for (const change of Object.values(SITUATIONS)) {
      assert.equal(asset(mapsOf({ ...change, assetPaths: PATHS }), { from: CUTOVER }), "");
    }
  });

  test("not a WebSocket; another protocol is no upgrade here", () => {
    const maps = mapsOf({ assetPaths: PATHS });
    assert.equal(asset(maps, { headers: { upgrade: "WebSocket" } }), "");
    assert.equal(asset(maps, { headers: { upgrade: "h2c" } }), "1");
  });

  test("the other one is always the one that the request was not for: with a session or drawn by the canary, too", () => {
    for (const activeColor of COLORS) {
      const maps = mapsOf({ ...SITUATIONS.everything, activeColor, assetPaths: PATHS });
      for (const lot of [0, 99]) {
        for (const headers of [{}, { cookie: `blue_green_session=${WORDS[other(activeColor)]}` }]) {
          const request = { lot, headers };
          assert.notEqual(maps.value("other", request), maps.value("color", request));
        }
      }
    }
  });

  test("the lender is the color that answered, and the visitor's session stays where it is", () => {
    const maps = mapsOf({ ...SITUATIONS.everything, files: {}, assetPaths: PATHS });
    const onGreen: Request = { headers: { cookie: `blue_green_session=${WORDS.green}` } };
    const lent = { ...onGreen, lender: "blue", asked: "172.18.0.3:5000 : 172.18.0.2:5000" };
    assert.equal(maps.value("answerer", lent), "blue");
    assert.equal(maps.value("new_session", lent), "");
    assert.equal(maps.value("answerer", onGreen), "green");
    const fresh = { lender: "green", asked: "172.18.0.2:5000 : 172.18.0.3:5000", lot: 99 };
    assert.equal(maps.value("answerer", fresh), "green");
    assert.match(maps.value("new_session", fresh), new RegExp(`^blue_green_session=${WORDS.blue};`));
    const instead = { ...onGreen, asked: "172.18.0.3:5000, 127.0.0.1:8082" };
    assert.equal(maps.value("answerer", instead), "blue");
  });
});

describe("what the watch counts", () => {
  test("once the other color is asked a request is not counted, whoever answers it in the end", () => {
    const text = render({ ...SITUATIONS.everything, assetPaths: PATHS });
    const locationOf = (name: string) =>
      new RegExp(`location ${name} \\{\n([\\s\\S]*?)\n {8}\\}`).exec(text)?.[1] ?? "";
    assert.match(locationOf("@other"), /^ *set \$watched "";$/m);
    for (const name of ["@asset", "@own", "@again"]) assert.doesNotMatch(locationOf(name), /watched/);
    assert.match(text, /answers\.log answers .* if=\$watched;/);
  });
});
