import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./failures";
import { configurationOf, NginxAlone } from "./nginxAlone";
import { baseImages, get, must } from "./stack";

/** A name server that knows every name, at an address where its own web server answers; it says each question. */
const NAME_SERVER = `
import socket
own = socket.inet_aton(socket.gethostbyname(socket.gethostname()))
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 53))
while True:
    query, client = server.recvfrom(512)
    end = query.index(0, 12) + 5
    kind = query[end - 4:end - 2]
    print("asked", query[12:end - 5], flush=True)
    answer = b"\\xc0\\x0c\\x00\\x01\\x00\\x01\\x00\\x00\\x00\\x01\\x00\\x04" + own if kind == b"\\x00\\x01" else b""
    server.sendto(query[:2] + b"\\x81\\x80\\x00\\x01" + (b"\\x00\\x01" if answer else b"\\x00\\x00") + b"\\x00" * 4 + query[12:end] + answer, client)
`;

test("while a color's container is away, no name leaves the engine", async (t) => {
  for (const { called, dns, asked } of [
    { called: "without the DNS options the host's name server is asked: this test sees it", dns: {}, asked: true },
    { called: "with them it is not", dns: undefined, asked: false },
  ]) {
    await t.test(called, async (t) => {
      let outside = "";
      const alone = await NginxAlone.start(t, {
        ...(dns && { dns }),
        beside: async (run) => {
          const python = ["--user", "root", "--entrypoint", "python3", baseImages().appBaseImage ?? ""];
          const { id, address } = await run(...python, "-c", NAME_SERVER);
          outside = id;
          return ["--dns", address, ...(asked ? ["--dns-search", "corp.example"] : [])];
        },
      });
      await alone.serve(configurationOf());
      await must("docker", ["stop", "--time", "0", alone.colors]);
      await until("nginx knows that blue is away", async () => (await get(alone.url)).status !== 200);
      for (let at = 0; at < 2; at++) {
        assert.notEqual((await get(alone.url, { Cookie: "visitor=secret" })).status, 200);
        await must("docker", ["exec", alone.id, "sh", "-c", "curl -s --max-time 1 http://blue:5000/ || true"]);
      }
      const names = (await must("docker", ["logs", outside])).split("\n").filter((line) => line.startsWith("asked"));
      console.log(`${names.length} questions: ${[...new Set(names)].join(", ")}`);
      assert.equal(names.length > 0, asked);
      await must("docker", ["start", alone.colors]);
      await until("blue is found again", async () => (await get(alone.url)).status === 200);
    });
  }
});
