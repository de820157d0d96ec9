import assert from "node:assert/strict";
import { request } from "node:https";
import { test } from "node:test";
import { makeCertificate } from "../stacks/proxy/certificates.sample";
import { backendImages } from "./backend";
import { fails, history, says } from "./failures";
import { Planted, watchArguments } from "./planted";
import { get, TestStack } from "./stack";

const { certificate, key } = makeCertificate({ names: ["127.0.0.1"], days: 90 });

/** What must be seen nowhere but where it is to be. */
const SECRETS = {
  TOKEN: "planted-c4n4ry-value",
  // What shells, JSON, URLs and terminals have characters of their own for, over two lines.
  ODD: `pl4nted $HOME "quoted" 'single' \\ <&> %41 ü\nsecond pl4nted line`,
  TOKEN_2: "second-planted-c4n4ry",
  registry: "planted-r3gistry-c4n4ry",
  tester: "planted.tester-c4n4ry",
  tester_2: "planted.tester-c4n4ry-2",
  notify: "planted-n0tify-c4n4ry",
  notifyKey: Buffer.from("pl4nted-s1gning-key-c4n4ry-of-32").toString("base64"),
  // What all keys of a kind begin with says nothing of any.
  tlsKey: key.split("\n").slice(1, -2).join("\n").slice(40),
};

/** What may be seen: that it is found shows that a secret would be. */
const PLAIN = { SHOP: "plainly-planted-value" };

/** The body and the headers of an answer. */
function getOverTls(url: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, {
      agent: false,
      headers,
      ca: certificate,
      servername: "localhost",
      checkServerIdentity: () => undefined,
    })
      .on("response", (response) => {
        let body = JSON.stringify(response.headers);
        response.setEncoding("utf8").on("data", (piece) => {
          body += piece;
        });
        response.on("end", () => resolve(body));
      })
      .on("error", reject)
      .end();
  });
}

