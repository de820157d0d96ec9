import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { sourceHash } from "../../../stacks/service/source";

let directory: string;

const put = (path: string, content: string) => writeFileSync(join(directory, path), content);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "blue-green-source-"));
  mkdirSync(join(directory, "templates"));
  mkdirSync(join(directory, "tests"));
  put("Dockerfile", "FROM x");
  put(".dockerignore", "tests\n**/__pycache__\nDockerfile\n");
  put("app.py", "1");
  put("templates/index.html", "2");
  put("tests/test_app.py", "3");
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("the hash over the sources", () => {
  test("the hash depends on paths and contents alone", () => {
    const before = sourceHash(directory);
    assert.match(before, /^[0-9a-f]{12}$/);
    utimesSync(join(directory, "app.py"), 1, 1);
    assert.equal(sourceHash(directory), before);
  });

  test("what .dockerignore leaves out does not count", () => {
    const before = sourceHash(directory);
    put("tests/test_app.py", "changed");
    mkdirSync(join(directory, "__pycache__"));
    put("__pycache__/app.pyc", "new");
    assert.equal(sourceHash(directory), before);
  });

  test("a changed, new, renamed or moved file changes the hash, and so does the Dockerfile", () => {
    const seen = new Set([sourceHash(directory)]);
    const differs = () => {
      const hash = sourceHash(directory);
      assert.ok(!seen.has(hash));
      seen.add(hash);
    };
    put("app.py", "changed");
    differs();
    put("templates/new.html", "");
    differs();
    put("Dockerfile", "FROM y");
    differs();
    // The same bytes, cut into files at another place.
    put("a", "bc");
    differs();
    rmSync(join(directory, "a"));
    put("ab", "c");
    differs();
  });
});
