/** `npm run adopt` on projects that Compose has up: each command that it prints is typed as it stands there. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ProjectOptions, readProject } from "../../commands/adopt/compose/project";
import { Adoption, composeEnv, Orders, type Step, standIn } from "./adopt";
import { appImage } from "./apps";
import { says, until } from "./failures";
import { get, must, portsInARow } from "./stack";

/** A busy machine takes longer than what `adopt` says; more than so many times that would be another thing than it says. */
const TIMES_SLOWER = 3;
const MAX_SECONDS = 300;

/** Types all steps up to the handing over, that among them; returns what the one that reads what will be made has printed. */
async function handOver(adoption: Adoption, steps: readonly Step[], before?: () => Promise<void>): Promise<string> {
  let read = "";
  const end = steps.findIndex(({ says: words }) => words.includes("Stay: "));
  for (const { says: words, typed, isOther } of steps.slice(0, end)) {
    if (isOther) continue;
    if (words.includes("Hand over")) await before?.();
    const output = await adoption.type(typed);
    if (words.includes("Read what will be made")) read = output;
  }
  return read;
}

const typedFor = (steps: readonly Step[], words: string): string =>
  steps.find((step) => step.says.includes(words))?.typed ?? assert.fail(`no step says ${words}`);

/** The seconds that the public is out, as the step says it, are about those that were measured. */
function assertCost(name: string, steps: readonly Step[], { longestGap, retries, confirmed }: Orders): void {
  const said = Number(/Hand over.* about ([0-9]+) s/.exec(steps.map((step) => step.says).join("\n"))?.[1]);
  const counts = `${confirmed.length} orders, ${retries} tries failed`;
  console.log(`${name}: out for ${longestGap.toFixed(1)} s, and about ${said} s were said; ${counts}`);
  assert.ok(longestGap < said * TIMES_SLOWER, `${longestGap} s, and ${said} s were said`);
}

const COMPOSE = (port: number, app: string, postgres: string, redis: string) => `
x-app: &app
  image: ${app}
  restart: unless-stopped
  environment:
    DATABASE_URL: postgres://shop:\${DB_PASSWORD}@db/shop
    BROKER_URL: redis://:\${REDIS_PASSWORD}@redis:6379/0
    SECRET_KEY: \${SECRET_KEY:?}
    COLOR: compose
  depends_on:
    redis: { condition: service_started }
    migrate: { condition: service_completed_successfully }
services:
  web:
    <<: *app
    ports: ["127.0.0.1:${port}:8000"]
  worker:
    <<: *app
    command: celery -A shop worker --pool threads --concurrency 1 --loglevel warning
    stop_grace_period: 30s
  migrate:
    <<: *app
    command: python3 shop.py migrate
    restart: "no"
    depends_on: { db: { condition: service_healthy } }
  db:
    image: ${postgres}
    environment: { POSTGRES_USER: shop, POSTGRES_DB: shop, POSTGRES_PASSWORD: "\${DB_PASSWORD}" }
    volumes: [db:/var/lib/postgresql/data]
    healthcheck: { test: pg_isready -h 127.0.0.1 -U shop, interval: 1s, retries: 60 }
  redis:
    image: ${redis}
    command: redis-server --requirepass \${REDIS_PASSWORD} --appendonly yes
    volumes: [queue:/data]
volumes: { db: , queue: }
`;

