import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { SettingsError } from "../../../stacks/settings/errors";
import { completeSettings, withSecrets } from "../../../stacks/settings/serviceSettings";
import { parseSettings } from "../../../stacks/settings/settings";
import { HOSTILE_TEXTS } from "../text/hostile.sample";
import { raw, refused, secrets } from "./settings.raw";

const URL_RULE = "must be an http:// or https:// address of at most 2000 printable ASCII characters";

const given = (alertReceiver: unknown) => raw({ alertReceiver: JSON.stringify(alertReceiver) });

const parsed = (alertReceiver: unknown, secret = secrets("alertReceiver")) =>
  parseSettings(given(alertReceiver), secret).alertReceiver;

/** What is wrong, a line each, with the command that mends it on the next one. */
const problems = (alertReceiver: unknown, secret: ReadonlySet<string> = new Set()) =>
  refused(given(alertReceiver), secret).split("\n");

const webhook = (more: object) => ({ webhook_configs: [{ url: "https://hooks.example/planted", ...more }] });

describe("who gets alerts", () => {
  test("nobody by default, and whoever Alertmanager's own words name, as they stand there", () => {
    assert.equal(parseSettings(raw(), new Set()).alertReceiver, undefined);
    assert.equal(parsed({}), undefined);
    assert.equal(parsed({ webhook_configs: [] }), undefined);
    const receiver = {
      webhook_configs: [{ url: "http://10.0.0.7:9000/a?b=c", send_resolved: false, max_alerts: 3 }],
      slack_configs: [
        {
          api_url: "https://hooks.slack.com/services/T0/B0/xY",
          channel: "#night",
          title: "{{ .CommonLabels.alertname }}",
        },
      ],
      email_configs: [
        {
          ...{ to: "a@b.example, c@d.example", from: "ops@b.example", smarthost: "smtp.b.example:587" },
          ...{ auth_username: "ops", auth_password: "p w\n:#{}'\"", headers: { Subject: "ü 😀" }, require_tls: true },
        },
      ],
      pagerduty_configs: [{ service_key: "k" }],
      telegram_configs: [{ bot_token: "t", chat_id: -1001234567890 }],
    };
    // It may be a secret, and need not be one.
    for (const secret of [new Set<string>(), secrets("alertReceiver")])
      assert.deepEqual(parsed(receiver, secret), receiver);
    for (const smarthost of ["mail:25", "[2001:db8::1]:465", "10.0.0.1:2525"])
      assert.ok(parsed({ email_configs: [{ to: "a", from: "b", smarthost }] }), smarthost);
  });

  test("a kind that is none is refused with the one that was meant, and so is one that Alertmanager would not start with", () => {
    assert.deepEqual(problems({ webhook_config: [{ url: "https://a.example/planted" }] }), [
      "alertReceiver.webhook_config = [secret]: there is no such kind of receiver; webhook_configs was meant?",
      "    pulumi config rm --path alertReceiver.webhook_config",
    ]);
    assert.match(
      problems({ name: "planted" })[0] ?? "",
      /^alertReceiver\.name = .*the kinds are webhook_configs, slack/,
    );
    assert.deepEqual(problems({ webhook_configs: [{ send_resolved: true }] }), [
      "alertReceiver.webhook_configs[0] = [secret]: must have url",
      "    pulumi config set --secret --path 'alertReceiver.webhook_configs[0].url'",
    ]);
    const missing = (kind: string) => problems({ [kind]: [{ planted: 1 }] }).filter((line) => !line.startsWith("    "));
    const rules = (kind: string) => missing(kind).map((line) => line.replace(/^.*\]: /, ""));
    assert.deepEqual(rules("slack_configs"), ["must have api_url"]);
    assert.deepEqual(rules("email_configs"), ["must have to", "must have from", "must have smarthost"]);
    assert.deepEqual(rules("pagerduty_configs"), ["must have routing_key or service_key"]);
    assert.deepEqual(rules("telegram_configs"), ["must have bot_token", "must have chat_id"]);
  });

  test("what has another form is refused: no list, no object, too many, too large, too deep", () => {
    const rule = (alertReceiver: unknown) => (problems(alertReceiver)[0] ?? "").replace(/^.*\[secret\]: /, "");
    for (const value of ["planted", ["planted"], 7, null])
      assert.match(rule(value), /^must be an object: lists of receivers by their kind, such as webhook_configs$/);
    for (const value of ["planted", { url: "https://planted.example" }, null, Array(11).fill({ url: "http://a" })])
      assert.equal(rule({ webhook_configs: value }), "must be a list of at most 10 objects, one a receiver");
    for (const value of ["planted", ["planted"], null, 7])
      assert.equal(rule({ webhook_configs: [value] }), "must be an object with the keys that Alertmanager has for it");
    assert.equal(rule(webhook({ title: "planted".repeat(6000) })), "must be at most 32 KiB of JSON");
    const deep = JSON.parse(`${'{"a":'.repeat(9)}1${"}".repeat(9)}`);
    assert.equal(rule(webhook({ http_config: deep })), "is nested deeper than anything that Alertmanager reads");
    assert.equal(
      rule(webhook({ max_alerts: 2 ** 60 })),
      "is too large for a number and would be rounded; must be set as text",
    );
    assert.equal(rule(webhook({ http_config: null })), "must be a text, a number, true or false, a list or an object");
    assert.match(
      rule({ slack_configs: [{ api_url: "https://a.example", api_url_file: "/planted" }] }),
      /^names a file, and Alertmanager's container has none of yours: set the value itself, with --secret$/,
    );
    assert.match(rule(webhook({ http_config: { tls_config: { ca_file: "/planted" } } })), /^names a file/);
  });

  test("an address that none can be sent to is refused, and shown nowhere, whether it was set with --secret or not", () => {
    for (const url of [
      ...[
        "planted",
        "planted.example",
        "ftp://planted",
        "file:///planted",
        "//planted",
        "http:planted",
        "https://",
        7,
        true,
      ],
      ...[
        "https://planted.example/ x",
        "https://planted.example\n",
        "https://ä/planted",
        "https://a\\planted",
        ["planted"],
      ],
      ...["https://[::1/planted", "http://a.example:99999/planted", `https://a/${"planted".repeat(300)}`, {}],
      ...HOSTILE_TEXTS.filter((text) => text.length < 1000).map((text) => `https://a/planted${text}`),
    ])
      for (const secret of [new Set<string>(), secrets("alertReceiver")])
        assert.deepEqual(
          problems({ webhook_configs: [{ url }] }, secret).slice(0, 2),
          [
            `alertReceiver.webhook_configs[0].url = [secret]: ${URL_RULE}`,
            "    pulumi config set --secret --path 'alertReceiver.webhook_configs[0].url'",
          ],
          String(url),
        );
    for (const smarthost of ["planted", "planted:", "a b:25", ":25", "a:25:25", "a:x", 25])
      assert.match(
        problems({ email_configs: [{ to: "a", from: "b", smarthost }] })[0] ?? "",
        /smarthost = \[secret\]: must be a mail server and its port/,
      );
    for (const to of ["", " ", 7, ["planted"]])
      assert.match(
        problems({ email_configs: [{ to, from: "b", smarthost: "a:25" }] })[0] ?? "",
        /must be a mail address/,
      );
  });

  test("texts that could be something else in a file are refused, and names that are none", () => {
    for (const text of ["planted\0", "planted\u001b[2J", "planted\u0085x", "planted\ud800", "\r\nplanted"])
      assert.match(problems(webhook({ title: text }))[0] ?? "", /title = \[secret\]: must have no control characters/);
    for (const name of ["ä", "a\nplanted", "", "x".repeat(201), "\u202e"])
      assert.match(
        problems(webhook({ http_config: { [name]: 1 } }))[0] ?? "",
        /must have a name of at most 200 printable ASCII characters$/,
      );
    const own = JSON.parse('{"webhook_configs":[{"url":"https://a.example","__proto__":{"url":"planted"}}]}');
    assert.match(problems(own)[0] ?? "", /is not possible as a name/);
  });

  test("whatever it is, it is taken as it stands or refused with an error that has none of it", () => {
    const secret = "Qzxyq";
    const leaf = fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }).map((text) => secret + text),
      fc.constantFrom(`https://a.example/${secret}`, `${secret}:25`, 7, true, null, 1e300),
    );
    const key = fc.oneof(
      fc.constantFrom("url", "api_url", "to", "from", "smarthost", "http_config", "x"),
      fc.string({ maxLength: 5 }),
    );
    const receiver = fc.dictionary(
      key,
      fc.oneof(leaf, fc.array(leaf, { maxLength: 2 }), fc.dictionary(key, leaf, { maxKeys: 2 })),
    );
    const kinds = fc.constantFrom("webhook_configs", "slack_configs", "email_configs", "nope");
    fc.assert(
      fc.property(
        fc.dictionary(kinds, fc.oneof(leaf, fc.array(fc.oneof(receiver, leaf), { maxLength: 2 }))),
        (value) => {
          try {
            const found = parsed(value, new Set()) ?? {};
            for (const [kind, list] of Object.entries(found))
              assert.deepEqual(list, JSON.parse(JSON.stringify(value[kind])));
          } catch (error) {
            assert.ok(error instanceof SettingsError, String(error));
            assert.ok(!error.message.includes(secret), error.message);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("a program may give secrets of Pulumi's anywhere within, and one that is not known is refused by its place", async () => {
    const alertReceiver = {
      webhook_configs: [
        {
          url: pulumi.secret("https://a.example/planted"),
          http_config: { basic_auth: { password: pulumi.secret("x") } },
        },
      ],
    };
    const settings = completeSettings(
      await withSecrets({ alertReceiver }, "shop").then((all) => ({ ...all, activeColor: "blue" })),
      "shop",
    );
    assert.deepEqual(settings.alertReceiver, {
      webhook_configs: [{ url: "https://a.example/planted", http_config: { basic_auth: { password: "x" } } }],
    });
    const unknown = pulumi.output("x");
    Object.assign(unknown, { isKnown: Promise.resolve(false) });
    await assert.rejects(withSecrets({ alertReceiver: { webhook_configs: [{ url: unknown }] } }, "shop"), {
      message: /^shop: alertReceiver\.webhook_configs\[0\]\.url is not known before `pulumi up`/,
    });
    assert.throws(
      () => completeSettings({ activeColor: "blue", alertReceiver: { webhook_configs: [{ url: "planted" }] } }, "shop"),
      ({ message }: Error) => message.includes(URL_RULE) && !message.includes('"planted"'),
    );
  });
});
