import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { parse } from "yaml";

const CHECKOUT = join(__dirname, "..", "..");

const WORKFLOWS = join(CHECKOUT, ".github", "workflows");

interface Step {
  id?: string;
  if?: string;
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
  env?: Record<string, string>;
}

interface Job {
  if?: string;
  needs?: string;
  environment?: string;
  concurrency?: { group: string; "cancel-in-progress": boolean };
  permissions?: Record<string, string>;
  "timeout-minutes"?: number;
  strategy?: { matrix: { stack: string[] } };
  env?: Record<string, string>;
  steps: Step[];
}

interface Workflow {
  on: unknown;
  permissions: unknown;
  concurrency?: Job["concurrency"];
  jobs: Record<string, Job>;
}

/** As GitHub writes it. */
const expression = (words: string) => `$\{{ ${words} }}`;

const files = readdirSync(WORKFLOWS).sort();

const texts = Object.fromEntries(files.map((file) => [file, readFileSync(join(WORKFLOWS, file), "utf8")]));

const workflow = (file: string): Workflow => parse(texts[file] ?? "");

const jobs = files.flatMap((file) =>
  Object.entries(workflow(file).jobs).map(([name, job]) => ({ name: `${file}, ${name}`, job })),
);

const steps = jobs.flatMap(({ name, job }) => job.steps.map((step) => ({ name, job, step })));

const job = (file: string, name: string): Job => {
  const found = workflow(file).jobs[name];
  assert.ok(found, `${file} has no job ${name}`);
  return found;
};

/** The workflows in a folder of their own, with changes. */
function copyOf(t: TestContext, changes: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-workflows-"));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, ".github", "workflows"), { recursive: true });
  for (const file of files) {
    writeFileSync(join(directory, ".github", "workflows", file), changes[file] ?? texts[file] ?? "");
  }
  return directory;
}

