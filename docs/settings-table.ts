import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import {
  ASKED_METRICS,
  CONTAINER_METRICS,
  CUTOVER_METRICS,
  type Metric,
  PROXY_METRICS,
  REQUEST_METRICS,
} from "../stacks/service/metrics";
import { KEYS } from "../stacks/settings/container/keys";
import { alertRows } from "./alerts";

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

/** A page of which parts are written from the program. */
interface Page {
  path: string;
  /** Returns each part's text by the mark that it stands behind: `settings` is from `<!-- settings -->` to `<!-- /settings -->`. */
  parts(root: string): Record<string, string>;
}

const COMMAND = "npm run settings-table";

/** The tables of docs/monitoring.md. */
const METRICS: Readonly<Record<string, Readonly<Record<string, Metric>>>> = {
  "request-metrics": REQUEST_METRICS,
  "proxy-metrics": PROXY_METRICS,
  "cutover-metrics": CUTOVER_METRICS,
  "asked-metrics": ASKED_METRICS,
  "container-metrics": CONTAINER_METRICS,
};

/** The pages, by their paths from the checkout. */
export const PAGES: readonly Page[] = [
  {
    path: "docs/settings.md",
    parts: (root) => ({ settings: renderSettingsTables(readFileSync(join(root, "Pulumi.yaml"), "utf8")) }),
  },
  {
    path: "docs/monitoring.md",
    parts: () => Object.fromEntries(Object.entries(METRICS).map(([mark, table]) => [mark, renderMetrics(table)])),
  },
  {
    path: "docs/on-call.md",
    parts: (root) => ({ alerts: renderAlerts(root) }),
  },
  {
    path: "docs/container.md",
    parts: () => ({ "container-keys": renderContainerKeys() }),
  },
];

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
      ...["secretEnvironment", "container", "hardened", "ephemeralVolumes", "deleteVolumes"],
      ...["memoryMb", "replicas", "stopGraceSeconds", "appBaseImage"],
      ...["bluePort", "greenPort"],
    ],
  },
  {
    title: "The public's address",
    names: [
      "hosts",
      "allowMissingHosts",
      "bindAddress",
      "httpPort",
      "httpsPort",
      "tlsCertificate",
      "tlsKey",
      "trustedProxies",
      "nginxImage",
    ],
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
    names: ["canaryPercent", "stickySessions", "stickySeconds", "testerToken", "assetPaths", "maintenance"],
  },
  { title: "The idle color", names: ["idle", "idleAfterMinutes"] },
  {
    title: "Limits for visitors",
    names: [
      ...["maxBodyMb", "maxHeaderKb", "underscoreHeaders", "proxyTimeoutSeconds"],
      ...["rateLimitPerSecond", "maxConnections", "maxUploads", "maxBufferMb"],
    ],
  },
  { title: "Word of each cutover", names: ["notifyUrl", "notifyKind", "notifySecret"] },
  {
    title: "Watching",
    names: [
      ...["monitoring", "metricsPort", "alertReceiver", "prometheusPort", "alertmanagerPort", "monitoringMemoryMb"],
      ...["prometheusImage", "alertmanagerImage", "blackboxImage"],
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
      return `### ${title}\n\n${tableOf(["setting", "meaning", "type", "default"], rows)}`;
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

/** Returns all keys of the setting `container` as a Markdown table. */
export function renderContainerKeys(keys: Readonly<Record<string, KeyWords>> = KEYS): string {
  const rows = Object.entries(keys).map(([name, { example, description }]) => [
    code(name),
    code(example),
    cell(description),
  ]);
  return tableOf(["key", "example", "what it does"], rows);
}

/** Returns metrics as a Markdown table. */
export function renderMetrics(metrics: Readonly<Record<string, Metric>>): string {
  const rows = Object.entries(metrics).map(([name, { type, labels, help }]) => [
    code(name),
    type,
    labels.map(code).join(", "),
    cell(help),
  ]);
  return tableOf(["metric", "type", "labels", "what it says"], rows);
}

/** Returns the alerts as a Markdown table. */
export const renderAlerts = (root: string): string =>
  tableOf(
    ["alert", "severity", "after", "it says, for example", "next command"],
    alertRows(root).map((row) => row.map(cell)),
  );

/** What a key's row in the table says of it. */
type KeyWords = Pick<(typeof KEYS)[keyof typeof KEYS], "example" | "description">;

const tableOf = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** Returns a page with each of its parts replaced. */
export function withParts(path: string, page: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [mark, part]) => {
    const [open, close] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
    const start = text.indexOf(open);
    const end = text.indexOf(close, start);
    if (start === -1 || end === -1)
      throw new Error(`${path} has no place for the table of ${mark}: ${open} and ${close}, each on its line`);
    return `${text.slice(0, start + open.length)}\n\n${part}\n\n${text.slice(end)}`;
  }, page);
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

/** Brings the pages up to date with `--write`; reports whether they are without. Returns the exit code. */
function main(args: readonly string[]): number {
  if (args.some((arg) => arg !== "--write")) {
    console.error("usage: node --import tsx docs/settings-table.ts [--write]");
    return 2;
  }
  const root = join(__dirname, "..");
  try {
    const current = PAGES.map((page) => bring(root, page, args.includes("--write")));
    return current.includes(false) ? 1 : 0;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    console.error(missing ? `no such file: ${(error as NodeJS.ErrnoException).path}` : (error as Error).message);
    return 1;
  }
}

/** Reports whether a page is up to date, if need be after writing it. */
function bring(root: string, { path, parts }: Page, writes: boolean): boolean {
  const file = join(root, path);
  const page = readFileSync(file, "utf8");
  const renewed = withParts(path, page, parts(root));
  if (renewed === page) return true;
  if (!writes) {
    console.error(`${path}: its tables are not what the program says. Next: ${COMMAND}`);
    return false;
  }
  writeFileSync(file, renewed);
  console.log(`${path}: tables written`);
  return true;
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
