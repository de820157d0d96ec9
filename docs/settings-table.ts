import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** One setting as Pulumi.yaml declares it. */
interface Declaration {
  type: string;
  description: string;
  default?: unknown;
}

const START = "<!-- settings -->";
const END = "<!-- /settings -->";
const COMMAND = "node --import tsx docs/settings-table.ts --write";

/** The settings of a Pulumi.yaml as a Markdown table, in the file's own order. */
export function renderSettingsTable(pulumiYaml: string): string {
  const { config } = parse(pulumiYaml) as { config: Record<string, Declaration> };
  const rows = Object.entries(config).map(([name, setting]) => [
    code(name),
    cell(setting.description),
    setting.type,
    defaultOf(setting),
  ]);
  const table = [["setting", "meaning", "type", "default"], ["---", "---", "---", "---"], ...rows];
  return table.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The README with its settings table replaced by `table`. */
export function withSettingsTable(readme: string, table: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END, start);
  if (start === -1 || end === -1)
    throw new Error(`README.md has no place for the settings table: ${START} and ${END}, each on its line`);
  return `${readme.slice(0, start + START.length)}\n${table}\n${readme.slice(end)}`;
}

/** A cell's text. A bar ends the cell even within code, and so does the end of the line. */
const cell = (text: string) => text.trim().replace(/\s+/g, " ").replaceAll("|", "\\|");

const code = (text: string) => `\`${cell(text)}\``;

function defaultOf(setting: Declaration): string {
  if (setting.default === undefined) return "";
  if (setting.default === "") return "empty";
  return code(typeof setting.default === "string" ? setting.default : JSON.stringify(setting.default));
}

/** With `--write` brings README.md up to date; without it only says whether it is. Returns the exit code. */
function main(args: readonly string[]): number {
  if (args.some((arg) => arg !== "--write")) {
    console.error("usage: node --import tsx docs/settings-table.ts [--write]");
    return 2;
  }
  const root = join(__dirname, "..");
  const readmePath = join(root, "README.md");
  try {
    const table = renderSettingsTable(readFileSync(join(root, "Pulumi.yaml"), "utf8"));
    const readme = readFileSync(readmePath, "utf8");
    const renewed = withSettingsTable(readme, table);
    if (renewed === readme) return 0;
    if (args.includes("--write")) {
      writeFileSync(readmePath, renewed);
      console.log("README.md: settings table written");
      return 0;
    }
    console.error(`README.md: the settings table is not what Pulumi.yaml says. Next: ${COMMAND}`);
    return 1;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    console.error(missing ? `no such file: ${(error as NodeJS.ErrnoException).path}` : (error as Error).message);
    return 1;
  }
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
