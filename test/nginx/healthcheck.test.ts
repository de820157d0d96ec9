import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readScript } from "../../stacks/engine/scripts";

/** What an image may have to ask with, in the order in which the health check looks for it. */
const CLIENTS = ["curl", "wget", "bash", "python3", "node"];

/** The longest that the engine lets a health check take. */
const ENGINE_TIMEOUT_MS = 3000;

/** Where this machine has a command, behind what may stand in front of it for a version; undefined where it doesn't. */
function found(command: string): string | undefined {
  const where = spawnSync("sh", ["-c", `command -v ${command}`], { encoding: "utf8" }).stdout.trim();
  if (command !== "python3" || where === "") return where || undefined;
  return spawnSync(where, ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).stdout.trim();
}

/** Answer `/200` with 200 and so on, and `/silent` never. */
const app = (): Server =>
  createServer((request, response) => {
    const status = Number(request.url?.split("?")[0]?.slice(1));
    if (status) response.writeHead(status, { "content-type": "text/plain" }).end("well\n");
  });

/** Run the health check where the image has nothing but one client; return its exit code, null where the engine would end it, and how long it took in seconds. */
async function check(
  client: string | undefined,
  url: string,
): Promise<{ code: number | null; seconds: number; output: string }> {
  const path = mkdtempSync(join(tmpdir(), "blue-green-health-"));
  try {
    if (client !== undefined) symlinkSync(found(client) ?? "", join(path, client));
    const begun = Date.now();
    const child = spawn("/bin/sh", ["-c", readScript("healthcheck"), "health", url], {
      env: { PATH: path },
      timeout: ENGINE_TIMEOUT_MS,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const [code] = await once(child, "close");
    return { code, seconds: (Date.now() - begun) / 1000, output };
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

describe("the health check of a color's container", () => {
  const server = app();
  let url: string;

  before(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  for (const client of CLIENTS.filter((name) => found(name) !== undefined)) {
    test(`asks with ${client}: well is what answers below 400`, async () => {
      assert.equal((await check(client, `${url}/200`)).code, 0);
      assert.equal((await check(client, `${url}/204?a=b%20c&d=/e`)).code, 0);
      for (const status of [400, 404, 500, 503])
        assert.notEqual((await check(client, `${url}/${status}`)).code, 0, `${status}`);
    });

    test(`asks with ${client}: nobody there, or no answer within 2 s, is ill`, async () => {
      assert.notEqual((await check(client, "http://127.0.0.1:1/")).code, 0);
      const silent = await check(client, `${url}/silent`);
      assert.notEqual(silent.code, 0);
      assert.ok(silent.seconds > 1.5, `${silent.seconds} s`);
    });
  }

  test("says which status it was, where only bash is there", async () => {
    assert.match((await check("bash", `${url}/503`)).output, /\/503: HTTP\/1\.1 503 Service Unavailable\r?\n$/);
    assert.match((await check("bash", `${url}/silent`)).output, /\/silent: no answer within 2 s\n$/);
  });

  test("says what an image needs that has none of them", async () => {
    const { code, output } = await check(undefined, `${url}/200`);
    assert.equal(code, 1);
    assert.equal(
      output,
      `The health check needs ${CLIENTS.slice(0, -1).join(", ")} or ${CLIENTS.at(-1)} in the image.\n`,
    );
  });
});
