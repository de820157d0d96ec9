import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings } from "../../../stacks/settings/settings";
import { raw, refused, secrets } from "./settings.raw";

const RULE =
  "must be a path of A-Z a-z 0-9 . _ ~ - / that begins and ends with /, such as /assets/, without // and .., at most 200 characters";

const configuration = (paths: readonly unknown[], values: Record<string, string> = {}) =>
  raw({ assetPaths: JSON.stringify(paths), ...values });

const accepted = (...paths: string[]) => parseSettings(configuration(paths), new Set()).assetPaths;

/** The one problem with a list, whose last entry is the wrong one. */
const problemOf = (...paths: unknown[]) => refused(configuration(paths));

describe("assetPaths", () => {
  test("none is the default, and a list of paths is taken as it stands", () => {
    assert.deepEqual(parseSettings(raw(), new Set()).assetPaths, []);
    const paths = ["/assets/", "/_next/static/", "/v1.0/~team/x-y/", "/assets/js/", `/${"a".repeat(198)}/`];
    assert.deepEqual(accepted(...paths), paths);
    assert.equal(accepted(...Array.from({ length: 20 }, (_, at) => `/a${at}/`)).length, 20);
  });

  test("each entry that is no path below which there can be assets is refused by its place, with the command that removes it", () => {
    for (const value of [
      ...[
        "",
        "/",
        "//",
        "assets/",
        "/assets",
        "/assets/app.js",
        "assets",
        ".",
        "./",
        "/./",
        "/../",
        "/a/../b/",
        "/a/./",
      ],
      ...[
        "/a//b/",
        "//evil.example/",
        "/a/..",
        "/assets/*",
        "/as sets/",
        " /assets/",
        "/assets/ ",
        "/assets/\n",
        "\n/a/",
      ],
      ...[
        "/%61/",
        "/%2e%2e/",
        "/a?b/",
        "/a#b/",
        "/a;b/",
        "/a{b}/",
        "/$uri/",
        `/$\{uri}/`,
        '/"/',
        "/'/",
        "/\\/",
        "/a\\.b/",
      ],
      ...[
        "/(a|b)/",
        "/a+/",
        "/[a]/",
        "/^/",
        "/é/",
        "/\u202e/",
        "/\0/",
        "/{{x}}/",
        "http://a.example/",
        `/${"a".repeat(199)}/`,
      ],
      ...[1, 0, null, true, {}, [], ["/assets/"]],
    ]) {
      const shown = problemOf("/ok/", value);
      assert.ok(
        shown.startsWith("assetPaths[1] = ") &&
          shown.endsWith(`: ${RULE}\n    pulumi config rm --path 'assetPaths[1]'`),
        shown,
      );
      assert.doesNotMatch(shown, /[^\P{C}\n]/u);
    }
  });

  test("a path that is there twice is refused at its second place", () => {
    assert.equal(
      problemOf("/assets/", "/static/", "/assets/"),
      "assetPaths[2] = \"/assets/\": is assetPaths[0] already\n    pulumi config rm --path 'assetPaths[2]'",
    );
  });

  test("what is no list, and too long a list, is refused as a whole", () => {
    for (const json of ["", "{", "{}", "null", '"/assets/"', "/assets/", '{"0":"/assets/"}']) {
      assert.match(
        refused(raw({ assetPaths: json })),
        /^assetPaths = .*: must be a list: one path a time, with --path\n {4}pulumi config rm assetPaths$/,
      );
    }
    assert.match(
      problemOf(...Array.from({ length: 21 }, (_, at) => `/a${at}/`)),
      /: must have at most 20 paths\n {4}pulumi config rm --path 'assetPaths\[<n>\]'$/,
    );
  });

  test("one that leads to healthPath is refused by its place, wherever else something is wrong", () => {
    const rule = "must not be a beginning of healthPath: how a color is, the other one can't say";
    const at = (place: number, value: string) =>
      `assetPaths[${place}] = "${value}": ${rule}\n    pulumi config rm --path 'assetPaths[${place}]'`;
    const healthPath = "/api/health/ready";
    assert.equal(refused(configuration(["/assets/", "/api/"], { healthPath })), at(1, "/api/"));
    assert.equal(refused(configuration(["/api/health/"], { healthPath: "/api/health/" })), at(0, "/api/health/"));
    assert.equal(
      refused(configuration(["x", "/api/"], { healthPath })),
      `assetPaths[0] = "x": ${RULE}\n    pulumi config rm --path 'assetPaths[0]'\n${at(1, "/api/")}`,
    );
    for (const path of ["/api/health/ready/", "/api/healt/", "/API/", "/health/"]) {
      assert.deepEqual(parseSettings(configuration([path], { healthPath }), new Set()).assetPaths, [path]);
    }
    assert.deepEqual(parseSettings(configuration(["/a/"], { healthPath: "/" }), new Set()).assetPaths, ["/a/"]);
  });

  test("set as a secret it is refused, and not shown", () => {
    assert.equal(
      refused(configuration(["/hunter2/"], { healthPath: "/hunter2/up" }), secrets("assetPaths")),
      "assetPaths = [secret]: can't be kept secret; must be set without --secret\n" +
        "    pulumi config rm assetPaths && pulumi config set --path 'assetPaths[<n>]' '</path/>'",
    );
  });

  test("whatever is accepted is a path in plain characters from / to /", () => {
    const piece = fc.oneof(
      fc.constantFrom("/", "assets", "_next", ".", "..", "~", "-", "v1.0", "%2f", "$", "{", ";", " ", "\n", '"', "\\"),
      fc.string({ maxLength: 3 }),
    );
    const path = fc.array(piece, { maxLength: 5 }).map((pieces) => `/${pieces.join("")}/`);
    let count = 0;
    fc.assert(
      fc.property(fc.array(path, { maxLength: 3 }), (paths) => {
        try {
          for (const each of accepted(...paths)) {
            count += 1;
            assert.match(each, /^(?:\/[A-Za-z0-9._~-]+)+\/$/);
            assert.equal(new URL(`http://a.example${each}`).pathname, each);
          }
        } catch (error) {
          if (!(error instanceof SettingsError)) throw error;
        }
      }),
      { numRuns: 5000 },
    );
    assert.ok(count > 100, String(count));
  });
});
