import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** One setting as Pulumi.yaml declares it. */
interface Declaration {
  type: string;
  description: string;
  default?: unknown;
}

/** The settings of one table, below a heading. */
export interface SettingsGroup {
  title: string;
  names: readonly string[];
}

const PAGE = join("docs", "settings.md");
const START = "<!-- settings -->";
const END = "<!-- /settings -->";
const COMMAND = "npm run settings-table";

/** The tables of docs/settings.md; a setting that none of them names stands in the last one, "More". */
export const GROUPS: readonly SettingsGroup[] = [
  {
    title: "The six to begin with",
    names: [
      ...["activeColor", "blueVersion", "greenVersion", "blueImage", "greenImage"],
      ...["appPort", "healthPath", "environment"],
    ],
  },
  {
    title: "The app's containers",
    names: [
      ...["secretEnvironment", "memoryMb", "replicas", "stopGraceSeconds"],
      ...["appBaseImage", "bluePort", "greenPort"],
    ],
  },
  {
    title: "The public's address",
    names: ["bindAddress", "httpPort", "httpsPort", "tlsCertificate", "tlsKey", "trustedProxies", "nginxImage"],
  },
  {
    title: "The gate, before a switch",
    names: [
      "healthHost",
      "healthStatus",
      "healthTimeoutSeconds",
      "smokeTests",
      "gateCommand",
      "gateTimeoutSeconds",
      "targetHost",
      "canaryFirst",
    ],
  },
  {
    title: "The switch and its watch",
    names: [
      ...["verifyRequests", "bakeSeconds", "maxErrorPercent", "minRequests", "maxP95Seconds"],
      ...["drainSeconds", "keepAliveSeconds"],
    ],
  },
  {
    title: "Which visitor meets which color",
    names: ["canaryPercent", "stickySessions", "stickySeconds", "testerToken", "maintenance"],
  },
  { title: "The idle color", names: ["idle", "idleAfterMinutes"] },
  {
    title: "Limits for visitors",
    names: [
      ...["maxBodyMb", "maxHeaderKb", "underscoreHeaders", "proxyTimeoutSeconds"],
      ...["rateLimitPerSecond", "maxConnections", "maxUploads", "maxBufferMb"],
    ],
  },
  { title: "The registry", names: ["registry", "registryUser", "registryPassword"] },
  {
    title: "What a stack insists on, and what it allows",
    names: ["imagesByDigest", "policies", "allowProxyReplace", "allowLiveReplace"],
  },
];

/** Returns the settings of a Pulumi.yaml as one Markdown table a group. */
export function renderSettingsTables(pulumiYaml: string, groups: readonly SettingsGroup[] = GROUPS): string {
  const { config } = parse(pulumiYaml) as { config: Record<string, Declaration> };
  const settings = Object.keys(config);
  checkGroups(settings, groups);
  const more = settings.filter((name) => !groups.some(({ names }) => names.includes(name)));
  return [...groups, ...(more.length > 0 ? [{ title: "More", names: more }] : [])]
    .map(({ title, names }) => {
      const rows = names.map((name) => rowOf(name, config[name] as Declaration));
      const table = [["setting", "meaning", "type", "default"], ["---", "---", "---", "---"], ...rows];
      return `### ${title}\n\n${table.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}`;
    })
    .join("\n\n");
}

/** Throws where a setting is in two groups, or a group names one that Pulumi.yaml doesn't have. */
function checkGroups(settings: readonly string[], groups: readonly SettingsGroup[]): void {
  const named = groups.flatMap(({ names }) => names);
  const unknown = named.filter((name) => !settings.includes(name));
  const twice = named.filter((name, at) => named.indexOf(name) !== at);
  const problems = [
    ...unknown.map((name) => `${name} is not in Pulumi.yaml`),
    ...twice.map((name) => `${name} is in two groups`),
  ];
  if (problems.length > 0) throw new Error(`${problems.join("; ")}. Next: mend GROUPS in docs/settings-table.ts`);
}

/** Returns the page with its tables replaced by `tables`. */
export function withSettingsTables(page: string, tables: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END, start);
  if (start === -1 || end === -1)
    throw new Error(`${PAGE} has no place for the settings tables: ${START} and ${END}, each on its line`);
  return `${page.slice(0, start + START.length)}\n\n${tables}\n\n${page.slice(end)}`;
}

const rowOf = (name: string, setting: Declaration): string[] => [
  code(name),
  cell(setting.description),
  setting.type,
  defaultOf(setting),
];

/** A cell's text. A bar ends the cell even within code, and so does the end of the line. */
const cell = (text: string) => text.trim().replace(/\s+/g, " ").replaceAll("|", "\\|");

const code = (text: string) => `\`${cell(text)}\``;

function defaultOf(setting: Declaration): string {
  if (setting.default === undefined) return "";
  if (setting.default === "") return "empty";
  return code(typeof setting.default === "string" ? setting.default : JSON.stringify(setting.default));
}

/** Brings docs/settings.md up to date with `--write`; reports whether it is without. Returns the exit code. */
function main(args: readonly string[]): number {
  if (args.some((arg) => arg !== "--write")) {
    console.error("usage: node --import tsx docs/settings-table.ts [--write]");
    return 2;
  }
  const root = join(__dirname, "..");
  const path = join(root, PAGE);
  try {
    const tables = renderSettingsTables(readFileSync(join(root, "Pulumi.yaml"), "utf8"));
    const page = readFileSync(path, "utf8");
    const renewed = withSettingsTables(page, tables);
    if (renewed === page) return 0;
    if (args.includes("--write")) {
      writeFileSync(path, renewed);
      console.log(`${PAGE}: settings tables written`);
      return 0;
    }
    console.error(`${PAGE}: the settings tables are not what Pulumi.yaml says. Next: ${COMMAND}`);
    return 1;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    console.error(missing ? `no such file: ${(error as NodeJS.ErrnoException).path}` : (error as Error).message);
    return 1;
  }
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
