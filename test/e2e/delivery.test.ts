import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { says } from "./failures";
import { PASSWORD, TestRegistry, USER } from "./registry";
import { type Ended, freePorts, get, must, run, TestStack } from "./stack";

const NO_DIGEST = `sha256:${"1".repeat(64)}`;

test("a release goes from app/ through a private registry and one stack to another, always by the same digest", async (t) => {
  const cache = mkdtempSync(join(tmpdir(), "blue-green-cache-"));
  const [localPort = 0, nobody = 0] = await freePorts(2);
  const env = { XDG_CACHE_HOME: cache, LOCAL_REGISTRY_PORT: String(localPort) };
  const staging = await TestStack.make(t, {}, env);
  const prod = await TestStack.make(t, {}, env);
  const version = `1.4.0-${staging.name}`;
  const removeImages = async () => {
    const mine = ["--filter", `label=org.opencontainers.image.version=${version}`];
    const ids = (await must("docker", ["image", "ls", "--quiet", ...mine])).split("\n").filter(Boolean);
    if (ids.length > 0) await run("docker", ["image", "rm", "--force", ...new Set(ids)]);
  };
  t.after(removeImages);
  t.after(() => rmSync(cache, { recursive: true, force: true }));

  const outputs: string[] = [];
  const npm = async (code: number, stack: TestStack, script: string, ...args: string[]): Promise<string> => {
    const [variables, rest] = [
      args.filter((arg) => /^[A-Z_]+=/.test(arg)),
      args.filter((arg) => !/^[A-Z_]+=/.test(arg)),
    ];
    const ended: Ended = await stack.command("env", ...variables, "npm", "run", "--silent", script, "--", ...rest);
    outputs.push(ended.output);
    assert.equal(ended.code, code, ended.output);
    return ended.output;
  };
  const release = (code: number, ...args: string[]) => npm(code, staging, "release", "--version", version, ...args);
  const fileOf = (stack: TestStack, where = stack) => join(where.directory, `Pulumi.${stack.name}.yaml`);
  const promote = (code: number, ...args: string[]) =>
    npm(code, prod, "promote", "--from", staging.name, "--to", prod.name, ...args);
  const git = (...args: string[]) =>
    must("git", ["-c", "user.name=a test", "-c", "user.email=test@example.com", ...args], { cwd: staging.directory });
  const referenceIn = (output: string) => /^127\.0\.0\.1:\S+@sha256:[0-9a-f]{64}$/m.exec(output)?.[0] ?? "";
  const page = join(staging.directory, "app", "templates", "index.html");

  await t.test("without a git checkout, and with what no commit holds: refused, nothing is built", async () => {
    says(await release(1), "Refused: Which commit this is can't be told: not a git repository", "--dirty");
    await git("init", "--quiet");
    await git("add", "app");
    await git("commit", "--quiet", "--message", "first");
    appendFileSync(page, "<!-- not in any commit -->\n");
    says(await release(1), /The commit [0-9a-f]{12} does not hold what would be released: app\/templates\/index\.html/);
    await git("checkout", "--quiet", "app");
  });

  await t.test("where no registry is set, one on the loopback is brought", async () => {
    const output = await release(0);
    const pid = readFileSync(join(cache, "blue-green", "registry", `${localPort}.pid`), "utf8");
    process.kill(Number(pid));
    says(output, `127.0.0.1:${localPort} answers`);
    assert.match(referenceIn(output), new RegExp(`^127\\.0\\.0\\.1:${localPort}/blue-green@sha256:`));
  });

  const registry = await TestRegistry.start(t, cache);
  const repository = `${registry.host}/team/shop`;
  let reference = "";

  await t.test(
    "a registry that can't be reached, wants a user, or does not take the password: said before anything is built",
    async () => {
      await staging.set("registry", `127.0.0.1:${nobody}/team/shop`);
      says(await release(3), `Can't tell: The registry 127.0.0.1:${nobody} can't be reached: `, "connection refused");
      await staging.set("registry", repository);
      says(await release(3), `${registry.host} wants a user and a password: `, "no basic auth credentials");
      await staging.set("registryUser", USER);
      says(
        await release(3),
        `registryUser is ${USER}, and neither registryPassword nor the variable REGISTRY_PASSWORD is set`,
      );
      await staging.set("registryPassword", PASSWORD, "--secret");
      const wrong = await release(3, "REGISTRY_PASSWORD=wrong-c4n4ry");
      says(wrong, `does not accept registryUser ${USER} with the password in REGISTRY_PASSWORD: unauthorized`);
      assert.doesNotMatch(wrong, /wrong-c4n4ry|Building/);
    },
  );

  await t.test(
    "the image is built, labelled and pushed, and its digest is all that is on standard output",
    async () => {
      const output = await release(0);
      says(output, /^Built in [0-9.]+ s; pushing it$/m, "pulumi config set greenImage");
      reference = referenceIn(output);
      assert.match(reference, new RegExp(`^${repository}@sha256:`));
      const labels = JSON.parse(
        await must("docker", ["image", "inspect", "--format", "{{json .Config.Labels}}", reference]),
      );
      const { "org.opencontainers.image.created": created, "blue-green.source": source, ...rest } = labels;
      assert.match(source, /^[0-9a-f]{12}$/);
      assert.ok(Math.abs(Date.now() - Date.parse(created)) < 120_000, created);
      assert.equal(rest["org.opencontainers.image.version"], version);
      assert.equal(rest["org.opencontainers.image.revision"], (await git("rev-parse", "HEAD")).trim());
      assert.deepEqual(
        Object.keys(rest).filter((name) => name.startsWith("blue-green.") && name !== "blue-green.role"),
        [],
      );
    },
  );

  await t.test("the same version again is the same digest and no build, with other sources it is refused", async () => {
    const json = JSON.parse((await release(0, "--json")).replace(/^(?![{}" ]).*$/gm, ""));
    assert.deepEqual([json.image, json.built], [reference, false]);
    appendFileSync(page, "<!-- changed -->\n");
    says(
      await release(1, "--dirty"),
      `${version} was released from sources`,
      "a version once released stays what it is",
    );
    await git("checkout", "--quiet", "app");
  });

  await t.test("what is not live and stable in staging is not promoted", async () => {
    // Both stacks' files are in one folder, as in a checkout.
    for (const stack of [staging, prod]) {
      await stack.set("registry", repository);
      await stack.set("registryUser", USER);
      await stack.set("registryPassword", PASSWORD, "--secret");
    }
    copyFileSync(fileOf(staging), fileOf(staging, prod));
    says(await promote(3), `Can't tell: ${staging.name}: Nothing of the stack ${staging.name} runs on this engine`);
    await staging.up();
    says(
      await promote(1),
      "blue (1.0.0) is live in",
      "was built from app/ there: only an image by its digest can be promoted",
    );
  });

  await t.test(
    "the digest that is live and stable goes onto the other stack's idle color, and only two lines of its file change",
    async () => {
      await staging.set("greenImage", reference);
      await staging.set("greenVersion", version);
      await staging.switchTo("green");
      assert.equal((await get(staging.url)).headers["x-color"], "green");
      says(await promote(3, "REGISTRY_PASSWORD=wrong-c4n4ry"), "with the password in REGISTRY_PASSWORD: 401");
      writeFileSync(
        fileOf(prod),
        readFileSync(fileOf(prod), "utf8").replace("config:\n", "# of the public\nconfig:\n"),
      );
      const before = readFileSync(fileOf(prod), "utf8");
      const output = await promote(0);
      says(output, `${prod.name} serves nobody yet, so green is taken for idle, since activeColor is blue`);
      says(output, `+  blue-green:greenImage: ${reference}\n`, `Next: pulumi preview --diff --stack ${prod.name}\n`);
      const added = [`  blue-green:greenImage: ${reference}`, `  blue-green:greenVersion: ${version}`];
      const lines = readFileSync(fileOf(prod), "utf8").split("\n");
      assert.equal(lines.filter((line) => !added.includes(line)).join("\n"), before);
      says(await promote(0), `is on green in Pulumi.${prod.name}.yaml already. Nothing was changed.`);
    },
  );

  await t.test(
    "the other stack pulls it with its own user and password; with a wrong one, and where it is gone, the run says so",
    async () => {
      await staging.pulumi("destroy", "--yes", "--skip-preview");
      await removeImages();
      for (const [variable, image, words] of [
        [
          "REGISTRY_PASSWORD=wrong-c4n4ry",
          reference,
          `does not accept registryUser ${USER} with the password in REGISTRY_PASSWORD`,
        ],
        [
          "NONE=",
          `${repository}@${NO_DIGEST}`,
          `${repository}@${NO_DIGEST} is not in its registry: it was never pushed there`,
        ],
      ] as const) {
        await prod.set("greenImage", image);
        const args = ["--non-interactive", "up", "--yes", "--skip-preview"];
        const { code, output } = await prod.command("env", variable, "pulumi", ...args);
        outputs.push(output);
        assert.notEqual(code, 0);
        says(output, words);
      }
      await prod.set("greenImage", reference);
      outputs.push(await prod.switchTo("green"));
      assert.ok((await get(prod.url)).body.includes(version));
      outputs.push(await prod.pulumi("preview", "--diff", "--expect-no-changes"), await prod.pulumi("stack", "export"));
      says(await promote(3), "Nothing of the stack");
    },
  );

  await t.test("without the registry's settings nothing changes: no image, no container", async () => {
    for (const setting of ["registryPassword", "registryUser", "registry"]) await prod.pulumi("config", "rm", setting);
    await prod.pulumi("preview", "--expect-no-changes");
  });

  await t.test(
    "a digest that was deleted from the registry is not promoted, although the engine still has it",
    async () => {
      copyFileSync(fileOf(prod), fileOf(prod, staging));
      const back = (code: number) => npm(code, staging, "promote", "--from", prod.name, "--to", staging.name);
      await registry.remove("team/shop", reference.split("@")[1] ?? "");
      const before = readFileSync(fileOf(staging), "utf8");
      says(await back(1), `Refused: ${reference} is not in its registry`);
      assert.equal(readFileSync(fileOf(staging), "utf8"), before);
    },
  );

  for (const output of outputs) {
    assert.ok(!output.includes(PASSWORD) && !output.includes(JSON.stringify(PASSWORD).slice(1, -1)), output);
    assert.ok(!output.includes(Buffer.from(`${USER}:${PASSWORD}`).toString("base64")));
  }
});
