import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { Agent, request as httpsRequest } from "node:https";
import { join } from "node:path";
import { before, test } from "node:test";
import { type ConnectionOptions, connect, type PeerCertificate } from "node:tls";
import { LIGHT } from "../load";
import { type MadeCertificate, makeCertificate, type SampleCertificate } from "../stacks/proxy/certificates.sample";
import { backendImages } from "./backend";
import { fails, history, says } from "./failures";
import { type Answer, get, TestStack } from "./stack";

const ADDRESS = "127.0.0.1";
const SECOND_DAYS = 1 / (24 * 3600);

const make = (change: Partial<SampleCertificate> = {}) =>
  makeCertificate({ names: [ADDRESS, "localhost"], days: 90, ...change });

/** Signed by itself, each of these is its own authority; clients tell those by their names. */
const [first, second, third] = [
  make({ subject: "first" }),
  make({ subject: "second", type: "rsa-2048" }),
  make({ subject: "third" }),
];
const trust = [first, second, third].map(({ certificate }) => certificate);

let images: Record<string, string>;

before(async () => {
  images = await backendImages();
});

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  agent?: Agent | false;
  ca?: readonly string[];
}

/** One request; a certificate that is not trusted, or not for this host, is an error. */
function ask(
  url: string,
  { method = "GET", headers = {}, body, agent = false, ca = trust }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, timeout: 10_000 };
    const request = url.startsWith("https:")
      ? // Otherwise the name would be that of the Host header.
        httpsRequest(url, { ...options, agent, servername: "localhost", ca: [...ca] })
      : httpRequest(url, { ...options, agent: false });
    request
      .on("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
        response.on("error", reject);
      })
      .on("timeout", () => request.destroy(new Error(`${url}: no answer within 10 s`)))
      .on("error", reject)
      .end(body);
  });
}

/** A handshake alone: the version, and the certificate that was shown. */
function handshake(
  stack: TestStack,
  options: ConnectionOptions = {},
): Promise<{ version: string | null; shown: PeerCertificate }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: ADDRESS, port: stack.ports.https, ca: trust, ...options }, () => {
      resolve({ version: socket.getProtocol(), shown: socket.getPeerCertificate() });
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

/** The certificate that new connections are shown is this one, in the words of a client that trusts no other. */
const shows = async (stack: TestStack, { certificate }: MadeCertificate) => {
  await handshake(stack, { ca: [certificate] });
};

/** What clients of HTTPS saw. */
interface Seen {
  answers: number;
  failures: string[];
  /** Requests of HTTP/2 that the proxy gave back unprocessed, for the client to repeat, as browsers do by themselves (RFC 9113, 8.7). */
  givenBack: number;
}

const CLIENTS = 8;

/** Clients of HTTPS in a closed loop, over connections that stay open; nothing but what was given back is asked twice. */
function startLoad(stack: TestStack): { stop(): Promise<Seen> } {
  const seen: Seen = { answers: 0, failures: [], givenBack: 0 };
  let stopping = false;
  const pause = () => new Promise((resolve) => setTimeout(resolve, LIGHT.pauseMs));
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });

  const overHttp1 = async () => {
    while (!stopping) {
      const got = await ask(`${stack.httpsUrl}/`, { agent }).then(
        ({ status }) => status,
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      );
      if (got === 200) seen.answers += 1;
      else seen.failures.push(`HTTP/1.1: ${got}`);
      await pause();
    }
  };
  const overHttp2 = async () => {
    let session: Session | undefined;
    while (!stopping) {
      if (session === undefined || session.gone) {
        session?.close();
        session = await openSession(stack).catch((error: Error) => void seen.failures.push(`HTTP/2: ${error.message}`));
      }
      const got = await session?.get("/");
      if (got === REFUSED) seen.givenBack += 1;
      else if (got === 200) seen.answers += 1;
      else seen.failures.push(`HTTP/2: ${got}`);
      await pause();
    }
    session?.close();
  };
  const all = Promise.all([...Array(CLIENTS)].flatMap(() => [overHttp1(), overHttp2()]));
  return {
    stop: async () => {
      stopping = true;
      await all;
      agent.destroy();
      return seen;
    },
  };
}

