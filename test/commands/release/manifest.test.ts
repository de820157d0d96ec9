import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { stopOf } from "../../../commands/outcome";
import { assertInRegistry } from "../../../commands/release/manifest";
import { registryStop } from "../../../commands/release/registrySettings";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const BASIC = `Basic ${Buffer.from("ci:hunter2").toString("base64")}`;

/** A registry on the loopback that answers as the test says; what it was asked, each with its authorization. */
async function registry(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? "nobody"}`);
    answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const login = { host, user: "ci", password: "hunter2", from: "registryPassword" } as const;
  return { asked, host, login, image: `${host}/team/shop@${DIGEST}` };
}

const MANIFEST = `HEAD /v2/team/shop/manifests/${DIGEST}`;

const refused = (run: Promise<void>) =>
  run.then(
    () => assert.fail("accepted"),
    (error: Error) => {
      const { exit, message } = stopOf(registryStop(error));
      return [exit, message];
    },
  );

describe("an image's manifest", () => {
  test("a registry for everybody is asked once, without the password", async (t) => {
    const { asked, login, image } = await registry(t, (_, response) => response.end());
    await assertInRegistry(image, login);
    assert.deepEqual(asked, [`${MANIFEST} nobody`]);
  });

  test("a registry that gives tokens is asked for one, by the user, and then with it", async (t) => {
    const { asked, host, login, image } = await registry(t, ({ url = "", headers }, response) => {
      if (url.startsWith("/token")) return response.end('{"token":"t0ken"}');
      if (headers.authorization === "Bearer t0ken") return response.end();
      response.setHeader("WWW-Authenticate", `Bearer realm="http://${host}/token",service="shop"`);
      response.writeHead(401).end();
    });
    await assertInRegistry(image, login);
    assert.deepEqual(asked, [
      `${MANIFEST} nobody`,
      `GET /token?service=shop&scope=repository%3Ateam%2Fshop%3Apull ${BASIC}`,
      `${MANIFEST} Bearer t0ken`,
    ]);
  });

  test("a password is sent to no address of another kind that a registry names", async (t) => {
    for (const realm of ["file:///etc/passwd", "ftp://a.example/", ""]) {
      const { asked, login, image } = await registry(t, (_, response) => {
        response.setHeader("WWW-Authenticate", `Bearer realm="${realm}"`);
        response.writeHead(401).end();
      });
      assert.match(
        String((await refused(assertInRegistry(image, login)))[1]),
        /names no https:\/\/ address that gives tokens$/,
      );
      assert.equal(asked.length, 1);
    }
  });

  test("gone is refused; what leaves it open can't be told: wrong user, nobody there, an error of its own", async (t) => {
    const gone = await registry(t, (_, response) => response.writeHead(404).end());
    assert.deepEqual(await refused(assertInRegistry(gone.image, gone.login)), [
      1,
      `${gone.image} is not in its registry: it was never pushed there, or was deleted`,
    ]);
    const wrong = await registry(t, (_, response) => {
      response.setHeader("WWW-Authenticate", 'Basic realm="shop"');
      response.writeHead(401).end();
    });
    assert.deepEqual(await refused(assertInRegistry(wrong.image, wrong.login)), [
      3,
      `${wrong.host} does not accept registryUser ci with the password in registryPassword: 401 Unauthorized`,
    ]);
    assert.deepEqual(wrong.asked, [`${MANIFEST} nobody`, `${MANIFEST} ${BASIC}`]);
    assert.deepEqual(await refused(assertInRegistry(wrong.image, undefined)), [
      3,
      `${wrong.host} wants a user and a password: 401 Unauthorized`,
    ]);
    const broken = await registry(t, (_, response) => response.writeHead(503).end());
    assert.deepEqual(await refused(assertInRegistry(broken.image, undefined)), [
      3,
      `The registry ${broken.host} can't be reached: it answers 503 Service Unavailable`,
    ]);
    const [exit, message] = await refused(assertInRegistry(`127.0.0.1:1/shop@${DIGEST}`, undefined));
    assert.equal(exit, 3);
    assert.match(String(message), /^The registry 127\.0\.0\.1:1 can't be reached: /);
  });
});
