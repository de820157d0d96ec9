import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { SmokeTest } from "../../../stacks/service/smokeTest";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings } from "../../../stacks/settings/settings";
import { must, run } from "../../e2e/stack";
import { FIT } from "../text/hostile.sample";
import { raw, refused, secrets } from "./settings.raw";
import { sampleSettings } from "./settings.sample";

/** The tests as the program gets them, out of what the CLI hands over. */
const parsed = (tests: unknown) => parseSettings(raw({ smokeTests: JSON.stringify(tests) }), new Set()).smokeTests;

/** The error's text for tests that are wrong. */
const refusedTests = (tests: unknown) =>
  refused(raw({ smokeTests: typeof tests === "string" ? tests : JSON.stringify(tests) }));

/** The error's text for one test that is right but for `values`. */
const refusedTest = (values: Record<string, unknown>) => refusedTests([{ name: "a", ...values }]);

/** What JSON can spell but an object literal can't. */
const withProto = (value: unknown) => JSON.parse(`{"__proto__":${JSON.stringify(value)}}`) as Record<string, unknown>;

const NAME = "must be 1 to 80 printable ASCII characters, without a space at either end";

const METHOD = "must be one of GET HEAD POST PUT PATCH DELETE OPTIONS";

const PATH =
  "must be a path from the root of at most 2000 printable ASCII characters without space, quote, backslash and #, " +
  "not beginning with //, without . and .. as segments";

const BODY = "must be a text of at most 32 KiB, without a NUL character";

const STATUS = "must be a whole number from 200 to 599, in plain digits";

const CONTAINS = "must be a text of 1 to 4096 characters, without a NUL character";

const SECONDS = "must be a number from 0.1 to 300, in plain digits with at most 3 decimals";

const ROUNDED = "is too large for a number and would be rounded; must be set as text";

const HEADER_NAME = "must have a name of A-Z a-z 0-9 !#$%&'*+-.^_`|~ only, at most 128 characters";

const HEADER_VALUE = "must be at most 8192 printable ASCII characters and tabs, without space or tab at either end";

const JSON_PATH = "must have a path such as database.ok or items[0].id as its name, at most 200 characters";

const OBJECT = "must be an object: one name a time, with --path";

/** The tests if they are accepted. */
function accepted(tests: unknown): SmokeTest[] | undefined {
  try {
    return parsed(tests);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const line of error.message.split("\n")) assert.match(line, FIT);
    return undefined;
  }
}

/** Text that is often nearly right: what requests are made of, and what would break out of them. */
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."aZ09._-~/:?%&={}[]$\\'\"`#;@ \n\t\r\0\u202eß") }),
  fc
    .string({ unit: fc.constantFrom("/", ".", "..", "%2e", "%2F", "a", "?", "{color}", ":80", "@") })
    .map((s) => `/${s}`),
  fc.string({ unit: "binary", maxLength: 20 }),
);

