import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stringify } from "yaml";
import { accessorySecrets } from "../../../stacks/settings/accessorySecrets";
import { FIT, HOSTILE_TEXTS } from "../text/hostile.sample";

const SECRET = { secure: "v1:abc:def" };

/** What is found where the stack's file has these accessories, and Pulumi hands over the same in clear. */
const found = (accessories: unknown, json: unknown = accessories) =>
  accessorySecrets(
    stringify({ config: { "blue-green:accessories": accessories, "other:accessories": { a: SECRET } } }),
    JSON.stringify(json),
  );

const WAY =
  "can't be kept secret: of an accessory only the variables in environment are; have it read one of these, as with sh -c '... \"$NAME\"'";

describe("what of an accessory is set with --secret", () => {
  test("its variables may be, as a map and as a list", () => {
    for (const environment of [{ PASSWORD: SECRET, USER: "shop" }, [SECRET, "USER=shop"]])
      assert.deepEqual(found({ db: { image: "a", environment } }), { problems: [], warnings: [] });
  });

  test("any other key is refused at its place, with the commands that make a variable of it, and no value is shown", () => {
    const wrong: [object, place: string, path: string][] = [
      [{ command: SECRET }, ".command", "accessories.db.command"],
      [{ command: ["redis-server", "--requirepass", SECRET] }, ".command[2]", "'accessories.db.command[2]'"],
      [{ healthcheck: { test: SECRET, interval: "1s" } }, ".healthcheck.test", "accessories.db.healthcheck.test"],
      [{ image: SECRET }, ".image", "accessories.db.image"],
      [{ labels: { team: SECRET } }, ".labels.team", "accessories.db.labels.team"],
      [{ volumes: [{ type: "bind", source: SECRET }] }, ".volumes[0].source", "'accessories.db.volumes[0].source'"],
      [{ environment: SECRET }, ".environment", "accessories.db.environment"],
      [{ environment: { A: { B: SECRET } } }, ".environment.A.B", "accessories.db.environment.A.B"],
      [{ command: SECRET, environment: { A: SECRET } }, ".command", "accessories.db.command"],
    ];
    for (const [keys, place, path] of wrong)
      assert.deepEqual(found({ db: { image: "a", ...keys } }), {
        problems: [
          {
            ...{ setting: `accessories.db${place}`, given: "[secret]", rule: WAY },
            mend: `pulumi config rm --path ${path} && pulumi config set --secret --path 'accessories.db.environment.<NAME>'`,
          },
        ],
        warnings: [],
      });
  });

  test("so is a whole block, and the whole setting", () => {
    const mends = (accessories: unknown) => found(accessories).problems.map(({ setting, mend }) => [setting, mend]);
    const set = (name: string) => `pulumi config set --secret --path 'accessories.${name}.environment.<NAME>'`;
    assert.deepEqual(mends({ db: SECRET, redis: { image: "a" } }), [
      ["accessories.db", `pulumi config rm --path accessories.db && ${set("db")}`],
    ]);
    assert.deepEqual(mends(SECRET), [["accessories", `pulumi config rm accessories && ${set("<name>")}`]]);
  });

  test("several are all told", () => {
    const { problems } = found({ a: { command: SECRET }, b: { user: SECRET, environment: { A: SECRET } } });
    assert.deepEqual(
      problems.map(({ setting }) => setting),
      ["accessories.a.command", "accessories.b.user"],
    );
  });

  test("where the stack's file does not say it, a warning does; without any variable it can't be one, and is refused", () => {
    const json = { db: { image: "a", environment: { A: "1" } }, redis: { image: "b" } };
    for (const text of [
      "",
      "config: {}",
      "config:\n  blue-green:accessories: {db: {image: a}}",
      ": [",
      "config: 7",
      "- a",
    ]) {
      const { problems, warnings } = accessorySecrets(text, JSON.stringify(json));
      assert.deepEqual([problems.length, warnings.length], [0, 1], text);
      assert.match(
        warnings[0] ?? "",
        /does not say where.*--secret --path 'accessories\.<name>\.environment\.<NAME>'$/,
      );
      const bare = accessorySecrets(text, JSON.stringify({ db: { image: "a", command: "hunter2" } }));
      assert.deepEqual(
        bare.problems.map(({ setting }) => setting),
        ["accessories"],
      );
      assert.deepEqual(bare.warnings, []);
    }
    for (const odd of [undefined, null, 7, "x", "[]", "{", '{"db":null}', '{"db":7}'])
      assert.equal(accessorySecrets("", odd).problems.length, 1);
  });

  test("names that nobody can type end no line and reach no shell", () => {
    for (const name of [...HOSTILE_TEXTS, "a'b", "$(id)", "a.b", "constructor", "__proto__"]) {
      const { problems } = found({ [name]: { command: SECRET, [name]: SECRET } });
      for (const { setting, mend } of problems) for (const line of [setting, mend]) assert.match(line, FIT);
      for (const { mend } of problems) assert.doesNotMatch(mend.replace(/'[^']*'/g, ""), /\$\(|`/);
    }
  });

  test("a file that is deep, or names itself, is no reason to fail", () => {
    const deep = `${"{a: ".repeat(200)}${JSON.stringify(SECRET)}${"}".repeat(200)}`;
    for (const text of [`config: {"blue-green:accessories": ${deep}}`, "config: &a\n  blue-green:accessories: *a\n"])
      assert.equal(accessorySecrets(text, "{}").problems.length, 1);
  });
});
