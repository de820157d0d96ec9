import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { namesOf, type ProxyFiles, pageProblem, proxyFiles, testerFile } from "../../../stacks/proxy/files";
import type { ServiceId } from "../../../stacks/service/names";

const owner: ServiceId = { project: "blue-green", stack: "dev" };

const TOKEN = "hunter2.hunter2-hunter2";

const PAGE = "<!doctype html><title>Soon back</title>";

const filesFor = (
  testerToken: string | undefined,
  maintenance: boolean,
  page = () => PAGE,
  whose = owner,
): ProxyFiles => proxyFiles(whose, { ...(testerToken !== undefined && { testerToken }), maintenance }, page);

/** A token as the settings accept it. */
const anyToken = fc.stringMatching(/^[A-Za-z0-9._~-]{16,40}$/);

describe("the files beside the configuration", () => {
  test("without a token and out of maintenance there is no file, and the page is not even read", () => {
    const page = () => assert.fail("the page was read");
    const files = filesFor(undefined, false, page);
    assert.deepEqual([files, namesOf(files), pageProblem(files)], [{}, {}, undefined]);
    assert.deepEqual(Object.keys(filesFor(TOKEN, false, page)), ["tester"]);
  });

  test("the token's file is secret, the page is not, and the configuration gets the names alone", () => {
    const files = filesFor(TOKEN, true);
    assert.deepEqual([files.tester?.secret, files.maintenance?.secret], [true, false]);
    assert.deepEqual([files.tester?.content, files.maintenance?.content], [testerFile(TOKEN), PAGE]);
    assert.deepEqual(namesOf(files), { tester: files.tester?.name, maintenance: files.maintenance?.name });
    assert.match(files.tester?.name ?? "", /^tester-[0-9a-f]{16}\.conf$/);
    assert.match(files.maintenance?.name ?? "", /^maintenance-[0-9a-f]{16}\.html$/);
  });

  test("a name is the same for the same, and another for another token, project, stack or page", () => {
    const name = (token: string, whose: ServiceId = owner) => filesFor(token, false, undefined, whose).tester?.name;
    assert.equal(name(TOKEN), name(TOKEN));
    const names = [
      name(TOKEN),
      name(`${TOKEN}r`),
      name(TOKEN.toUpperCase()),
      name(TOKEN, { ...owner, project: "shop" }),
      name(TOKEN, { ...owner, stack: "prod" }),
    ];
    assert.equal(new Set(names).size, names.length);
    const page = (text: string) => filesFor(undefined, true, () => text).maintenance?.name;
    assert.equal(page(PAGE), page(PAGE));
    assert.notEqual(page(PAGE), page(`${PAGE}\n`));
  });

  test("no part of the token, nor of a plain hash of it, is in a name; and to guess at it costs time", () => {
    fc.assert(
      fc.property(anyToken, (token) => {
        const { tester } = namesOf(filesFor(token, false));
        assert.ok(tester !== undefined && !tester.includes(token));
      }),
      { numRuns: 20 },
    );
    const started = performance.now();
    for (let i = 0; i < 5; i++) filesFor(`${TOKEN}${i}`, false);
    const each = (performance.now() - started) / 5;
    assert.ok(each > 5, `${each} ms for one guess`);
  });

  test("a page that can't travel is a problem that is said before anything is touched, by its bytes and not its letters", () => {
    const problem = (page: string) => pageProblem(filesFor(undefined, true, () => page));
    assert.deepEqual([problem(""), problem("x".repeat(64 * 1024))], [undefined, undefined]);
    assert.equal(
      problem("x".repeat(64 * 1024 + 1)),
      "nginx/maintenance.html has 65 KiB; at most 64 are possible. Nothing was touched. " +
        "Next: make it smaller (pictures from elsewhere), then: pulumi up",
    );
    assert.match(
      problem("ü".repeat(33 * 1024)) ?? "",
      /^nginx\/maintenance\.html has 66 KiB; at most 64 are possible\./,
    );
  });

  test("the page that comes with the program can travel, and asks for nothing from elsewhere", () => {
    const page = readFileSync(join(__dirname, "..", "..", "..", "nginx", "maintenance.html"), "utf8");
    assert.equal(pageProblem(filesFor(undefined, true, () => page)), undefined);
    assert.doesNotMatch(page, /src=|href=|https?:|<script|@import|url\(/);
  });

  test("a dot in the token stands for itself: what differs from the token by it is no tester's", () => {
    const file = testerFile("a.b.cccccccccccc");
    assert.ok(file.includes('"~^a\\.b\\.cccccccccccc$" 1;'), file);
    assert.ok(file.includes("X-Blue-Green-Preview=a\\.b\\.cccccccccccc(?:;|$)"), file);
  });

  test("whatever the token is, it stands in the file twice, within quotes, and changes nothing else of it", () => {
    const reference = testerFile("x".repeat(16)).split("\n");
    fc.assert(
      fc.property(anyToken, (token) => {
        const lines = testerFile(token).split("\n");
        assert.equal(lines.length, reference.length);
        const own = lines.flatMap((line, at) => (line === reference[at] ? [] : [at]));
        assert.deepEqual(own, token === "x".repeat(16) ? [] : [2, 6]);
        for (const at of own) assert.match(lines[at] ?? "", /^ {4}"~[^"\s$]*(?:\\s\*)?[^"\s]*" 1;$/);
      }),
    );
  });
});
