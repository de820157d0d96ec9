// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are Compose's variables.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { type Project, type ProjectOptions, readProject } from "../../commands/adopt/compose/project";
import { Refusal } from "../../commands/outcome";

const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Writes files into a folder of their own, which is called `shop`. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const outer = mkdtempSync(join(tmpdir(), "blue-green-adopt-"));
  folders.push(outer);
  const folder = join(outer, "shop");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Reads `compose.yml` among these files. */
function read(files: Readonly<Record<string, string>>, options: Partial<ProjectOptions> = {}): Project {
  const directory = folderOf(files);
  return readProject({ files: ["compose.yml"], directory, profiles: [], env: {}, ...options });
}

/** Reads a file in which the service `a` has these lines. */
const service = (
  lines: string,
  options: Partial<ProjectOptions> = {},
  files: Record<string, string> = {},
): Partial<Project["services"][string]> =>
  read({ ...files, "compose.yml": `services:\n  a:\n${withImage(lines).replace(/^/gm, "    ")}\n` }, options).services
    .a ?? {};

const withImage = (lines: string): string => (/^image:/m.test(lines) ? lines : `image: a\n${lines}`);

function refused(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    assert.match(error.message, /Nothing was written$/);
    return error.message.replace(/\. Nothing was written$/, "");
  }
  return assert.fail("accepted");
}

describe("variables in a compose file", () => {
  const filled = (text: string, env: NodeJS.ProcessEnv = {}) =>
    service(`image: ${JSON.stringify(text)}`, { env: { SET: "set", EMPTY: "", NUMBER: "7", ...env } }).image;

  test("every form of the Compose specification is filled in, a default with a variable within it too", () => {
    const cases: Record<string, string> = {
      $SET: "set",
      "${SET}": "set",
      "x-$SET-y${NUMBER}": "x-set-y7",
      "$SET/${SET}": "set/set",
      "${UNSET}": "",
      "${SET:-other}": "set",
      "${EMPTY:-other}": "other",
      "${EMPTY-other}": "",
      "${UNSET-other}": "other",
      "${UNSET:-}": "",
      "${SET:?why}": "set",
      "${EMPTY?why}": "",
      "${SET:+other}": "other",
      "${EMPTY:+other}": "",
      "${EMPTY+other}": "other",
      "${UNSET+other}": "",
      "${UNSET:-${SET}-${ALSO_UNSET:-end}}": "set-end",
      '${UNSET:-{"a": {}}}': '{"a": {}}',
      $$: "$",
      "$${SET}": "${SET}",
      $$$SET: "$set",
      a$$b: "a$b",
    };
    for (const [text, expected] of Object.entries(cases)) assert.equal(filled(text), expected, text);
  });

  test("a required variable that is not set, or empty, is refused with its message", () => {
    const rest = ". It is looked for in the shell and in .env beside the file";
    const place = "compose.yml: services.a.image needs the variable";
    assert.equal(
      refused(() => filled("${UNSET:?say which}")),
      `${place} UNSET, which is not set: say which${rest}`,
    );
    assert.equal(
      refused(() => filled("${EMPTY:?say ${SET}}")),
      `${place} EMPTY, which is not set: say \${SET}${rest}`,
    );
    assert.equal(
      refused(() => filled("${UNSET?}")),
      `${place} UNSET, which is not set${rest}`,
    );
  });

  test("a brace that begins no variable is refused", () => {
    for (const text of ["${}", "${1}", "${SET", "${SET:-${SET}", "${SET!}", "${SET:=x}", "${#SET}", "${ SET}"]) {
      assert.match(
        refused(() => filled(text)),
        /^compose\.yml: services\.a\.image has ".*", which is no variable as Compose/,
      );
    }
  });

  test("a dollar sign that begins nothing stays one, and nothing that looks like a command runs", () => {
    const texts = ["$(touch /tmp/x)", "`touch /tmp/x`", "^/old/(.*) /new/$1", "a $ b", "$", "$-x", "$.x", "'$'"];
    for (const text of texts) assert.equal(filled(text), text);
    assert.equal(filled("$2y$05$SET", { SET: "hash" }), "$2y$05hash");
  });

  test("what a variable says is not looked at for variables, and never run", () => {
    assert.equal(filled("$SET", { SET: "${NUMBER} $(id) `id`" }), "${NUMBER} $(id) `id`");
  });

  test("the shell's variables win over those of .env, which knows both; those that are nowhere are told", () => {
    const env = [
      "A=file",
      'B="$A and $SHELL_ONLY"',
      "C='$A'",
      "D=$$A",
      "SHELL_ONLY=file",
      "E=a#b # c",
      "export F=f",
      "",
    ];
    const files = {
      ".env": env.join("\n"),
      "compose.yml": "services: { a: { image: '$A|$B|$C|$D|$E|$F|$GONE|$SHELL_ONLY' } }\n",
    };
    const { services, unset } = read(files, { env: { SHELL_ONLY: "shell" } });
    assert.equal(services.a?.image, "file|file and shell|$A|$A|a#b|f||shell");
    assert.deepEqual(unset, ["GONE"]);
  });

  test("what opens the stack's own secrets is never filled in", () => {
    const env = { PULUMI_CONFIG_PASSPHRASE: "open", PULUMI_ACCESS_TOKEN: "open", REGISTRY_PASSWORD: "open" };
    assert.equal(filled("[$PULUMI_CONFIG_PASSPHRASE$PULUMI_ACCESS_TOKEN$REGISTRY_PASSWORD]", env), "[]");
  });

  test("keys are left alone", () => {
    assert.deepEqual(service("labels: { $SET: $SET }", { env: { SET: "x" } }).labels, { $SET: "x" });
  });

  test("texts with a secret variable in them are known, also by way of another variable; one in clear elsewhere is not", () => {
    const files = {
      ".env": "DB_PASSWORD=postgres\nURL=a:${DB_PASSWORD}@b\nALIAS=${DB_PASSWORD}\nTOKEN=t0ken\n",
      "compose.yml": [
        "services:",
        "  a:",
        "    image: postgres",
        "    command: run --key ${TOKEN} ${ALIAS}",
        "    environment: { ONE: $DB_PASSWORD, TWO: $URL, THREE: $TOKEN, FOUR: plain }",
      ].join("\n"),
    };
    assert.deepEqual(Object.keys(read(files).secretTexts).sort(), [
      "a:postgres@b",
      "run --key t0ken postgres",
      "t0ken",
    ]);
  });
});

