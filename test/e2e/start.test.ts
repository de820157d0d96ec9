import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { Checkout } from "../setup/folder";
import { freePorts, run } from "./stack";

test("npm start brings up a new stack without a terminal, and changes nothing that runs without a question", async (t) => {
  const checkout = new Checkout(t);
  const stack = `test-${checkout.directory.slice(-6).toLowerCase()}`;
  const [http, https, blue, green] = (await freePorts(4)) as [number, number, number, number];
  const images = new Map<string, string>();
  const file = (name: string, settings: Record<string, string | number>) =>
    writeFileSync(
      checkout.file(`Pulumi.${name}.yaml`),
      `config:\n${Object.entries({ ...settings, ...Object.fromEntries(images) })
        .map(([key, value]) => `  blue-green:${key}: "${value}"\n`)
        .join("")}`,
    );
  const version = (color: string) =>
    run("docker", [
      "inspect",
      `blue-green-${stack}-${color}`,
      "--format",
      '{{index .Config.Labels "blue-green.version"}}',
    ]);
  const selected = async () => (await checkout.shell("pulumi stack --show-name")).output.trim();

  // Which base images this machine has is what setup/bring finds out.
  assert.equal((await checkout.run("setup/bring")).code, 0);
  for (const line of checkout.read(".state", "images").trim().split("\n")) {
    images.set(line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1));
  }
  const settings = { activeColor: "blue", httpPort: http, httpsPort: https, bluePort: blue, greenPort: green };
  file(stack, settings);
  checkout.leave = async () => {
    const { code, output } = await checkout.shell(`pulumi destroy --yes --non-interactive --stack ${stack}`);
    assert.equal(code, 0, output);
  };

  const first = await checkout.run("setup/start", [stack]);
  assert.equal(first.code, 0, first.output);
  assert.equal(await selected(), stack);
  const env = checkout.read(".state", "env");
  const made = checkout.read(`Pulumi.${stack}.yaml`);

  await t.test(
    "from a shell that has sourced .envrc it finds nothing to do, and the next shell has pulumi too",
    async () => {
      const { code, output } = await checkout.shell(`setup/start ${stack}`);
      assert.equal(code, 0, output);
      assert.match(output, /runs, and nothing is to be changed/);
      assert.equal(checkout.read(".state", "env"), env);
    },
  );

  await t.test("another settings file is shown and refused", async () => {
    writeFileSync(
      checkout.file(`Pulumi.${stack}.yaml`),
      `${made.trimEnd()}\n`.replace("config:\n", 'config:\n  blue-green:greenVersion: "9.0.0"\n'),
    );
    const { code, output } = await checkout.run("setup/start", [stack]);
    assert.equal(code, 1);
    assert.match(output, /9\.0\.0[\s\S]*it runs, and this would change it \(above\)\. Nothing was touched/);
    assert.equal((await version("green")).output.trim(), "1.0.0");
  });

  await t.test("a state that does not know what runs is refused", async () => {
    const other = { PULUMI_BACKEND_URL: `file://${checkout.file("bench")}`, PULUMI_CONFIG_PASSPHRASE: "other" };
    const { code, output } = await checkout.run("setup/start", [stack], other);
    assert.equal(code, 1);
    assert.match(output, /it runs on this engine, but its state is not in file:\/\/.*\. Nothing was touched/);
  });

  await t.test("a stack that is refused leaves neither a selection nor a changed file behind", async () => {
    const staging = checkout.read("Pulumi.staging.yaml");
    const { code, output } = await checkout.run("setup/start", ["staging"]);
    assert.equal(code, 1);
    assert.match(output, /nginxImage/);
    assert.equal(await selected(), stack);
    assert.equal(checkout.read("Pulumi.staging.yaml"), staging);
    assert.doesNotMatch((await checkout.shell("pulumi stack ls")).output, /staging/);
  });
});
