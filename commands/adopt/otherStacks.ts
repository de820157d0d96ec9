import { readdirSync } from "node:fs";
import { parse } from "yaml";
import { isObject } from "../../stacks/text/json";
import { readFile, stackNamed } from "../stack";
import { configIn } from "../stackFile";

const PORTS = ["httpPort", "httpsPort", "bluePort", "greenPort"];

/** Returns the ports of the host that the project's other stacks have, each with the stack's name. */
export function otherStacksPorts(directory: string, program: string, own: string): Record<number, string> {
  const { name, config } = parse(program) as { name: string; config?: unknown };
  const defaultOf = (setting: string) => {
    const row = isObject(config) ? config[setting] : undefined;
    return isObject(row) ? row.default : undefined;
  };
  const stacks = readdirSync(directory).flatMap((file) => /^Pulumi\.([^/]+)\.yaml$/.exec(file)?.[1] ?? []);
  const found = stacks
    .filter((stack) => stack !== own && stackNamed(stack) !== undefined)
    .flatMap((stack) => {
      const settings = settingsOf(directory, stack);
      return PORTS.map((port): [number, string] => [Number(settings[`${name}:${port}`] ?? defaultOf(port)), stack]);
    });
  return Object.fromEntries(found.filter(([port]) => port > 0));
}

/** Another stack's file that can't be read is not this command's to mend. */
function settingsOf(directory: string, stack: string): Record<string, unknown> {
  try {
    const file = `Pulumi.${stack}.yaml`;
    return configIn(file, readFile(directory, file) ?? "");
  } catch {
    return {};
  }
}
