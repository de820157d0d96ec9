import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { CHECKOUT } from "./engine/checkout";
import type { ServiceId } from "./service/names";
import type { Settings } from "./settings/settings";

/** The settings that the page goes by. */
export type PageSettings = Pick<Settings, "monitoring" | "maxErrorPercent">;

/** Where the page stands, and the files of the package `uplot` that draws its curves. */
const DIRECTORY = join(CHECKOUT, "monitoring", "page");
const CHARTS = ["uPlot.iife.min.js", "uPlot.min.css"];

/** Returns the files of the page by their names, as its server is asked for them. */
export function pageFiles(owner: ServiceId, { monitoring, maxErrorPercent }: PageSettings): Record<string, string> {
  // As Node finds the package from here, which a bundler must not try.
  const packages = createRequire(__filename);
  const { host: _, ...stack } = owner;
  const settings = { ...stack, monitoring, maxErrorPercent };
  const own = readdirSync(DIRECTORY)
    .sort()
    .map((name): [string, string] => [name, join(DIRECTORY, name)]);
  const charts = CHARTS.map((name): [string, string] => [name, packages.resolve(`uplot/dist/${name}`)]);
  return {
    ...Object.fromEntries([...own, ...charts].map(([name, path]) => [name, readFileSync(path, "utf8")])),
    "settings.json": JSON.stringify(settings),
  };
}

/**
 * Returns the page's files as variables of the container that serves them: their names in `PAGE`, and the text of each in `PAGE_1` and so
 * on. Pulumi's provider can't put files into a container whose root file system is read-only.
 */
export function pageVariables(owner: ServiceId, settings: PageSettings): string[] {
  const files = Object.entries(pageFiles(owner, settings));
  const texts = files.map(([, text], at) => `PAGE_${at + 1}=${text.trimEnd()}`);
  return [`PAGE=${files.map(([name]) => name).join(" ")}`, ...texts];
}
