import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Makes a home of Pulumi in a test's folder, with the plugins of this machine; returns its path. Pulumi logs whatever it does into
 * `logs` below its home, which took a tenth of the processor time of each `up`: it goes without where that is a file.
 */
export function pulumiHome(directory: string): string {
  const home = join(directory, "pulumi-home");
  mkdirSync(home);
  symlinkSync(join(process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins"), join(home, "plugins"));
  writeFileSync(join(home, "logs"), "");
  return home;
}
