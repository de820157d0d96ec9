import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { type Answer, type Curl, curlConfiguration, judge, runSmokeTests } from "../../cutover/smokeTest";
import type { SmokeTest } from "../../stacks/service/smokeTest";
import { FIT, HOSTILE_TEXTS } from "../stacks/text/hostile.sample";

const GREEN = { color: "green", version: "2.0.0" } as const;

const smokeTest = (values: Partial<SmokeTest> = {}): SmokeTest => ({
  name: "the front page",
  method: "GET",
  path: "/",
  headers: {},
  status: 200,
  json: {},
  maxSeconds: 5,
  ...values,
});

const answer = (values: Partial<Answer> = {}): Answer => ({
  status: 200,
  milliseconds: 12,
  contentType: "application/json",
  body: '{"status":"ok"}\n',
  ...values,
});

const judged = (values: Partial<SmokeTest>, body: string) => judge(smokeTest(values), GREEN, answer({ body }));

/** What a request, sent by hand or by curl, may be full of. */
const HOSTILE = [
  "",
  " ",
  "@/etc/passwd",
  "<file",
  '"',
  '\\"',
  "\\",
  "\\\\n",
  "'; touch injected; '",
  "$(touch injected)",
  '"\noutput = "injected"\n#',
  "\r\n--output injected\r\n",
  "--output=injected",
  "-o injected",
  "-K -",
  "# not a comment",
  "next",
  "\t\v\f\r\n",
  "{a,b}[1-3]{color}{version}",
  "%{json} %00 %2f %zz %",
  "/../..//./a/",
  "?a=b&c=d;e#f?g",
  "=:=",
  "grün \u{1f986} \ufeff\u2028",
];

const hostileText = (maxLength: number) =>
  fc
    .array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength })), { maxLength: 4 })
    .map((all) =>
      // A lone half of a surrogate pair has no bytes that it could be sent as.
      Buffer.from(all.join("").replaceAll("\0", "")).toString(),
    );

/** Tests that can be sent, full of what could be taken for something else. */
const hostileTests: fc.Arbitrary<SmokeTest> = fc
  .record({
    name: hostileText(20),
    method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
    path: hostileText(100).map((path) => `/${path}`),
    headers: fc.dictionary(
      fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/).map((name) => `X-${name}`),
      // biome-ignore lint/suspicious/noControlCharactersInRegex: no header can have those
      hostileText(100).map((value) => value.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, "")),
      { maxKeys: 4 },
    ),
    body: fc.option(hostileText(1000), { nil: undefined }),
  })
  .map(({ body, ...rest }) => smokeTest({ ...rest, ...(body !== undefined && rest.method !== "HEAD" && { body }) }));

const filled = (value: string) => value.replaceAll("{color}", "green").replaceAll("{version}", "2.0.0");

const curlIsMissing = (() => {
  try {
    execFileSync("curl", ["--version"]);
    return false;
  } catch {
    return "there is no curl here";
  }
})();

/** The real curl, in a directory of its own and with an environment that would lead it astray. */
function realCurl(t: TestContext): { curl: Curl; files(): string[] } {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-curl-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, ".curlrc"), "output = astray\n");
  const env = { ...process.env, HOME: directory, CURL_HOME: directory };
  for (const name of ["http_proxy", "all_proxy", "ALL_PROXY"]) Object.assign(env, { [name]: "http://127.0.0.1:1" });
  const curl: Curl = async (configuration) => {
    const child = spawn("curl", ["-q", "--config", "-"], { cwd: directory, env });
    child.stdin.end(configuration);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { code, stdout, stderr };
  };
  return { curl, files: () => readdirSync(directory) };
}

interface Received {
  method: string | undefined;
  url: string | undefined;
  rawHeaders: string[];
  body: Buffer;
}

