import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { assertNoFailures, keepAliveGets, LIGHT } from "../load";
import { appImage } from "./apps";
import { fails, says } from "./failures";
import { must, TestStack } from "./stack";

/** A stack with one application in both colors and what its documentation asks for; `container` is a compose file's block. */
async function appStack(
  t: TestContext,
  app: string,
  settings: Record<string, string>,
  container: object = {},
): Promise<TestStack> {
  const image = await appImage(app);
  const versions = { blueVersion: "1.0.0", greenVersion: "2.0.0", blueImage: image, greenImage: image };
  const stack = await TestStack.make(t, { ...versions, healthPath: "/", ...settings });
  if (Object.keys(container).length > 0) await stack.setObject("container", container);
  return stack;
}

const status = (stack: TestStack) => stack.command("npm", "run", "--silent", "status");

async function put(url: string, body: string): Promise<string> {
  const response = await fetch(url, { method: "PUT", body });
  assert.equal(response.status, 200, await response.clone().text());
  return response.text();
}

const read = async (url: string): Promise<string> => (await fetch(url)).text();

/** Switches to green and back under load, without a failed request; saves something on each color, and finds all of it afterwards. */
async function keepsWhatIsSaved(stack: TestStack, path: (name: string) => string): Promise<void> {
  await put(`${stack.url}${path("on-blue")}`, "saved on blue");
  const load = keepAliveGets({ ...LIGHT, url: `${stack.url}${path("on-blue")}`, connections: 8, maxSeconds: 120 });
  says(await stack.switchTo("green"), "gate ok: healthy");
  assert.equal(await read(`${stack.url}${path("on-blue")}`), "saved on blue");
  await put(`${stack.url}${path("on-green")}`, "saved on green");
  says(await stack.switchTo("blue"), "going back at once");
  assert.equal(await read(`${stack.url}${path("on-green")}`), "saved on green");
  assertNoFailures(await load.stop());
  const { code, output } = await status(stack);
  assert.equal(code, 0, output);
}

test("Apache with PHP, whose entrypoint starts as root and gives the uploads to www-data", async (t) => {
  const stack = await appStack(t, "php", { appPort: "80" }, { environment: { GREETING: "hello" } });

  await t.test("is refused before anything is made while nothing keeps its uploads", async () => {
    const { output } = await fails(
      stack,
      "keeps its data in /var/www/html/uploads (VOLUME), and nothing is mounted there",
      "pulumi config set --path 'container.volumes[0]' var-www-html-uploads:/var/www/html/uploads",
    );
    assert.deepEqual(await stack.ids("container"), [], output);
  });

  await t.test("keeps them over a switch and the way back, without a failed request", async () => {
    await stack.set("container.volumes[0]", "uploads:/var/www/html/uploads", "--path");
    says(await stack.up(), "blue is live");
    assert.equal(await read(stack.url), "hello\n");
    assert.equal(await put(`${stack.url}/?name=who`, "x"), "www-data\n");
    await keepsWhatIsSaved(stack, (name) => `/?name=${name}`);
  });

  await t.test("has nothing to do in a second run, and no drift", async () => {
    const output = await stack.up();
    assert.match(output, /Resources:\s+\d+ unchanged/);
    const drift = await stack.command("npm", "run", "--silent", "drift");
    assert.equal(drift.code, 0, drift.output);
  });

  await t.test("says with the strict set which key opens what it needs", async () => {
    await stack.set("hardened", "true");
    await stack.set("greenVersion", "2.1.0");
    await stack.set("healthTimeoutSeconds", "10");
    await fails(
      stack,
      /pulumi config set (--path 'container\.(tmpfs|cap_add)\[0\]'|--path container\.read_only false)/,
      "hardened false",
    );
    await stack.pulumi("config", "rm", "hardened");
    says(await stack.switchTo("green"), "gate ok: healthy");
    assert.equal(await read(`${stack.url}/?name=on-green`), "saved on green");
  });

  await t.test("keeps them when the stack is destroyed, and has them in the next one of its name", async () => {
    const destroyed = await stack.pulumi("destroy", "--yes", "--skip-preview");
    assert.deepEqual(await stack.ids("container"), [], destroyed);
    assert.match(
      await stack.docker("volume", "ls", "--quiet"),
      new RegExp(`^blue-green-${stack.name}-data-uploads$`, "m"),
    );
    await stack.up();
    assert.equal(await read(`${stack.url}/?name=on-green`), "saved on green");
    await stack.set("deleteVolumes", "true");
    await stack.up();
    await stack.pulumi("destroy", "--yes", "--skip-preview");
    assert.deepEqual(await stack.ids("volume"), []);
  });
});