describe("the workflows", () => {
  test("there is a workflow for pull requests, one for what was merged, and one for each night", () => {
    assert.deepEqual(files, ["deploy.yml", "drift.yml", "pull-request.yml"]);
    assert.equal(
      workflow("pull-request.yml").on,
      "pull_request",
      "pull_request_target would hand secrets to a fork's code",
    );
    assert.deepEqual(workflow("deploy.yml").on, { push: { branches: ["main"] } });
    assert.deepEqual(workflow("drift.yml").on, { schedule: [{ cron: "17 3 * * *" }], workflow_dispatch: null });
  });

  test("each action is pinned by its whole commit, with its version beside it, and the same one everywhere", () => {
    const uses = Object.values(texts).flatMap((text) =>
      [...text.matchAll(/^.*\buses:.*$/gm)].map(([line]) => line.trim()),
    );
    assert.ok(uses.length > 10);
    const pins = new Map<string, string>();
    for (const line of uses) {
      const [, action = "", pin = ""] = /^- uses: ([\w.-]+\/[\w.-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$/.exec(line) ?? [];
      assert.notEqual(pin, "", line);
      assert.equal(pins.get(action) ?? pin, pin, action);
      pins.set(action, pin);
    }
    assert.deepEqual([...pins.keys()].sort(), ["actions/checkout", "actions/setup-node", "pulumi/actions"]);
  });

  test("no permission is there from the start, and each job takes the least", () => {
    for (const file of files) assert.deepEqual(workflow(file).permissions, {}, file);
    const permissions = Object.fromEntries(jobs.map(({ name, job }) => [name, job.permissions]));
    const up = { contents: "read", deployments: "read" };
    assert.deepEqual(permissions, {
      "deploy.yml, dev": up,
      "deploy.yml, staging": up,
      "deploy.yml, prod": up,
      "drift.yml, drift": { contents: "read", issues: "write" },
      "pull-request.yml, test": { contents: "read" },
      "pull-request.yml, preview": { contents: "read", "pull-requests": "write" },
      "pull-request.yml, forks": { contents: "read" },
    });
    for (const { name, step } of steps.filter(({ step }) => step.uses?.startsWith("actions/checkout@")))
      assert.deepEqual(step.with, { "persist-credentials": false }, name);
  });

  test("what runs is a script of this repository or npm, in one line, with no expression in it", () => {
    const runs = steps.flatMap(({ step }) => step.run ?? []);
    assert.ok(runs.length > 10);
    for (const run of runs) {
      assert.doesNotMatch(run, /\$\{\{|\n/);
      const [, file] =
        /^(?:npm (?:ci|test)|(\.github\/scripts\/[\w-]+)(?: --remove| "\$STACK")?|node --require \.\/setup\/bundle\.cjs (\.github\/scripts\/[\w-]+\.ts) "\$STACK")$/
          .exec(run)
          ?.filter((part) => part !== undefined) ?? assert.fail(`neither a script nor npm: ${run}`);
      if (file === undefined) continue;
      const path = join(CHECKOUT, file);
      assert.ok(existsSync(path), file);
      if (!file.endsWith(".ts")) assert.ok(statSync(path).mode & 0o100, `${file} can't be run`);
    }
  });

  test("a secret is in no step but the one that needs it, and in no job's or workflow's environment", () => {
    for (const { name, step } of steps) {
      const secrets = Object.values(step.env ?? {}).flatMap((value) => /secrets\.(\w+)/.exec(value)?.[1] ?? []);
      const inRun = step.run ?? "";
      const allowed = /\/ssh-setup$/.test(inRun)
        ? ["SSH_PRIVATE_KEY", "SSH_KNOWN_HOSTS"]
        : /\/(?:up|preview|drift) "\$STACK"$/.test(inRun)
          ? [
              ...["PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
              // Only an `up` has images pulled.
              ...(/\/up "\$STACK"$/.test(inRun) ? ["REGISTRY_PASSWORD"] : []),
            ]
          : [];
      assert.deepEqual(secrets, allowed, `${name}: ${inRun || step.uses}`);
      assert.doesNotMatch(JSON.stringify(step.with ?? {}), /secrets/);
      const asksGitHub = /\.ts "\$STACK"$/.test(inRun);
      assert.equal(step.env?.GITHUB_TOKEN, asksGitHub ? expression("github.token") : undefined, `${name}: ${inRun}`);
    }
    for (const { name, job } of jobs)
      assert.deepEqual(
        Object.keys(job.env ?? {}).filter((key) => key !== "STACK"),
        [],
        name,
      );
    for (const text of Object.values(texts)) assert.doesNotMatch(text, /toJSON\(secrets\)|secrets: inherit/);
  });

  test("each job ends at some time, and those with secrets run only once delivery is turned on", () => {
    for (const { name, job } of jobs) {
      assert.ok((job["timeout-minutes"] ?? 0) > 0, name);
      assert.equal(job.if?.includes("vars.DELIVERY == 'on'") ?? false, name !== "pull-request.yml, test", name);
    }
  });

  test("one `up` of a stack runs at a time, none is cancelled, and previews and drift checks never stand in its way", () => {
    assert.equal(workflow("deploy.yml").concurrency, undefined);
    for (const stack of ["dev", "staging", "prod"]) {
      assert.deepEqual(job("deploy.yml", stack).concurrency, { group: `up-${stack}`, "cancel-in-progress": false });
    }
    assert.deepEqual(job("drift.yml", "drift").concurrency, {
      group: `drift-${expression("matrix.stack")}`,
      "cancel-in-progress": false,
    });
    assert.match(workflow("pull-request.yml").concurrency?.group ?? "", /^pull-request-/);
    for (const { name, job, step } of steps.filter(({ step }) => step.run?.includes("/up ")))
      assert.ok(job.concurrency, `${name}: ${step.run}`);
  });

  test("dev goes up before staging, staging before prod, each in an environment of its name and all three the same way", () => {
    const [dev, staging, prod] = ["dev", "staging", "prod"].map((stack) => job("deploy.yml", stack));
    assert.deepEqual([dev?.needs, staging?.needs, prod?.needs], [undefined, "dev", "staging"]);
    for (const [stack, each] of [
      ["dev", dev],
      ["staging", staging],
      ["prod", prod],
    ] as const) {
      assert.equal(each?.environment, stack);
      assert.deepEqual(each?.env, { STACK: stack });
      assert.deepEqual(each?.steps, dev?.steps, stack);
    }
  });

  test("every stack is previewed and checked, in an environment that needs no approval", () => {
    for (const each of [job("pull-request.yml", "preview"), job("drift.yml", "drift")]) {
      assert.deepEqual(each.strategy?.matrix.stack, ["dev", "staging", "prod"]);
      assert.equal(each.environment, `preview-${expression("matrix.stack")}`);
    }
    const preview = job("pull-request.yml", "preview");
    assert.match(preview.if ?? "", /github\.event\.pull_request\.head\.repo\.full_name == github\.repository/);
    assert.match(job("pull-request.yml", "forks").if ?? "", /head\.repo\.full_name != github\.repository/);
  });

  test("the key goes with the job, however that ends", () => {
    for (const { name, job } of jobs) {
      if (!job.steps.some(({ run }) => run?.endsWith("/ssh-setup"))) continue;
      const last = job.steps.at(-1);
      assert.deepEqual([last?.run, last?.if], [".github/scripts/ssh-setup --remove", "always()"], name);
    }
  });

  test("the CLI is the one that package.json names, and Node is one that the program takes", () => {
    const { dependencies, engines } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
    const versions = (action: string, input: string) =>
      new Set(steps.filter(({ step }) => step.uses?.startsWith(`${action}@`)).map(({ step }) => step.with?.[input]));
    assert.deepEqual(versions("pulumi/actions", "pulumi-version"), new Set([dependencies["@pulumi/pulumi"]]));
    for (const { step } of steps.filter(({ step }) => step.uses?.startsWith("pulumi/actions@")))
      assert.deepEqual(Object.keys(step.with ?? {}), ["pulumi-version"], "a command would run, and log in, by itself");
    const [node] = versions("actions/setup-node", "node-version");
    assert.ok(Number(node) >= Number(engines.node.replace(">=", "")));
  });

  test("actionlint finds nothing in the workflows, and does find what is broken in a copy", (t) => {
    if (spawnSync("go", ["version"]).error) return t.skip("no Go here to build it with");
    const actionlint = execFileSync(join(CHECKOUT, "test", "actionlint", "build"), { encoding: "utf8", stdio: "pipe" })
      .trim()
      .split("\n")
      .at(-1) as string;
    const lint = (directory: string) => {
      const paths = files.map((file) => join(directory, ".github", "workflows", file));
      return spawnSync(actionlint, ["-no-color", ...paths], { cwd: directory, encoding: "utf8" });
    };
    const clean = lint(CHECKOUT);
    assert.deepEqual([clean.status, clean.stdout], [0, ""], clean.stderr);

    for (const [change, to, says] of [
      ["needs: dev", "needs: nobody", /job "staging" needs job "nobody" which does not exist/],
      ["runs-on: ubuntu-24.04", "runs-on: ubuntu-24.4", /label "ubuntu-24\.4" is unknown/],
      ["vars.DELIVERY == 'on'", "var.DELIVERY == 'on'", /undefined variable "var"/],
      ["contents: read", "content: read", /unknown permission scope "content"/],
    ] as const) {
      const directory = copyOf(t, { "deploy.yml": texts["deploy.yml"]?.replace(change, to) ?? "" });
      const { status, stdout } = lint(directory);
      assert.equal(status, 1, change);
      assert.match(stdout, says);
    }
  });
});
