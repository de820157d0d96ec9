import { readdirSync } from "node:fs";
import type { ServiceId } from "../../stacks/service/names";
import { readFile, stackNamed } from "../stack";
import { configIn } from "../stackFile";
import { defaultSettings } from "./rules";

const PORTS = ["httpPort", "httpsPort", "bluePort", "greenPort"];

/** Returns what a stack's file has, by the bare names of settings. */
export function settingsOf(directory: string, { project, stack }: ServiceId): Record<string, unknown> {
  const file = `Pulumi.${stack}.yaml`;
  const config = configIn(file, readFile(directory, file) ?? "");
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name.replace(`${project}:`, ""), value]));
}

/** Returns the ports of the host that the project's other stacks have, each with the stack's name. */
export function otherStacksPorts(directory: string, { project, stack: own }: ServiceId): Record<number, string> {
  const stacks = readdirSync(directory).flatMap((file) => /^Pulumi\.([^/]+)\.yaml$/.exec(file)?.[1] ?? []);
  const others = stacks.filter((stack) => stack !== own && stackNamed(stack) !== undefined);
  const found = others.flatMap((stack) => {
    const settings = { ...defaultSettings(), ...readable(directory, { project, stack }) };
    return PORTS.map((port): [number, string] => [Number(settings[port]), stack]);
  });
  return Object.fromEntries(found.filter(([port]) => port > 0));
}

/** Another stack's file that can't be read is not this command's to mend. */
function readable(directory: string, owner: ServiceId): Record<string, unknown> {
  try {
    return settingsOf(directory, owner);
  } catch {
    return {};
  }
}