const REFUSED = "given back";

/** A connection of HTTP/2. */
interface Session {
  readonly raw: ClientHttp2Session;
  /** Whether the server has said that it takes no more of it, or it has ended. */
  gone: boolean;
  /** The status, or why there was none. */
  get(path: string): Promise<number | string>;
  close(): void;
}

function openSession(stack: TestStack): Promise<Session> {
  return new Promise((resolve, reject) => {
    const raw = connectHttp2(stack.httpsUrl, { ca: trust });
    const session: Session = {
      raw,
      gone: false,
      close: () => raw.destroy(),
      get: (path) =>
        new Promise((answer) => {
          if (session.gone) return answer(REFUSED);
          const stream = raw.request({ ":path": path });
          let status: number | undefined;
          let why = "";
          stream.on("response", (headers) => {
            status = headers[":status"];
          });
          stream.on("error", (error: NodeJS.ErrnoException) => {
            why = error.code ?? error.message;
          });
          stream.on("close", () => {
            const refused = status === undefined && stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
            answer(refused ? REFUSED : why || (status ?? "no answer"));
          });
          stream.resume().end();
        }),
    };
    const ends = () => {
      session.gone = true;
    };
    raw.on("goaway", ends).on("close", ends);
    raw.on("error", (error) => {
      ends();
      reject(error);
    });
    raw.on("connect", () => resolve(session));
  });
}

/** The headers of a request as the app got them. */
const headersAt = async (url: string, headers: Record<string, string> = {}): Promise<Record<string, string[]>> => {
  const answer = await ask(`${url}/headers`, { headers });
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
};

const CLAIMS = {
  "X-Forwarded-For": "203.0.113.6",
  "X-Forwarded-Proto": "https",
  "X-Forwarded-Host": "evil.example:77",
  "X-Forwarded-Port": "77",
  "X-Forwarded-Prefix": "/evil",
  "X-Forwarded-Server": "evil",
  "X-Forwarded-Ssl": "on",
  "X-Forwarded-Scheme": "https",
  "X-Forwarded-By": "evil",
  "X-Real-IP": "203.0.113.6",
  Forwarded: "for=203.0.113.6;host=evil.example;proto=https",
};

