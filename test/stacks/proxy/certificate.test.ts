import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { connect, createServer } from "node:tls";
import fc from "fast-check";
import { checkTls } from "../../../stacks/proxy/certificate";
import { normalized, type TlsPair } from "../../../stacks/proxy/pem";
import { makeCertificate, pem, type SampleCertificate } from "./certificates.sample";

const NOW = new Date("2026-01-10T12:00:00Z");

const DAY_MS = 24 * 3600 * 1000;

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

const make = (change: Partial<SampleCertificate> = {}) =>
  makeCertificate({ names: ["shop.example"], days: 90, now: NOW, ...change });

const root = make({ names: [], subject: "Root", days: 4000, authority: true });

const issuing = make({ names: [], subject: "Issuing", days: 1000, authority: true, issuer: root });

const leaf = make({ issuer: issuing, usages: [SERVER_AUTH] });

const selfSigned = make();

const other = make();

const chained: TlsPair = { certificate: leaf.certificate + issuing.certificate, key: leaf.key };

/** The lines of a key's text that must not show. */
const secretsOf = (text: string) =>
  text.split(/[\r\n]+/).filter((line) => line.length > 20 && !line.startsWith("-----"));

/** A check whose answer is known to have nothing of the key in it. */
function check(pair: TlsPair, now = NOW) {
  const result = checkTls(pair, now);
  const told = JSON.stringify(result);
  for (const line of secretsOf(pair.key)) assert.ok(!told.includes(line), "the answer shows what is in the key");
  return result;
}

const problemsOf = (pair: TlsPair, now = NOW) => check(pair, now).problems.map(({ of, rule }) => `${of} ${rule}`);

const ofCertificate = (certificate: string) => problemsOf({ certificate, key: selfSigned.key });

const ofKey = (key: string) => problemsOf({ certificate: selfSigned.certificate, key });

/** The same text as it comes out of an editor on Windows and a form to copy it from. */
const unusually = (text: string) => `\uFEFF\n\r\n  ${text.replaceAll("\n", " \t\r\n")}\r\n\r\n`;

const lastLine = (text: string) => text.trimEnd().split("\n").length;

const isOutside = (line: number) => `must be PEM; line ${line} is outside of -----BEGIN ...----- and -----END ...-----`;

