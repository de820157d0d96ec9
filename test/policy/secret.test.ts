import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { KEY_CHARACTERS, suspicion } from "../../policy/secret";

const BY_NAME = "is secret by its name";

const RANDOM = "is as random as a key";

/** As random as keys are, and the same in each run. */
const bytes = (seed: number) => createHash("sha512").update(String(seed)).digest();

const share = (of: number, holds: (seed: number) => boolean) =>
  Array.from({ length: of }, (_, seed) => holds(seed)).filter(Boolean).length / of;

describe("the policy: secrets stay secret", () => {
  test("a name that says so is enough, however it is written", () => {
    for (const name of [
      ...[
        "PASSWORD",
        "DB_PASSWORD",
        "PGPASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "passwd",
        "KEY_PASSPHRASE",
        "DB_PWD",
        "DB_PASSWORD_2",
      ],
      ...["TOKEN", "API_TOKEN", "apiToken", "ACCESSTOKEN", "GITHUB_TOKENS", "TOKEN_VALUE"],
      ...["SECRET", "clientSecret", "SECRET_KEY_BASE", "AWS_SECRET_ACCESS_KEY", "SECRETS"],
      ...[
        "API_KEY",
        "APIKEY",
        "apiKey",
        "STRIPE_KEY",
        "SSH_PRIVATE_KEY",
        "ENCRYPTION_KEYS",
        "AWS_CREDENTIALS",
        "Authorization",
      ],
    ]) {
      assert.equal(suspicion(name, "hunter2"), BY_NAME, name);
    }
  });

  test("names that are about a secret, and values that are none, pass", () => {
    for (const name of [
      ...[
        "DB_PASSWORD_FILE",
        "TOKEN_TTL",
        "TOKEN_URL",
        "SECRET_NAME",
        "PASSWORD_MIN_LENGTH",
        "AWS_ACCESS_KEY_ID",
        "TOKEN_ISSUER",
      ],
      ...[
        "TOKENIZERS_PARALLELISM",
        "TOKENIZER",
        "KEYBOARD",
        "MONKEY",
        "KEY",
        "PUBLIC_KEY",
        "CACHE_KEY",
        "PWD",
        "SECRETARY",
        "PASSWORDLESS",
      ],
    ]) {
      assert.equal(suspicion(name, "hunter2"), undefined, name);
    }
    for (const value of ["", " ", "true", "False", "off", "/run/secrets/db"])
      assert.equal(suspicion("DB_PASSWORD", value), undefined);
    assert.equal(suspicion("MAX_TOKENS", "4096"), undefined);
    assert.equal(suspicion("DOOR_TOKEN", "4096"), BY_NAME);
  });

  test("a private key and a password in a URL are seen under any name", () => {
    for (const kind of ["", "RSA ", "OPENSSH "])
      assert.equal(suspicion("X", `-----BEGIN ${kind}PRIVATE KEY-----\nMIIE`), "has a private key in it");
    for (const url of [
      "postgres://shop:hunter2@db/shop",
      "redis://:hunter2@cache:6379",
      "curl https://a:b@example.com",
    ])
      assert.equal(suspicion("DATABASE_URL", url), "has a password in a URL", url);
    for (const url of [
      ...[
        "postgres://db:5432/shop",
        "https://example.com/a:b@c",
        "ssh://deploy@shop.example",
        "https://u:$PASSWORD@example.com",
      ],
      ...["http://[::1]:8080/", "mailto:a@example.com", "https://example.com:443/@user"],
    ])
      assert.equal(suspicion("DATABASE_URL", url), undefined, url);
  });

  test("keys made at random are seen: nearly all of 32 bytes, most of 15", () => {
    const found = (make: (seed: number) => string) => share(2000, (seed) => suspicion("X", make(seed)) === RANDOM);
    const base64 = (count: number) => found((seed) => bytes(seed).toString("base64").slice(0, count));
    assert.ok(base64(43) > 0.98, String(base64(43)));
    assert.ok(base64(32) > 0.96, String(base64(32)));
    assert.ok(base64(20) > 0.88, String(base64(20)));
    assert.ok(found((seed) => bytes(seed).toString("base64url").slice(0, 43)) > 0.98);
    // Small letters and digits, as many services make theirs.
    const small = (count: number) =>
      found((seed) => Array.from(bytes(seed).subarray(0, count), (byte) => (byte % 36).toString(36)).join(""));
    assert.ok(small(40) > 0.95, String(small(40)));
  });

  test("a key is seen within other text: a command, a header, JSON", () => {
    const key = bytes(1).toString("base64url").slice(0, 40);
    for (const text of [
      `curl -H "X-Key: ${key}" http://x`,
      `Bearer ${key}`,
      JSON.stringify({ a: [key] }),
      `a=${key}&b=1`,
    ])
      assert.equal(suspicion("X", text), RANDOM, text);
  });

  test("what settings usually hold passes", () => {
    for (const value of [
      ...[
        "info",
        "0.0.0.0:8080",
        "Europe/Berlin",
        "de_DE.UTF-8",
        "application/json; charset=utf-8",
        "2026-01-02T03:04:05.678Z",
      ],
      ...[
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "d41d8cd98f00b204e9800998ecf8427e",
        "beb8ee9c2f0d6a3b1e7f5a4d8c9b0e1f2a3d4c5b",
      ],
      ...[
        `registry.example:5000/team/shop@sha256:${"0123456789abcdef".repeat(4)}`,
        "1.2.3-beta.4+build.20240101T120000Z",
      ],
      "sha512-tLczMS7S2UUpc1qO9xvGY54GumUShTNxm/BY/T1fb0Hp/ILScxXzrmLpkbt4KUGZAcX/EdGLVuMGHyhreqbfvg==",
      ...["https://api.example.com:8443/v2/orders/2024?limit=20&sort=createdAt", "postgres://db.internal:5432/shop"],
      ...[
        "kafka-1.kafka.svc.cluster.local:9092,kafka-2.kafka.svc.cluster.local:9092",
        "ec2-203-0-113-25.eu-west-1.compute.amazonaws.com",
      ],
      ...["internal-shop-1234567890.eu-west-1.elb.amazonaws.com", "arn:aws:iam::123456789012:role/ServiceRoleForShop2"],
      ...["/var/lib/app/data/Config2/Production1/Settings", "C:\\Users\\Jane1\\AppData\\Local\\Programs\\Shop2"],
      ...[
        "com.example.shop.v2.OrderServiceImpl2Factory",
        "MyServiceConfigurationV2Production",
        "UTF8mb4UnicodeCi2AccentInsensitive3Case",
      ],
      ...["-Xmx512m -XX:+UseG1GC -XX:MaxGCPauseMillis=200", "node --max-old-space-size=4096 --require ./tracing.js"],
      ...["The quick brown fox jumps over the lazy dog 123 times", "Donaudampfschifffahrtsgesellschaft2026kapitaen"],
      ...["xxxxxxxxxxxxxxxxxxxxxxxxxxxx", "a1a1a1a1a1a1a1a1a1a1a1a1a1", "12345678901234567890123456789012"],
      `-----BEGIN CERTIFICATE-----\n${bytes(2).toString("base64")}\n-----END CERTIFICATE-----\n`,
    ]) {
      assert.equal(suspicion("X", value), undefined, value);
    }
  });

  test("words pass, joined in any of the usual ways, and so does their base64", () => {
    const word = fc.constantFrom(
      ..."service order customer payment production staging internal release feature worker queue cache backend gateway region".split(
        " ",
      ),
    );
    const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);
    fc.assert(
      fc.property(fc.array(word, { minLength: 2, maxLength: 8 }), fc.nat(2030), (words, number) => {
        for (const joined of [
          ...["-", "_", ".", "/", " ", ""].map((by) => [...words, number].join(by)),
          words.map(capital).join("") + number,
          `${words.map(capital).join("")}V2${words.map(capital).join("")}`,
          words.join("_").toUpperCase(),
          Buffer.from(`${words.join(" ")} ${number}`).toString("base64"),
        ]) {
          assert.equal(suspicion("X", joined), undefined, joined);
        }
      }),
    );
  });

  test("UUIDs, hashes, addresses and versions pass, whatever they are", () => {
    const passes = (value: string) => assert.equal(suspicion("X", value), undefined, value);
    fc.assert(fc.property(fc.uuid(), passes));
    fc.assert(fc.property(fc.stringMatching(/^[0-9a-f]{40}$/), passes));
    fc.assert(fc.property(fc.ipV6(), passes));
    fc.assert(
      fc.property(fc.tuple(fc.nat(99), fc.nat(99), fc.nat(9999)), (parts) => passes(`v${parts.join(".")}-rc.1`)),
    );
  });

  test(`nothing shorter than ${KEY_CHARACTERS} characters is taken for a key`, () => {
    for (let seed = 0; seed < 500; seed++)
      assert.equal(
        suspicion(
          "X",
          bytes(seed)
            .toString("base64")
            .slice(0, KEY_CHARACTERS - 1),
        ),
        undefined,
      );
  });

  test("any value is judged in no time, and nothing of it is in the answer", () => {
    const hostile = [
      "-----BEGIN A-----".repeat(1900),
      "a://".repeat(8000),
      "A1b2".repeat(8000),
      "/a".repeat(16000),
      "\0".repeat(32000),
    ];
    for (const value of hostile) {
      const started = performance.now();
      suspicion("NAME", value);
      assert.ok(performance.now() - started < 1000, value.slice(0, 20));
    }
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), fc.string({ maxLength: 200 }), (value, name) => {
        const answer = suspicion(name, value);
        assert.ok([undefined, BY_NAME, "has a private key in it", "has a password in a URL", RANDOM].includes(answer));
      }),
    );
  });
});