test("a shop with a worker and PostgreSQL moves from Compose, and no order and no job is lost", async (t) => {
  const [port = 0] = await portsInARow(3);
  const images = [await appImage("celery"), await appImage("postgres"), await appImage("redis")] as const;
  const adoption = await Adoption.make(t, "shop", {
    "docker-compose.yml": COMPOSE(port, ...images),
    ".env": "DB_PASSWORD=p4ss$$word\nREDIS_PASSWORD=0f1e2d3c\nSECRET_KEY='of a $test'\n",
  });
  await adoption.compose("up --detach --wait");
  const url = `http://127.0.0.1:${port}`;
  const orders = new Orders(url, MAX_SECONDS);
  t.after(() => orders.stop());
  await orders.more(20);

  const { output, steps } = await adoption.adopt();
  for (const secret of ["p4ss", "0f1e2d3c", "of a $test"]) assert.ok(!output.includes(secret), output);
  const read = await handOver(adoption, steps, async () => {
    const early = adoption.type(`pulumi up --yes --skip-preview --stack ${adoption.name}`);
    await assert.rejects(
      early,
      /shop-[a-z0-9]+-db-1 has open: two at a time spoil its files\. Nothing was touched\. Next: /,
    );
    assert.equal(await must("docker", ["ps", "-aq", "--filter", `name=blue-green-${adoption.name}-`]), "");
  });
  says(read, `Before the run: docker stop ${adoption.name}-db-1`);
  await orders.more(20);
  assert.equal((await get(url)).headers["x-color"], "blue");
  const confirmed = await orders.stop();
  assertCost("Everything moved", steps, orders);

  const sql = (query: string) =>
    must("docker", [
      ...["exec", `blue-green-${adoption.name}-accessory-db`],
      ...["psql", "-h", "/run/postgresql", "-U", "shop", "-Atc", query],
    ]);
  const ids = (text: string) => new Set(text.split("\n").filter(Boolean).map(Number));
  const written = ids(await sql("select id from orders"));
  assert.deepEqual(
    confirmed.filter((id) => !written.has(id)),
    [],
    "each order is in the database",
  );
  await until("each job is done", async () => {
    const done = ids(await sql("select id from done"));
    return confirmed.every((id) => done.has(id));
  });
  assert.equal(await sql("select distinct color from done order by color"), "blue\ncompose\n");

  await t.test("and goes back, with all of it", async () => {
    await adoption.type(typedFor(steps, "Go back"));
    await until("Compose serves", async () => (await get(url)).body === "well\n");
    assert.equal((await get(url)).headers["x-color"], undefined);
    const there = await adoption.compose("exec -T db psql -h /run/postgresql -U shop -Atc 'select id from orders'");
    const kept = ids(there);
    assert.deepEqual(
      confirmed.filter((id) => !kept.has(id)),
      [],
    );
  });
});

/** Scalars and forms on which readers of YAML differ. */
const ODD = `%YAML 1.1
---
name: Odd Shop
x-e: &e { A: 0644, B: yes, C: 1_000, D: 3.10, E: 12345678901234567890, F: 0x1F, G: 0o17, H: 0b11, I: 1e3, J: 08, K: ~ }
x-f: &f { A: other, L: 'it''s', M: "tab\\t\\u00e9", N: TRUE, O: 1:30, P: +5, Q: .5, R: -017, S: off }
services:
  web:
    image: \${NOPE:-a}:1
    environment: { <<: [*e, *f], T: '$$x $$\${y}', U: '$1 $(id) $', V: "\${NOPE:-\${NOPE:-}}}", W: "\${HOME:+set}", HOME: }
    ports: ["80:80", "80:80", "127.0.0.1::81", "9000-9001:9000-9001/udp", "[::1]:82:82", { target: 83, published: "8083" }]
    volumes: ["data:/d:ro", "./x:/x:Z", /anon, { type: bind, source: y, target: /y }, { type: tmpfs, target: /t }]
    labels: [a=b, c]
    networks: { back: { aliases: [shop] } }
    init: on
  base: { image: b:1, environment: [A=1, B], command: base, ports: ["70:70"], volumes: ["./x:/x", "other:/o"] }
  over: { extends: base, environment: { A: 2 }, ports: ["71:71"], volumes: ["./y:/x"] }
volumes: { data: , other: { name: "x_\${NOPE:-y}" } }
networks: { back: { external: true, name: pub } }
`;

/** What Compose itself makes of files, in the words of {@link ours}. */
function theirs(typed: string): Record<string, unknown> {
  const { name, services, volumes = {} } = JSON.parse(typed.replaceAll("$$", "$"));
  const rows = Object.entries<Record<string, never>>(services).map(([service, keys]) => {
    const { image = null, environment = {}, ports = [], volumes: mounts = [], networks = {} } = keys;
    const set = Object.entries(environment).filter(([, value]) => value !== null);
    return [
      service,
      {
        ...{ image, environment: Object.fromEntries(set), networks: Object.keys(networks).sort() },
        ports: (ports as Record<string, string>[]).map(({ host_ip: ip = "", published = "", target, protocol }) =>
          [ip, published, target, protocol].join(" "),
        ),
        volumes: (mounts as Record<string, string>[]).map(({ type, source = "", target, read_only: isReadOnly }) =>
          [type, source, target, isReadOnly === undefined ? "" : "ro"].join(" "),
        ),
      },
    ];
  });
  const named = Object.entries<{ name: string }>(volumes).map(([short, volume]) => [short, volume.name]);
  return { name, services: Object.fromEntries(rows), volumes: Object.fromEntries(named) };
}

