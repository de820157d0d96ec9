import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { type Project, readProject } from "../../commands/adopt/compose/project";
import { nextText } from "../../commands/adopt/next";
import { adoptionOf } from "../../commands/adopt/plan/adoption";
import { webServices } from "../../commands/adopt/plan/choice";
import { rolesOf } from "../../commands/adopt/plan/roles";
import { problemsOf } from "../../commands/adopt/rules";
import { withSettings } from "../../commands/adopt/stackText";
import { tableOf } from "../../commands/adopt/table";
import { Refusal, stopScreen } from "../../commands/outcome";
import { FIT, HOSTILE_TEXTS } from "../stacks/text/hostile.sample";

/** No file may take longer, however it is made. */
const MOST_SECONDS = 5;

const retype = (option: string, value: string) => `npm run adopt -- compose.yml ${option} ${value}`;

/** Does all that the command does but for writing, and returns what it would print. */
function adopted(project: Project): { yaml: string; text: string } {
  const [web = "", ...others] = webServices(project, undefined, retype);
  assert.deepEqual(others, []);
  const roles = rolesOf(project, web, []);
  const adoption = adoptionOf({ project, web, roles, stackPorts: {}, liveAddress: "live:8080" });
  const problems = problemsOf(adoption.config, adoption.secrets);
  if (problems !== undefined) throw new Refusal(`${problems}. Nothing was written`);
  const yaml = withSettings(undefined, "blue-green", adoption.config, "test");
  const kept = { isThere: true, commands: [] };
  const next = nextText({
    ...{ adoption, files: project.files, profiles: [], stack: "shop", kept, keep: String },
    ...{ otherPort: 18080, nginxImage: "nginx:1.30.6" },
  });
  return { yaml, text: `${tableOf(adoption.sections)}\n${next}` };
}

