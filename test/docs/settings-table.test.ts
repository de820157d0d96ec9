import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { renderSettingsTables, withSettingsTables } from "../../docs/settings-table";

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

  test("only what is between the marks is replaced, and a second time nothing changes", () => {
    const page = "# Title\n<!-- settings -->\nold\nolder\n<!-- /settings -->\nrest\n";
    const once = withSettingsTables(page, "| $& |");
    assert.equal(once, "# Title\n<!-- settings -->\n\n| $& |\n\n<!-- /settings -->\nrest\n");
    assert.equal(withSettingsTables(once, "| $& |"), once);
  });

  test("a page without the marks is refused, not overwritten", () => {
    for (const page of ["", "<!-- settings -->", "<!-- /settings --> <!-- settings -->"]) {
      assert.throws(() => withSettingsTables(page, "table"), /settings\.md has no place for the settings tables/);
    }
  });

  test("docs/settings.md's tables are what Pulumi.yaml says", () => {
    const page = readFileSync(join(root, "docs", "settings.md"), "utf8");
    const tables = renderSettingsTables(readFileSync(join(root, "Pulumi.yaml"), "utf8"));
    assert.ok(page === withSettingsTables(page, tables), "next: npm run settings-table");
  });
});
