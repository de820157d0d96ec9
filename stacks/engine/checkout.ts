import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The folder with `nginx/`, `cutover/` and Pulumi.yaml: the checkout, or `dist/` in the package. It holds for a bundle too, since
 * setup/bundle.cjs keeps bundles two folders deep, as this file is.
 */
export const CHECKOUT = join(__dirname, "..", "..");

/** Returns this program's version, which package.json has; in the package that is beside `dist/`. */
export function programVersion(): string {
  const own = join(CHECKOUT, "package.json");
  const file = existsSync(own) ? own : join(CHECKOUT, "..", "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
