import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { changedIn } from "../../../commands/release/commit";
import {
  buildArguments,
  buildProblem,
  labelsOf,
  nextCommands,
  revisionOf,
  sameRelease,
} from "../../../commands/release/release";
import { worldOf } from "../../../stacks/service/world";

const sources = { version: "1.4.0", source: "0123456789ab", revision: "c".repeat(40), base: "python:3" };

const now = new Date("2026-11-26T10:20:30.456Z");

describe("a release", () => {
  test("a release's labels: version, sources, commit, time and base image", () => {
    assert.deepEqual(labelsOf(sources, now), {
      "org.opencontainers.image.version": "1.4.0",
      "org.opencontainers.image.revision": "c".repeat(40),
      "org.opencontainers.image.created": "2026-11-26T10:20:30Z",
      "org.opencontainers.image.base.name": "python:3",
      "blue-green.source": "0123456789ab",
    });
  });

  test("a container that runs a release is not taken for one whose image its stack has built", () => {
    const owner = { project: "blue-green", stack: "dev" };
    const own = {
      ...{ "blue-green.project": "blue-green", "blue-green.stack": "dev", "blue-green.role": "slot" },
      ...{ "blue-green.color": "blue", "blue-green.version": "1.4.0" },
    };
    const container = {
      Id: "a",
      Name: "/blue-green-dev-blue",
      Config: { Labels: { ...labelsOf(sources, now), ...own } },
    };
    assert.deepEqual(worldOf(owner, [container], [container]).built, { blue: [], green: [] });
  });

  test("the build has the arguments of a stack's own build, and no value of it can be another argument", () => {
    const args = buildArguments("r.example/shop:1.4.0", "app", { ...sources, base: "--privileged" }, now);
    assert.deepEqual(args.slice(0, 7), [
      ...["build", "--tag", "r.example/shop:1.4.0", "--build-arg", "BASE_IMAGE=--privileged"],
      ...["--build-arg", "VERSION=1.4.0"],
    ]);
    assert.equal(args.at(-1), "app");
    assert.equal(args.filter((arg) => arg === "--label").length, 5);
  });

  test("a commit is named only where it holds what is released; --dirty says so in the label", () => {
    const revision = "c".repeat(40);
    assert.equal(revisionOf({ revision, changed: [] }, false), revision);
    assert.equal(revisionOf({ revision, changed: [] }, true), revision);
    assert.equal(revisionOf({ revision, changed: ["app.py"] }, true), `${revision}-dirty`);
    assert.equal(revisionOf({ unknown: "not a git repository" }, true), "unknown");
    assert.throws(() => revisionOf({ unknown: "not a git repository" }, false), {
      message: "Which commit this is can't be told: not a git repository",
      next: [
        "release from a git checkout; or npm run release -- --version <version> --dirty, which says so in the label",
      ],
    });
    const changed = ["a", "b", "c", "d", "e", "f", "g"];
    assert.throws(() => revisionOf({ revision, changed }, false), {
      message:
        "The commit cccccccccccc does not hold what would be released: app/a, app/b, app/c, app/d, app/e and 2 more",
    });
  });

  test("of what git says, that counts what becomes part of the image: changed, new, deleted and ignored files alike", () => {
    const isSent = (path: string) => /^(Dockerfile|app\.py|templates\/.*)$/s.test(path);
    const status = [
      ...[" M shop/app/app.py", "?? shop/app/templates/a b\n.html", " D shop/app/templates/old.html"],
      ...["!! shop/app/templates/x.pyc", " M shop/app/.dockerignore", "?? shop/app/notes.txt", " M shop/README.md", ""],
    ].join("\0");
    assert.deepEqual(changedIn(status, "shop/app/", isSent), [
      ...[".dockerignore", "app.py", "templates/a b\n.html", "templates/old.html", "templates/x.pyc"],
    ]);
    assert.deepEqual(changedIn("", "app/", isSent), []);
  });

  test("a version that is released is the same release with the same sources only", () => {
    const image = "r.example/shop:1.4.0";
    sameRelease(image, { "blue-green.source": "0123456789ab" }, sources);
    const next = ["npm run release -- --version <a new version>"];
    assert.throws(() => sameRelease(image, { ...labelsOf(sources, now), "blue-green.source": "ffff" }, sources), {
      message:
        `1.4.0 was released from sources ffff (commit ${"c".repeat(40)}), and the sources are 0123456789ab now: ` +
        "a version once released stays what it is",
      ...{ next, exit: 1 },
    });
    assert.throws(() => sameRelease(image, {}, sources), {
      message: `${image} is there already, and doesn't say from which sources: it is not from npm run release`,
      next,
    });
  });

  test("a build that fails shows its last lines", () => {
    const log = Array.from({ length: 30 }, (_, line) => `step ${line}`).join("\n");
    const { message, exit } = buildProblem("python:3", `${log}\npip: no such package`);
    assert.match(message, /^docker build of app\/ failed: pip: no such package\nstep 21\n.*\npip: no such package$/s);
    assert.equal(exit, 1);
  });

  test("what to type next sets image and version together, for the stack that was named", () => {
    assert.deepEqual(nextCommands("r.example/shop@sha256:1", "1.4.0", " --stack prod"), [
      "where blue is idle: pulumi config set blueImage r.example/shop@sha256:1 --stack prod && pulumi config set blueVersion 1.4.0 --stack prod && pulumi up --stack prod",
      "where green is idle: pulumi config set greenImage r.example/shop@sha256:1 --stack prod && pulumi config set greenVersion 1.4.0 --stack prod && pulumi up --stack prod",
    ]);
  });
});
