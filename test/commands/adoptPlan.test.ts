import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Project } from "../../commands/adopt/compose/project";
import type { Service } from "../../commands/adopt/compose/service";
import { serviceIn } from "../../commands/adopt/compose/service";
import { type Adoption, adoptionOf } from "../../commands/adopt/plan/adoption";
import { webServices } from "../../commands/adopt/plan/choice";
import { healthPathIn, secondsToStart } from "../../commands/adopt/plan/health";
import { isProxy, versionOf } from "../../commands/adopt/plan/images";
import { nameFor } from "../../commands/adopt/plan/names";
import { freePort } from "../../commands/adopt/plan/ports";
import { type Role, rolesOf } from "../../commands/adopt/plan/roles";
import { whySecret } from "../../commands/adopt/secrecy";
import { Refusal } from "../../commands/outcome";

const base = { folder: "/srv/shop", project: "/srv/shop" };

/** A project with these services. */
function projectOf(services: Readonly<Record<string, object>>, more: Partial<Project> = {}): Project {
  const read = Object.entries(services).map(([name, keys]) => {
    const service: Service = serviceIn(keys, base);
    return [name, { ...service, environment: (service.environment ?? {}) as Record<string, string> }];
  });
  return {
    ...{ name: "shop", folder: "/srv/shop", files: ["compose.yml"], services: Object.fromEntries(read), inactive: {} },
    ...{ volumes: {}, networks: { default: { name: "shop_default", external: false } }, secrets: {}, configs: {} },
    ...{ secretTexts: {}, unset: [], odd: [], ...more },
  };
}

const WEB = { image: "example/web:1", ports: ["80:3000"] };

function adopted(
  services: Readonly<Record<string, object>>,
  more: Partial<Project> = {},
  keep: string[] = [],
): Adoption {
  const project = projectOf(services, more);
  const roles = rolesOf(project, "web", keep);
  return adoptionOf({ project, web: "web", roles, stackPorts: {}, liveAddress: "live:8080" });
}

/** The rows of a service that somebody has to see to, by their keys. */
const lostIn = ({ sections }: Adoption, title: string): string[] =>
  sections
    .filter((section) => section.title.startsWith(`${title}:`))
    .flatMap(({ rows }) => rows.filter(({ fate }) => fate === "lost").map(({ key, text }) => `${key}: ${text}`));

const retype = (option: string, value: string) => `adopt ${option} ${value}`;

describe("which service is the app", () => {
  const found = (services: Readonly<Record<string, object>>) => webServices(projectOf(services), undefined, retype);

  test("the one that publishes a port a browser may talk to", () => {
    assert.deepEqual(found({ web: WEB, db: { image: "postgres", ports: ["5432:5432"] }, x: { image: "x" } }), ["web"]);
    assert.deepEqual(found({ web: WEB, mail: { image: "mail", ports: ["25:25", "993:993", "53:53/udp"] } }), ["web"]);
    assert.deepEqual(found({ web: WEB, other: { image: "other", ports: ["81:80"] } }), ["web", "other"]);
  });

  test("no proxy in front of others, unless there is nothing else", () => {
    const nginx = { image: "nginx:1.27", ports: ["80:80"] };
    assert.deepEqual(found({ nginx, web: { ...WEB, ports: ["8080:80"] } }), ["web"]);
    assert.deepEqual(found({ nginx }), ["nginx"]);
    assert.throws(
      () => found({ nginx, web: { image: "example/web:1" }, db: { image: "postgres:17" } }),
      (error: Refusal) => {
        assert.ok(error instanceof Refusal);
        assert.match(
          error.message,
          /^nginx is a proxy in front of the others, and this program brings one of its own: which/,
        );
        assert.deepEqual(error.next, [
          { purpose: "take web (example/web:1)", command: "adopt --service web" },
          { purpose: "take db (postgres:17)", command: "adopt --service db" },
        ]);
        return true;
      },
    );
    for (const image of ["nginx", "docker.io/library/traefik:v3", "lucaslorentz/caddy-docker-proxy:2@sha256:00"]) {
      assert.equal(isProxy({ image }), image !== "lucaslorentz/caddy-docker-proxy:2@sha256:00", image);
    }
    for (const image of ["example/nginx-exporter", "nginxinc/app", "a".repeat(1000)])
      assert.ok(!isProxy({ image }), image);
  });

  test("without a published port none", () => {
    assert.throws(() => found({ web: { image: "a" } }), {
      message: /^No service publishes a port: which one is the app\?/,
    });
  });
});

