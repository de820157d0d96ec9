import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The folder that has `nginx/`, `cutover/` and Pulumi.yaml: of the checkout, and in the package its `dist/`. A bundle of this program
 * lies as deep as this file does (setup/bundle.cjs).
 */
export const CHECKOUT = join(__dirname, "..", "..");

/** Returns this program's version, which package.json has; in the package that is beside `dist/`. */
export function programVersion(): string {
  const own = join(CHECKOUT, "package.json");
  const file = existsSync(own) ? own : join(CHECKOUT, "..", "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