const encrypted = (type: "pkcs8" | "sec1") =>
  createPrivateKey(selfSigned.key)
    .export({ type, format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
    .toString();

describe("a certificate", () => {
  test("a chain with its key has no problem and no warning, and is told by its names, its end and a fingerprint", () => {
    const { fingerprint, ...rest } = check(chained);
    assert.deepEqual(rest, {
      problems: [],
      warnings: [],
      notAfter: new Date("2026-04-10T12:00:00Z"),
      names: ["shop.example"],
    });
    assert.match(fingerprint, /^[0-9a-f]{16}$/);
  });

  test("a self-signed certificate is accepted, also where it calls itself an authority, as openssl req -x509 makes it", () => {
    assert.deepEqual(problemsOf(selfSigned), []);
    assert.deepEqual(problemsOf(make({ authority: true })), []);
  });

  test("a chain may end with the root, and may be as long as ten", () => {
    assert.deepEqual(problemsOf({ ...chained, certificate: chained.certificate + root.certificate }), []);
    const authorities = [root];
    for (let depth = 1; depth < 10; depth++) {
      authorities.unshift(
        make({ names: [], subject: `Depth ${depth}`, authority: true, issuer: authorities[0] as typeof root }),
      );
    }
    const ten = make({ issuer: authorities[1] as typeof root });
    const certificate = [ten, ...authorities.slice(1)].map((made) => made.certificate).join("");
    assert.deepEqual(problemsOf({ certificate, key: ten.key }), []);
    const eleven = make({ issuer: authorities[0] as typeof root });
    assert.deepEqual(
      problemsOf({ certificate: [eleven, ...authorities].map((made) => made.certificate).join(""), key: eleven.key }),
      ["certificate must be at most 10 certificates"],
    );
  });

  test("RSA from 2048 bits, P-256, P-384, P-521, and Ed25519 are accepted; other keys are not", () => {
    for (const type of ["rsa-2048", "p-256", "p-384", "p-521", "ed25519"] as const) {
      assert.deepEqual(problemsOf(make({ type })), [], type);
    }
    const rule = "must be RSA of at least 2048 bits, EC on P-256, P-384 or P-521, or Ed25519";
    assert.deepEqual(problemsOf(make({ type: "rsa-1024" })), [`key is rsa of 1024 bits; ${rule}`]);
    assert.deepEqual(problemsOf(make({ type: "secp256k1" })), [`key is ec on the curve secp256k1; ${rule}`]);
    assert.deepEqual(problemsOf(make({ type: "ed448" })), [`key is ed448; ${rule}`]);
    const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey;
    assert.deepEqual(ofKey(pss.export({ type: "pkcs8", format: "pem" }).toString()), [`key is rsa-pss; ${rule}`]);
  });

  test("a key is accepted in each of its plain formats, and each gives the same fingerprint", () => {
    const key = createPrivateKey(selfSigned.key);
    const { fingerprint } = check(selfSigned);
    const sec1 = key.export({ type: "sec1", format: "pem" }).toString();
    assert.equal(check({ ...selfSigned, key: sec1 }).fingerprint, fingerprint);
    const rsa = make({ type: "rsa-2048" });
    const pkcs1 = createPrivateKey(rsa.key).export({ type: "pkcs1", format: "pem" }).toString();
    assert.equal(check({ ...rsa, key: pkcs1 }).fingerprint, check(rsa).fingerprint);

    const withCurve = `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${sec1}`;
    assert.deepEqual(problemsOf({ ...selfSigned, key: withCurve }), []);
    assert.equal(normalized({ ...selfSigned, key: withCurve }).key, sec1);
  });

  test("line ends, white space and a byte order mark around change nothing, and are gone from what nginx gets", () => {
    const odd = { certificate: unusually(chained.certificate), key: unusually(chained.key) };
    assert.deepEqual(check(odd), check(chained));
    assert.deepEqual(normalized(odd), normalized(chained));
    assert.deepEqual(normalized(chained), { certificate: chained.certificate, key: chained.key });
    const wide = chained.key.replace(/(?<=[A-Za-z0-9+/])\n(?=[A-Za-z0-9+/])/g, "");
    assert.deepEqual(normalized({ ...chained, key: wide }), normalized(chained));
    assert.deepEqual(normalized(normalized(odd)), normalized(chained));
  });

  test("what nginx gets is a pair that TLS is spoken with", async () => {
    const current = makeCertificate({ names: ["localhost", "127.0.0.1", "::1"], days: 1 });
    const pair = normalized({ certificate: unusually(current.certificate), key: unusually(current.key) });
    const server = createServer({ cert: pair.certificate, key: pair.key }, (socket) => socket.end());
    await once(server.listen(0, "127.0.0.1"), "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const client = connect({ host: "127.0.0.1", port, ca: current.certificate });
      await once(client, "secureConnect");
      assert.equal(client.authorized, true);
      client.destroy();
    } finally {
      server.close();
    }
  });

  test("a certificate's text that is none is refused with the line that is wrong", () => {
    const none = "certificate must be a certificate in PEM (-----BEGIN CERTIFICATE-----), and is empty";
    const { certificate } = selfSigned;
    const [begin = "", first = "", ...rest] = certificate.split("\n");
    for (const [text, problem] of [
      ["", none],
      [" \r\n\uFEFF ", none],
      ["hello", `certificate ${isOutside(1)}`],
      ["\0\x01\x02", `certificate ${isOutside(1)}`],
      [`${certificate}Bag Attributes\n${certificate}`, `certificate ${isOutside(lastLine(certificate) + 1)}`],
      [[begin, first.replace("M", "\0"), ...rest].join("\n"), "certificate must be PEM; line 2 is not base64"],
      [[begin, `\u041C${first}`, ...rest].join("\n"), "certificate must be PEM; line 2 is not base64"],
      [[begin, "Some-Header: x", first, ...rest].join("\n"), "certificate must be PEM; line 2 is not base64"],
      [
        [begin, `${first.slice(0, -2)}==`, ...rest].join("\n"),
        `certificate must be PEM; line ${lastLine(certificate)} ends a block that is not whole`,
      ],
      [`${begin}\n-----END CERTIFICATE-----`, "certificate must be PEM; line 2 ends a block that is not whole"],
      [
        certificate.replace("END CERT", "END X509 CERT"),
        `certificate must be PEM; line ${lastLine(certificate)} is not base64`,
      ],
      [[begin, first].join("\n"), "certificate must be PEM; the last -----END ...----- is missing"],
      [
        certificate.replace("-----BEGIN CERTIFICATE-----", "-----begin certificate-----"),
        `certificate ${isOutside(1)}`,
      ],
    ] as const) {
      assert.deepEqual(ofCertificate(text), [problem], JSON.stringify(text.slice(0, 80)));
    }
  });

  test("line ends that a shell or a JSON text has taken away are said to be missing", () => {
    const rule = "must be PEM, with its line ends: -----BEGIN ...----- and -----END ...----- are lines of their own";
    for (const replace of [" ", "\\n", ""]) {
      assert.deepEqual(ofCertificate(selfSigned.certificate.replaceAll("\n", replace)), [`certificate ${rule}`]);
      assert.deepEqual(ofKey(selfSigned.key.replaceAll("\n", replace)), [`key ${rule}`]);
    }
    // Two files whose first has no end to its last line.
    assert.deepEqual(ofCertificate(selfSigned.certificate.trimEnd() + other.certificate), [`certificate ${rule}`]);
  });

  test("blocks of another kind, or with something else in them, are no certificates", () => {
    const { raw } = new X509Certificate(selfSigned.certificate);
    const keyDer = createPrivateKey(selfSigned.key).export({ type: "pkcs8", format: "der" });
    const unread = "certificate must be certificates; number 1 of 1 can't be read as one";
    assert.deepEqual(ofCertificate(pem("TRUSTED CERTIFICATE", raw)), [
      "certificate must be plain certificates (-----BEGIN CERTIFICATE-----); OpenSSL's own TRUSTED ones have more in them",
    ]);
    for (const label of ["X509 CERTIFICATE", "CERTIFICATE REQUEST", "PUBLIC KEY", "PKCS7", "DH PARAMETERS"]) {
      assert.deepEqual(ofCertificate(selfSigned.certificate + pem(label, raw)), [
        "certificate must be certificates alone (-----BEGIN CERTIFICATE-----)",
      ]);
    }
    assert.deepEqual(ofCertificate(pem("CERTIFICATE", keyDer)), [unread]);
    assert.deepEqual(ofCertificate(pem("CERTIFICATE", Buffer.alloc(300))), [unread]);
    assert.deepEqual(ofCertificate(pem("CERTIFICATE", raw.subarray(0, -1))), [unread]);
    // Another block within the block: nothing would read it, and it would be published.
    assert.deepEqual(ofCertificate(pem("CERTIFICATE", Buffer.concat([raw, keyDer]))), [unread]);
    assert.deepEqual(ofCertificate(selfSigned.certificate + pem("CERTIFICATE", Buffer.from("x"))), [
      "certificate must be certificates; number 2 of 2 can't be read as one",
    ]);
  });

  test("a private key among the certificates is refused, in every format", () => {
    const sec1 = createPrivateKey(selfSigned.key).export({ type: "sec1", format: "pem" }).toString();
    for (const key of [
      selfSigned.key,
      sec1,
      encrypted("pkcs8"),
      encrypted("sec1"),
      pem("OPENSSH PRIVATE KEY", Buffer.alloc(99, 7)),
    ]) {
      for (const certificate of [selfSigned.certificate + key, key + selfSigned.certificate, key]) {
        const result = check({ certificate, key: selfSigned.key });
        assert.deepEqual(result.problems, [{ of: "certificate", rule: "must have no private key in it" }]);
        for (const line of secretsOf(key)) assert.ok(!JSON.stringify(result).includes(line));
      }
    }
  });

  test("a key's text that is none is refused", () => {
    const asPem = "key must be a private key in PEM (-----BEGIN PRIVATE KEY-----, RSA PRIVATE KEY or EC PRIVATE KEY)";
    const passphrase = "key must be a private key without a passphrase, for which nginx could ask nobody";
    const key = createPrivateKey(selfSigned.key);
    const der = key.export({ type: "pkcs8", format: "der" });
    const publicDer = createPublicKey(key).export({ type: "spki", format: "der" });
    assert.match(encrypted("sec1"), /^Proc-Type: 4,ENCRYPTED$/m);
    for (const [text, problem] of [
      ["", `${asPem}, and is empty`],
      ["\n \t", `${asPem}, and is empty`],
      ["s3cret", `key ${isOutside(1)}`],
      ["\0".repeat(100), `key ${isOutside(1)}`],
      [`${selfSigned.key}\u{1F511}`, `key ${isOutside(lastLine(selfSigned.key) + 1)}`],
      [
        selfSigned.key.replace("-----END PRIVATE KEY-----", ""),
        "key must be PEM; the last -----END ...----- is missing",
      ],
      [encrypted("pkcs8"), passphrase],
      [encrypted("sec1"), passphrase],
      [selfSigned.key + other.key, "key must be one private key and nothing else"],
      [selfSigned.key + pem("PUBLIC KEY", publicDer), "key must be one private key and nothing else"],
      [selfSigned.key + selfSigned.certificate, "key must be a private key alone, without certificates"],
      [pem("PUBLIC KEY", publicDer), asPem],
      [pem("EC PARAMETERS", Buffer.from("06082a8648ce3d030107", "hex")), asPem],
      [pem("OPENSSH PRIVATE KEY", der), asPem],
      [pem("ANY PRIVATE KEY", der), asPem],
      [pem("PRIVATE KEY", der.subarray(0, -1)), asPem],
      [pem("PRIVATE KEY", Buffer.alloc(200, 1)), asPem],
      [pem("RSA PRIVATE KEY", Buffer.alloc(200, 1)), asPem],
    ] as const) {
      assert.deepEqual(ofKey(text), [problem], JSON.stringify(text.slice(0, 40)));
    }
  });

  test("texts that are too large are refused unread", () => {
    const enough = (text: string, size: number) => text.repeat(Math.ceil(size / text.length));
    assert.deepEqual(ofCertificate(enough(selfSigned.certificate, 64 * 1024 + 1)), [
      "certificate must be at most 64 KiB",
    ]);
    assert.deepEqual(ofCertificate("\u20AC".repeat(22_000)), ["certificate must be at most 64 KiB"]);
    assert.deepEqual(ofKey(enough(selfSigned.key, 16 * 1024 + 1)), ["key must be at most 16 KiB"]);
    const began = performance.now();
    assert.deepEqual(ofCertificate("-".repeat(20_000_000)), ["certificate must be at most 64 KiB"]);
    // The largest that are read, in shapes that a careless expression would take for ever over.
    for (const text of ["-----BEGIN ", "A", "\n", " ", "= ", "-----BEGIN A-----\n"]) {
      assert.equal(ofCertificate(text.repeat(Math.floor((64 * 1024) / text.length))).length, 1);
    }
    assert.ok(performance.now() - began < 5000);
  });

  test("a certificate and a key that were swapped are both refused", () => {
    assert.deepEqual(problemsOf({ certificate: selfSigned.key, key: selfSigned.certificate }), [
      "certificate must have no private key in it",
      "key must be a private key alone, without certificates",
    ]);
  });

  test("all that is wrong is said at once, and what depends on the other text is left out then", () => {
    assert.deepEqual(problemsOf({ certificate: "", key: "" }).length, 2);
    const late = make({ days: -1 });
    const { problems, fingerprint, notAfter, names } = check({ certificate: late.certificate, key: "" });
    assert.deepEqual(
      problems.map(({ of }) => of),
      ["key", "certificate"],
    );
    assert.deepEqual([fingerprint, notAfter, names], ["", new Date("2026-01-09T12:00:00Z"), ["shop.example"]]);
    assert.deepEqual(checkTls({ certificate: "", key: selfSigned.key }, NOW).fingerprint, "");
  });

  test("the key of another certificate is refused, of the same type or not", () => {
    const rule = "key must be the private key of the first certificate, which it does not fit";
    for (const { key } of [other, make({ type: "p-384" }), make({ type: "rsa-2048" }), make({ type: "ed25519" })]) {
      assert.deepEqual(ofKey(key), [rule]);
    }
  });

  test("a key whose public half fits and whose private half is damaged is refused", () => {
    const jwk = createPrivateKey(selfSigned.key).export({ format: "jwk" });
    const strange = createPrivateKey(other.key).export({ format: "jwk" });
    // SEC 1: the private number, the curve, and the public point that nobody compares with it.
    const bytes = (text = "") => Buffer.from(text, "base64url");
    const sec1 = Buffer.concat([
      Buffer.from("30770201010420", "hex"),
      bytes(strange.d),
      Buffer.from("a00a06082a8648ce3d030107a14403420004", "hex"),
      bytes(jwk.x),
      bytes(jwk.y),
    ]);
    const mixed = pem("EC PRIVATE KEY", sec1);
    assert.ok(new X509Certificate(selfSigned.certificate).checkPrivateKey(createPrivateKey(mixed)));
    assert.deepEqual(ofKey(mixed), ["key must be the private key of the first certificate, which it does not fit"]);
  });

  test("a chain that begins with another certificate than the key's says where that one is", () => {
    const certificate = [root, issuing, leaf].map((made) => made.certificate).join("");
    assert.deepEqual(problemsOf({ certificate, key: leaf.key }), [
      "certificate must begin with the certificate of the key, which is number 3 of 3",
    ]);
    assert.deepEqual(problemsOf({ certificate: issuing.certificate + leaf.certificate, key: leaf.key }), [
      "certificate must begin with the certificate of the key, which is number 2 of 2",
    ]);
  });

  test("a chain in which one did not issue the one before it is refused, whatever names they go by", () => {
    const rule = (wrong: number) =>
      `certificate must have after each certificate the one that issued it; number ${wrong} did not issue number ${wrong - 1}`;
    const texts = (...made: TlsPair[]) => made.map(({ certificate }) => certificate).join("");
    assert.deepEqual(problemsOf({ certificate: texts(leaf, root, issuing), key: leaf.key }), [rule(2)]);
    assert.deepEqual(problemsOf({ certificate: texts(leaf, issuing, other), key: leaf.key }), [rule(3)]);
    assert.deepEqual(problemsOf({ certificate: texts(leaf, leaf, issuing), key: leaf.key }), [rule(2)]);
    assert.deepEqual(problemsOf({ certificate: texts(selfSigned, issuing), key: selfSigned.key }), [rule(2)]);
    // The same name, and another key.
    const impostor = make({ names: [], subject: "Issuing", authority: true, issuer: root });
    assert.deepEqual(problemsOf({ certificate: texts(leaf, impostor), key: leaf.key }), [rule(2)]);
    // It is said where the key can't be read, too.
    assert.equal(problemsOf({ certificate: texts(leaf, root), key: "x" })[1], rule(2));
  });

  test("a certificate that is not for servers is refused", () => {
    const rule =
      "certificate must be a server's certificate; its extended key usage has no serverAuth, and clients would refuse it";
    assert.deepEqual(problemsOf(make({ usages: [CLIENT_AUTH] })), [rule]);
    assert.deepEqual(problemsOf(make({ usages: [CLIENT_AUTH, SERVER_AUTH] })), []);
    assert.deepEqual(problemsOf(make({ usages: ["2.5.29.37.0"] })), []);
  });

  test("a certificate that has ended, or not begun, is refused with the time", () => {
    const at = (days: number) => new Date(+NOW + days * DAY_MS);
    assert.deepEqual(check(selfSigned, at(91)).problems, [
      { of: "certificate", rule: "ended at 2026-04-10T12:00:00Z; must be valid now", ranOut: true },
    ]);
    assert.deepEqual(check(selfSigned, at(-2)).problems, [
      { of: "certificate", rule: "is not valid before 2026-01-09T12:00:00Z; must be valid now" },
    ]);
    assert.equal(problemsOf(selfSigned, at(90)).length, 1);
    assert.equal(problemsOf(selfSigned, new Date(+at(90) - 1)).length, 0);
    assert.equal(check(selfSigned, at(91)).fingerprint, check(selfSigned).fingerprint);

    const short = make({ names: [], subject: "Short", days: 30, authority: true, issuer: root });
    const under = make({ issuer: short });
    assert.deepEqual(check({ certificate: under.certificate + short.certificate, key: under.key }, at(40)).problems, [
      { of: "certificate", rule: "number 2 of 2 ended at 2026-02-09T12:00:00Z; must be valid now", ranOut: true },
    ]);
  });

  test("times beyond the 32 bits of seconds, and the end of all times, are read", () => {
    const end = new Date("9999-12-31T23:59:59Z");
    const made = make({ days: (+end - +NOW) / DAY_MS });
    assert.deepEqual(check(made).notAfter, end);
    assert.deepEqual(check(made).problems, []);
  });

  test("the last three weeks are warned of, by day, also of a certificate in the chain", () => {
    const ends = (days: number) => check(make({ days })).warnings;
    assert.deepEqual(ends(21.5), []);
    assert.deepEqual(ends(21), ["The TLS certificate ends at 2026-01-31T12:00:00Z, in 21 days."]);
    assert.deepEqual(ends(1.5), ["The TLS certificate ends at 2026-01-12T00:00:00Z, in 1 day."]);
    assert.deepEqual(ends(0.5), ["The TLS certificate ends at 2026-01-11T00:00:00Z, in less than a day."]);
    assert.deepEqual(ends(-1), []);

    const short = make({ names: [], subject: "Short", days: 9, authority: true, issuer: root });
    const under = make({ issuer: short });
    assert.deepEqual(check({ certificate: under.certificate + short.certificate, key: under.key }).warnings, [
      "The TLS certificate, number 2 of 2 in its chain, ends at 2026-01-19T12:00:00Z, in 9 days.",
    ]);
  });

  test("what clients will not take although nginx does is warned of", () => {
    assert.deepEqual(check(make({ names: [], subject: "shop.example" })).warnings, [
      "The TLS certificate names no host (it has no subjectAltName): browsers and most other clients refuse it.",
    ]);
    for (const [type, named] of [
      ["ed25519", "Ed25519"],
      ["p-521", "EC on P-521"],
    ] as const) {
      assert.deepEqual(check(make({ type })).warnings, [
        `The TLS certificate's key is ${named}, which some or all browsers refuse; other clients may take it.`,
      ]);
    }
    const alone = make({ issuer: issuing, issuerUrl: "http://authority.example/issuing.crt" });
    assert.deepEqual(check(alone).warnings, [
      "The TLS certificate comes alone, without the intermediate one that probably issued it: clients that don't know that one " +
        "refuse it. Of certbot's files fullchain.pem is the right one.",
    ]);
    assert.deepEqual(check({ ...alone, certificate: alone.certificate + issuing.certificate }).warnings, []);
  });

  test("names are the certificate's DNS names and addresses, and nothing that only looks like one", () => {
    const names = ["shop.example", "*.shop.example", "xn--bcher-kva.example", "192.0.2.1", "2001:db8::1", "::"];
    assert.deepEqual(check(make({ names })).names, names);
    const hostile = [
      "a, DNS:bank.example",
      'b"c',
      "\u001b[31mred",
      "ok.example",
      "e\0f.example",
      "",
      "g h",
      "x".repeat(300),
    ];
    assert.deepEqual(check(make({ names: hostile, subject: "x" })).names, ["ok.example"]);
  });

  test("the fingerprint is another one for another certificate, key or chain, and has nothing of the private half", () => {
    const again = make({ issuer: issuing, usages: [SERVER_AUTH] });
    const seen = [
      chained,
      { ...chained, certificate: leaf.certificate },
      { ...chained, certificate: chained.certificate + root.certificate },
      { certificate: again.certificate + issuing.certificate, key: again.key },
      selfSigned,
      other,
    ].map((pair) => check(pair).fingerprint);
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(check(chained).fingerprint, check(structuredClone(chained)).fingerprint);
  });

  test("whatever becomes of the two texts, they are judged without an error, and nothing of a key is told", () => {
    const damage = (text: string) =>
      fc
        .array(
          fc.tuple(
            fc.nat(text.length),
            fc.nat(40),
            fc.oneof(fc.constant(""), fc.string(), fc.constantFrom("\n", "-----", ":", "=")),
          ),
          {
            maxLength: 3,
          },
        )
        .map((cuts) => cuts.reduce((now, [at, length, put]) => now.slice(0, at) + put + now.slice(at + length), text));
    const texts = fc.oneof(
      damage(chained.certificate),
      damage(chained.key),
      damage(chained.certificate + chained.key),
      fc.string({ unit: "binary", maxLength: 200 }),
    );
    const secrets = secretsOf(chained.key);
    fc.assert(
      fc.property(texts, texts, (certificate, key) => {
        const told = JSON.stringify(checkTls({ certificate, key }, NOW));
        // Any run of characters out of the key that is long enough not to be there by chance.
        for (const line of secrets) {
          for (let at = 0; at + 12 <= line.length; at += 4) assert.ok(!told.includes(line.slice(at, at + 12)));
        }
        const kept = normalized({ certificate, key });
        assert.deepEqual(normalized(kept), kept);
        assert.ok(!kept.certificate.includes("PRIVATE"));
      }),
      { numRuns: 500 },
    );
  });
});