async function serve(t: TestContext, respond: RequestListener): Promise<{ base: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const { method, url, rawHeaders } = request;
    received.push({ method, url, rawHeaders, body: Buffer.concat(await request.toArray()) });
    respond(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

describe("a smoke test", () => {
  test("an answer as expected passes", () => {
    const body =
      '{"version":"2.0.0","color":"green","database":{"ok":true,"lag":0.5,"error":null},"items":[{"id":7}],"":"green 2.0.0"}';
    const json = {
      version: "{version}",
      color: "green",
      "database.ok": true,
      "database.lag": 0.5,
      "database.error": null,
      "items[0].id": 7,
    };
    assert.equal(judged({ json, contains: "{color} {version}" }, body), undefined);
    assert.equal(judged({ json: { "[1][0].a": "b" } }, '[0,[{"a":"b"}]]'), undefined);
    assert.equal(judge(smokeTest({ status: 302 }), GREEN, answer({ status: 302, body: "" })), undefined);
  });

  test("a secret in an answer is hidden before the answer is cut, so that no part of it is left", () => {
    const secret = "planted secret with \u00fc";
    const hide = (text: string) => text.replaceAll(secret, "[secret]");
    const body = `${"x".repeat(290)}${secret}`;
    const verdict = judge(smokeTest({ status: 201 }), GREEN, answer({ body }), hide);
    assert.equal(verdict?.came, `200 after 12 ms, application/json: ${"x".repeat(290)}[secret]`);
    const value = JSON.stringify({ a: `${"x".repeat(90)}${secret}` });
    const json = judge(smokeTest({ json: { a: "b" } }), GREEN, answer({ body: value }), hide);
    assert.doesNotMatch(json?.came ?? "", /plan/);
    const contentType = `${"x".repeat(90)}${secret}`;
    assert.doesNotMatch(judge(smokeTest({ status: 201 }), GREEN, answer({ contentType }), hide)?.came ?? "", /plan/);
  });

  test("another status fails before anything else is looked at, and shows what came", () => {
    const verdict = judge(
      smokeTest({ contains: "no", json: { a: 1 } }),
      GREEN,
      answer({ status: 503, contentType: "text/html", body: "<h1>down</h1>\n" }),
    );
    assert.deepEqual(verdict, { expected: "status 200", came: "503 after 12 ms, text/html: <h1>down</h1>" });
    const bare = judge(smokeTest(), GREEN, answer({ status: 204, contentType: null, body: "" }));
    assert.deepEqual(bare, { expected: "status 200", came: "204 after 12 ms, no body" });
  });

  test("a text that is missing fails, in words that name it as it was looked for", () => {
    assert.deepEqual(judged({ contains: 'version "{version}"' }, "version 2.0.0"), {
      expected: 'a body that contains "version \\"2.0.0\\""',
      came: "200 after 12 ms, application/json: version 2.0.0",
    });
  });

  test("a JSON value that differs fails with both values", () => {
    assert.deepEqual(judged({ json: { version: "{version}" } }, '{"status":"ok","version":"1.0.0"}\n'), {
      expected: 'json version = "2.0.0"',
      came: '200 after 12 ms, json version = "1.0.0": {"status":"ok","version":"1.0.0"}',
    });
  });

  test("JSON values are compared by type and value, never loosely", () => {
    const values = [1, "1", true, "true", null, "null", 0, "", false] as const;
    for (const wanted of values) {
      for (const seen of values) {
        const verdict = judged({ json: { a: wanted } }, JSON.stringify({ a: seen }));
        assert.equal(verdict === undefined, wanted === seen, `${JSON.stringify(wanted)} and ${JSON.stringify(seen)}`);
      }
      for (const seen of ["[1]", '{"a":1}', "[]", "{}"]) {
        assert.ok(judged({ json: { a: wanted } }, `{"a":${seen}}`));
      }
    }
  });

  test("a path that leads nowhere fails, and nothing that is inherited is found", () => {
    const body = '{"list":[1],"text":"abc","none":null}';
    const paths = ["no", "list[1]", "list.0", "list.length", "text.length", "text[0]", "none.a", "[0]", "list[0].a"];
    for (const path of [...paths, "__proto__", "constructor", "constructor.name", "toString", "list.__proto__"]) {
      assert.deepEqual(judged({ json: { [path]: null } }, body), {
        expected: `json ${path} = null`,
        came: `200 after 12 ms, json ${path} is missing: ${body}`,
      });
    }
  });

  test("a body that is not JSON is said to be none", () => {
    const verdict = judge(smokeTest({ json: { a: 1 } }), GREEN, answer({ contentType: "text/html", body: "<p>" }));
    assert.deepEqual(verdict, { expected: "json a = 1", came: "200 after 12 ms, not JSON (text/html): <p>" });
    assert.equal(judged({ json: { a: 1 } }, "")?.came, "200 after 12 ms, not JSON (no body)");
  });

  test("a right answer that came too late fails", () => {
    assert.equal(judge(smokeTest({ maxSeconds: 0.5 }), GREEN, answer({ milliseconds: 500 })), undefined);
    assert.deepEqual(judge(smokeTest({ maxSeconds: 0.5 }), GREEN, answer({ milliseconds: 501, body: "ok" })), {
      expected: "an answer within 0.5 s",
      came: "200 after 501 ms, application/json: ok",
    });
  });

  test("whatever comes and whatever is expected, a failure is short and fit for a terminal", () => {
    const any = fc.string({ unit: "binary", maxLength: 2000 });
    fc.assert(
      fc.property(any, any, any, any, (body, contentType, contains, value) => {
        const given = answer({ body, contentType });
        for (const wrong of [{ status: 500 }, { contains: `${contains}$` }, { json: { a: value } }]) {
          const verdict = judge(smokeTest(wrong), GREEN, given);
          assert.match(`${verdict?.expected ?? ""}${verdict?.came ?? ""}`, FIT);
          assert.ok((verdict?.came ?? "").length < 600 && (verdict?.expected ?? "").length < 2100);
        }
      }),
    );
    assert.equal(
      judge(smokeTest({ status: 500 }), GREEN, answer({ body: `\x1b[2J\r\näé\u{1f986}${"x".repeat(1000)}` }))?.came,
      `200 after 12 ms, application/json: \\u{1b}[2J äé\\u{1f986}${"x".repeat(279)}... (1009 characters)`,
    );
  });

  test("hostile words of a service and of curl are one short line that moves no cursor", async () => {
    for (const hostile of HOSTILE_TEXTS) {
      const ended = { code: 7, stdout: hostile, stderr: hostile };
      const unsent = await runSmokeTests(
        [smokeTest({ name: hostile, path: `/${hostile}` })],
        "http://green",
        GREEN,
        async () => ended,
      );
      const json = JSON.stringify({ a: hostile });
      const verdicts = [
        unsent,
        judge(smokeTest({ status: 500 }), GREEN, answer({ body: hostile, contentType: hostile })),
        judge(smokeTest({ contains: `${hostile}$` }), GREEN, answer({ body: hostile })),
        judge(smokeTest({ json: { [hostile]: hostile } }), GREEN, answer({ body: "{}" })),
        judge(smokeTest({ json: { a: `${hostile}$` } }), GREEN, answer({ body: json, contentType: hostile })),
      ];
      for (const verdict of verdicts) {
        assert.ok(verdict);
        for (const words of Object.values(verdict)) {
          assert.match(words, FIT);
          assert.ok(words.length < 2600, `${words.length} characters`);
        }
      }
    }
  });

  test("tests run in their order until the first that fails", async () => {
    const asked: string[] = [];
    const curl: Curl = async (configuration) => {
      const url = /^url = "(.*)"$/m.exec(configuration)?.[1] ?? "";
      asked.push(url);
      const status = url.endsWith("/b") ? 500 : 200;
      const result = { http_code: status, time_total: 0.0124, content_type: "text/plain", errormsg: null };
      return { code: 0, stdout: "words", stderr: `a warning\n${JSON.stringify(result)}\n` };
    };
    const tests = ["/a", "/b?v={version}", "/b", "/c"].map((path) => smokeTest({ name: path, path }));
    assert.deepEqual(await runSmokeTests(tests, "http://green:5000", GREEN, curl), {
      test: "/b",
      request: "GET http://green:5000/b",
      expected: "status 200",
      came: "500 after 12 ms, text/plain: words",
    });
    assert.deepEqual(asked, ["http://green:5000/a", "http://green:5000/b?v=2.0.0", "http://green:5000/b"]);
    assert.equal(await runSmokeTests([], "http://green:5000", GREEN, curl), undefined);
  });

  test("what is not curl's own result never passes", async () => {
    const failed = async (code: number, stderr: string) =>
      (await runSmokeTests([smokeTest()], "http://green:5000", GREEN, async () => ({ code, stdout: "", stderr })))
        ?.came;
    const right = '{"http_code":200,"time_total":0.1,"content_type":null,"errormsg":null}';
    assert.equal(await failed(0, right), undefined);
    assert.equal(await failed(0, ""), "no whole answer: curl ended with exit code 0 and said nothing");
    assert.equal(await failed(0, "null"), "no whole answer: null");
    assert.equal(await failed(1, "Error: No such container: p\n"), "no whole answer: Error: No such container: p");
    assert.equal(await failed(137, ""), "no whole answer: curl ended with exit code 137 and said nothing");
    assert.equal(await failed(18, right.replace("null}", '"too short\\u001b"}')), "no whole answer: too short\\u{1b}");
  });

  test("a request that can't be sent as it was set is not sent", async () => {
    const came = async (values: Partial<SmokeTest>) => {
      const curl: Curl = () => assert.fail("asked");
      return (await runSmokeTests([smokeTest(values)], "http://green:5000", GREEN, curl))?.came;
    };
    assert.equal(await came({ path: "@evil/" }), 'the path "@evil/" does not begin with /');
    assert.equal(await came({ headers: { "@/etc/passwd": "" } }), `"@/etc/passwd" can't be a header's name`);
    assert.equal(await came({ headers: { "X\nY": "" } }), `"X\\nY" can't be a header's name`);
    assert.equal(await came({ headers: { X: "a\r\nY: b" } }), "the header X has a control character in its value");
    assert.equal(await came({ method: "GET / HTTP/1.1\r\n" }), `"GET / HTTP/1.1\\r\\n" can't be a method`);
    assert.equal(await came({ method: "HEAD", body: "a" }), "curl sends no body with HEAD");
    assert.equal(await came({ body: "a\0b" }), "the body has a NUL character, at which curl would end it");
    assert.match((await came({ body: "x".repeat(102_400) })) ?? "", /^the request's data-raw is longer than /);
  });

  test("whatever the texts hold, the configuration has the options of a smoke test and no other", () => {
    fc.assert(
      fc.property(hostileTests, (values) => {
        const configuration = curlConfiguration(values, "http://green:5000", GREEN);
        assert.ok(configuration.endsWith("\n"));
        const options = configuration
          .slice(0, -1)
          .split("\n")
          .map((line) => {
            // Bare, or with one quoted value in which no quote is bare and no line break is left.
            const match = /^([a-z0-9.-]+)(?: = "(?:[^"\\\r\n]|\\.)*")?$/.exec(line);
            assert.ok(match, line);
            return match[1] ?? "";
          })
          .filter((option) => option !== "header");
        const isHead = values.method === "HEAD";
        const hasBody = values.body !== undefined || ["POST", "PUT", "PATCH"].includes(values.method);
        assert.deepEqual(options, [
          ...["silent", "show-error", "http1.1", "globoff", "path-as-is", "noproxy", "proto", "max-time", "user-agent"],
          "write-out",
          ...(isHead ? ["head", "output"] : ["request"]),
          ...(hasBody ? ["data-raw"] : []),
          "url",
        ]);
      }),
      { numRuns: 1000 },
    );
  });

  test("whatever the texts hold, the real curl sends just that, once, and does nothing else", {
    skip: curlIsMissing,
  }, async (t) => {
    const { curl, files } = realCurl(t);
    const { base, received } = await serve(t, (_request, response) => response.end("ok"));
    await fc.assert(
      fc.asyncProperty(hostileTests, async (values) => {
        received.length = 0;
        assert.equal(await runSmokeTests([values], base, GREEN, curl), undefined);
        const [request, ...others] = received;
        assert.ok(request && others.length === 0);
        assert.equal(request.method, values.method);
        // Plain ASCII arrives as it was set, all else percent-encoded.
        const encoded = filled(values.path).replace(/[^\x21-\x7e]|#/gu, (character) =>
          Buffer.from(character).toString("hex").toUpperCase().replace(/../g, "%$&"),
        );
        assert.equal(request.url, encoded);
        assert.deepEqual(request.body, Buffer.from(filled(values.body ?? "")));

        const sent = new Map<string, string>();
        for (let at = 0; at < request.rawHeaders.length; at += 2) {
          const name = request.rawHeaders[at] ?? "";
          assert.ok(!sent.has(name), `${name} twice`);
          sent.set(name, Buffer.from(request.rawHeaders[at + 1] ?? "", "latin1").toString());
        }
        const hasBody = values.body !== undefined || ["POST", "PUT", "PATCH"].includes(values.method);
        const wanted = {
          Host: base.slice("http://".length),
          "User-Agent": "blue-green-smoke-test",
          Accept: "*/*",
          Connection: "close",
          ...(hasBody && { "Content-Length": String(request.body.length) }),
          // Space around a value is not part of it (RFC 9110, 5.5).
          ...Object.fromEntries(
            Object.entries(values.headers).map(([name, value]) => [
              name,
              filled(value).replace(/^[ \t]+|[ \t]+$/g, ""),
            ]),
          ),
        };
        assert.deepEqual(Object.fromEntries([...sent].sort()), Object.fromEntries(Object.entries(wanted).sort()));
      }),
      { numRuns: 150 },
    );
    assert.deepEqual(files(), [".curlrc"]);
  });

  test("the longest line that is let through is one that the real curl reads", { skip: curlIsMissing }, async (t) => {
    const { curl } = realCurl(t);
    const { base, received } = await serve(t, (_request, response) => response.end("ok"));
    const run = (length: number) =>
      runSmokeTests([smokeTest({ method: "POST", body: "x".repeat(length) })], base, GREEN, curl);
    const longest = 100 * 1024 - 2 - 'data-raw = ""'.length;
    assert.equal(await run(longest), undefined);
    assert.equal(received[0]?.body.length, longest);
    assert.match((await run(longest + 1))?.came ?? "", /is longer than/);
  });

  test("headers of the test come before ours", { skip: curlIsMissing }, async (t) => {
    const { curl } = realCurl(t);
    const { base, received } = await serve(t, (_request, response) => response.end("ok"));
    const headers = { host: "shop.example", "user-agent": "mine", accept: "", "content-type": "application/json" };
    assert.equal(
      await runSmokeTests([smokeTest({ headers, method: "PUT", body: "{}" })], base, GREEN, curl),
      undefined,
    );
    assert.deepEqual(received[0]?.rawHeaders.map((text) => text.toLowerCase()).sort(), [
      ...[
        "",
        "2",
        "accept",
        "application/json",
        "close",
        "connection",
        "content-length",
        "content-type",
        "host",
        "mine",
      ],
      ...["shop.example", "user-agent"],
    ]);
  });

  test("a redirect is what came and is not followed", { skip: curlIsMissing }, async (t) => {
    const { curl } = realCurl(t);
    const { base, received } = await serve(t, (_request, response) => {
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    const failure = await runSmokeTests([smokeTest()], base, GREEN, curl);
    assert.match(failure?.came ?? "", /^302 after \d+ ms, no body$/);
    assert.equal(received.length, 1);
  });

  test("of an answer to HEAD the headers are no body", { skip: curlIsMissing }, async (t) => {
    const { curl } = realCurl(t);
    const { base } = await serve(t, (_request, response) => {
      response.writeHead(404, { "content-type": "text/plain", "content-length": "100" }).end();
    });
    const failure = await runSmokeTests([smokeTest({ method: "HEAD" })], base, GREEN, curl);
    assert.match(failure?.came ?? "", /^404 after \d+ ms, no body$/);
  });

  test("a JSON answer is judged as the service gave it, whatever it calls its type", {
    skip: curlIsMissing,
  }, async (t) => {
    const { curl } = realCurl(t);
    const { base } = await serve(t, (_request, response) => {
      response.writeHead(200, { "content-type": 'a"b\\ \x80' }).end('{"version":"1.0.0","name":"grün"}\n');
    });
    const run = (json: SmokeTest["json"]) => runSmokeTests([smokeTest({ json })], base, GREEN, curl);
    assert.equal(await run({ name: "grün" }), undefined);
    assert.match(
      (await run({ version: "{version}" }))?.came ?? "",
      /^200 after \d+ ms, json version = "1\.0\.0": \{"version":"1\.0\.0","name":"grün"\}$/,
    );
  });

  test("where curl gets no whole answer, the failure has curl's words", { skip: curlIsMissing }, async (t) => {
    const { curl } = realCurl(t);
    const came = async (base: string, values: Partial<SmokeTest> = {}) => {
      const failure = await runSmokeTests([smokeTest(values)], base, GREEN, curl);
      assert.equal(failure?.expected, `status 200 within ${values.maxSeconds ?? 5} s`);
      return failure.came;
    };
    assert.match(await came("http://127.0.0.1:1"), /^no whole answer: Failed to connect to 127\.0\.0\.1 port 1 /);
    assert.match(await came("http://no-such-host.invalid"), /^no whole answer: Could not resolve host: no-such-host/);
    assert.match(await came("https://127.0.0.1:1"), /^no whole answer: Protocol "https" /);

    const hanging = await serve(t, () => {});
    assert.match(await came(hanging.base, { maxSeconds: 0.3 }), /^no whole answer: Operation timed out after \d{3,4} /);

    const broken = createTcpServer((socket) => {
      socket.on("error", () => {}).end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    }).listen(0, "127.0.0.1");
    await once(broken, "listening");
    t.after(() => broken.close());
    assert.match(await came(`http://127.0.0.1:${(broken.address() as AddressInfo).port}`), /^no whole answer: \w/);
  });
});
