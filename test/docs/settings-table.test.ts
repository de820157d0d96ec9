import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { renderSettingsTable, withSettingsTable } from "../../docs/settings-table";

const root = join(__dirname, "..", "..");

test("each kind of setting has its row, and bars and line ends stay within their cell", () => {
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
  assert.equal(
    renderSettingsTable(yaml),
    [
      "| setting | meaning | type | default |",
      "| --- | --- | --- | --- |",
      "| `needed` | one\\|two, or `a\\|b` | string |  |",
      "| `empty` | over two lines | string | empty |",
      "| `port` | a port | integer | `80` |",
      "| `object` | an object | object | `{}` |",
    ].join("\n"),
  );
});

test("only what is between the marks is replaced, and a second time nothing changes", () => {
  const readme = "# Title\n<!-- settings -->\nold\nolder\n<!-- /settings -->\nrest\n";
  const once = withSettingsTable(readme, "| $& |");
  assert.equal(once, "# Title\n<!-- settings -->\n| $& |\n<!-- /settings -->\nrest\n");
  assert.equal(withSettingsTable(once, "| $& |"), once);
});

test("a README without the marks is refused, not overwritten", () => {
  for (const readme of ["", "<!-- settings -->", "<!-- /settings --> <!-- settings -->"]) {
    assert.throws(() => withSettingsTable(readme, "table"), /README\.md has no place for the settings table/);
  }
});

test("README.md's settings table is what Pulumi.yaml says", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const table = renderSettingsTable(readFileSync(join(root, "Pulumi.yaml"), "utf8"));
  assert.ok(readme === withSettingsTable(readme, table), "next: node --import tsx docs/settings-table.ts --write");
});
