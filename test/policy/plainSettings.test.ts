import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { plainSettings } from "../../policy/plainSettings";
import { raw } from "../stacks/settings/settings.raw";

const KEY = "qT7vX2mB9kL4wZ8rN1cF";

const found = (values: Record<string, unknown>, others = {}) => plainSettings(raw(values), others);

const PLAIN = "and the stack's file has it in plain text.";

const RENEW = "Next, with a new value, since the old one was readable:";

describe("the policy: no secret among plain settings", () => {
  test("the defaults pass, and so do variables and tests that hold no secret", () => {
    assert.deepEqual(found({}), []);
    assert.deepEqual(
      found({
        environment: JSON.stringify({
          LOG_LEVEL: "info",
          DB_PASSWORD_FILE: "/run/secrets/db",
          WORKERS: 4,
          DEBUG: true,
        }),
        smokeTests: JSON.stringify([
          { name: "takes orders", path: "/orders?from={color}", json: { "database.ok": true } },
        ]),
        gateCommand: "npx playwright test --reporter=line",
        testerToken: KEY,
        secretEnvironment: JSON.stringify({ API_TOKEN: KEY }),
        tlsKey: "-----BEGIN PRIVATE KEY-----",
      }),
      [],
      "what must be secret is judged by the program itself",
    );
  });

  test("a variable is refused with the commands that make a secret of it, and its value is not shown", () => {
    assert.deepEqual(
      found({ environment: JSON.stringify({ API_TOKEN: "hunter2", OTHER: KEY, A: "redis://:hunter2@cache" }) }),
      [
        `environment.API_TOKEN is secret by its name, ${PLAIN} ${RENEW} ` +
          "pulumi config rm --path environment.API_TOKEN && pulumi config set --secret --path secretEnvironment.API_TOKEN",
        `environment.OTHER is as random as a key, ${PLAIN} ${RENEW} ` +
          "pulumi config rm --path environment.OTHER && pulumi config set --secret --path secretEnvironment.OTHER",
        `environment.A has a password in a URL, ${PLAIN} ${RENEW} ` +
          "pulumi config rm --path environment.A && pulumi config set --secret --path secretEnvironment.A",
      ],
    );
  });

  test("a test's header and a gate command are refused with where their secret comes from instead", () => {
    const instead =
      "; what needs a secret belongs in gateCommand, which takes it from the environment of whoever runs pulumi";
    assert.deepEqual(
      found({
        smokeTests: JSON.stringify([{ name: "a" }, { name: "b", headers: { Authorization: "Bearer x" } }]),
        gateCommand: `curl -H 'X: ${KEY}' "$TARGET_URL"`,
      }).sort(),
      [
        `gateCommand is as random as a key, ${PLAIN} Next: pulumi config rm gateCommand${instead}`,
        `smokeTests[1].headers.Authorization is secret by its name, ${PLAIN} ` +
          `Next: pulumi config rm --path 'smokeTests[1].headers.Authorization'${instead}`,
      ],
    );
  });

  test("a provider's setting is judged by what the stack's file has of it, where a secret can be told", () => {
    const others = (password: unknown) => ({
      "docker:registryAuth": [{ address: "registry.example", username: "ci", password }],
      "blue-green:gateCommand": KEY,
    });
    assert.deepEqual(found({}, others({ secure: "AAABAKey" })), []);
    assert.deepEqual(found({}, others("hunter2")), [
      `docker:registryAuth[0].password is secret by its name, ${PLAIN} ${RENEW} ` +
        "pulumi config set --secret --path 'docker:registryAuth[0].password'",
    ]);
  });

  test("an accessory's variable is judged by what the stack's file has of it, where one set with --secret can be told", () => {
    const environment = { POSTGRES_USER: "shop", POSTGRES_PASSWORD: "hunter2" };
    const given = { accessories: JSON.stringify({ db: { image: "postgres:17", environment } }) };
    const inFile = (POSTGRES_PASSWORD: unknown) => ({
      "blue-green:accessories": { db: { image: "postgres:17", environment: { ...environment, POSTGRES_PASSWORD } } },
    });
    assert.deepEqual(found(given, inFile({ secure: "v1:abc" })), []);
    assert.deepEqual(found(given), [], "without a file nothing can be told");
    assert.deepEqual(found(given, inFile("hunter2")), [
      `accessories.db.environment.POSTGRES_PASSWORD is secret by its name, ${PLAIN} ${RENEW} ` +
        "pulumi config set --secret --path accessories.db.environment.POSTGRES_PASSWORD",
    ]);
  });

  test("who gets alerts may have a password that was set with --secret, and none in plain text", () => {
    const given = {
      alertReceiver: JSON.stringify({ email_configs: [{ to: "a@b.example", auth_password: "hunter2" }] }),
    };
    const inFile = (auth_password: unknown) => ({
      "blue-green:alertReceiver": { email_configs: [{ to: "a@b.example", auth_password }] },
    });
    assert.deepEqual(found(given, inFile({ secure: "v1:abc" })), []);
    assert.deepEqual(found(given, inFile("hunter2")), [
      `alertReceiver.email_configs[0].auth_password is secret by its name, ${PLAIN} ${RENEW} ` +
        "pulumi config set --secret --path 'alertReceiver.email_configs[0].auth_password'",
    ]);
  });

  test("hostile names and values are told in words fit for a terminal and a shell", () => {
    const [message = ""] = found({ environment: JSON.stringify({ "TOKEN\n$(reboot)\u001b[31m": "x", "": KEY }) });
    assert.match(message, /^[ -~]+$/);
    assert.match(message, /edit the stack's Pulumi\.<stack>\.yaml/);
    const quotedName = found({ environment: JSON.stringify({ "a; rm -rf $HOME token": "x" }) })[0] ?? "";
    assert.ok(quotedName.includes(`pulumi config rm --path 'environment["a; rm -rf $HOME token"]'`), quotedName);
    // As secrets are written elsewhere; here it is a variable like any other.
    assert.equal(found({ environment: JSON.stringify({ secure: KEY }) }).length, 1);
    const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;
    for (const environment of [deep, "{", "[]", "null", '"text"', '{"__proto__": 1}', "\0"])
      assert.deepEqual(found({ environment }), []);
  });

  test("no message ever has a value in it", () => {
    const value = fc.stringMatching(/^[A-Za-z0-9]{24}$/);
    fc.assert(
      fc.property(value, fc.string(), (secret, name) => {
        for (const message of found({
          environment: JSON.stringify({ [name]: secret, A_TOKEN: secret }),
          gateCommand: secret,
        }))
          assert.ok(name.includes(secret) || !message.includes(secret), message);
      }),
    );
  });
});
