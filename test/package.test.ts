import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";

const root = join(__dirname, "..");

const manifest = (path: string) => JSON.parse(readFileSync(join(root, path, "package.json"), "utf8"));

describe("the package", () => {
  test("the package has what it needs and nothing else", () => {
    const [packed] = JSON.parse(
      execFileSync("npm", ["pack", "--dry-run", "--json", "--silent"], { cwd: root, encoding: "utf8" }),
    );
    const inFolder = (folder: string) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`);
    // Of the commands those that know a program's services, with what they need.
    const shared = [
      ...[
        "arguments",
        "cli",
        "command",
        "hosts",
        "outcome",
        "paint",
        "parts",
        "pulumi",
        "stack",
        "stackFile",
        "stackFileEdit",
      ],
      ...["terminal", "typed"],
    ];
    const commands = ["status", "drift", "preview", "rollback", "logs", "exec"].map((name) => `commands/${name}`);
    const compiled = [
      ...["stacks", "cutover", ...commands].flatMap(inFolder),
      ...shared.map((name) => `commands/${name}.ts`),
    ]
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => [".d.ts", ".js"].map((ending) => `dist/${file.replace(/\.ts$/, ending)}`));
    const files = [
      ...["LICENSE", "README.md", "docs/library.md", "docs/settings.md", "package.json"],
      // Where Pulumi finds this project's own program: npm puts it in, whatever is listed.
      "index.ts",
      "dist/Pulumi.yaml",
      ...readdirSync(join(root, "nginx")).map((file) => `dist/nginx/${file}`),
      // Not the dashboard, and not the tests of the alerts.
      ...inFolder("monitoring")
        .filter((file) => /\.mustache$|\/alerts\.yml$|\/page\/.*\.\w+$/.test(file))
        .map((file) => `dist/${file}`),
      ...compiled,
    ];
    assert.deepEqual(packed.files.map(({ path }: { path: string }) => path).sort(), files.sort());
  });

  test("Pulumi runs this project's own program, also where the package has been compiled", () => {
    // Without `main`, Pulumi would run what package.json exports.
    const project = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as { main?: string };
    assert.equal(project.main, "index.ts");
    assert.notEqual(manifest("").exports["."].default, "./index.ts");
  });

  test("it exports what docs/library.md describes, by way of its name", () => {
    // The package itself, as another program requires it.
    const exported = Object.keys(require("blue-green"));
    assert.deepEqual(exported.sort(), ["BlueGreen", "Gateway", "createService", "createServices"]);
    const types = readFileSync(join(root, "dist", "stacks", "index.d.ts"), "utf8");
    const names = [...types.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
      list.split(",").map((name) =>
        name
          .trim()
          .replace(/^type /, "")
          .replace(/^.* as /, ""),
      ),
    );
    const page = readFileSync(join(root, "docs", "library.md"), "utf8");
    assert.ok(names.length >= exported.length);
    for (const name of names) assert.ok(page.includes(`\`${name}`), name);
  });

  test("the example runs with the versions that the package was made with", () => {
    const { version, dependencies, devDependencies } = manifest("");
    const example = manifest("examples/two-services");
    assert.deepEqual(example.dependencies, {
      "@pulumi/pulumi": dependencies["@pulumi/pulumi"],
      "blue-green": `file:blue-green-${version}.tgz`,
      tsx: devDependencies.tsx,
    });
    for (const [name, wanted] of Object.entries(example.devDependencies))
      assert.equal(wanted, devDependencies[name], name);
  });
});
