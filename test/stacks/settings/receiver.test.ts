import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isReceiverUrl, receiverIn, receiverText, signingKey } from "../../../stacks/service/receiver";
import { parseSettings } from "../../../stacks/settings/settings";
import { HOSTILE_TEXTS } from "../text/hostile.sample";
import { raw, refused, secrets } from "./settings.raw";

const KEYS = secrets("notifyUrl", "notifySecret");

const URL_RULE =
  "must be an http:// or https:// address of at most 2000 printable ASCII characters, without user, password and #, or empty";

const SECRET_RULE = "must be at least 16 printable ASCII characters without spaces, or empty";

const KEY = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

const url = "https://hooks.example/planted";

describe("who gets word of a cutover", () => {
  test("nobody by default; an address is taken as it stands, with its token, its query, IPv6 and a port", () => {
    const none = parseSettings(raw(), new Set());
    assert.deepEqual([none.notifyUrl, none.notifyKind, none.notifySecret], [undefined, "json", undefined]);
    for (const address of [
      ...["http://10.0.0.7:9000", "http://[::1]:8080/a", "https://hooks.slack.com/services/T0/B0/xY"],
      ...["https://a.example/?token=a%20b&c=[d]", "http://localhost/@user:x", `https://a.example/${"a".repeat(1982)}`],
    ])
      assert.equal(parseSettings(raw({ notifyUrl: address }), KEYS).notifyUrl, address);
  });

  test("what is no such address is refused, and shown nowhere", () => {
    for (const address of [
      ...["planted", "file:///planted", "ftp://a/planted", "//a/planted", "http:planted", "http:/planted", "http://"],
      ...[
        "https://planted@a.example/",
        "https://user:planted@a.example/",
        "https://:planted@a.example",
        "https://@a/planted",
      ],
      ...["https://a.example/#planted", "https://a\\planted", "https://a.example\\@planted", "https:///planted"],
      ...["https://a.example/ planted", " https://a/planted", "https://a/planted\n", "https://a\r\nHost: planted"],
      ...[
        "https://a.example:99999/planted",
        "https://[::1/planted",
        "https://[fe80::1%25eth0]/planted",
        "https://ä/planted",
      ],
      ...[
        "javascript:planted",
        "unix:///planted",
        "https://a/planted\0",
        "{{planted}}",
        `https://a/${"planted".repeat(300)}`,
      ],
      `https://a/${"planted".repeat(150_000)}`,
      ...HOSTILE_TEXTS.map((text) => `https://a/planted${text}`),
    ]) {
      const said = refused(raw({ notifyUrl: address }), KEYS);
      assert.equal(
        said,
        `notifyUrl = [secret]: ${URL_RULE}\n    pulumi config set --secret notifyUrl`,
        address.slice(0, 80),
      );
    }
  });

  test("an address and a secret in plain text are refused, even good ones, and shown nowhere", () => {
    const why = "must be set with --secret; what the stack's file holds now is readable, so give it a new value";
    assert.equal(
      refused(raw({ notifyUrl: url, notifySecret: KEY })),
      `notifyUrl = [secret]: ${why}\n    pulumi config set --secret notifyUrl\n` +
        `notifySecret = [secret]: ${why}\n    pulumi config set --secret notifySecret`,
    );
  });

  test("a kind is one of four, and can't be secret", () => {
    for (const kind of ["json", "slack", "grafana", "otlp"])
      assert.equal(parseSettings(raw({ notifyUrl: url, notifyKind: kind }), KEYS).notifyKind, kind);
    for (const kind of ["", "JSON", "teams", "json\n"])
      assert.match(
        refused(raw({ notifyKind: kind })),
        /^notifyKind = .*: must be json, slack, grafana or otlp\n {4}pulumi config set notifyKind json$/,
      );
  });

  test("of json the secret is a key as Standard Webhooks has it, with the command that makes one", () => {
    const settings = { notifyUrl: url, notifyKind: "json" };
    for (const bytes of [24, 25, 26, 64]) {
      const key = `whsec_${Buffer.alloc(bytes, 251).toString("base64")}`;
      assert.equal(parseSettings(raw({ ...settings, notifySecret: key }), KEYS).notifySecret, key);
      assert.equal(signingKey(key)?.length, bytes);
    }
    for (const secret of [
      ...[
        "planted-token-of-a-kind",
        `whsec_${"*".repeat(32)}`,
        `${KEY}planted!`,
        `WHSEC_${KEY.slice(6)}`,
        KEY.slice(6),
      ],
      ...[`whsec_${Buffer.alloc(23).toString("base64")}`, `whsec_${Buffer.alloc(65).toString("base64")}`],
      // In the alphabet of URLs another library would read other bytes.
      `whsec_${Buffer.alloc(32, 251).toString("base64url")}`,
    ])
      assert.equal(
        refused(raw({ ...settings, notifySecret: secret }), KEYS),
        "notifySecret = [secret]: must be whsec_ and 24 to 64 bytes in base64 where notifyKind is json: the key that signs\n" +
          '    echo "whsec_$(openssl rand -base64 32)" | pulumi config set --secret notifySecret',
        secret,
      );
  });

  test("of grafana and otlp it is any token that a header may have, and slack has none", () => {
    for (const kind of ["grafana", "otlp"]) {
      const settings = { notifyUrl: url, notifyKind: kind };
      assert.equal(
        parseSettings(raw({ ...settings, notifySecret: "glsa_planted-token" }), KEYS).notifySecret,
        "glsa_planted-token",
      );
      for (const secret of [
        "short",
        "planted token of two words",
        "planted-token-of\r\nX-Evil: 1",
        "planted-token-é-of",
        "x".repeat(2001),
      ])
        assert.equal(
          refused(raw({ ...settings, notifySecret: secret }), KEYS),
          `notifySecret = [secret]: ${SECRET_RULE}\n    pulumi config set --secret notifySecret`,
        );
    }
    assert.equal(
      refused(raw({ notifyUrl: url, notifyKind: "slack", notifySecret: KEY }), KEYS),
      "notifySecret = [secret]: must be empty where notifyKind is slack\n    pulumi config rm notifySecret",
    );
    assert.equal(
      refused(raw({ notifySecret: KEY }), KEYS),
      'notifyUrl = "": must be set too, since notifySecret is\n    pulumi config set --secret notifyUrl',
    );
  });

  test("a receiver is read as it was written, and a text that holds none is nobody", () => {
    for (const receiver of [
      { kind: "json", url, secret: KEY },
      { kind: "slack", url },
    ] as const)
      assert.deepEqual(receiverIn(receiverText(receiver)), receiver);
    for (const text of [
      ...[undefined, "", "x", "[]", "{}", '{"kind":"json"}', '{"kind":"json","url":1}', '{"kind":"json","url":"a"}'],
      ...['{"kind":"json","url":"file:///a"}', '{"kind":"constructor","url":"http://a"}'],
    ])
      assert.equal(receiverIn(text), undefined);
    const spoilt = receiverIn(JSON.stringify({ kind: "otlp", url, secret: "a\r\nX-Evil: 1" }));
    assert.deepEqual(spoilt, { kind: "otlp", url });
    assert.equal(isReceiverUrl("http://a:b@c"), false);
  });
});