describe("the forms of a compose file", () => {
  test("ports, short and long, ranges among them", () => {
    const lines = [
      'ports: ["80", 3000, "8080:80", "127.0.0.1:8081:81", "[::1]:8082:82", "8083-8084:83-84", "9000-9010:85", "53:53/udp",',
      '  { target: 86, published: "8086", host_ip: 10.0.0.1, protocol: tcp, mode: host }, { target: 87 }, "0.0.0.0::88"]',
    ];
    assert.deepEqual(service(lines.join("\n")).ports, [
      { target: 80, protocol: "tcp" },
      { target: 3000, protocol: "tcp" },
      { target: 80, published: 8080, protocol: "tcp" },
      { target: 81, published: 8081, hostIp: "127.0.0.1", protocol: "tcp" },
      { target: 82, published: 8082, hostIp: "::1", protocol: "tcp" },
      { target: 83, published: 8083, protocol: "tcp" },
      { target: 84, published: 8084, protocol: "tcp" },
      { target: 85, published: 9000, protocol: "tcp" },
      { target: 53, published: 53, protocol: "udp" },
      { target: 86, published: 8086, hostIp: "10.0.0.1", protocol: "tcp" },
      { target: 87, protocol: "tcp" },
      { target: 88, hostIp: "0.0.0.0", protocol: "tcp" },
    ]);
  });

  test("numbers are those that Compose reads, and large ones stay as they are written", () => {
    const lines = "environment: { A: 022, B: 1.50, C: 12345678901234567890, D: true, E: 0x1f, F: '022', G: }";
    const { environment } = service(lines);
    assert.deepEqual(environment, { A: "18", B: "1.5", C: "12345678901234567890", D: "true", E: "31", F: "022" });
  });

  test("numbers with underscores and binary ones too, and YAML 1.1 makes no truth value of a word where one says it is that", () => {
    const lines = "image: a\nenvironment: { A: 1_000, B: 0b11, C: 1e400, D: yes, E: 0o17, F: '1_000', G: 1_, H: -017 }";
    const found = read({ "compose.yml": `%YAML 1.1\n---\nservices:\n  a:\n${lines.replace(/^/gm, "    ")}\n` }).services
      .a;
    const numbers = { A: "1000", B: "3", C: "1e400", D: "yes", E: "15", F: "1_000", G: "1_", H: "-15" };
    assert.deepEqual(found?.environment, numbers);
  });

  test("yes, on and the like are true where a key is true or false, and texts elsewhere", () => {
    const { init, read_only, privileged, environment, command } = service(
      "init: yes\nread_only: 'off'\nprivileged: $T\nenvironment: { A: on }\ncommand: yes",
      { env: { T: "TRUE" } },
    );
    assert.deepEqual([init, read_only, privileged], [true, false, true]);
    assert.deepEqual([environment, command], [{ A: "on" }, "yes"]);
    for (const value of ["maybe", "2", "[]", "{}", "''"]) {
      assert.match(
        refused(() => service(`init: ${value}`)),
        /services\.a\.init must be true or false$/,
      );
    }
  });

  test("a port that stands there twice is one, and two protocols are two", () => {
    const { ports } = service(`ports: ["80:80", "80:80/tcp", { target: 80, published: 80 }, "80:80/udp"]`);
    assert.deepEqual(ports, [
      { target: 80, published: 80, protocol: "tcp" },
      { target: 80, published: 80, protocol: "udp" },
    ]);
  });

  test("variables: a list, a map, a name alone from the shell, and files below them", () => {
    const lines = [
      "env_file: [one.env, { path: gone.env, required: false }, two.env]",
      "environment: [A=own, SHELL, GONE, B=]",
    ];
    const files = { "one.env": "A=1\nC=one ${SHELL}\nD=1\n", "two.env": "D=2\nSHELL\n" };
    const { environment } = service(lines.join("\n"), { env: { SHELL: "sh" } }, files);
    assert.deepEqual(environment, { A: "own", C: "one sh", D: "2", SHELL: "sh", B: "" });
  });

  test("merge keys: the map's own keys win, then the first map that is named", () => {
    const text = [
      "x-one: &one { image: one, user: one, init: true }",
      "x-two: &two { image: two, hostname: two }",
      "services:",
      "  a: { <<: [*one, *two], user: own }",
      "  b: { <<: *two }",
    ].join("\n");
    const { a, b } = read({ "compose.yml": text }).services;
    assert.deepEqual({ ...a }, { image: "one", hostname: "two", user: "own", init: true, environment: {} });
    assert.deepEqual({ ...b }, { image: "two", hostname: "two", environment: {} });
  });
});

