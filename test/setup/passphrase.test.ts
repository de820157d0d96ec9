import assert from "node:assert/strict";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { hasEmptyPassphrase } from "../../stacks/settings/passphrase";
import { Checkout } from "./folder";

const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);

describe("npm run passphrase", () => {
  test("a checkout's first stack gets a random passphrase that nobody else can read, and an older checkout none", async (t) => {
    const checkout = new Checkout(t);
    assert.equal((await checkout.run("setup/passphrase", ["--first"])).code, 0);
    assert.equal(mode(checkout.file(".state")), "700");
    assert.equal(mode(checkout.file(".state", "passphrase")), "600");
    const first = checkout.read(".state", "passphrase");
    assert.match(first, /^[A-Za-z0-9+/]{43}\n$/);
    await checkout.run("setup/passphrase", ["--first"]);
    assert.equal(checkout.read(".state", "passphrase"), first, "one that is there stays");

    for (const change of [
      () => mkdirSync(checkout.file(".state/pulumi/.pulumi/stacks/blue-green"), { recursive: true }),
      () => writeFileSync(checkout.file("Pulumi.dev.yaml"), "encryptionsalt: v1:a\n"),
    ]) {
      rmSync(checkout.file(".state", "passphrase"), { force: true });
      change();
      writeFileSync(checkout.file(".state/pulumi/.pulumi/stacks/blue-green/dev.json"), "{}");
      await checkout.run("setup/passphrase", ["--first"]);
      const { output } = await checkout.shell('echo "[$PULUMI_CONFIG_PASSPHRASE] $PULUMI_CONFIG_PASSPHRASE_FILE"');
      assert.equal(output.trim(), "[]", "it opens as it did");
      rmSync(checkout.file(".state/pulumi"), { recursive: true });
      mkdirSync(checkout.file(".state/pulumi/.pulumi/stacks/blue-green"), { recursive: true });
    }
  });

  test("a stack that has an empty passphrase opens as before, and with a new one alone after npm run passphrase", async (t) => {
    const checkout = new Checkout(t);
    const token = "a-token-that-nobody-may-see";
    // As before there was a passphrase: made in a shell that has sourced .envrc.
    const made = await checkout.shell(
      `pulumi stack init dev && pulumi config set --secret testerToken ${token} && pulumi stack init empty`,
    );
    assert.equal(made.code, 0, made.output);
    const get = "pulumi config get testerToken --stack dev";
    assert.equal((await checkout.shell(get)).output.trim(), token);

    const changed = await checkout.run("setup/passphrase");
    assert.equal(changed.code, 0, changed.output);
    assert.equal(mode(checkout.file(".state", "passphrase")), "600");
    assert.doesNotMatch(changed.output, new RegExp(checkout.read(".state", "passphrase").trim().replace(/[+/]/g, ".")));
    assert.equal((await checkout.shell(get)).output.trim(), token);
    // Also in a shell that has the empty one from before.
    assert.equal((await checkout.shell(get, { PULUMI_CONFIG_PASSPHRASE: "" })).output.trim(), token);
    const empty = await checkout.shell(`unset PULUMI_CONFIG_PASSPHRASE_FILE; PULUMI_CONFIG_PASSPHRASE= ${get}`);
    assert.match(empty.output, /incorrect passphrase/);
    const state = await checkout.shell("pulumi stack export --show-secrets --stack empty");
    assert.equal(state.code, 0, state.output);
    assert.match((await checkout.run("setup/passphrase")).output, /is there already/);
  });

  test("nothing is changed where one of the stacks has another passphrase", async (t) => {
    const checkout = new Checkout(t);
    const made = await checkout.shell(
      "pulumi stack init dev && pulumi config set --secret testerToken abc && PULUMI_CONFIG_PASSPHRASE=own pulumi stack init own && " +
        "PULUMI_CONFIG_PASSPHRASE=own pulumi config set --secret testerToken abc --stack own",
    );
    assert.equal(made.code, 0, made.output);
    const before = checkout.read("Pulumi.dev.yaml");
    const { code, output } = await checkout.run("setup/passphrase");
    assert.equal(code, 1);
    assert.match(output, /stack own can't be opened with an empty passphrase\. Nothing was changed/);
    assert.equal(checkout.read("Pulumi.dev.yaml"), before);
  });

  test("an empty passphrase is seen where Pulumi would use it, and nowhere else", (t) => {
    const checkout = new Checkout(t);
    const file = checkout.file("Pulumi.dev.yaml");
    const [full, blank] = [checkout.file("full"), checkout.file("blank")];
    writeFileSync(full, "secret\n");
    writeFileSync(blank, " \n");
    const salt = "encryptionsalt: v1:abc\nconfig: {}\n";
    const seen = (text: string, env: NodeJS.ProcessEnv) => {
      writeFileSync(file, text);
      return hasEmptyPassphrase(env, file);
    };
    assert.equal(seen(salt, { PULUMI_CONFIG_PASSPHRASE: "" }), true);
    assert.equal(
      seen(salt, { PULUMI_CONFIG_PASSPHRASE: "", PULUMI_CONFIG_PASSPHRASE_FILE: full }),
      true,
      "the variable wins",
    );
    assert.equal(seen(salt, { PULUMI_CONFIG_PASSPHRASE_FILE: blank }), true);
    assert.equal(seen(`secretsprovider: passphrase\n${salt}`, { PULUMI_CONFIG_PASSPHRASE: "" }), true);
    assert.equal(seen(salt, { PULUMI_CONFIG_PASSPHRASE: " " }), false);
    assert.equal(seen(salt, { PULUMI_CONFIG_PASSPHRASE_FILE: full }), false);
    assert.equal(seen(salt, { PULUMI_CONFIG_PASSPHRASE_FILE: checkout.file("gone") }), false);
    assert.equal(seen(salt, {}), false, "it was typed");
    assert.equal(seen(`secretsprovider: awskms://alias/a\n${salt}`, { PULUMI_CONFIG_PASSPHRASE: "" }), false);
    assert.equal(seen("config: {}\n", { PULUMI_CONFIG_PASSPHRASE: "" }), false, "Pulumi Cloud keeps them");
    assert.equal(hasEmptyPassphrase({ PULUMI_CONFIG_PASSPHRASE: "" }, checkout.file("none.yaml")), false);
  });
});