describe("the setting smokeTests", () => {
  test("a test needs no more than a name, and asks for healthPath as it is set", () => {
    assert.deepEqual(
      parseSettings(raw({ smokeTests: '[{"name":"alive"}]', healthPath: "/up" }), new Set()).smokeTests,
      [{ name: "alive", method: "GET", path: "/up", headers: {}, status: 200, json: {}, maxSeconds: 5 }],
    );
    assert.deepEqual(parsed([]), []);
  });

  test("everything that can be set in a test arrives as it was set, with {color} and {version} left in", () => {
    const order: SmokeTest = {
      name: "an order of {color} ~!",
      method: "POST",
      path: "/orders/{version}?next=/../a&color={color}%20;x",
      headers: { "X-Color": "{color}", Accept: "a/b;q=0.5,\t*/*", constructor: "c", Empty: "" },
      body: '{"line":"\r\n","größe":"ß{version}"}',
      status: 201,
      contains: "größe {color}\n",
      json: { "database.ok": true, "items[0].id": 7, "[0]": "{version}", "a-b_1.2[999999][0]": null, constructor: 0.5 },
      maxSeconds: 0.1,
      builtOnly: true,
    };
    assert.deepEqual(parsed([order]), [order]);
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      assert.equal(parsed([{ name: "a", method }])[0]?.method, method);
    }
  });

  test("a value is taken whether the CLI made a number or true of it, or left it as text", () => {
    const cli = { name: 12, path: "/", method: "PUT", headers: { "X-A": 1.5, "X-B": false }, body: 7, contains: true };
    assert.deepEqual(parsed([{ ...cli, status: "404", maxSeconds: "0.50" }]), [
      {
        ...{ name: "12", path: "/", method: "PUT", headers: { "X-A": "1.5", "X-B": "false" }, body: "7" },
        ...{ contains: "true", status: 404, maxSeconds: 0.5, json: {} },
      },
    ]);
    assert.equal(parsed([{ name: "a", maxSeconds: 300 }])[0]?.maxSeconds, 300);
    // What the answer's JSON must have keeps its type.
    assert.deepEqual(parsed([{ name: "a", json: { a: "1", b: 1, c: "true", d: true } }])[0]?.json, {
      ...{ a: "1", b: 1, c: "true", d: true },
    });
  });

  test("a test asks releases of app/ alone where builtOnly is true, and any release where it is false or left out", () => {
    const builtOnly = (values: Record<string, unknown>) => {
      const [test] = parsed([{ name: "a", ...values }]);
      assert.ok(test);
      return test.builtOnly;
    };
    for (const value of [true, "true"]) assert.equal(builtOnly({ builtOnly: value }), true);
    for (const values of [{ builtOnly: false }, { builtOnly: "false" }, {}]) assert.equal(builtOnly(values), undefined);
    // The default is of the app that comes with the program.
    assert.deepEqual(
      sampleSettings.smokeTests.map((test) => test.builtOnly),
      [true],
    );
  });

  test("each bad value of a test is refused with its place, the value, what is allowed and the command that mends it", () => {
    const text = (key: string, value: string) =>
      `pulumi config set --type string --path 'smokeTests[0].${key}' '${value}'`;
    const plain = (key: string, value: string) => `pulumi config set --path 'smokeTests[0].${key}' ${value}`;
    const bad: Record<string, [values: unknown[], rule: string, mend: string]> = {
      name: [["", " a", "a ", "a\nb", "é", "a".repeat(81), null, [], {}], NAME, text("name", "<name>")],
      method: [["", "CONNECT", "TRACE", "GET\r\n", "G", 1, null, ["GET"]], METHOD, plain("method", "GET")],
      path: [
        [
          ...[
            "",
            "a",
            "?a",
            "//host/a",
            "http://host/",
            "/ ",
            "/a b",
            "/\t",
            "/\r\nHost: x",
            "/\0",
            '/"',
            "/'",
            "/`",
            "/\\",
          ],
          ...["/#a", "/é", "/..", "/../a", "/a/..", "/a/../b", "/.", "/./a", "/a/.?b", "/%2e%2E/a", "/.%2e", "/a/%2e"],
          ...["/a%2f..%2Fb", "/%2F..", `/${"a".repeat(2000)}`, true, null, {}],
        ],
        PATH,
        text("path", "<path>"),
      ],
      body: [
        ["a\0", "x".repeat(32 * 1024 + 1), "ß".repeat(16 * 1024 + 1), null, {}, ["a"]],
        BODY,
        text("body", "<text>"),
      ],
      status: [
        ["99", 99, 600, -200, 200.5, "2e2", "0200", " 200", "", "200\n", "２００", 1e30, null, true, [200], { a: 1 }],
        STATUS,
        plain("status", "200"),
      ],
      contains: [["", "\0", "x".repeat(4097), null, {}, []], CONTAINS, text("contains", "<text>")],
      maxSeconds: [
        [0, "0", 0.05, "0.0999", 300.001, "1e1", 1e-7, "-1", -1, "5s", "", ".5", null, false],
        SECONDS,
        plain("maxSeconds", "5"),
      ],
      builtOnly: [
        ["yes", "True", "TRUE", "1", 1, 0, "", " true", "true\n", "false;", "<true>", null, [], {}, [true]],
        "must be true or false",
        plain("builtOnly", "true"),
      ],
      headers: [[null, [], "X-A: b", 1, ["X-A: b"]], OBJECT, "pulumi config rm --path 'smokeTests[0].headers'"],
      json: [[null, [], "a", 1, true], OBJECT, "pulumi config rm --path 'smokeTests[0].json'"],
    };
    for (const [key, [values, rule, mend]] of Object.entries(bad)) {
      for (const value of values) {
        const [line = "", ...rest] = refusedTest({ method: "POST", [key]: value }).split("\n");
        assert.ok(line.startsWith(`smokeTests[0].${key} = `), line);
        assert.ok(line.endsWith(`: ${rule}`), line);
        assert.deepEqual(rest, [`    ${mend}`]);
      }
    }
    assert.equal(
      refusedTests([{ name: "a" }, {}, { name: "b", status: "2OO" }]),
      [
        `smokeTests[1].name = (not set): ${NAME}`,
        "    pulumi config set --type string --path 'smokeTests[1].name' '<name>'",
        `smokeTests[2].status = "2OO": ${STATUS}`,
        "    pulumi config set --path 'smokeTests[2].status' 200",
      ].join("\n"),
    );
    assert.match(refusedTest({ method: "post" }), /'smokeTests\[0\]\.method' POST$/);
    for (const key of ["name", "path", "body", "contains"]) {
      assert.equal(
        refusedTest({ method: "POST", [key]: 12345678901234567000 }).split("\n")[0],
        `smokeTests[0].${key} = 12345678901234567000: ${ROUNDED}`,
      );
    }
  });

  test("a header that could break out of its line, or frame the message another way, is refused", () => {
    for (const name of ["a b", "a:", "", "X-A\r\nX-B", "X\0", "Ä", "(", "a".repeat(129), "a\n", ":method"]) {
      const [line = ""] = refusedTest({ headers: { [name]: "1" } }).split("\n");
      assert.ok(line.endsWith(` = "1": ${HEADER_NAME}`), line);
    }
    for (const value of [
      "a\r\nX-B: c",
      "a\n",
      "\r",
      "a\0b",
      " a",
      "a ",
      "\ta",
      "a\t",
      "é",
      "\u007f",
      "x".repeat(8193),
      null,
      [],
      {},
    ]) {
      const [line = ""] = refusedTest({ headers: { "X-A": value } }).split("\n");
      assert.ok(line.startsWith('smokeTests[0].headers["X-A"] = '), line);
      assert.ok(line.endsWith(`: ${HEADER_VALUE}`), line);
    }
    const own = ["Content-Length", "transfer-encoding", "CONNECTION", "Upgrade", "te", "Trailer", "Expect"];
    for (const name of own) {
      assert.match(refusedTest({ headers: { [name]: "1" } }), /^\S+ = "1": is set by the client itself\n/);
    }
    assert.equal(
      refusedTest({ headers: { "X-A": "1", "x-a": "2" } }),
      'smokeTests[0].headers["x-a"] = "2": is X-A in another spelling; must be there once only\n' +
        "    pulumi config rm --path 'smokeTests[0].headers[\"x-a\"]'",
    );
    assert.equal(
      refusedTest({ headers: { "X-A": 12345678901234567000, "it's\n": "" } }),
      [
        `smokeTests[0].headers["X-A"] = 12345678901234567000: ${ROUNDED}`,
        "    pulumi config set --type string --path 'smokeTests[0].headers[\"X-A\"]' '<value>'",
        `smokeTests[0].headers["it's\\n"] = "": ${HEADER_NAME}`,
        "    edit the stack's Pulumi.<stack>.yaml: this name can't be typed in a shell",
      ].join("\n"),
    );
  });

  test("an expected value that no path could find, or that is no plain value, is refused", () => {
    const paths = [
      ...["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[-1]", "a[01]", "a[1000000]", "a[b]", "a]", "[0]a", "$.a", "a b"],
      ...["a\n", "é", "a/b", 'a["b"]', "a[0", "*", `a${".a".repeat(100)}`],
    ];
    for (const path of paths) {
      const [line = ""] = refusedTest({ json: { [path]: 1 } }).split("\n");
      assert.ok(line.endsWith(` = 1: ${JSON_PATH}`), line);
    }
    assert.equal(
      refusedTest({ json: { database: { ok: true } } }),
      'smokeTests[0].json.database = {"ok":true}: must be a text, a number, true, false or null; ' +
        'a deeper value is named as in json["database.<key>"]\n' +
        "    pulumi config rm --path 'smokeTests[0].json.database'",
    );
    assert.equal(
      refusedTest({ json: { "a.id": 2 ** 53 } }),
      `smokeTests[0].json["a.id"] = 9007199254740992: ${ROUNDED}\n` +
        "    pulumi config set --type string --path 'smokeTests[0].json[\"a.id\"]' '<value>'",
    );
    // JSON has no infinity, but a number that is read as one.
    assert.match(refusedTests('[{"name":"a","json":{"a":1e999}}]'), /would be rounded/);
  });

  test("what a method can't carry is refused, with the method that can", () => {
    assert.equal(
      refusedTest({ body: "" }),
      "smokeTests[0].body = \"\": can't be sent with GET\n    pulumi config set --path 'smokeTests[0].method' POST",
    );
    assert.equal(
      refusedTest({ method: "HEAD", contains: "a", json: { b: 1 } }),
      [
        'smokeTests[0].contains = "a": can\'t be expected of HEAD, whose answer has no body',
        "    pulumi config set --path 'smokeTests[0].method' GET",
        'smokeTests[0].json = {"b":1}: can\'t be expected of HEAD, whose answer has no body',
        "    pulumi config set --path 'smokeTests[0].method' GET",
      ].join("\n"),
    );
    assert.doesNotMatch(refusedTest({ method: "HEAD", body: "a", contains: "b" }), /method' GET/);
    // A wrong method says nothing about the rest.
    assert.equal(refusedTest({ method: "HAED", body: "a", contains: "b" }).split("\n").length, 2);
    parsed([{ name: "a", method: "HEAD", json: {} }]);
  });

  test("a key that doesn't exist is refused, with the one that was meant", () => {
    const keys = "a test has name, method, path, body, status, contains, maxSeconds, builtOnly, headers, json";
    const cases: [values: Record<string, unknown>, expected: string][] = [
      [
        { staus: 204 },
        "smokeTests[0].staus = 204: there is no such key; status was meant?\n" +
          "    pulumi config rm --path 'smokeTests[0].staus' && pulumi config set --path 'smokeTests[0].status' 204",
      ],
      [
        { staus: "x" },
        'smokeTests[0].staus = "x": there is no such key; status was meant?\n' +
          "    pulumi config rm --path 'smokeTests[0].staus' && pulumi config set --path 'smokeTests[0].status' 200",
      ],
      [
        { Status: 204, status: 200 },
        "smokeTests[0].Status = 204: there is no such key; status was meant?\n" +
          "    pulumi config rm --path 'smokeTests[0].Status'",
      ],
      [
        { header: { A: "b" } },
        'smokeTests[0].header = {"A":"b"}: there is no such key; headers was meant?\n' +
          "    pulumi config rm --path 'smokeTests[0].header' && " +
          "pulumi config set --path 'smokeTests[0].headers[\"<name>\"]' '<value>'",
      ],
      [
        { url: "/" },
        `smokeTests[0].url = "/": there is no such key; ${keys}\n    pulumi config rm --path 'smokeTests[0].url'`,
      ],
      [
        { "a\n": 1 },
        `smokeTests[0]["a\\n"] = 1: there is no such key; ${keys}\n` +
          "    edit the stack's Pulumi.<stack>.yaml: this name can't be typed in a shell",
      ],
    ];
    for (const [values, expected] of cases) assert.equal(refusedTest(values), expected);
  });

  test("no name of JavaScript's own slips through", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty", "prototype"]) {
      assert.match(refusedTest({ [name]: 1 }), new RegExp(`^smokeTests\\[0\\]\\.${name} = 1: there is no such key`));
      // They are names like others for a server.
      const [{ headers, json }] = parsed([{ name, headers: { [name]: "a" }, json: { [name]: 1 } }]) as [SmokeTest];
      assert.deepEqual([Object.entries(headers), Object.entries(json)], [[[name, "a"]], [[name, 1]]]);
    }
    assert.match(refusedTests([withProto({ name: "a" })]), /^smokeTests\[0\]\.name = \(not set\)/);
    assert.match(
      refusedTests('[{"name":"a","__proto__":{"status":204}}]'),
      /^smokeTests\[0\]\.__proto__ = .* no such key/,
    );
    for (const key of ["headers", "json"]) {
      assert.equal(
        refusedTest({ [key]: withProto("a") }),
        `smokeTests[0].${key}.__proto__ = "a": is not possible as a name\n` +
          `    pulumi config rm --path 'smokeTests[0].${key}.__proto__'`,
      );
    }
    for (const path of ["a.__proto__", "__proto__.a", "a[0].__proto__.b", "__proto__[0]"]) {
      assert.match(refusedTest({ json: { [path]: 1 } }), /: is not possible as a name\n/);
    }
  });

  test("a name that is there under another key isn't missing as well", () => {
    assert.equal(
      refusedTests([{ names: "a", Name: "b" }]).replaceAll(/\n .*/g, ""),
      'smokeTests[0].names = "a": there is no such key; name was meant?\n' +
        'smokeTests[0].Name = "b": there is no such key; name was meant?',
    );
  });

  test("tests are told apart by their names", () => {
    assert.equal(
      refusedTests([{ name: "a" }, { name: "b" }, { name: "a" }]),
      'smokeTests[2].name = "a": must differ from smokeTests[0].name, which is the same\n' +
        "    pulumi config set --type string --path 'smokeTests[2].name' '<name>'",
    );
    assert.match(refusedTests([{ name: 1 }, { name: "1" }]), /must differ/);
  });

  test("what is no list of objects is refused", () => {
    for (const json of ["{}", "null", '"[]"', "", "[", "7", '{"length":0}']) {
      assert.equal(
        refused(raw({ smokeTests: json })),
        `smokeTests = ${JSON.stringify(json)}: must be a list of tests: one key a time, with --path\n` +
          "    pulumi config rm smokeTests",
      );
    }
    assert.equal(
      refusedTests([null, { name: "a" }, ["name"]]),
      [
        "smokeTests[0] = null: must be an object with at least a name",
        "    edit the stack's Pulumi.<stack>.yaml",
        'smokeTests[2] = ["name"]: must be an object with at least a name',
        "    edit the stack's Pulumi.<stack>.yaml",
      ].join("\n"),
    );
  });

  test("too many of anything is one problem, however much is wrong with each", () => {
    const tests = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `${i}` }));
    const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, "1"]));
    assert.equal(parsed(tests(50)).length, 50);
    const rule = "must be at most 50 tests and 64 KiB of JSON in all\n    pulumi config rm --path 'smokeTests[<n>]'";
    for (const many of [tests(51), Array(100_000).fill(null), [{ name: "x".repeat(64 * 1024) }]]) {
      const error = refusedTests(many);
      assert.ok(error.endsWith(`: ${rule}`), error);
      assert.equal(error.split("\n").length, 2);
    }
    // It is the bytes that count.
    const bodies = (text: string) =>
      [0, 1, 2].map((i) => ({ name: `${i}`, method: "POST", body: text.repeat(10_000) }));
    parsed(bodies("ß"));
    assert.match(refusedTests(bodies("語")), /64 KiB of JSON in all/);

    for (const key of ["headers", "json"]) {
      parsed([{ name: "a", [key]: names(50) }]);
      const error = refusedTest({ [key]: names(51) });
      assert.match(
        error,
        /: must have at most 50 names\n {4}pulumi config rm --path 'smokeTests\[0\]\.[a-z]+\["<name>"\]'$/,
      );
    }
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    assert.match(refusedTests(`[{"name":"a","json":{"a":${deep}}}]`), /must be a text, a number/);
  });

  test("smoke tests can't be kept secret, and then none of them shows", () => {
    const configuration = raw({ smokeTests: '[{"name":"a","headers":{"Authorization":"hunter2\\n"}}]' });
    assert.equal(
      refused(configuration, secrets("smokeTests")),
      "smokeTests = [secret]: can't be kept secret; must be set without --secret. A test that needs a token belongs in gateCommand, " +
        "which has the environment of whoever runs pulumi\n" +
        "    pulumi config rm --path 'smokeTests[<n>].<key>' && pulumi config set gateCommand '<command>'",
    );
    assert.equal(
      refused(raw({ smokeTest: "[]" })),
      'smokeTest = "[]": there is no such setting; smokeTests was meant?\n' +
        "    pulumi config rm smokeTest && pulumi config set --path 'smokeTests[<n>].<key>' '<value>'",
    );
  });

  test("an accepted path asks the color for what is written, and for nothing else", () => {
    let count = 0;
    fc.assert(
      fc.property(text, (path) => {
        const [test] = accepted([{ name: "a", path }]) ?? [];
        if (test === undefined) return;
        count += 1;
        const url = new URL(test.path, "http://blue:5000");
        assert.equal(url.host, "blue:5000");
        assert.equal(url.hash, "");
        assert.equal(
          decodeURI(url.pathname.replaceAll("%", "%25")).split("/").length,
          path.split("?")[0]?.split("/").length,
        );
      }),
      { numRuns: 1500 },
    );
    assert.ok(count > 200, `only ${count} accepted: the generator proves nothing`);
  });

  test("an accepted header is one to an HTTP client as well", () => {
    let count = 0;
    const name = fc.oneof(text, fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,9}$/));
    fc.assert(
      fc.property(name, fc.oneof(text, fc.stringMatching(/^[ -~]{1,9}$/)), (name, value) => {
        const [test] = accepted([{ name: "a", headers: Object.fromEntries([[name, value]]) }]) ?? [];
        if (test === undefined) return;
        count += 1;
        assert.deepEqual(Object.entries(test.headers), [[name, value]]);
        validateHeaderName(name);
        validateHeaderValue(name, value);
        // A response that was cut in two would have other fields than this one.
        assert.deepEqual([...new Headers([[name, value]])], [[name.toLowerCase(), value]]);
      }),
      { numRuns: 1500 },
    );
    assert.ok(count > 200, `only ${count} accepted: the generator proves nothing`);
  });

  test("whatever the list is, it is accepted whole or refused, and what was accepted is accepted again as it is", () => {
    const value = fc.oneof(text, fc.jsonValue({ maxDepth: 2 }), fc.integer(), fc.double());
    const entries = fc.dictionary(fc.oneof(text, fc.constantFrom("a", "a.b", "[0]", "__proto__", "X-A", "x-a")), value);
    const keys = fc.constantFrom("nam", "__proto__", "constructor", "Path");
    const right = fc.record({ name: fc.stringMatching(/^[a-z]{8}$/), method: fc.constantFrom("POST", "GET", "HEAD") });
    const wrong = fc.record(
      {
        ...{ name: value, method: value, path: text, headers: entries, body: value, status: value },
        ...{ contains: value, json: entries, maxSeconds: value, builtOnly: fc.oneof(value, fc.boolean()) },
      },
      { requiredKeys: [] },
    );
    const unknown = fc.dictionary(keys, value, { maxKeys: 1 });
    const one = fc.oneof(
      right,
      fc.tuple(right, wrong).map(([right, wrong]) => ({ ...right, ...wrong })),
      fc.tuple(right, unknown).map(([right, unknown]) => ({ ...right, ...unknown })),
      value,
    );
    let count = 0;
    fc.assert(
      fc.property(fc.oneof(fc.array(one, { maxLength: 3 }), value), (tests) => {
        const first = accepted(tests);
        if (first === undefined) return;
        count += 1;
        assert.deepEqual(parsed(first), first);
        assert.deepEqual(JSON.parse(JSON.stringify(first)), first);
        assert.equal(({} as Record<string, unknown>).polluted, undefined);
      }),
      { numRuns: 1500 },
    );
    assert.ok(count > 200, `only ${count} accepted: the generator proves nothing`);
  });

  test("what the CLI hands over is accepted, and what it is refused for is mended by the commands in the error", async (t) => {
    const checkout = join(__dirname, "..", "..", "..");
    const directory = mkdtempSync(join(tmpdir(), "blue-green-settings-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const found = join(directory, "settings.json");
    // Its own program, which tsx runs: the set-up is not a part of it.
    const project = readFileSync(join(checkout, "Pulumi.yaml"), "utf8");
    writeFileSync(
      join(directory, "Pulumi.yaml"),
      project.replace(/nodeargs: .*/, `nodeargs: --require ${join(checkout, "setup", "bundle.cjs")} --require tsx/cjs`),
    );
    cpSync(join(checkout, "package.json"), join(directory, "package.json"));
    symlinkSync(join(checkout, "node_modules"), join(directory, "node_modules"));
    mkdirSync(join(directory, "state"));
    writeFileSync(
      join(directory, "index.ts"),
      `import { writeFileSync } from "node:fs";
     import { readSettings } from ${JSON.stringify(join(checkout, "stacks/settings/read"))};
     writeFileSync(${JSON.stringify(found)}, JSON.stringify(readSettings()));`,
    );
    const env = {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${directory}/state`,
      PULUMI_CONFIG_PASSPHRASE: "of a test",
      PULUMI_STACK: "settings",
    };
    const set = (...args: string[]) => must("pulumi", ["config", "set", ...args], { cwd: directory, env });
    const settings = async () => {
      await must("pulumi", ["preview"], { cwd: directory, env });
      return JSON.parse(readFileSync(found, "utf8"));
    };

    await must("pulumi", ["stack", "init", "settings"], { cwd: directory, env });
    await set("activeColor", "blue");
    await set("maxErrorPercent", "0.5");
    const { maxErrorPercent, ...untouched } = await settings();
    const { maxErrorPercent: _, ...expected } = sampleSettings;
    assert.equal(maxErrorPercent, 0.5);
    assert.deepEqual(untouched, expected);

    await set("--path", "smokeTests[0].name", "12");
    await set("--path", "smokeTests[0].status", "2OO");
    await set("--path", "smokeTests[0].maxSeconds", "0.5");
    await set("--path", 'smokeTests[0].headers["X-Debug"]', "true");
    await set("--path", "smokeTests[0].headers.Upgrade", "h2c");
    await set("--path", 'smokeTests[0].json["items[0].id"]', "7");
    await set("--path", "smokeTests[1].names", "an order");
    await set("--path", "smokeTests[1].body", "0123");
    const { code, output } = await run("pulumi", ["preview"], { cwd: directory, env });
    assert.notEqual(code, 0);
    const mends = [...output.matchAll(/^ +(pulumi config .+)$/gm)].map(([, mend]) => mend ?? "");
    assert.equal(mends.length, 4, output);
    for (const mend of mends) await must("sh", ["-c", mend], { cwd: directory, env });
    assert.deepEqual((await settings()).smokeTests, [
      {
        ...{ name: "12", method: "GET", path: "/healthz", headers: { "X-Debug": "true" }, status: 200 },
        ...{ json: { "items[0].id": 7 }, maxSeconds: 0.5 },
      },
      {
        ...{ name: "an order", method: "POST", path: "/healthz", headers: {}, body: "0123", status: 200 },
        ...{ json: {}, maxSeconds: 5 },
      },
    ]);

    await must("sh", ["-c", 'for n in 1 0; do pulumi config rm --path "smokeTests[$n]"; done'], {
      cwd: directory,
      env,
    });
    assert.deepEqual((await settings()).smokeTests, []);
  });
});