describe("several files", () => {
  test("are merged as Compose does it: maps by name, lists one behind the other, commands as a whole", () => {
    const base = [
      "services:",
      "  a:",
      "    image: one",
      "    command: [serve, one]",
      "    environment: { A: 1, B: 1 }",
      '    ports: ["80:80"]',
      "    volumes: [data:/data, ./one:/one]",
      "    cap_add: [CHOWN]",
      "    dns: 10.0.0.1",
      "    depends_on: [b]",
      "    build: ./one",
      "    healthcheck: { test: one, interval: 5s }",
      "    logging: { driver: json-file, options: { max-size: 1m } }",
      "  b: { image: b }",
    ].join("\n");
    const over = [
      "services:",
      "  a:",
      "    image: two",
      "    command: serve two",
      "    environment: [B=2, C=2]",
      '    ports: ["80:80", "81:81"]',
      "    volumes: [other:/data]",
      "    cap_add: [CHOWN, SETUID]",
      "    dns: [10.0.0.2]",
      "    depends_on: { c: { condition: service_healthy } }",
      "    build: { args: { X: 1 } }",
      "    healthcheck: { test: [CMD, two] }",
      "    logging: { driver: local, options: { max-file: 2 } }",
      "    user:",
      "  c: { image: c }",
    ].join("\n");
    const directory = folderOf({ "compose.yml": base, "deploy/over.yml": over });
    const files = ["compose.yml", "deploy/over.yml"];
    const { services } = readProject({ files, directory, profiles: [], env: {} });
    assert.deepEqual(Object.keys(services), ["a", "b", "c"]);
    assert.deepEqual(services.a, {
      image: "two",
      command: "serve two",
      environment: { A: "1", B: "2", C: "2" },
      ports: [80, 81].map((port) => ({ target: port, published: port, protocol: "tcp" })),
      volumes: [
        { type: "volume", source: "other", target: "/data", others: [], written: "other:/data" },
        { type: "bind", source: join(directory, "one"), target: "/one", others: [], written: "./one:/one" },
      ],
      cap_add: ["CHOWN", "SETUID"],
      dns: ["10.0.0.1", "10.0.0.2"],
      depends_on: { b: {}, c: { condition: "service_healthy" } },
      build: { context: directory, args: { X: "1" } },
      healthcheck: { test: ["CMD", "two"], interval: "5s" },
      logging: { driver: "local", options: { "max-file": 2 } },
    });
  });

  test("what extends a service of another file has its keys, and that file's paths; own keys win", () => {
    const files = {
      "compose.yml":
        "services:\n  a: { extends: { service: app, file: parts/app.yml }, user: own, ports: ['81:81'] }\n",
      "parts/app.yml": [
        "services:",
        "  app: { extends: base, volumes: [./files:/files], ports: ['80:80'], env_file: app.env }",
        "  base: { image: 'base:$TAG', user: base, command: [base] }",
      ].join("\n"),
      "parts/app.env": "FROM=parts\n",
    };
    const { services, folder } = read(files, { env: { TAG: "3" } });
    const {
      image,
      user,
      command,
      ports = [],
      volumes = [],
      environment,
    }: Partial<Project["services"][string]> = services.a ?? {};
    assert.deepEqual([image, user, command, environment], ["base:3", "own", ["base"], { FROM: "parts" }]);
    assert.deepEqual(
      ports.map(({ published }) => published),
      [80, 81],
    );
    assert.equal(volumes[0]?.source, join(folder, "parts", "files"));
  });

  test("services with profiles are those that were asked for, by option, variable or name", () => {
    const text = "services: { a: { image: a }, b: { image: b, profiles: [x] }, c: { image: c, profiles: [y, z] } }\n";
    const names = (options: Partial<ProjectOptions>) => {
      const { services, inactive } = read({ "compose.yml": text }, options);
      return [Object.keys(services).join(), Object.keys(inactive).join()];
    };
    assert.deepEqual(names({}), ["a", "b,c"]);
    assert.deepEqual(names({ profiles: ["z"] }), ["a,c", "b"]);
    assert.deepEqual(names({ env: { COMPOSE_PROFILES: "x,y" } }), ["a,b,c", ""]);
    assert.deepEqual(names({ profiles: ["*"] }), ["a,b,c", ""]);
    assert.deepEqual(names({ service: "b" }), ["a,b", "c"]);
  });
});