test("secrets reach the app and the proxy, and show nowhere else", async (t) => {
  const images = await backendImages();
  const stack = await TestStack.make(
    t,
    { ...images, gateCommand: "env", drainSeconds: "10" },
    { REGISTRY_PASSWORD: "of-a-registry" },
  );
  const secrets = new Planted(SECRETS);
  const plain = new Planted(PLAIN);
  const keep = (where: string, what: string) => {
    secrets.keep(where, what);
    plain.keep(where, what);
    return what;
  };
  const pulumi = async (...args: string[]) =>
    keep(`the output of pulumi ${args.join(" ")}`, await stack.pulumi(...args));
  const plant = (path: string, value: string) => stack.pulumi("config", "set", "--path", "--secret", path, "--", value);
  const up = async (what: string) => keep(`the output of pulumi up, ${what}`, await stack.up());
  const name = (part: string) => `blue-green-${stack.name}-${part}`;

  await stack.pulumi("config", "set", "--path", "environment.SHOP", PLAIN.SHOP);
  await plant("secretEnvironment.TOKEN", SECRETS.TOKEN);
  await plant("secretEnvironment.ODD", SECRETS.ODD);
  await plant("testerToken", SECRETS.tester);
  await stack.set("registry", "127.0.0.1:5055/shop");
  await stack.set("registryUser", "deploy");
  await plant("registryPassword", SECRETS.registry);
  // Nobody listens there: each run says so, and shows nothing of it.
  await plant("notifyUrl", `http://127.0.0.1:9/${SECRETS.notify}?token=${SECRETS.notify}`);
  await plant("notifySecret", `whsec_${SECRETS.notifyKey}`);
  await plant("tlsKey", key);
  await stack.set("tlsCertificate", certificate);

  const watched = watchArguments();
  await pulumi("preview", "--diff");
  await up("the first");
  await stack.pulumi("config", "set", "--path", "environment.MORE", "other-value");
  const processes = await watched.stop();

  await t.test("a change of all of them", async () => {
    await plant("secretEnvironment.TOKEN", SECRETS.TOKEN_2);
    await plant("testerToken", SECRETS.tester_2);
    const diff = await pulumi("preview", "--diff");
    // The provider can't keep part of a list secret: with a secret in it, the preview says that the environment changes, not how.
    assert.match(diff, /\[secret\] => \[secret\]/);
    await pulumi("preview", "--json");
    const comment = ["commands/preview/main.ts", stack.name, "--comment"];
    const { code, output } = await stack.command("node", "--require", "./setup/bundle.cjs", ...comment);
    assert.equal(code, 0, output);
    says(output, "secretEnvironment.TOKEN", "testerToken");
    keep("the comment of a pull request", output);
    // The live color takes the change when it has become idle.
    assert.match(await up("a change"), /It takes environment\.MORE, secretEnvironment\.TOKEN on the first/);
  });

  await t.test("a smoke test whose answer has them", async () => {
    await stack.pulumi("config", "set", "--path", "smokeTests[0].name", "tells all");
    await stack.pulumi("config", "set", "--path", "smokeTests[0].path", "/environment");
    await stack.pulumi("config", "set", "--path", 'smokeTests[0].json["ODD"]', "x");
    await stack.set("activeColor", "green");
    const { output } = await fails(stack, "green was not switched to", "json ODD = ", "[secret]");
    keep("a smoke test's failure", output);
    await stack.pulumi("config", "rm", "smokeTests");
  });

  await t.test("a gate command that shows its environment", async () => {
    const output = await up("a switch");
    says(output, /TARGET_COLOR=green/, "green is live", "notifyUrl: it got no word of this cutover");
    // Nor what opens all of them.
    assert.doesNotMatch(
      output,
      /gate: (BLUE_GREEN_|PULUMI_CONFIG_PASSPHRASE|REGISTRY_PASSWORD)|of a test|of-a-registry/,
    );
  });

  await t.test("a container that ends at its start and shows them", async () => {
    await stack.pulumi("config", "set", "--path", "environment.EXIT_AT_START", "telling all");
    const { output } = await fails(stack, "The last lines of its log:", "'TOKEN': '[secret]'", '"TOKEN": "[secret]"');
    keep("the failure of a container", output);
    keep("status of the failure", (await stack.command("npm", "run", "status")).output);
    await stack.pulumi("config", "rm", "--path", "environment.EXIT_AT_START");
    await up("mended");
  });

  await t.test("a canary, and testers", async () => {
    await stack.set("canaryPercent", "5");
    await up("a canary");
    await stack.set("canaryPercent", "0");
    await up("its end");
    for (const headers of [
      { "X-Blue-Green-Preview": SECRETS.tester_2 },
      { Cookie: `a=b; X-Blue-Green-Preview=${SECRETS.tester_2}` },
    ] as Record<string, string>[]) {
      // As over TLS, and as somebody sends it who has forgotten that.
      keep("an answer to a tester", await getOverTls(`${stack.httpsUrl}/headers`, headers));
      keep("an answer to a tester without TLS", JSON.stringify(await get(`${stack.url}/headers`, headers)));
    }
  });

  await t.test("drift, mended, and status", async () => {
    await stack.docker("update", "--restart", "no", name("blue"));
    const spoil = "for file in /var/lib/blue-green/files/tester-*; do echo '# spoilt' >>$file; done";
    await stack.docker("exec", name("proxy"), "sh", "-c", spoil);
    for (const args of [["--json"], [], ["--fix"]]) {
      const { code, output } = await stack.command(
        "node",
        "--require",
        "./setup/bundle.cjs",
        "commands/drift/main.ts",
        stack.name,
        ...args,
      );
      says(output, "restart", "tester-");
      assert.equal(code, args.includes("--fix") ? 0 : 1, output);
      keep(`drift ${args}`, output);
    }
    for (const args of [["--json"], []]) {
      const { output } = await stack.command(
        "node",
        "--require",
        "./setup/bundle.cjs",
        "commands/status/main.ts",
        ...args,
      );
      keep(`status ${args}`, output);
    }
  });

  await t.test("they are where they are to be, and nowhere else", async () => {
    for (const color of ["blue", "green"] as const) {
      const { Env } = (await stack.container(color)).Config;
      assert.ok(Env.includes(`TOKEN=${SECRETS.TOKEN_2}`));
      assert.ok(Env.includes(`ODD=${SECRETS.ODD}`));
      // Its own description shows its environment to whoever may use the engine, and only that of the color's containers.
      plain.keep(`docker inspect ${color}`, JSON.stringify(Env));
      keep(`docker logs ${color}`, await stack.docker("logs", name(color)));
    }
    const files = await stack.docker("exec", name("proxy"), "sh", "-c", "cat /var/lib/blue-green/files/*");
    assert.ok(files.includes(key.trim()) && files.includes(SECRETS.tester_2.replaceAll(".", "\\.")));

    const receiver = await stack.docker("exec", name("proxy"), "cat", "/var/lib/blue-green/notify.json");
    assert.ok(receiver.includes(SECRETS.notify) && receiver.includes(SECRETS.notifyKey));

    keep("docker inspect proxy", await stack.docker("inspect", name("proxy")));
    for (const kind of ["network", "volume", "image"] as const) {
      for (const id of await stack.ids(kind)) keep(`docker ${kind} inspect`, await stack.docker(kind, "inspect", id));
    }
    for (const image of [images.blueImage ?? "", images.greenImage ?? ""])
      keep("docker image history", await stack.docker("image", "history", "--no-trunc", image));
    keep("docker logs proxy", await stack.docker("logs", name("proxy")));
    const others =
      "cd /var/lib/blue-green && find . -path ./tmp -prune -o -type f ! -name '*.key' ! -name 'tester-*' ! -name notify.json -exec cat {} +";
    const volume = keep("the proxy's volume", await stack.docker("exec", name("proxy"), "sh", "-c", others));
    says(volume, "server_tokens off", '"result":"switched"', '"result":"refused"', '"result":"canary"');
    keep("the history", JSON.stringify(await history(stack)));
    for (const args of [
      ["stack", "export"],
      ["stack", "history"],
      ["stack", "output", "--json"],
      ["config"],
      ["config", "--json"],
    ])
      await pulumi(...args);
    keep("arguments of processes during a run", processes);
    says(processes, "cutover/main.ts", "docker exec -i");
    for (const planted of [secrets, plain]) planted.keepFiles(stack.directory);

    assert.deepEqual(secrets.found(), []);
    console.log(`${secrets.size} outputs, files and descriptions were looked through`);
  });

  await t.test("what is planted in clear is found, in each place and form", async () => {
    for (const where of [
      "the output of pulumi config",
      "docker inspect blue",
      `${stack.directory}/Pulumi.${stack.name}.yaml`,
    ])
      assert.ok(plain.found((place) => place === where).length > 0, where);
    assert.ok(secrets.size > 60, `${secrets.size} places`);
    for (const [secret, value] of Object.entries(SECRETS)) {
      for (const [form, text] of Object.entries({
        text: value,
        JSON: JSON.stringify({ value }),
        "JSON in JSON": JSON.stringify(JSON.stringify({ value })),
        "part of a URL": `x?y=${encodeURIComponent(value)}`,
        hexadecimal: Buffer.from(value).toString("hex"),
        base64: Buffer.from(`user:${value}.`).toString("base64"),
      })) {
        const control = new Planted({ [secret]: value });
        control.keep("here", `before ${text} after`);
        assert.ok(control.found().includes(`${secret} as ${form} in here`), `${secret} as ${form}`);
      }
    }
  });
});

test("without a secret the preview shows how the environment changes", async (t) => {
  const stack = await TestStack.make(t);
  await stack.up();
  await stack.pulumi("config", "set", "--path", "environment.SHOP", "plain-value");
  assert.match(await stack.pulumi("preview", "--diff"), /SHOP=plain-value/);
});
