import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { declaredProperties } from "../../../commands/drift/container";

const CHECKOUT = join(__dirname, "..", "..", "..");

/** All that a setting is written in: its row, and what Pulumi.yaml says of it. */
const ROW = '  cpuShares: { whose: "slot", rule: wholeNumber(16, 4096), container: ["cpuShares"] },\n';

const DESCRIPTION = `  cpuShares:
    type: integer
    description: how much of the CPU each color's container gets beside others
    default: 512
`;

type Modules = {
  defaults: typeof import("../../../stacks/settings/defaults");
  errors: typeof import("../../../stacks/settings/errors");
  settings: typeof import("../../../stacks/settings/settings");
  shape: typeof import("../../../stacks/settings/shape");
  slot: typeof import("../../../stacks/slot");
  slotSpec: typeof import("../../../stacks/service/slotSpec");
  table: typeof import("../../../docs/settings-table");
};

let folder: string;

let program: Modules;

/** Takes the inputs of the container that is made. */
let containers: (inputs: Record<string, unknown>) => void;

// The SDK's mocks know no hooks.
Object.assign(MockMonitor.prototype, {
  registerResourceHook: (_hook: unknown, done: (error: null, answer: object) => void) => done(null, {}),
});

pulumi.runtime.setMocks(
  {
    newResource: async ({ type, name, inputs }) => {
      if (type === "docker:index/container:Container") containers(inputs);
      return { id: `${name}-id`, state: inputs };
    },
    call: () => ({}),
  },
  "blue-green",
  "dev",
  false,
);

/** Puts a text into a file of the copy, before a line that stands there once. */
function insert(path: string, line: string, text: string): void {
  const file = join(folder, path);
  const [start, end, ...more] = readFileSync(file, "utf8").split(`\n${line}`);
  assert.ok(start !== undefined && end !== undefined && more.length === 0, `${path} has one line ${line}`);
  writeFileSync(file, `${start}\n${text}${line}${end}`);
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "blue-green-setting-"));
  for (const path of ["stacks", "nginx", "Pulumi.yaml", "tsconfig.json"]) {
    cpSync(join(CHECKOUT, path), join(folder, path), { recursive: true });
  }
  for (const file of ["settings-table.ts", "alerts.ts"])
    cpSync(join(CHECKOUT, "docs", file), join(folder, "docs", file));
  symlinkSync(join(CHECKOUT, "node_modules"), join(folder, "node_modules"));
  insert("stacks/settings/shape.ts", "  replicas: {", ROW);
  insert("Pulumi.yaml", "  replicas:", DESCRIPTION);
  const load = (path: string) => require(join(folder, path));
  program = {
    defaults: load("stacks/settings/defaults"),
    errors: load("stacks/settings/errors"),
    settings: load("stacks/settings/settings"),
    shape: load("stacks/settings/shape"),
    slot: load("stacks/slot"),
    slotSpec: load("stacks/service/slotSpec"),
    table: load("docs/settings-table"),
  };
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** The settings of the copy with a new one, as they are read; its value is typed in no file of the checkout. */
const read = (values: Record<string, string> = {}, secret: readonly string[] = []) => {
  const given = { ...program.defaults.defaultSettings(), activeColor: "blue", ...values };
  const key = (name: string) => `blue-green:${name}`;
  const raw = Object.fromEntries(Object.entries(given).map(([name, value]) => [key(name), value]));
  return program.settings.parseSettings(raw, new Set(secret.map(key))) as ReturnType<
    Modules["settings"]["parseSettings"]
  > & { cpuShares: number };
};

