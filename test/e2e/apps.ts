import { join } from "node:path";
import { must } from "./stack";

/** An application's image, made like its official one (see apps/build). */
export async function appImage(app: string): Promise<string> {
  const output = await must(join(__dirname, "apps", "build"), [app]);
  const image = output.split("\n").find((line) => line.startsWith(`blue-green-test/app-${app}:`));
  if (image === undefined) throw new Error(`apps/build named no image:\n${output}`);
  return image;
}