/** Writes files into a folder of their own. */
function folderOf(t: Pick<TestContext, "after">, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "blue-green-adopt-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** No more of the processor's time was spent: other tests run beside this one. */
function assertSpent(started: NodeJS.CpuUsage, mostSeconds: number): void {
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  assert.ok(seconds < mostSeconds, `${seconds} s`);
}

/** Returns why a file is refused, which must be one plain line, said soon. */
function refused(t: TestContext, files: Readonly<Record<string, string>>, directory = folderOf(t, files)): string {
  const before = readdirSync(directory).sort();
  const started = process.cpuUsage();
  try {
    adopted(readProject({ files: ["shop/compose.yml"], directory, profiles: [], env: {} }));
  } catch (error) {
    assert.ok(error instanceof Refusal, (error as Error).stack);
    assert.match(error.message, /Nothing was written$/);
    const screen = stopScreen(error);
    assert.ok(
      screen.split("\n").every((line) => FIT.test(line)),
      screen,
    );
    assertSpent(started, MOST_SECONDS);
    assert.deepEqual(readdirSync(directory).sort(), before);
    return error.message.replace(/\. Nothing was written$/, "").replaceAll(directory, "DIR");
  }
  return assert.fail("accepted");
}

const WEB = "image: example/web:1\n    ports: ['80:80']";

const compose = (text: string): Record<string, string> => ({ "shop/compose.yml": text });

/** A file in which the web service has further lines. */
const web = (...lines: string[]) => compose(`services:\n  web:\n    ${[WEB, ...lines].join("\n    ")}\n`);

describe("files that nobody would write by mistake", () => {
  test("an alias bomb, of lists and of merge keys, is refused soon", (t) => {
    const lists = Array.from(
      { length: 12 },
      (_, at) => `x${at + 1}: &x${at + 1} [${Array(12).fill(`*x${at}`).join(", ")}]`,
    );
    assert.match(
      refused(t, compose(`x0: &x0 [lol]\n${lists.join("\n")}\nservices: { web: { image: *x12 } }\n`)),
      /^compose\.yml can't be resolved: Excessive alias count/,
    );
    const maps = Array.from({ length: 30 }, (_, at) => `x${at + 1}: &x${at + 1} { k${at}: *x${at}, l${at}: *x${at} }`);
    assert.match(
      refused(t, compose(`x0: &x0 { a: b }\n${maps.join("\n")}\n`)),
      /^compose\.yml (?:can't be resolved|is )/,
    );
    const many = Array.from({ length: 20_000 }, (_, at) => `  k${at}: v`).join("\n");
    const merges = Array.from({ length: 1500 }, (_, at) => `y${at}: { <<: *x }`).join("\n");
    assert.equal(
      refused(t, compose(`x: &x\n${many}\n${merges}\n`)).replace(/: y\d+\.k\d+ /, ": y "),
      "compose.yml: y is too large once its aliases are resolved",
    );
    const keys = Array.from({ length: 60_000 }, (_, at) => `  k${at}: v`).join("\n");
    assert.equal(
      refused(t, compose(`x:\n${keys}\n  k1: again\n`)),
      "compose.yml, line 60002: a key stands there a second time",
    );
  });

  test("one that is huge, deep, no file, or not there", (t) => {
    assert.equal(refused(t, compose(`a: ${"x".repeat(1024 * 1024)}`)), "compose.yml is larger than 1 MiB");
    assert.match(refused(t, compose("[".repeat(500_000))), /^compose\.yml(?: is nested too deeply|, line)/);
    const deep = `${Array.from({ length: 60 }, (_, at) => `${" ".repeat(at)}a:`).join("\n")} b\n`;
    assert.match(refused(t, compose(`services: {}\n${deep}`)), /is nested too deeply$/);
    assert.equal(refused(t, { "shop/compose.yml/x": "" }), "compose.yml is no file");
    assert.equal(refused(t, { "shop/other.yml": "" }), "compose.yml is not there");
  });

  test("duplicate keys, several documents, broken YAML and unknown tags are told by their lines", (t) => {
    const cases: [string, string | RegExp][] = [
      [
        "services:\n  web: { image: a }\n  web: { image: b }\n",
        "compose.yml, line 3: a key stands there a second time",
      ],
      [
        "services: {}\n---\nservices: {}\n",
        "compose.yml, line 2: a second document begins there: one file must have one",
      ],
      ["services: [\n", /^compose\.yml, line \d: this is not valid YAML: /],
      ["services: { web: !reset null }\n", /^compose\.yml, line 1: !reset is not done here: /],
      ["services:\n  web: { ports: !override ['80:80'] }\n", /^compose\.yml, line 2: !override is not done here: /],
      ["services: { web: !!js/function 'x' }\n", /^compose\.yml, line 1: the tag ".*" is not known/],
      ["services: { web: !exec id }\n", 'compose.yml, line 1: the tag "!exec" is not known'],
      ["? [a, b]\n: c\n", "compose.yml, line 1: a key must be a text"],
      ["a: *gone\n", /^compose\.yml(?:, line 1: this is not valid YAML| can't be resolved): /],
      ["a: &a [*a]\n", /^compose\.yml/],
      ["services: { web: { <<: 5 } }\n", 'compose.yml: services.web["<<"] must name a map, or a list of maps'],
      ["", "compose.yml is no compose file: it must be a map with the key services"],
      ["- a\n", "compose.yml is no compose file: it must be a map with the key services"],
      ["services: {}\n", "compose.yml has no service"],
      ["name: web\n", "compose.yml has no service"],
    ];
    for (const [text, message] of cases) {
      const found = refused(t, compose(text));
      if (typeof message === "string") assert.equal(found, message);
      else assert.match(found, message);
    }
  });

  test("names that change objects, and names with control characters", (t) => {
    for (const name of ["__proto__", '"__proto__"']) {
      for (const text of [`${name}: { a: b }\nservices: {}\n`, `services:\n  web: { environment: { ${name}: x } }\n`]) {
        assert.match(refused(t, compose(text)), /^compose\.yml, line \d: __proto__ is not possible as a key$/);
      }
    }
    assert.match(
      refused(t, web('environment: ["__proto__=x"]')),
      /services\.web\.environment has a name that can't be one$/,
    );
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    assert.match(
      refused(t, compose('services: { "a\\u001b[2Jb": { image: a } }\n')),
      /the key ".*" has a control character$/,
    );
    assert.match(
      refused(t, compose("services: { 'a b;rm': { image: a } }\n")),
      /^compose\.yml: services\["a b;rm"\] must be a service's name/,
    );
    // What every object has is no service, no volume and no key.
    const text = "services:\n  constructor: { image: a:1, ports: ['80:80'], volumes: [toString:/a], valueOf: x }\n";
    const directory = folderOf(t, compose(text));
    const project = readProject({ files: ["shop/compose.yml"], directory, profiles: [], env: {} });
    assert.match(adopted(project).text.replaceAll(/\s+/g, " "), /names a volume that the file does not have/);
  });

  test("paths that lead out of the folder, by their names or by a link, are not read", (t) => {
    const outside = { "secret.env": "A=from outside\n", "base.yml": "services: { base: { image: outside } }\n" };
    const why = /is outside of the compose file's folder \(DIR\/shop\): it is not read$/;
    const cases = [
      web("extends: { file: ../base.yml, service: base }"),
      web("extends: { file: /etc/passwd, service: base }"),
      web("extends: { file: 'https://example.com/compose.yml#main', service: base }"),
      web("env_file: ../secret.env"),
      web("env_file: [{ path: ../secret.env, required: false }]"),
      web("env_file: /etc/hostname"),
    ];
    for (const files of cases.filter((_, at) => at !== 2)) assert.match(refused(t, { ...files, ...outside }), why);
    assert.match(refused(t, cases[2] ?? {}), /is not there$/);
    const directory = folderOf(t, { ...web("env_file: link.env"), ...outside });
    symlinkSync(join(directory, "secret.env"), join(directory, "shop", "link.env"));
    assert.match(refused(t, {}, directory), why);
    const dotenv = folderOf(t, { ...web(), ...outside });
    symlinkSync(join(dotenv, "secret.env"), join(dotenv, "shop", ".env"));
    assert.match(refused(t, {}, dotenv), /^\.env names \.env, which is outside/);
    for (const mount of [
      "../data:/data",
      "~/data:/data",
      "./../../etc:/etc",
      "{ type: bind, source: ../x, target: /x }",
    ]) {
      assert.match(
        refused(t, web(`volumes: [${mount}]`)),
        /^web mounts .*, which leads out of the compose file's folder/,
      );
    }
  });

  test("a service of nothing is refused, and one from a git repository is cloned", (t) => {
    assert.equal(
      refused(t, compose("services: { web: { ports: ['80:80'] }, db: {} }\n")),
      "compose.yml: services.web has neither an image nor a build",
    );
    const printed = (context: string) => {
      const directory = folderOf(
        t,
        compose(`services: { web: { build: ${JSON.stringify(context)}, ports: ['80:80'] } }\n`),
      );
      const project = readProject({ files: ["shop/compose.yml"], directory, profiles: [], env: {} });
      return adopted(project)
        .text.replaceAll(/ \\\n +/g, " ")
        .replaceAll(directory, "DIR");
    };
    assert.match(
      printed("https://example.com/$(id)/shop.git#main:web"),
      /\n {4}git clone --depth 1 --branch=main 'https:\/\/example\.com\/\$\(id\)\/shop\.git' \.state\/app\n {4}cp -R \.state\/app\/web app && rm -rf \.state\/app app\/\.git\n/,
    );
    assert.match(
      printed("git@example.com:shop.git"),
      /\n {4}git clone --depth 1 git@example\.com:shop\.git \.state\/app\n/,
    );
    assert.match(printed("-x $(id)"), /\n {4}cp -R 'DIR\/shop\/-x \$\(id\)' app\n/);
  });

  test("names with dashes and dots are words of the printed commands, and no options", (t) => {
    const services = [
      "web: { image: a:1, ports: ['80:80'] }",
      '"--all": { image: a:1, command: x }',
      '"..": { image: b:1 }',
    ];
    const directory = folderOf(t, compose(`services:\n  ${services.join("\n  ")}\n  "-v": { image: b:1 }\n`));
    const { text } = adopted(readProject({ files: ["shop/compose.yml"], directory, profiles: [], env: {} }));
    assert.match(text, /\n {4}docker compose -f shop\/compose\.yml stop -- --all\n/);
    assert.match(
      text.replaceAll(/\s+/g, " "),
      / stop web && docker compose -f shop\/compose\.yml stop \.\. -- -v && pulumi up /,
    );
  });

  test("services that extend themselves, by way of others and other files", (t) => {
    const itself = (text: string, files = {}) => refused(t, { ...compose(text), ...files });
    assert.match(itself("services: { a: { extends: a } }\n"), /extends itself: compose\.yml: a, then compose\.yml: a$/);
    assert.match(itself("services: { a: { extends: b }, b: { extends: { service: a } } }\n"), /extends itself: /);
    const other = "services: { b: { extends: { file: compose.yml, service: a } } }\n";
    assert.match(
      itself("services: { a: { extends: { file: other.yml, service: b } } }\n", { "shop/other.yml": other }),
      /extends itself: compose\.yml: a, then other\.yml: b, then compose\.yml: a$/,
    );
    assert.match(itself("services: { a: { extends: gone } }\n"), /extends gone, and compose\.yml has no such service$/);
    assert.match(itself("services: { a: { extends: toString } }\n"), /extends toString, and compose\.yml has no/);
  });

  test("patterns that would take quadratic time take none", (t) => {
    const long = 200_000;
    const values = [
      `"${"$".repeat(long)}"`,
      `"${"${".repeat(long)}"`,
      `"${"${A:-".repeat(long)}"`,
      `"${"a".repeat(long)}/"`,
      `"${" ".repeat(long)}x"`,
      `"${"-----BEGIN A-----".repeat(long / 20)}"`,
      `"${"1".repeat(long)}"`,
      `"${"a:".repeat(long)}"`,
      `"${"'".repeat(long)}"`,
    ];
    const started = process.cpuUsage();
    for (const value of values) {
      for (const key of ["image", "command", "healthcheck", "ports", "environment", "volumes", "labels"]) {
        const given = { healthcheck: `{ test: ${value} }`, ports: `[${value}]`, volumes: `[${value}]` }[key] ?? value;
        const lines = ["environment", "labels"].includes(key) ? `${key}: { URL: ${value} }` : `${key}: ${given}`;
        const directory = folderOf(
          t,
          compose(`services:\n  web:\n    image: a:1\n    ${lines}\n`.replace("image: a:1\n    image", "image")),
        );
        try {
          const project = readProject({ files: ["shop/compose.yml"], directory, profiles: [], env: {} });
          adoptionOf({ project, web: "web", roles: rolesOf(project, "web", []), stackPorts: {}, liveAddress: "live" });
        } catch (error) {
          assert.ok(error instanceof Refusal, (error as Error).stack);
        }
      }
    }
    const env = folderOf(t, {
      ...web("env_file: a.env"),
      "shop/a.env": `A=${"${".repeat(long)}\nB="${"$".repeat(long)}"\n`,
    });
    readProject({ files: ["shop/compose.yml"], directory: env, profiles: [], env: {} });
    assertSpent(started, 30);
  });

  test("nothing in a file runs, whatever it looks like", (t) => {
    const directory = folderOf(t, {
      ...web(
        `command: "sh -c 'touch ran1; \`touch ran2\`'"`,
        'labels: { "a": "`touch ran3`; $$(touch ran4)" }',
        `healthcheck: { test: "touch ran5 && \`touch ran6\`" }`,
        'environment: { A: "$$(touch ran7)", B: "$OTHER" }',
      ),
      "shop/.env": "OTHER=$(touch ran8)`touch ran9`\n",
    });
    const { yaml } = adopted(readProject({ files: ["shop/compose.yml"], directory, profiles: [], env: {} }));
    assert.match(yaml, /A: "\$\(touch ran7\)"\n {4}B: "\$\(touch ran8\)`touch ran9`"/);
    assert.match(yaml, /a: "`touch ran3`; \$\$\(touch ran4\)"/);
    for (let at = 1; at < 10; at += 1)
      assert.ok(!existsSync(join(directory, "shop", `ran${at}`)) && !existsSync(`ran${at}`));
  });
});

/** Keys of a service, with values of every type in each. */
const KEYS = [
  ...["image", "build", "command", "entrypoint", "environment", "env_file", "ports", "expose", "volumes", "networks"],
  ...["depends_on", "healthcheck", "deploy", "labels", "secrets", "configs", "restart", "scale", "profiles", "logging"],
  ...["ulimits", "tmpfs", "dns", "extra_hosts", "sysctls", "devices", "mem_limit", "cpus", "user", "links", "extends"],
  ...["stop_grace_period", "container_name", "network_mode", "privileged", "x-own", "toString"],
];

const VALUES = [
  ...[null, true, 0, -1, 1e99, "", "a", "a:b", "8080:80", [], {}, [[]], [{}], [null], { a: null }, { a: [] }],
  ...[{ a: { b: { c: 1 } } }, ["a", 1, null, {}], { test: 5 }, { test: ["CMD", {}] }, { context: {} }],
  ...[{ replicas: "many", resources: { limits: { memory: [], cpus: {} } } }, { target: 99999 }, [{ target: "x" }]],
];

describe("wrong types everywhere", () => {
  test("each key with each value is refused in a plain line, or comes to what the program takes", (t) => {
    for (const key of KEYS) {
      for (const value of VALUES) {
        const keys = { image: "example/web:1", ports: ["80:80"], [key]: value };
        const directory = folderOf(t, compose(stringify({ services: { web: keys } })));
        try {
          const { text } = adopted(readProject({ files: ["shop/compose.yml"], directory, profiles: ["a"], env: {} }));
          assert.ok(
            text.split("\n").every((line) => FIT.test(line)),
            text,
          );
        } catch (error) {
          const what = `${key}: ${JSON.stringify(value)}`;
          assert.ok(error instanceof Refusal, `${what}\n${(error as Error).stack}`);
          assert.ok(
            stopScreen(error)
              .split("\n")
              .every((line) => FIT.test(line)),
            what,
          );
        }
      }
    }
  });

  test("top-level keys too", (t) => {
    for (const key of [
      "name",
      "version",
      "services",
      "volumes",
      "networks",
      "secrets",
      "configs",
      "include",
      "other",
    ]) {
      for (const value of VALUES) {
        const services = { web: { image: "example/web:1", ports: ["80:80"], volumes: ["a:/a"], secrets: ["a"] } };
        const directory = folderOf(t, compose(stringify({ services, [key]: value })));
        try {
          adopted(readProject({ files: ["shop/compose.yml"], directory, profiles: [], env: {} }));
        } catch (error) {
          assert.ok(error instanceof Refusal, `${key}: ${JSON.stringify(value)}\n${(error as Error).stack}`);
        }
      }
    }
  });

  test("whatever a file is, it is refused or taken, and what is printed is fit for a terminal", (t) => {
    const text = fc.oneof(
      fc.constantFrom(...HOSTILE_TEXTS.map((each) => each.slice(0, 2000))),
      fc.string(),
      fc.constantFrom("web", "db", "80:80", "a:/a"),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        text,
        fc.integer(),
        fc.constantFrom(null, true),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(fc.oneof(fc.constantFrom(...KEYS, "test", "name", "target", "source"), text), tie("any"), {
          maxKeys: 4,
        }),
      ),
    })).any;
    const service = fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 6 });
    const directory = folderOf(t, compose("services: {}\n"));
    fc.assert(
      fc.property(service, service, value, (one, other, top) => {
        const app = { image: "example/web:1", ports: ["80:80"], ...one };
        writeFileSync(
          join(directory, "shop", "compose.yml"),
          stringify({ services: { web: app, db: { image: "db:1", ...other, ports: [] } }, volumes: top }),
        );
        try {
          const { text } = adopted(readProject({ files: ["shop/compose.yml"], directory, profiles: [], env: {} }));
          for (const line of text.split("\n")) assert.match(line, FIT);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          for (const line of stopScreen(error).split("\n")) assert.match(line, FIT);
        }
      }),
      { numRuns: 300 },
    );
  });
});
