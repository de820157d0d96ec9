import { jsonIn } from "../text/json";
import { boundedList } from "./boundedList";
import { type Refuse, removeCommand } from "./problem";
import { isPlainPath, MAX_PATH_CHARACTERS } from "./values";

const MAX_PATHS = 20;

/** Shows how one is set, since the CLI can't set all at once. */
export const SET_ASSET_PATH = "pulumi config set --path 'assetPaths[<n>]' '</path/>'";

const RULE = `must be a path of A-Z a-z 0-9 . _ ~ - / that begins and ends with /, such as /assets/, without // and .., at most ${MAX_PATH_CHARACTERS} characters`;

/**
 * Reports whether it is a path below which there are assets: all of it is a beginning of plain paths, and not of every one. Since it ends
 * with `/`, it is no beginning of the proxy's own location either, which is one file (`/maintenance-<hash>.html`).
 */
const isAssetPath = (value: unknown): value is string =>
  typeof value === "string" && value !== "/" && value.endsWith("/") && isPlainPath(value);

/** Returns the paths below which old assets answer, out of the JSON text that Pulumi hands over for a list, without those that are refused. */
export function parseAssetPaths(json: unknown, refuse: Refuse): string[] {
  const given = boundedList(json, { setting: "assetPaths", one: "path", several: "paths", most: MAX_PATHS }, refuse);
  return given.filter((value, index): value is string => {
    const first = given.indexOf(value);
    if (!isAssetPath(value)) refuse([index], RULE, removeCommand("assetPaths", index));
    else if (first < index) refuse([index], `is assetPaths[${first}] already`, removeCommand("assetPaths", index));
    else return true;
    return false;
  });
}

/** Returns where paths of such a list lead to this path, by their places in it. */
export function placesLeadingTo(path: string, json: unknown): number[] {
  const given = jsonIn(json);
  if (!Array.isArray(given)) return [];
  return given.flatMap((value: unknown, index) => (isAssetPath(value) && path.startsWith(value) ? [index] : []));
}
