import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { PAGES, renderContainerKeys, renderSettingsTables, withParts } from "../../docs/settings-table";
import { DECIDED } from "../../stacks/settings/container/keys";

const root = join(__dirname, "..", "..");

const yaml = `
config:
  needed:
    type: string
    description: one|two, or \`a|b\`
  empty:
    type: string
    description: |
      over two
      lines
    default: ""
  port:
    type: integer
    description: a port
    default: 80
  object:
    type: object
    description: an object
    default: {}
`;

describe("the table of settings", () => {
  test("each kind of setting has its row in its group, and bars and line ends stay within their cell", () => {
    const groups = [
      { title: "First", names: ["port", "needed"] },
      { title: "Then", names: ["empty", "object"] },
    ];
    assert.equal(
      renderSettingsTables(yaml, groups),
      [
        "### First",
        "",
        "| setting | meaning | type | default |",
        "| --- | --- | --- | --- |",
        "| `port` | a port | integer | `80` |",
        "| `needed` | one\\|two, or `a\\|b` | string |  |",
        "",
        "### Then",
        "",
        "| setting | meaning | type | default |",
        "| --- | --- | --- | --- |",
        "| `empty` | over two lines | string | empty |",
        "| `object` | an object | object | `{}` |",
      ].join("\n"),
    );
  });

  test("a setting in two groups, or of no Pulumi.yaml, is an error that names it; one without a group stands in the last one", () => {
    const groups = [
      { title: "First", names: ["needed", "port", "gone"] },
      { title: "Then", names: ["port", "empty"] },
    ];
    assert.throws(() => renderSettingsTables(yaml, groups), {
      message: "gone is not in Pulumi.yaml; port is in two groups. Next: mend GROUPS in docs/settings-table.ts",
    });
    const [first, more] = renderSettingsTables(yaml, [{ title: "First", names: ["port", "needed", "empty"] }]).split(
      "### More",
    );
    assert.doesNotMatch(first ?? "", /`object`/);
    assert.match(more ?? "", /^\| `object` \|/m);
  });

  test("each key of `container` has its row, with an example and what it does", () => {
    const keys = { user: { example: 'user: "1000:1000"', description: "who it\nruns as, a|b" } };
    assert.equal(
      renderContainerKeys(keys),
      [
        "| key | example | what it does |",
        "| --- | --- | --- |",
        '| `user` | `user: "1000:1000"` | who it runs as, a\\|b |',
      ].join("\n"),
    );
  });

  test("only what is between the marks is replaced, and a second time nothing changes", () => {
    const page = "# Title\n<!-- b -->\nold\nolder\n<!-- /b -->\nrest\n<!-- a -->\n<!-- /a -->\n";
    const once = withParts("docs/x.md", page, { a: "| 1 |", b: "| $& |" });
    assert.equal(once, "# Title\n<!-- b -->\n\n| $& |\n\n<!-- /b -->\nrest\n<!-- a -->\n\n| 1 |\n\n<!-- /a -->\n");
    assert.equal(withParts("docs/x.md", once, { a: "| 1 |", b: "| $& |" }), once);
  });

  test("a page without the marks is refused, not overwritten", () => {
    for (const page of ["", "<!-- settings -->", "<!-- /settings --> <!-- settings -->"]) {
      assert.throws(
        () => withParts("docs/x.md", page, { settings: "table" }),
        /x\.md has no place for the table of settings/,
      );
    }
  });

  test("docs/container.md names each key of a compose file that is decided elsewhere", () => {
    const page = readFileSync(join(root, "docs", "container.md"), "utf8");
    const refused = page.match(/^## Keys that are decided elsewhere$[\s\S]*?(?=^## )/m)?.[0] ?? "";
    const named = [...refused.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = ""]) =>
      cell.replaceAll("`", "").split(", "),
    );
    assert.deepEqual(named.sort(), Object.keys(DECIDED).sort());
  });

  for (const { path, parts } of PAGES) {
    test(`${path}'s tables are what the program says`, () => {
      const page = readFileSync(join(root, path), "utf8");
      assert.ok(page === withParts(path, page, parts(root)), "next: npm run settings-table");
    });
  }
});
