import { join } from "node:path";
import { command } from "./command";

/** A peer that was built from Go modules. */
export interface GoPeer {
  /** Where it is on this machine. */
  path: string;
  version: string;
}

/**
 * Builds the peer that a folder beside this file names, where the cache doesn't have it yet.
 *
 * @returns why this machine can't have it, where that is so.
 */
export async function buildGoPeer(folder: string, module: string): Promise<GoPeer | { missing: string }> {
  const here = join(__dirname, folder);
  const hasGo = await command("go", ["version"]).then(
    () => true,
    () => false,
  );
  if (!hasGo) return { missing: "there is no Go on this machine to build it" };
  try {
    const path = (await command(join(here, "build"), [])).trim();
    const listed = await command("go", ["list", "-C", here, "-m", module], { env: { GOTOOLCHAIN: "local" } });
    return { path, version: listed.trim().split(" v")[1] ?? "of unknown version" };
  } catch (error) {
    // What go-build says in the end, which names nothing of this machine.
    const said = /^✗ (.*)$/m.exec((error as Error).message)?.[1];
    return { missing: `it could not be built${said === undefined ? "" : ` (${said})`}` };
  }
}
