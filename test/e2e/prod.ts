import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** What prod's file sets; a test takes its ports, images and times of its own. */
export function prodSettings(): Record<string, string> {
  const { config } = parse(readFileSync(join(__dirname, "..", "..", "Pulumi.prod.yaml"), "utf8")) as {
    config: Record<string, unknown>;
  };
  const { httpPort, httpsPort, bluePort, greenPort, ...rest } = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace("blue-green:", ""), String(value)]),
  );
  return rest;
}

/** As `.envrc` has it: every `pulumi` in the copy of the program runs its policy pack. */
export const POLICY_PACK = { PULUMI_OPTION_POLICY_PACK: "policy" };