test("TLS", async (t) => {
  const stack = await TestStack.make(t, {
    ...images,
    bakeSeconds: "2",
    drainSeconds: "10",
    keepAliveSeconds: "3",
    stickySessions: "cookie",
    stickySeconds: "1",
    // Keys are not for the gate command, which has the environment of the cutover.
    gateCommand: "! env | grep -q ^BLUE_GREEN_",
  });
  const said: string[] = [];
  const up = async () => said.push(await stack.up());
  const preview = async (...flags: string[]) => {
    const output = await stack.pulumi("preview", "--diff", ...flags);
    said.push(output);
    return output;
  };
  const setPair = async ({ certificate, key }: MadeCertificate) => {
    await stack.set("tlsCertificate", certificate);
    await stack.set("tlsKey", key, "--secret");
  };
  const proxyId = async () => (await stack.container("proxy")).Id;
  await up();

  await t.test("without a certificate there is no port for it", async () => {
    await assert.rejects(handshake(stack), /ECONNREFUSED/);
    assert.match(await stack.pulumi("stack", "output", "url"), /^http:/);
  });

  await t.test("turned on, it replaces the proxy: refused until it is meant", async () => {
    await setPair(first);
    said.push(
      (await fails(stack, `This would replace the nginx container (httpsPort (none) -> ${stack.ports.https})`)).output,
    );
    assert.equal((await get(`${stack.url}/`)).status, 200);
    await stack.set("allowProxyReplace", "true");
    await up();
    await stack.pulumi("config", "rm", "allowProxyReplace");
    await stack.pulumi("preview", "--expect-no-changes");
    assert.equal((await stack.pulumi("stack", "output", "url")).trim(), stack.httpsUrl);
  });

  await t.test("a key from standard input is the same key", async () => {
    writeFileSync(join(stack.directory, "..", `${stack.name}.key`), first.key);
    const typed = `pulumi --non-interactive config set --secret tlsKey <../${stack.name}.key; rm ../${stack.name}.key`;
    const set = await stack.command("sh", "-c", typed);
    assert.equal(set.code, 0, set.output);
    await stack.pulumi("preview", "--expect-no-changes");
  });

  await t.test("HTTPS answers over HTTP/1.1 and HTTP/2, by TLS 1.2 and 1.3 and nothing older", async () => {
    const answer = await ask(`${stack.httpsUrl}/`);
    assert.deepEqual([answer.status, answer.headers["x-color"]], [200, "blue"]);
    const session = await openSession(stack);
    assert.equal(session.raw.alpnProtocol, "h2");
    assert.equal(await session.get("/"), 200);
    session.close();
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      assert.equal((await handshake(stack, { minVersion: version, maxVersion: version })).version, version);
    }
    for (const version of ["TLSv1", "TLSv1.1"] as const) {
      // The client itself has to be talked into it.
      const old = handshake(stack, { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" });
      await assert.rejects(old, { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" });
    }
    for (const ciphers of ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"]) {
      await assert.rejects(handshake(stack, { maxVersion: "TLSv1.2", ciphers }), /handshake failure/);
    }
  });

  await t.test("HTTP leads there, with path, query and method, whatever host was asked for", async () => {
    const { https } = stack.ports;
    for (const [path, host, location] of [
      ["/", undefined, `https://${ADDRESS}:${https}/`],
      ["/a%20b//c?x=1&y=%2F", undefined, `https://${ADDRESS}:${https}/a%20b//c?x=1&y=%2F`],
      ["/", "Shop.Example", `https://shop.example:${https}/`],
      ["/", "shop.example:8080", `https://shop.example:${https}/`],
      ["/", "[::1]:8080", `https://[::1]:${https}/`],
    ] as const) {
      for (const method of ["GET", "POST", "HEAD", "DELETE"]) {
        const asked = {
          method,
          headers: host === undefined ? {} : { host },
          ...(method === "POST" && { body: "a=1" }),
        };
        const answer = await ask(stack.url + path, asked);
        assert.deepEqual([answer.status, answer.headers.location], [308, location]);
        assert.equal(answer.headers["set-cookie"], undefined, "no session by way of what anybody can read");
      }
    }
    const claimed = await ask(stack.url, { headers: CLAIMS });
    assert.deepEqual([claimed.status, claimed.headers.location], [308, `https://${ADDRESS}:${https}/`]);
  });

  await t.test("what a client claims of itself is replaced; its session is for HTTPS alone", async () => {
    const seen = await headersAt(stack.httpsUrl, CLAIMS);
    const [client] = seen["x-forwarded-for"] ?? [];
    assert.match(client ?? "", /^\d+\.\d+\.\d+\.\d+$/);
    assert.doesNotMatch(JSON.stringify(seen), /evil|203\.0\.113\.6/);
    const forwarded = Object.fromEntries(Object.entries(seen).filter(([name]) => /forwarded|real/.test(name)));
    assert.deepEqual(forwarded, {
      "x-real-ip": [client],
      "x-forwarded-for": [client],
      "x-forwarded-proto": ["https"],
      "x-forwarded-host": [`${ADDRESS}:${stack.ports.https}`],
      "x-forwarded-port": [String(stack.ports.https)],
    });
    const named = await headersAt(stack.httpsUrl, { host: "shop.example" });
    assert.deepEqual([named["x-forwarded-host"], named["x-forwarded-port"]], [["shop.example"], ["443"]]);
    const { headers } = await ask(`${stack.httpsUrl}/`);
    assert.match(String(headers["set-cookie"]), /^blue_green_session=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
  });

  await t.test(
    "a switch and a new certificate, under load: nothing fails, the proxy stays, and the new one is shown",
    async () => {
      const id = await proxyId();
      const load = startLoad(stack);
      await stack.set("activeColor", "green");
      await up();
      assert.equal((await ask(`${stack.httpsUrl}/`)).headers["x-color"], "green");
      await shows(stack, first);
      for (const next of [second, first, third]) {
        await setPair(next);
        const lines = (await preview("--color", "never")).split("\n").filter((line) => /^\s*[-+] .*ssl_/.test(line));
        assert.equal(lines.length, 4, lines.join("\n"));
        await up();
        await shows(stack, next);
      }
      const seen = await load.stop();
      console.log(
        `switch and three certificates: ${seen.failures.length} of ${seen.answers} failed, ${seen.givenBack} given back unprocessed`,
      );
      assert.deepEqual(seen.failures, []);
      assert.ok(seen.answers > 500);
      assert.equal(await proxyId(), id);
      await stack.pulumi("preview", "--expect-no-changes");
      const files = await stack.docker("exec", id, "sh", "-c", "cd /var/lib/blue-green/files && stat -c '%a %U %n' *");
      const kept = files.trim().split("\n");
      assert.equal(kept.length, 4, `those of before the last one are gone: ${files}`);
      for (const line of kept) assert.match(line, /^600 root tls-[0-9a-f]{16}\.(?:crt|key)$/);
    },
  );

  await t.test("a key that doesn't fit, and none, are refused, and nothing is touched", async () => {
    const ids = [await proxyId(), (await stack.container("blue")).Id, (await stack.container("green")).Id];
    const before = await history(stack);
    await stack.set("tlsKey", second.key, "--secret");
    const refused = await stack.tryPulumi("preview");
    assert.notEqual(refused.code, 0);
    says(refused.output, "tlsKey = [secret]: must be the private key of the first certificate", "Nothing was touched.");
    says(refused.output, "pulumi config set --secret tlsKey < '<file>' && pulumi up");
    said.push(refused.output, (await fails(stack, "tlsKey = [secret]: must be the private key")).output);
    await stack.set("tlsKey", "");
    said.push((await fails(stack, 'tlsKey = "": must be set too, since tlsCertificate is')).output);
    await stack.set("tlsKey", third.key, "--secret");
    assert.deepEqual([await proxyId(), (await stack.container("blue")).Id, (await stack.container("green")).Id], ids);
    assert.deepEqual(await history(stack), before);
    await shows(stack, third);
    await stack.pulumi("preview", "--expect-no-changes");
  });

  await t.test("an expired certificate is refused, one that ends in 5 days is said", async () => {
    await setPair(make({ days: -1 }));
    said.push(
      (await fails(stack, "tlsCertificate = (PEM text): ended at", "pulumi config set tlsCertificate < '<file>'"))
        .output,
    );
    await setPair(make({ days: 5.5 }));
    says(
      await preview(),
      "The TLS certificate ends at",
      "in 5 days. Next: pulumi config set tlsCertificate < '<file>' && pulumi up",
    );
    await setPair(third);
  });

  await t.test("no key stands in any output, file, state, history, log or container's description", async () => {
    said.push(
      await stack.pulumi("stack", "export"),
      await stack.pulumi("stack", "history"),
      await stack.pulumi("config"),
    );
    said.push(JSON.stringify(await history(stack)));
    for (const part of ["proxy", "blue", "green"] as const) {
      const { Id } = await stack.container(part);
      said.push(
        JSON.stringify(await stack.container(part)),
        await stack.docker("logs", Id),
        await stack.docker("top", Id),
      );
    }
    const status = await stack.command("node", "--require", "./setup/bundle.cjs", "commands/status/main.ts", "--json");
    said.push(status.output);
    for (const entry of readdirSync(stack.directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.parentPath.includes("node_modules")) continue;
      said.push(readFileSync(join(entry.parentPath, entry.name), "latin1"));
    }
    assert.ok(
      said.some((text) => text.includes("tls-")),
      "what is looked through is about TLS",
    );
    for (const { key } of [first, second, third]) {
      // What all keys of a kind begin with says nothing of any.
      const lines = key.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
      for (const secret of lines
        .map((line, at) => (at === 0 ? line.slice(40) : line))
        .filter((text) => text.length >= 12)) {
        for (const text of said) assert.ok(!text.includes(secret), text.slice(0, 2000));
      }
    }
  });

  await t.test(
    "the word of a trusted proxy counts: HTTPS that it took off is not asked for again, and the client is its client",
    async () => {
      const [sender = ""] = (await headersAt(stack.httpsUrl))["x-forwarded-for"] ?? [];
      await stack.pulumi("config", "set", "--path", "trustedProxies[0]", sender);
      said.push(await stack.up());
      await stack.pulumi("preview", "--expect-no-changes");

      const expected = {
        "x-forwarded-for": [`203.0.113.6, ${sender}`],
        "x-real-ip": ["203.0.113.6"],
        "x-forwarded-proto": ["https"],
        "x-forwarded-host": ["evil.example:77"],
        "x-forwarded-port": ["77"],
        "x-forwarded-prefix": ["/evil"],
      };
      for (const url of [stack.url, stack.httpsUrl]) {
        const seen = await headersAt(url, CLAIMS);
        assert.deepEqual(
          Object.fromEntries(Object.entries(seen).filter(([name]) => /forwarded|real/.test(name))),
          expected,
        );
      }
      const { headers } = await ask(`${stack.url}/`, { headers: CLAIMS });
      assert.match(String(headers["set-cookie"]), /; Secure$/);
      const words: Record<string, string>[] = [{}, { "X-Forwarded-Proto": "http" }, { "X-Forwarded-Proto": "ftp" }];
      for (const word of words) {
        const answer = await ask(`${stack.url}/x`, { headers: word });
        assert.deepEqual([answer.status, answer.headers.location], [308, `${stack.httpsUrl}/x`]);
      }
      const bare = await headersAt(stack.httpsUrl);
      assert.deepEqual(
        [bare["x-forwarded-for"], bare["x-forwarded-proto"], bare["x-forwarded-prefix"]],
        [[sender], ["https"], undefined],
      );

      await new Promise((resolve) => setTimeout(resolve, 1500)); // the log is written each second
      assert.match(await stack.docker("logs", "--since", "20s", await proxyId()), /"client":"203\.0\.113\.6"/);
      await stack.switchTo("blue");
      await stack.pulumi("config", "rm", "trustedProxies");
      await up();
      assert.equal((await ask(`${stack.url}/`, { headers: CLAIMS })).status, 308);
    },
  );

  await t.test("from files as well; and one that ends while it serves keeps nobody from the way back", async () => {
    const SECONDS = 60;
    const short = make({ days: SECONDS * SECOND_DAYS });
    const ends = Date.now() + SECONDS * 1000;
    writeFileSync(join(stack.directory, "site.pem"), short.certificate);
    writeFileSync(join(stack.directory, "site.key"), short.key);
    await stack.pulumi("config", "rm", "tlsKey");
    await stack.set("tlsCertificate", "site.pem");
    await stack.set("tlsKey", "./site.key");
    says(await stack.up(), "The TLS certificate ends at", "in less than a day. Next: put the right file there");
    const { shown } = await handshake(stack, { ca: [short.certificate] });
    assert.ok(Date.parse(shown.valid_to) <= ends);

    await new Promise((resolve) => setTimeout(resolve, Math.max(0, ends + 2000 - Date.now())));
    says(await stack.switchTo("green"), "tlsCertificate ended at", "clients refuse what the proxy serves.");
    assert.equal((await history(stack)).at(-1)?.to, "green");
    await assert.rejects(handshake(stack, { ca: [short.certificate] }), { code: "CERT_HAS_EXPIRED" });

    writeFileSync(join(stack.directory, "site.pem"), first.certificate);
    await fails(stack, "tlsKey = [secret]: must be the private key of the first certificate");
    writeFileSync(join(stack.directory, "site.key"), first.key);
    await stack.up();
    await shows(stack, first);
    await stack.pulumi("preview", "--expect-no-changes");
  });
});