describe("a new setting of a color", () => {
  test("a setting of a slot that is one row is read with its default and within its bounds", () => {
    assert.equal(read().cpuShares, 512);
    assert.deepEqual(
      ["16", "4096"].map((cpuShares) => read({ cpuShares }).cpuShares),
      [16, 4096],
    );
  });

  test("it is refused with what is allowed and with the command that mends it, and found where it is misspelt", () => {
    const problem = (values: Record<string, string>, secret: string[] = []) => {
      try {
        read(values, secret);
      } catch (error) {
        assert.ok(error instanceof program.errors.SettingsError, String(error));
        return error.message.split("\n").slice(1).join("\n");
      }
      return assert.fail("accepted");
    };
    for (const bad of ["15", "4097", "1e2", ""]) {
      assert.equal(
        problem({ cpuShares: bad }),
        `cpuShares = "${bad}": must be a whole number from 16 to 4096, in plain digits\n    pulumi config set cpuShares 512`,
      );
    }
    assert.equal(
      problem({ cpushare: "100" }),
      'cpushare = "100": there is no such setting; cpuShares was meant?\n' +
        "    pulumi config rm cpushare && pulumi config set cpuShares 100",
    );
    assert.equal(
      problem({ cpuShares: "99" }, ["cpuShares"]),
      "cpuShares = [secret]: can't be kept secret; must be set without --secret\n    pulumi config set cpuShares 512",
    );
  });

  test("containers are compared by it, and one that stands beside a kept one has the kept one's", () => {
    const { slot, slotSpec } = program;
    const [was, is] = [slot.slotSpecOf("blue", read()), slot.slotSpecOf("blue", read({ cpuShares: "100" }))];
    assert.equal((is as object as Record<string, unknown>).cpuShares, 100);
    assert.deepEqual(
      slotSpec.specDifferences("blue", { made: was, environment: {} }, { made: is, environment: {} }),
      { own: [], shared: ["cpuShares 512 -> 100"] },
      "the hash over the rest stays what it is",
    );

    const kept = slot.settingsOf("blue", { made: is, environment: {} } as never, read());
    assert.equal((kept as typeof kept & { cpuShares: number }).cpuShares, 100);
    const older = slot.settingsOf(
      "blue",
      { made: { version: "1.0.0", definition: "d" }, environment: {} } as never,
      read(),
    );
    assert.equal((older as typeof older & { cpuShares: number }).cpuShares, 512, "from before there was the setting");
  });

  test("a color's container gets it, and says so in its label", async () => {
    const owner = { project: "blue-green", stack: "dev" };
    const hook = new pulumi.ResourceHook("hook", async () => {});
    const own = { replicas: 1, build: undefined, keepImage: false, keep: false, again: [], started: hook };
    new program.slot.Slot("blue", {
      ...{ ...own, owner, color: "blue", settings: read({ cpuShares: "100" }), network: "net", appDirectory: "app" },
      ...{ beforePull: hook, beforeCreate: hook, limit: hook, healthy: hook, volumes: { nameOf: String } },
    });
    const container = await new Promise<Record<string, unknown>>((resolve) => {
      containers = resolve;
    });
    assert.equal(container.cpuShares, 100);
    const labels = container.labels as { label: string; value: string }[];
    const label = labels.find((each) => each.label === "blue-green.slot")?.value ?? "";
    assert.equal((JSON.parse(label) as { cpuShares?: number }).cpuShares, 100);
  });

  test("the program's types have it as what its rule gives", () => {
    const probe = `import type { Settings } from "./stacks/settings/settings";
export const twice = (settings: Settings): number => settings.cpuShares * 2;
// @ts-expect-error: it is a number.
export const no = (settings: Settings): string => settings.cpuShares;
`;
    writeFileSync(join(folder, "probe.ts"), probe);
    const config = { extends: "./tsconfig.json", include: ["stacks", "probe.ts"] };
    writeFileSync(join(folder, "tsconfig.probe.json"), JSON.stringify(config));
    const tsc = join(CHECKOUT, "node_modules", "typescript", "bin", "tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "--project", "tsconfig.probe.json"], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.deepEqual([status, stdout], [0, ""]);
  });

  test("drift knows it as declared by the label, and another value on the engine as a difference", () => {
    const labels = { "blue-green.slot": JSON.stringify(program.slot.slotSpecOf("blue", read())) };
    const declared = { urn: "u", name: "n", id: "i", role: "slot", inputs: {}, labels } as Parameters<
      typeof declaredProperties
    >[0];
    const image = { Id: "sha256:1", Config: {} } as Parameters<typeof declaredProperties>[1];
    assert.equal(declaredProperties(declared, image).get("cpu shares"), "512");
    assert.equal(declaredProperties({ ...declared, labels: {} }, image).get("cpu shares"), undefined);
  });

  test("it is a row of the table in the docs", () => {
    const table = program.table.renderSettingsTables(readFileSync(join(folder, "Pulumi.yaml"), "utf8"));
    assert.match(
      table,
      /^\| `cpuShares` \| how much of the CPU each color's container gets beside others \| integer \| `512` \|$/m,
    );
  });

  test("no setting of a slot that is secret has its value in a label: of the environments there are names alone", () => {
    const { SLOT_NAMES, isSecretName } = program.shape;
    assert.deepEqual(SLOT_NAMES.filter(isSecretName), []);
  });
});