describe("what becomes of the other services", () => {
  const roleOf = (other: object, more: Readonly<Record<string, object>> = {}, web: object = WEB): Role | undefined =>
    rolesOf(projectOf({ web, other, ...more }), "web", []).other;
  const kindOf = (...args: Parameters<typeof roleOf>) => roleOf(...args)?.kind;
  const same = { image: WEB.image };

  test("the same image with a command of its own is a worker, or a job where it ends", () => {
    const waits = { third: { image: "x", depends_on: { other: { condition: "service_completed_successfully" } } } };
    assert.equal(kindOf({ ...same, command: "mail" }), "worker");
    assert.equal(kindOf({ ...same, entrypoint: "/cron.sh" }), "worker");
    assert.equal(kindOf({ ...same, command: "migrate", restart: "no" }), "job");
    assert.equal(kindOf({ ...same, command: "migrate", restart: false }), "job");
    assert.equal(kindOf({ ...same, command: "migrate", restart: "on-failure:3" }), "job");
    assert.equal(kindOf({ ...same, command: "migrate" }, waits), "job");
    assert.equal(kindOf({ ...same, command: "rails queue worker", restart: "on-failure" }), "worker");
  });

  test("the same build is the same program; the app's own command a second time is not taken", () => {
    const web = { build: "./app", ports: ["80:80"], command: "serve" };
    assert.equal(kindOf({ build: { context: "app" }, command: "mail" }, {}, web), "worker");
    assert.equal(kindOf({ build: { context: "app", target: "mail" }, command: "mail" }, {}, web), "kept");
    assert.equal(kindOf({ build: "./app", command: "serve" }, {}, web), "left");
    assert.equal(kindOf({ build: "./app" }, {}, web), "left");
    assert.equal(kindOf({ ...same, environment: { ROLE: "worker" } }), "left");
  });

  test("another image is an accessory; a proxy, and what runs once, is not taken", () => {
    assert.equal(kindOf({ image: "postgres:17", restart: "on-failure" }), "accessory");
    assert.equal(kindOf({ ...same, command: "api", ports: ["81:81"] }), "accessory");
    assert.equal(kindOf({ image: "traefik:3", ports: ["443:443"] }), "left");
    assert.equal(kindOf({ image: "nginx:1" }), "accessory");
    assert.equal(kindOf({ image: "minio/mc", restart: "no" }), "left");
    assert.equal(kindOf({ image: "postgres:17", scale: 0 }), "left");
    assert.equal(kindOf({ ...same, command: "mail", deploy: { replicas: 0 } }), "left");
  });

  test("what can't be an accessory stays with Compose", () => {
    assert.equal(kindOf({ build: "./search" }), "kept");
    assert.equal(kindOf({ image: "x", network_mode: "host" }), "kept");
    assert.equal(kindOf({ image: "x", network_mode: "service:vpn" }), "kept");
    assert.equal(kindOf({ image: "x", network_mode: "bridge" }), "accessory");
    const many = Object.fromEntries(Array.from({ length: 22 }, (_, at) => [`s${at}`, { image: "x" }]));
    const roles = Object.values(rolesOf(projectOf({ web: WEB, ...many }), "web", ["s0"]));
    assert.deepEqual([roles[21]?.kind, roles[22]?.kind], ["accessory", "kept"]);
  });

  test("names are those of the program", () => {
    const cases: Record<string, string> = {
      ...{ db: "db", "my-db": "my-db", my_db: "my-db", "My.DB": "my-db", "redis-7": "redis7", "7zip": "s7zip" },
      ...{
        "auth-proxy": "authproxy",
        proxy: "proxy1",
        "blue-db": "bluedb",
        gateway: "gateway1",
        _: "s",
        "a--b": "a-b",
      },
      [`x${"y".repeat(40)}`]: `x${"y".repeat(27)}`,
    };
    const rule = /^(?=.{1,30}$)(?!(?:.*-)?(?:blue|green|proxy|gateway)(?:-|$))[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$/;
    for (const [service, name] of Object.entries(cases)) {
      assert.equal(nameFor(service, new Set()), name);
      assert.match(name, rule);
    }
    assert.equal(nameFor("my_db", new Set(["my-db", "my-db2"])), "my-db3");
  });
});

describe("the app's settings", () => {
  test("the port: the published one, a proxy's, one of another word, or the default", () => {
    const ports = (web: object, more = {}) => {
      const { httpPort, appPort, bindAddress, bluePort, greenPort } = adopted({ web, ...more }).config;
      return [httpPort, appPort, bindAddress, bluePort, greenPort];
    };
    const image = "example/web:1";
    assert.deepEqual(ports({ image, ports: ["8080:3000"] }), [8080, 3000, "0.0.0.0", 8081, 8082]);
    assert.deepEqual(ports({ image, ports: ["127.0.0.1:80:80", "443:443"] }), [80, 80, "127.0.0.1", 81, 82]);
    assert.deepEqual(ports({ image, ports: ["443:443", "81:80", "82:9000"] }), [81, 80, "0.0.0.0", 83, 84]);
    assert.deepEqual(ports({ image, ports: ["3000"] }), [8080, 3000, "0.0.0.0", 8081, 8082]);
    assert.deepEqual(ports({ image, expose: ["4000/tcp"] }), [8080, 4000, "127.0.0.1", 8081, 8082]);
    assert.deepEqual(ports({ image, environment: { PORT: "4001" } }), [8080, 4001, "127.0.0.1", 8081, 8082]);
    assert.deepEqual(ports({ image }), [8080, 5000, "127.0.0.1", 8081, 8082]);
    const nginx = { image: "nginx:1", ports: ["10.0.0.1:90:80"] };
    assert.deepEqual(ports({ image, expose: ["4000"] }, { nginx }), [90, 4000, "10.0.0.1", 91, 92]);
    assert.deepEqual(ports({ image, ports: ["65535:1"] }), [65535, 1, "0.0.0.0", 20000, 20001]);
    assert.equal(freePort(65535, new Set([65535, 20000])), 20001);
  });

  test("the version: the tag, or the beginning of the digest", () => {
    const digest = `@sha256:${"0123456789abcdef".repeat(4)}`;
    for (const [image, version] of Object.entries({
      ...{ "a:1.10": "1.10", a: "latest", "host:5000/a": "latest", "host:5000/a:2": "2" },
      ...{
        [`a${digest}`]: "0123456789ab",
        [`host:5000/a${digest}`]: "0123456789ab",
        [`a:3${digest}`]: "3",
        "a:_x": "1.0.0",
      },
    }))
      assert.equal(versionOf(image), version, image);
  });

  test("the path of a check that asks the app's own port, and of no other one", () => {
    const paths: [unknown, string | undefined][] = [
      ["curl -f http://localhost:3000/health", "/health"],
      ["curl -fsS http://127.0.0.1:3000 || exit 1", "/"],
      ["curl --fail --silent -o /dev/null --max-time 5 localhost:3000/up", "/up"],
      [["CMD", "wget", "--spider", "-q", "--tries=1", "http://localhost:3000/a/b.txt"], "/a/b.txt"],
      [["CMD-SHELL", "wget -qO- http://0.0.0.0:3000/ping > /dev/null 2>&1 || false"], "/ping"],
      [["CMD", "/usr/bin/curl", "-f", "http://[::1]:3000/"], "/"],
      ["curl -f http://localhost:3001/health", undefined],
      ["curl -f http://localhost/health", undefined],
      ["curl -f https://localhost:3000/health", undefined],
      ["curl -f http://localhost:3000/health?full=1", undefined],
      ["curl -f http://localhost:3000/../etc", undefined],
      ["curl -f http://example.com:3000/health", undefined],
      ["curl -f -H 'Host: a' http://localhost:3000/health", undefined],
      ["curl -f http://localhost:3000/a http://localhost:3000/b", undefined],
      ["curl -s http://localhost:3000/health | grep ok", undefined],
      ["curl -f http://localhost:3000/$(id)", undefined],
      ["curl -f 'http://localhost:3000/", undefined],
      ["pg_isready", undefined],
      [["NONE"], undefined],
      [["CMD", 5], undefined],
      [5, undefined],
      [undefined, undefined],
    ];
    for (const [check, path] of paths) assert.equal(healthPathIn(check, 3000), path, JSON.stringify(check));
  });

  test("a check that takes long gives the color as much time", () => {
    assert.equal(secondsToStart({}), undefined);
    assert.equal(secondsToStart({ interval: "10s" }), 30);
    assert.equal(secondsToStart({ start_period: "1m30s", retries: 5, interval: "5s" }), 115);
    assert.equal(secondsToStart({ start_period: "later", interval: [], retries: "x" }), 90);
    const { config } = adopted({ web: { ...WEB, healthcheck: { test: "true", start_period: "2h" } } });
    assert.equal(config.healthTimeoutSeconds, 3600);
  });

  test("limits, the grace and the replicas, also below deploy; what the program would not take has a row", () => {
    const deploy = { replicas: 3, resources: { limits: { cpus: "0.5", memory: "512M", pids: 100 } } };
    const { config } = adopted({ web: { ...WEB, deploy, stop_grace_period: "1m30s" } });
    assert.deepEqual([config.replicas, config.memoryMb, config.stopGraceSeconds], [3, 512, 90]);
    assert.deepEqual(config.container, { cpus: "0.5", pids_limit: 100 });
    const odd = adopted({ web: { ...WEB, scale: 0, mem_limit: "1b", stop_grace_period: "2h", cap_add: ["no"] } });
    assert.deepEqual(lostIn(odd, "web").slice(1), [
      "scale: not taken: 0 containers; from 1 to 20 are possible",
      "mem_limit: not taken: must be an amount of whole MiB, such as 512m or 1g",
      "stop_grace_period: not taken: must be from 1s to 3600s",
      "cap_add: not taken: cap_add[0] must be a capability, such as NET_BIND_SERVICE",
      "mem_limit: there is none, and here there always is: memoryMb is 1024; set what it needs",
    ]);
  });
});

describe("secrets", () => {
  test("are known by their names and by their looks", () => {
    for (const [name, value] of [
      ...[
        ["DB_PASSWORD", "x"],
        ["DB_PASS", "abc"],
        ["SECRET_KEY_BASE", "x"],
        ["API_TOKEN", "x"],
        ["APP_KEY", "base64:x"],
      ],
      ...[
        ["KEY", "abc"],
        ["HASH_SALT", "abc"],
        ["URL", "postgres://a:b@db/x"],
        ["X", "-----BEGIN PRIVATE KEY-----"],
      ],
    ] as const)
      assert.notEqual(whySecret(name, value), undefined, name);
    for (const [name, value] of [
      ...[
        ["DB_HOST", "db"],
        ["DB_PASSWORD", ""],
        ["DB_PASSWORD_FILE", "/run/secrets/x"],
        ["MAX_TOKENS", "4096"],
      ],
      ...[
        ["DB_PASS", "false"],
        ["COMPASS", "north"],
        ["URL", "http://db:5432/x"],
        ["PUBLIC_KEY", "abc"],
      ],
    ] as const)
      assert.equal(whySecret(name, value), undefined, name);
  });

  test("in a command are variables that a shell puts in, each of them", () => {
    const line = "redis-server --requirepass p4ss --user=a:p4ss:t0ken 'a b' --dir $HOME";
    const secrets = [
      { name: "REDIS_PASSWORD", value: "p4ss" },
      { name: "REDIS_TOKEN", value: "t0ken" },
    ];
    const cache = { image: "redis:7", command: line };
    const { config, secrets: set } = adopted({ web: WEB, cache }, { secretTexts: { [line]: secrets } });
    const script = `exec redis-server --requirepass "$\${REDIS_PASSWORD}" "--user=a:$\${REDIS_PASSWORD}:$\${REDIS_TOKEN}" 'a b' --dir '$$HOME'`;
    assert.deepEqual(config.accessories, { cache: { image: "redis:7", command: ["sh", "-c", script] } });
    assert.deepEqual(set, [
      { setting: "accessories.cache.environment.REDIS_TOKEN", value: "t0ken" },
      { setting: "accessories.cache.environment.REDIS_PASSWORD", value: "p4ss" },
    ]);
  });

  test("in a command may stand in clear behind an option that says so", () => {
    const { config, secrets } = adopted({ web: { ...WEB, command: ["serve", "--api-token", "a$b", "--port=1"] } });
    assert.deepEqual(config.container, { command: ["sh", "-c", `exec serve --api-token "$\${API_TOKEN}" --port=1`] });
    assert.deepEqual(secrets, [{ setting: "secretEnvironment.API_TOKEN", value: "a$b" }]);
  });

  test("in a check and in other keys: a variable of the container's, or not taken", () => {
    const secretTexts = {
      "ping -p 'p4ss'": [{ name: "PW", value: "p4ss" }],
      'ping -p "p4ss"': [{ name: "PW", value: "p4ss" }],
      p4ss: [{ name: "PW", value: "p4ss" }],
    };
    const check = (test: unknown, more: object = {}) =>
      adopted({ web: WEB, db: { image: "db:1", healthcheck: { test }, ...more } }, { secretTexts });
    const { config } = check('ping -p "p4ss"');
    assert.deepEqual(config.accessories, {
      db: { image: "db:1", healthcheck: { test: ["CMD-SHELL", 'ping -p "$${PW}"'] } },
    });
    assert.deepEqual(check(["CMD", "ping", "p4ss"]).config.accessories, {
      db: { image: "db:1", healthcheck: { test: ["CMD-SHELL", 'ping "$${PW}"'] } },
    });
    assert.match(
      lostIn(check("ping -p 'p4ss'"), "db").join(),
      /it has a secret in it where a shell puts no variable in$/,
    );
    const clash = check('ping -p "p4ss"', { environment: { PW: "other" } });
    assert.match(lostIn(clash, "db").join(), /PW is another variable of the container's/);
    assert.match(
      lostIn(check("true", { labels: { a: "p4ss" } }), "db").join(),
      /it has a secret in it, which the stack's/,
    );
  });

  test("of a worker are the app's, unless that has another value", () => {
    const worker = {
      image: WEB.image,
      command: "mail",
      environment: { DB_PASSWORD: "same", MAIL_PASSWORD: "m", A_TOKEN: "2" },
    };
    const adoption = adopted({ web: { ...WEB, environment: { DB_PASSWORD: "same", A_TOKEN: "1" } }, worker });
    assert.deepEqual(
      adoption.secrets.map(({ setting, value }) => [setting.split(".")[1], value]),
      [
        ["DB_PASSWORD", "same"],
        ["A_TOKEN", "1"],
        ["MAIL_PASSWORD", "m"],
      ],
    );
    assert.deepEqual(adoption.config.workers, { worker: { command: "mail" } });
    assert.deepEqual(lostIn(adoption, "worker"), [
      "environment.A_TOKEN: not taken: it is secret, and the app has another value under that name",
    ]);
  });
});

describe("names of other services in values", () => {
  test("those that lead nowhere are told, those of accessories and of kept services are not", () => {
    const environment = {
      ...{
        DB_HOST: "db",
        API_URL: "http://web:3000/v1",
        MAIL: "mail:25",
        QUEUE_HOST: "worker",
        SEARCH: "//my_search/x",
      },
      ...{
        LOG: "/var/log/web.log",
        NAME: "web",
        KEPT_URL: "http://kept/",
        OTHER: "http://webber:1/",
        LIST: "a:1,web:2",
      },
    };
    const adoption = adopted(
      {
        web: { ...WEB, environment },
        db: { image: "db" },
        worker: { image: WEB.image, command: "x" },
        my_search: { image: "search" },
        kept: { image: "kept" },
        mail: { image: "nginx:1", ports: ["25:25"] },
      },
      {},
      ["kept"],
    );
    assert.deepEqual(
      lostIn(adoption, "web").filter((row) => row.startsWith("environment")),
      [
        "environment.API_URL: names web, itself: the live color is live:8080 on the stack's network",
        "environment.LIST: names web, itself: the live color is live:8080 on the stack's network",
        "environment.QUEUE_HOST: names worker: a worker or a job can't be reached by a name here",
        "environment.SEARCH: names my_search, which is called my-search here: change it",
        "environment.MAIL: names mail, which is not taken",
      ],
    );
    assert.deepEqual((adoption.config.container as Record<string, unknown>).networks, ["shop_default"]);
  });
});