/** What `adopt` makes of the same files. */
function ours(options: ProjectOptions): Record<string, unknown> {
  const { name, services, volumes } = readProject(options);
  const rows = Object.entries(services).map(([service, keys]) => {
    const { image = null, environment, ports = [], volumes: mounts = [], network_mode: mode } = keys;
    const networks = keys.networks ?? (mode === undefined ? { default: null } : {});
    return [
      service,
      {
        ...{ image, environment, networks: Object.keys(networks).sort() },
        ports: ports.map(({ hostIp = "", published = "", target, protocol }) =>
          [hostIp, published, target, protocol].join(" "),
        ),
        volumes: mounts.map(({ type, source = "", target, readOnly }) =>
          [type, source, target, readOnly === undefined ? "" : "ro"].join(" "),
        ),
      },
    ];
  });
  const named = Object.entries(volumes).map(([short, volume]) => [short, volume.name]);
  return { name, services: Object.fromEntries(rows), volumes: Object.fromEntries(named) };
}

test("adopt reads each sample, and a file of oddities, as Compose itself does", async (t) => {
  const samples = join(__dirname, "..", "commands", "adopt");
  const oddities = mkdtempSync(join(tmpdir(), "blue-green-odd-"));
  t.after(() => rmSync(oddities, { recursive: true }));
  writeFileSync(join(oddities, "docker-compose.yml"), ODD);
  const env = { ...process.env, ...(await composeEnv()) };
  for (const directory of [oddities, ...readdirSync(samples).map((name) => join(samples, name))]) {
    // What it includes is not there, and `include` is refused.
    if (directory.endsWith("included")) continue;
    const files = ["docker-compose.yml", "docker-compose.override.yml"].filter((file) =>
      existsSync(join(directory, file)),
    );
    const profiles = directory.endsWith("django") ? ["tools"] : [];
    const typed = [
      "compose",
      ...files.flatMap((file) => ["-f", file]),
      ...profiles.flatMap((name) => ["--profile", name]),
    ];
    const read = execFileSync("docker", [...typed, "config", "--format", "json"], {
      cwd: directory,
      env,
      stdio: "pipe",
    });
    assert.deepEqual(ours({ files, directory, profiles, env }), theirs(String(read)), directory);
  }
});

/** In front of the names of images, so that none on this machine gets another meaning. */
const HOST = "blue-green-test.invalid";

/** A sample of `test/commands/adopt` in which images are found behind {@link HOST}, with another port. */
function sample(name: string, images: readonly string[], ports: [string, string]): Record<string, string> {
  const folder = join(__dirname, "..", "commands", "adopt", name);
  const text = readFileSync(join(folder, "docker-compose.yml"), "utf8").replace(...ports);
  return {
    "docker-compose.yml": images.reduce((before, image) => before.replaceAll(image, `${HOST}/${image}`), text),
    ".env": readFileSync(join(folder, ".env"), "utf8"),
  };
}

/** What the images of the sample n8n are here. */
const N8N = { "docker.n8n.io/n8nio/n8n:1.94.1": "n8n", "postgres:16": "postgres", "redis:6-alpine": "redis" };

test("n8n with a queue comes up beside Compose, which keeps the data, and takes over the port", async (t: TestContext) => {
  const [port = 0] = await portsInARow(3);
  for (const [image, app] of Object.entries(N8N)) await standIn(t, `${HOST}/${image}`, await appImage(app));
  const adoption = await Adoption.make(t, "n8n", sample("n8n", Object.keys(N8N), ["5678:5678", `${port}:5678`]));
  await adoption.compose("up --detach --wait");
  const url = `http://127.0.0.1:${port}`;
  const orders = new Orders(url, MAX_SECONDS);
  t.after(() => orders.stop());
  await orders.more(20);

  // First as the only one that would have the data, and then with what that says.
  const whole = await adoption.adopt();
  const kept = await adoption.type(typedFor(whole.steps, "leave postgres and redis with Compose"));
  says(kept, "accessories goes", "postgres: stays with Compose");
  const { steps } = await adoption.adopt(" --keep postgres,redis");
  await handOver(adoption, steps);
  await orders.more(20);
  assert.equal((await get(url)).headers["x-color"], "blue");
  const confirmed = (await orders.stop()).map(String);
  assertCost("The port alone", steps, orders);

  const file = await must("docker", ["exec", `blue-green-${adoption.name}-blue`, "cat", "/home/node/.n8n/orders"]);
  const written = new Set(file.split("\n"));
  assert.deepEqual(
    confirmed.filter((id) => !written.has(id)),
    [],
    "each order is in the volume",
  );
  await until("each job is done", async () => {
    const done = new Set((await adoption.compose("exec -T redis redis-cli lrange done 0 -1")).split(/\r?\n/));
    return confirmed.every((id) => done.has(id));
  });

  await t.test("and Compose is left with what stays there", async () => {
    await adoption.type(typedFor(steps, "Stay: "));
    const left = await adoption.compose("ps --all --format '{{.Service}} {{.State}}'");
    assert.deepEqual(left.split("\n").filter(Boolean).sort(), ["postgres running", "redis running"]);
    assert.equal((await get(url)).body, "n8n\n");
  });
});
