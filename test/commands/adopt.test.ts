import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { type Project, readProject } from "../../commands/adopt/compose/project";
import { nextText } from "../../commands/adopt/next";
import { type Adoption, adoptionOf } from "../../commands/adopt/plan/adoption";
import { webServices } from "../../commands/adopt/plan/choice";
import { rolesOf } from "../../commands/adopt/plan/roles";
import { problemsOf } from "../../commands/adopt/rules";
import { secretCommands } from "../../commands/adopt/secrets";
import { withSettings } from "../../commands/adopt/stackText";
import { COLUMNS, tableOf } from "../../commands/adopt/table";
import { Refusal, stopScreen } from "../../commands/outcome";

interface Sample {
  service?: string;
  keep?: string[];
  profiles?: string[];
  files?: string[];
}

/** The compose files, each in a folder of its own, and what is asked of them. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  django: { files: ["docker-compose.yml", "docker-compose.override.yml"], profiles: ["tools"] },
  "flask-nginx": { service: "blue" },
  gitea: {},
  immich: {},
  included: {},
  mastodon: { service: "web", keep: ["db"] },
  n8n: { keep: ["postgres", "redis"] },
  nextcloud: {},
  "two-webs": { service: "front" },
  wordpress: {},
};

const retype = (option: string, value: string) => `npm run adopt -- docker-compose.yml ${option} ${value}`;

/** Reads a sample as if it stood in a folder that is the same on every machine. */
function projectOf(name: string, { files = ["docker-compose.yml"], profiles = [], service }: Sample): Project {
  const directory = join(__dirname, "adopt", name);
  const project = readProject({ files, directory, profiles, env: {}, ...(service !== undefined && { service }) });
  return JSON.parse(JSON.stringify(project).replaceAll(directory, `/srv/${name}`)) as Project;
}

function adoptionIn(project: Project, { service, keep = [] }: Sample): Adoption {
  const [web = "", ...others] = webServices(project, service, retype);
  assert.deepEqual(others, []);
  const roles = rolesOf(project, web, keep);
  return adoptionOf({ project, web, roles, stackPorts: {}, liveAddress: `blue-green-${project.name}-proxy:8080` });
}

/** Returns what a sample comes to: the stack's file, and what is printed. */
function rendered(name: string, sample: Sample): { yaml: string; text: string; adoption?: Adoption } {
  try {
    const project = projectOf(name, sample);
    const adoption = adoptionIn(project, sample);
    const stack = project.name;
    const kept = {
      isThere: false,
      why: "the stack is not there yet",
      commands: secretCommands(stack, adoption.secrets),
    };
    const yaml = withSettings(undefined, "blue-green", adoption.config, `${project.files.join(", ")}`);
    const keep = (names: readonly string[]) => retype("--keep", names.join(","));
    const next = nextText({
      ...{ adoption, files: project.files, profiles: sample.profiles ?? [], stack, kept, keep },
      ...{ otherPort: 18080, nginxImage: "nginx:1.30.6" },
    });
    return { yaml, text: `${tableOf(adoption.sections)}\n\n${next}\n`, adoption };
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error));
    return { yaml: "", text: `${stopScreen(error)}\n` };
  }
}

/** Returns what a golden file says; with GOLDEN=write it becomes what was made, for whoever reads the difference then. */
function golden(name: string, file: string, made: string): string {
  const path = join(__dirname, "adopt", name, file);
  if (process.env.GOLDEN === "write") writeFileSync(path, made);
  return readFileSync(path, "utf8");
}

describe("what compose files come to", () => {
  for (const [name, sample] of Object.entries(SAMPLES)) {
    test(`${name}: the stack's file and the screen are what its golden files say`, () => {
      const { yaml, text } = rendered(name, sample);
      assert.equal(yaml, golden(name, "expected.yaml", yaml));
      assert.equal(text, golden(name, "expected.txt", text));
    });
  }

  test("the program takes each of them, with its secrets in their places", () => {
    for (const [name, sample] of Object.entries(SAMPLES)) {
      const { adoption } = rendered(name, sample);
      if (adoption !== undefined) assert.equal(problemsOf(adoption.config, adoption.secrets), undefined, name);
    }
  });

  test("a file read again is the settings that were written, whatever YAML makes of words", () => {
    for (const [name, sample] of Object.entries(SAMPLES)) {
      const { yaml, adoption } = rendered(name, sample);
      if (adoption === undefined) continue;
      const { config } = parse(yaml, { version: "1.1" }) as { config: Record<string, unknown> };
      const bare = Object.entries(config).map(([key, value]) => [key.replace("blue-green:", ""), value]);
      assert.deepEqual(Object.fromEntries(bare), adoption.config, name);
    }
  });

  test("no line is wider than the terminal, but for a single word", () => {
    for (const [name, sample] of Object.entries(SAMPLES)) {
      if (name === "included") continue;
      const wide = rendered(name, sample)
        .text.split("\n")
        .filter((line) => line.length > COLUMNS && line.trim().includes(" "));
      assert.deepEqual(wide, [], name);
    }
  });

  test("docs/compose.md shows them as they are", () => {
    const page = readFileSync(join(__dirname, "..", "..", "docs", "compose.md"), "utf8");
    const parts = [...page.matchAll(/^```yaml\n# ([a-z0-9-]+)\n([\s\S]*?)^```$/gm)];
    assert.equal(parts.length, 8);
    for (const [, name = "", part = ""] of parts) {
      assert.ok(rendered(name, SAMPLES[name] ?? {}).yaml.includes(part), `${name}:\n${part}`);
    }
  });

  test("no secret is in the file or on the screen", () => {
    for (const [name, sample] of Object.entries(SAMPLES)) {
      const { yaml, text, adoption } = rendered(name, sample);
      for (const { setting, value } of adoption?.secrets ?? []) {
        // Of one that is called as a user or an image is, it can't be told.
        if (value === "postgres" || value === "") continue;
        assert.ok(!yaml.includes(value) && !text.includes(value), `${name}: ${setting}`);
      }
    }
  });
});
