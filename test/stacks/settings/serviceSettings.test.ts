import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { portClashes } from "../../../stacks/services";
import { SettingsError } from "../../../stacks/settings/errors";
import { completeSettings, withSecrets } from "../../../stacks/settings/serviceSettings";
import { SECRET_NAMES } from "../../../stacks/settings/shape";
import { sampleSettings } from "./settings.sample";

describe("a service's settings from a program", () => {
  test("what a program leaves out is the default of Pulumi.yaml", () => {
    assert.deepEqual(completeSettings({ activeColor: "blue" }, "shop"), sampleSettings);
    assert.deepEqual(completeSettings({ activeColor: "blue", httpPort: undefined }, "shop"), sampleSettings);
  });

  test("plain values are taken as they are", () => {
    const given = {
      ...{ activeColor: "green", greenVersion: "2.0.0", greenImage: "shop:2", bluePort: 6001, maxErrorPercent: 0.5 },
      ...{
        maintenance: true,
        environment: { A: "1" },
        trustedProxies: ["10.0.0.0/8"],
        secretEnvironment: { B: "hunter2" },
      },
      smokeTests: [{ name: "takes orders", path: "/orders" }],
    };
    const settings = completeSettings(given, "shop");
    assert.partialDeepStrictEqual(settings, {
      ...{ activeColor: "green", maxErrorPercent: 0.5, maintenance: true, environment: { A: "1" } },
      ...{ trustedProxies: ["10.0.0.0/8"], secretEnvironment: { B: "hunter2" } },
      slots: { blue: { version: "1.0.0", port: 6001 }, green: { version: "2.0.0", image: "shop:2", port: 5002 } },
    });
    assert.deepEqual(
      settings.smokeTests.map(({ name, path }) => [name, path]),
      [["takes orders", "/orders"]],
    );
  });

  test("what is wrong is said with the service's name, without a command that would not help and without a secret", () => {
    const given = { activeColor: "red", httpPort: "80;x", maxBody: 1, testerToken: "hunter2", environment: ["x"] };
    assert.throws(
      () => completeSettings(given, "shop"),
      (error: Error) => {
        assert.ok(error instanceof SettingsError);
        assert.equal(
          error.message,
          [
            "5 problems in the settings of shop; nothing was touched. Mend it where the program gives them, then: pulumi up",
            'activeColor = "red": must be blue or green',
            'httpPort = "80;x": must be a whole number from 1 to 65535, in plain digits',
            'environment = "[\\"x\\"]": must be an object: one variable a time, with --path',
            "testerToken = [secret]: must be 16 to 200 of A-Z a-z 0-9 . _ ~ -, or empty",
            'maxBody = "1": there is no such setting; maxBodyMb was meant?',
          ].join("\n"),
        );
        return true;
      },
    );
  });

  test("whatever a value is, nothing but a SettingsError comes of it", () => {
    for (const value of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -1,
      [],
      {},
      "\n",
      "$x{",
      "a;b",
      "x".repeat(100_000),
      () => 1,
    ]) {
      for (const name of ["httpPort", "healthPath", "nginxImage", "bindAddress"]) {
        assert.throws(
          () => completeSettings({ activeColor: "blue", [name]: value }, "shop"),
          SettingsError,
          `${name} ${value}`,
        );
      }
    }
  });

  test("the Docker provider's own configuration counts, and is judged as ever", () => {
    const provider = (raw: Record<string, string>) => ({ raw, secretKeys: new Set<string>() });
    const settings = completeSettings({ activeColor: "blue" }, "shop", provider({ "docker:host": "ssh://a@b" }));
    assert.equal(settings.dockerHost, "ssh://a@b");
    assert.throws(
      () => completeSettings({ activeColor: "blue" }, "shop", provider({ "docker:context": "x" })),
      /docker:context = \[not shown\]: is not supported.*\n {4}pulumi config rm docker:context/,
    );
  });

  test("secrets may be outputs; their values are taken, and one that is not known is refused", async () => {
    const given = {
      testerToken: pulumi.secret("hunter2.hunter2-hunter2"),
      secretEnvironment: { A: pulumi.secret("1"), B: "2" },
    };
    assert.deepEqual(await withSecrets(given, "shop"), {
      testerToken: "hunter2.hunter2-hunter2",
      tlsKey: undefined,
      registryPassword: undefined,
      notifyUrl: undefined,
      notifySecret: undefined,
      secretEnvironment: { A: "1", B: "2" },
    });
    const unknown = pulumi.output("x");
    Object.assign(unknown, { isKnown: Promise.resolve(false) });
    await assert.rejects(withSecrets({ secretEnvironment: { A: unknown } }, "shop"), {
      message:
        "shop: secretEnvironment.A is not known before `pulumi up`, but is needed for a preview. Nothing was touched. " +
        "Next: take it from the stack's configuration (config.requireSecret), then: pulumi up",
    });
  });

  test("an output anywhere else is refused by its place, also within an accessory but for its variables, and is shown nowhere", async () => {
    const secret = () => pulumi.secret("hunter2");
    const db = { image: "a", environment: { A: secret(), B: "2" } };
    const { accessories } = await withSecrets({ accessories: { db } }, "shop");
    assert.deepEqual(accessories, { db: { image: "a", environment: { A: "hunter2", B: "2" } } });
    const wrong: [object, string][] = [
      [{ accessories: { db: { ...db, command: secret() } } }, "accessories.db.command"],
      [{ accessories: { db: { ...db, command: ["a", secret()] } } }, "accessories.db.command.1"],
      [{ accessories: { db: { image: "a", environment: secret() } } }, "accessories.db.environment"],
      [{ accessories: { db: secret() } }, "accessories.db"],
      [{ accessories: secret() }, "accessories"],
      [{ secretEnvironment: secret() }, "secretEnvironment"],
      [{ workers: { mail: { command: "a", environment: { A: secret() } } } }, "workers.mail.environment.A"],
      [{ httpPort: pulumi.output(80) }, "httpPort"],
    ];
    for (const [given, place] of wrong)
      await assert.rejects(withSecrets(given, "shop"), {
        message:
          `shop: ${place} is an output of Pulumi's, and a plain value is needed: a secret would stand in clear in a label. What may be one are ` +
          "tlsKey, registryPassword, testerToken, notifyUrl, notifySecret, the variables in secretEnvironment, those in an accessory's environment, " +
          "all within alertReceiver. " +
          "Nothing was touched. Next: give a plain value in the program, then: pulumi up",
      });
  });

  test("every setting that must be secret can be given to a service, as text and as an output, and shows in no error", async () => {
    const values = {
      ...{ testerToken: "hunter2.hunter2-hunter2", registryPassword: "hunter2-of-a-registry" },
      tlsKey: "-----BEGIN PRIVATE KEY-----\nhunter2",
      ...{ notifyUrl: "https://hooks.example/hunter2", notifySecret: `whsec_${"hunter2+".repeat(4)}` },
    };
    assert.deepEqual(Object.keys(values).sort(), [...SECRET_NAMES].sort());
    const rest = { activeColor: "blue", registry: "r.example/shop", registryUser: "ci", tlsCertificate: "c.pem" };
    const outputs = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, pulumi.secret(value)]));
    for (const given of [values, outputs] as Partial<typeof values>[]) {
      assert.partialDeepStrictEqual(completeSettings(await withSecrets({ ...rest, ...given }, "shop"), "shop"), values);
    }
    for (const [name, value] of Object.entries(values)) {
      const wrong = await withSecrets({ ...rest, ...values, [name]: `${value}\0`.repeat(9000) }, "shop");
      assert.throws(
        () => completeSettings(wrong, "shop"),
        ({ message }: Error) => message.includes(`${name} = [secret]`) && !message.includes("hunter2"),
      );
    }
  });

  test("two services can't take one port of the host", () => {
    const shop = { name: "shop", settings: sampleSettings };
    const api = {
      name: "api",
      settings: completeSettings({ activeColor: "blue", httpPort: 5001, bluePort: 9, greenPort: 10 }, "api"),
    };
    const { slots: _, ...front } = { ...sampleSettings, httpPort: 8080 };
    assert.deepEqual(portClashes([shop, { ...api, settings: { ...api.settings, httpPort: 81 } }]), []);
    assert.deepEqual(portClashes([{ name: "gateway", settings: front }, shop, api]), [
      "httpPort of shop is 8080, which is httpPort of gateway already.",
      "httpPort of api is 5001, which is bluePort of shop already.",
    ]);
  });
});