test("a Node application that runs as a user of its own and keeps files in a VOLUME", async (t) => {
  const stack = await appStack(
    t,
    "node",
    { appPort: "3000" },
    {
      command: "node server.js 'a b'",
      volumes: ["files:/data"],
      init: true,
      cpus: 0.5,
      pids_limit: 100,
      read_only: true,
    },
  );
  says(await stack.up(), "blue is live");
  assert.equal(await read(stack.url), "a b\n");
  await keepsWhatIsSaved(stack, (name) => `/${name}`);
  const { HostConfig } = JSON.parse(await stack.docker("inspect", (await stack.container("blue")).Id))[0];
  assert.deepEqual(
    [HostConfig.PidsLimit, HostConfig.NanoCpus, HostConfig.ReadonlyRootfs, HostConfig.Init],
    [100, 5e8, true, true],
  );
  const drift = await stack.command("npm", "run", "--silent", "drift");
  assert.equal(drift.code, 0, drift.output);
});

test("nginx with its own entrypoint on port 80 needs nothing said of it", async (t) => {
  const stack = await appStack(t, "nginx", { appPort: "80" });
  says(await stack.up(), "blue is live");
  const load = keepAliveGets({ ...LIGHT, url: stack.url, connections: 8, maxSeconds: 120 });
  await stack.switchTo("green");
  await stack.switchTo("blue");
  assertNoFailures(await load.stop());
  const { HostConfig } = JSON.parse(await stack.docker("inspect", (await stack.container("blue")).Id))[0];
  assert.deepEqual([HostConfig.SecurityOpt, HostConfig.PidsLimit], [["no-new-privileges"], 4096]);
});

test("a Django project that allows one host, with its media in a volume and a folder of the host's", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "blue-green-test-folder-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const stack = await appStack(
    t,
    "django",
    { appPort: "8000", healthHost: "shop.example" },
    {
      environment: ["ALLOWED_HOSTS=shop.example,127.0.0.1"],
      volumes: [
        "media:/srv/media",
        { type: "bind", source: folder, target: "/srv/import", read_only: true },
        { type: "volume", source: "cache", target: "/srv/cache", "x-per-color": true },
      ],
    },
  );
  await stack.set("secretEnvironment.SECRET_KEY", "of a test", "--secret", "--path");
  says(await stack.up(), "blue is live");
  await keepsWhatIsSaved(stack, (name) => `/media/${name}`);
  for (const color of ["blue", "green"] as const) {
    const [{ Mounts }] = JSON.parse(await stack.docker("inspect", (await stack.container(color)).Id));
    const mounted = (Mounts as { Name?: string; Source: string; RW: boolean; Destination: string }[]).map(
      ({ Name, Source, RW, Destination }) => `${Name ?? Source} ${Destination} ${RW}`,
    );
    const name = `blue-green-${stack.name}`;
    assert.deepEqual(
      mounted.sort(),
      [
        `${folder} /srv/import false`,
        `${name}-${color}-data-cache /srv/cache true`,
        `${name}-data-media /srv/media true`,
      ].sort(),
    );
  }
  const drift = await stack.command("npm", "run", "--silent", "drift");
  assert.equal(drift.code, 0, drift.output);
});