describe("names on the engine", () => {
  const top = "services: { a: { image: a } }\nvolumes: { one: , two: { name: own }, three: { external: true } }\n";

  test("volumes and networks begin with the project's name, but for those that say another one", () => {
    const text = `${top}networks: { back: , public: { external: true, name: edge }, old: { external: { name: older } } }\n`;
    const { name, volumes, networks } = read({ "compose.yml": text });
    assert.equal(name, "shop");
    assert.deepEqual(volumes, {
      one: { name: "shop_one", external: false },
      two: { name: "own", external: false },
      three: { name: "three", external: true },
    });
    assert.deepEqual(networks, {
      default: { name: "shop_default", external: false },
      back: { name: "shop_back", external: false },
      public: { name: "edge", external: true },
      old: { name: "older", external: true },
    });
  });

  test("the project is called by the variable, else by the last file's name, else as its folder", () => {
    const named = `name: written\n${top}`;
    assert.equal(read({ "compose.yml": named }).name, "written");
    assert.equal(read({ "compose.yml": named }, { env: { COMPOSE_PROJECT_NAME: "shell" } }).name, "shell");
    assert.equal(read({ "compose.yml": named, ".env": "COMPOSE_PROJECT_NAME=file\n" }).name, "file");
    const directory = folderOf({ "_My Shop.1/compose.yml": top });
    const files = ["_My Shop.1/compose.yml"];
    assert.equal(readProject({ files, directory, profiles: [], env: {} }).name, "myshop1");
    assert.equal(read({ "compose.yml": `name: _My Shop.1\n${top}` }).name, "myshop1");
    for (const [text, env] of [
      ["a", "My Shop"],
      ["..", ""],
      ["{}", ""],
      ["''", ""],
      ["x".repeat(64), ""],
    ] as const) {
      const options = { env: env === "" ? {} : { COMPOSE_PROJECT_NAME: env } };
      assert.match(
        refused(() => read({ "compose.yml": `name: ${text}\n${top}` }, options)),
        /^The project's name .* must be of/,
      );
    }
  });
});
