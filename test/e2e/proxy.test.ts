import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { backendImage } from "./backend";
import { type Answer, get, must, TestStack } from "./stack";

let image: string;
before(async () => {
  image = await backendImage("1.0.0");
});

/** A POST with so many bytes. */
function post(url: string, bytes: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = Buffer.alloc(bytes);
    request(url, { method: "POST", agent: false, headers: { "Content-Length": bytes } }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    })
      .on("error", reject)
      .end(body);
  });
}

/** An `up` that makes the proxy without what keeps names inside the engine. */
async function upWithEarlierProxy(stack: TestStack): Promise<void> {
  const file = join(stack.directory, "stacks", "proxy", "nginxContainer.ts");
  const text = readFileSync(file, "utf8");
  const earlier = text.replace("      ...NGINX_DNS,\n", "").replace(/(DNS_MADE) = \{.*\};/, "$1 = {};");
  assert.equal(text.length - earlier.length > 30, true);
  writeFileSync(file, earlier);
  await stack.up();
  writeFileSync(file, text);
}

test("the proxy and the containers", async (t) => {
  const stack = await TestStack.make(t, {
    blueImage: image,
    greenImage: image,
    maxBodyMb: "1",
    proxyTimeoutSeconds: "2",
    hardened: "true",
  });
  await upWithEarlierProxy(stack);

  await t.test(
    "a proxy of an earlier version goes on as it is, with a warning; allowProxyReplace replaces it, and then no name leaves the engine",
    async () => {
      const proxy = async () => (await stack.container("proxy")).Id;
      const dns = async () => stack.docker("inspect", "--format", "{{.HostConfig.DnsOptions}}", await proxy());
      const [id, options] = [await proxy(), await dns()];
      assert.doesNotMatch(options, /ndots/);
      const output = await stack.up();
      assert.match(output, /made by an earlier version/);
      assert.deepEqual([await proxy(), await dns()], [id, options]);
      await stack.set("allowProxyReplace", "true");
      await stack.up();
      await stack.pulumi("config", "rm", "allowProxyReplace");
      assert.match(await dns(), /ndots:1/);
      assert.doesNotMatch(await stack.pulumi("preview", "--expect-no-changes"), /earlier version/);
    },
  );

  await t.test(
    "the app gets the host, the client's address and the scheme; what the client claims of itself is replaced",
    async () => {
      const { body } = await get(`${stack.url}/headers`, {
        Host: "shop.example:8443",
        "X-Real-IP": "6.6.6.6",
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
      });
      const headers = JSON.parse(body);
      assert.deepEqual(headers.host, ["shop.example:8443"]);
      assert.deepEqual(headers["x-forwarded-proto"], ["http"]);
      assert.equal(headers["x-forwarded-for"].length, 1);
      assert.match(headers["x-forwarded-for"][0], /^\d+\.\d+\.\d+\.\d+$/);
      assert.notEqual(headers["x-forwarded-for"][0], "6.6.6.6");
      assert.deepEqual(headers["x-real-ip"], headers["x-forwarded-for"]);
      assert.match(headers["x-request-id"][0], /^[0-9a-f]{32}$/);
    },
  );

  await t.test("each answer says its color once, errors too", async () => {
    for (const [path, status] of [
      ["/", 200],
      ["/status/404", 404],
      ["/status/500", 500],
    ] as const) {
      const answer = await get(`${stack.url}${path}`);
      assert.equal(answer.status, status);
      assert.equal(answer.headers["x-color"], "blue");
    }
  });

  await t.test("a body over maxBodyMb is refused, one of that size is passed on", async () => {
    const MIB = 1024 * 1024;
    assert.equal((await post(`${stack.url}/echo`, MIB)).status, 200);
    const refused = await post(`${stack.url}/echo`, MIB + 1);
    assert.equal(refused.status, 413);
    assert.equal(refused.headers["x-color"], "blue");
  });

  await t.test("an app that is silent for longer than proxyTimeoutSeconds is given up", async () => {
    assert.equal((await get(`${stack.url}/slow?seconds=1`)).status, 200);
    assert.equal((await get(`${stack.url}/slow?seconds=5`)).status, 504);
  });

  await t.test("one JSON line a request in the log, also for hostile paths", async () => {
    const path = `/nothing"}\\%0a{"x/${Date.now()}`;
    const answer = await get(`${stack.url}${encodeURI(path).replaceAll("%25", "%")}`);
    assert.equal(answer.status, 404);
    await sleep(1500); // the log is written each second
    const log = await stack.docker("logs", "--since", "20s", (await stack.container("proxy")).Id);
    const lines = log.split("\n").filter((line) => line.startsWith("{"));
    const entries = lines.map((line) => JSON.parse(line));
    const entry = entries.find((one) => one.path.startsWith('/nothing"'));
    assert.equal(entry.status, 404);
    assert.equal(entry.color, "blue");
    assert.equal(entry.method, "GET");
    assert.ok(Number(entry.requestTime) >= 0);
    assert.ok(Number(entry.upstreamTime) >= 0);
    assert.match(entry.requestId, /^[0-9a-f]{32}$/);
    assert.ok(Math.abs(Date.parse(entry.time) - Date.now()) < 60_000);
  });

  await t.test("what is for the cutover alone can't be reached from outside", async () => {
    assert.equal((await get(`${stack.url}/generation`)).status, 404);
    const { Id: proxy } = await stack.container("proxy");
    const { Id: blue } = await stack.container("blue");
    const address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    const ip = (await stack.docker("inspect", "--format", address, proxy)).trim();
    for (const target of ["8081/generation", "8083/"]) {
      const ask = `import urllib.request; urllib.request.urlopen("http://${ip}:${target}", timeout=3)`;
      await assert.rejects(stack.docker("exec", blue, "python3", "-c", ask), /Connection refused/, target);
    }
  });

  await t.test(
    "no process has more privileges than it needs, and nothing can be written where it should not",
    async () => {
      const status = (id: string, pid: string) =>
        stack.docker(
          "exec",
          id,
          "sed",
          "-n",
          "s/^\\(CapEff\\|CapBnd\\|NoNewPrivs\\|Uid\\):\\t/\\1 /p",
          `/proc/${pid}/status`,
        );
      const proxy = (await stack.container("proxy")).Id;
      const CHOWN_KILL_SETGID_SETUID = "00000000000000e1";
      const master = await status(proxy, "1");
      assert.match(master, new RegExp(`CapEff ${CHOWN_KILL_SETGID_SETUID}`));
      assert.match(master, /NoNewPrivs 1/);
      const worker = (
        await stack.docker(
          "exec",
          proxy,
          "sh",
          "-c",
          "grep -ls '^nginx: worker' /proc/[0-9]*/cmdline | head -n 1 | cut -d / -f 3",
        )
      ).trim();
      assert.match(await status(proxy, worker), /CapEff 0000000000000000/);
      assert.doesNotMatch(await status(proxy, worker), /Uid 0/);

      const blue = (await stack.container("blue")).Id;
      const app = await status(blue, "1");
      assert.match(app, /CapBnd 0000000000000000/);
      assert.match(app, /NoNewPrivs 1/);
      assert.doesNotMatch(app, /Uid 0/);

      for (const id of [proxy, blue]) {
        await assert.rejects(stack.docker("exec", "--user", "0", id, "touch", "/etc/written"), /Read-only file system/);
        const limits = JSON.parse(await stack.docker("inspect", "--format", "{{json .HostConfig}}", id));
        assert.equal(limits.Memory, (id === proxy ? 1024 : 256) * 1024 * 1024);
        assert.equal(limits.Privileged, false);
      }
    },
  );

  await t.test("a color is reached directly on its own port, on the loopback alone", async () => {
    assert.match((await get(`http://127.0.0.1:${stack.ports.green}/`)).body, /Color: green/);
    const listening = await must("ss", ["--listening", "--tcp", "--numeric", `sport = :${stack.ports.green}`]);
    assert.match(listening, new RegExp(`127\\.0\\.0\\.1:${stack.ports.green}`));
    assert.doesNotMatch(listening, new RegExp(`(0\\.0\\.0\\.0|\\*|\\[::\\]):${stack.ports.green}`));
  });
});