test("Miniflux with PostgreSQL on a network of the user's", {
  skip: spawnSync("go", ["version"]).error ? "no Go here to build Miniflux with" : false,
}, async (t) => {
  const database = `blue-green-test-db-${process.pid}`;
  const stack = await appStack(
    t,
    "miniflux",
    { appPort: "8080", healthPath: "/healthcheck" },
    { environment: { RUN_MIGRATIONS: 1, CREATE_ADMIN: "1", ADMIN_USERNAME: "admin" }, networks: ["nowhere_default"] },
  );
  // After the stack, whose containers are on the network.
  t.after(async () => {
    await must("docker", ["rm", "--force", "--volumes", database]);
    await must("docker", ["network", "rm", database]);
  });
  await must("docker", ["network", "create", database]);
  const login = { POSTGRES_USER: "miniflux", POSTGRES_PASSWORD: "secret", POSTGRES_DB: "miniflux" };
  const variables = Object.entries(login).flatMap((pair) => ["--env", pair.join("=")]);
  await must("docker", [
    ...["run", "--detach", "--name", database, "--network", database, "--network-alias", "db"],
    ...[...variables, await appImage("postgres")],
  ]);
  await stack.set(
    "secretEnvironment.DATABASE_URL",
    "postgres://miniflux:secret@db/miniflux?sslmode=disable",
    "--secret",
    "--path",
  );
  await stack.set("secretEnvironment.ADMIN_PASSWORD", "test123", "--secret", "--path");
  await fails(stack, "container.networks names nowhere_default, and the engine has no network of that name");
  await stack.set("container.networks[0]", database, "--path");
  says(await stack.up(), "blue is live");

  const api = (path: string, init: RequestInit = {}) =>
    fetch(`${stack.url}/v1/${path}`, {
      ...init,
      headers: { authorization: `Basic ${Buffer.from("admin:test123").toString("base64")}` },
    });
  const made = await api("categories", { method: "POST", body: JSON.stringify({ title: "made on blue" }) });
  assert.equal(made.status, 201, await made.clone().text());
  const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/healthcheck`, connections: 8, maxSeconds: 120 });
  await stack.switchTo("green");
  assert.match(await (await api("categories")).text(), /made on blue/);
  await stack.switchTo("blue");
  assertNoFailures(await load.stop());
});

test("an application whose files two colors must not have at the same time", async (t) => {
  const stack = await appStack(
    t,
    "node",
    { appPort: "3000", sharedWhileSwitching: "false", healthTimeoutSeconds: "5" },
    { volumes: ["files:/data"], stop_grace_period: "5s" },
  );
  const running = async () => {
    const names = await stack.docker(
      "ps",
      "--format",
      "{{.Names}}",
      "--filter",
      `label=blue-green.stack=${stack.name}`,
    );
    return names.replaceAll(`blue-green-${stack.name}-`, "").split("\n").filter(Boolean).sort();
  };
  says(await stack.up(), "blue is live");
  assert.deepEqual(await running(), ["blue", "proxy"]);

  await t.test("is stopped before the other color starts, and the run says for how long", async () => {
    await put(`${stack.url}/kept`, "saved on blue");
    await stack.set("activeColor", "green");
    says(await stack.pulumi("preview"), "blue is stopped before green starts, since sharedWhileSwitching is false");
    says(await stack.up(), /the public got no answer for [0-9.]+ s/, "green is live");
    assert.deepEqual(await running(), ["green", "proxy"]);
    assert.equal(await read(`${stack.url}/kept`), "saved on blue");
    says(await stack.switchTo("blue"), "blue is live");
    assert.deepEqual(await running(), ["blue", "proxy"]);
    assert.match(await stack.up(), /Resources:\s+\d+ unchanged/);
    for (const command of ["status", "drift"]) {
      const { code, output } = await stack.command("npm", "run", "--silent", command);
      assert.equal(code, 0, output);
    }
  });

  await t.test("comes back where the other one is not well", async () => {
    await stack.set("container.command", "node -e 0", "--path");
    await stack.set("greenVersion", "3.0.0");
    await stack.up();
    await stack.set("activeColor", "green");
    const { output } = await fails(stack, "green was not switched to", "the public is on blue");
    assert.match(output, /blue is started again: the public got no answer for [0-9.]+ s/);
    assert.deepEqual(await running(), ["blue", "proxy"]);
    assert.equal(await read(`${stack.url}/kept`), "saved on blue");
  });
});
