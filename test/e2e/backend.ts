import { join } from "node:path";
import { baseImages, must } from "./stack";

/** The test backend (see backend/backend.py) as an image of this version; built where the engine does not have it. */
export async function backendImage(version: string): Promise<string> {
  const base = baseImages().appBaseImage ?? "";
  const output = await must(join(__dirname, "backend", "build"), [base, version]);
  const image = output.split("\n").find((line) => line.startsWith("blue-green-test/backend:"));
  if (image === undefined) throw new Error(`backend/build named no image:\n${output}`);
  return image;
}

/** The image of release a or b, each with assets of its own (see backend/assets.py). */
export async function assetImage(release: "a" | "b"): Promise<string> {
  const folder = join(__dirname, "backend");
  const image = `blue-green-test/assets:${release}`;
  const args = [`BASE_IMAGE=${baseImages().appBaseImage}`, `RELEASE=${release}`].flatMap((arg) => ["--build-arg", arg]);
  const file = join(folder, "assets.Dockerfile");
  await must("docker", ["build", "--quiet", "--file", file, ...args, "--tag", image, folder]);
  return image;
}

/** The settings by which both colors run the test backend, each in a version of its own. */
export const backendImages = async (): Promise<Record<string, string>> => ({
  blueImage: await backendImage("1.0.0"),
  greenImage: await backendImage("2.0.0"),
  blueVersion: "1.0.0",
  greenVersion: "2.0.0",
});
