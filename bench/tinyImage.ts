import { join } from "node:path";
import type { TestContext } from "node:test";
import { baseImages } from "../test/e2e/stack";
import { command } from "./command";

const IMAGE = "blue-green-bench/tiny:1";

/**
 * Builds the image of an app that answers at once with a few bytes, and returns its name.
 *
 * @param context removes it. What was made last goes first: make the containers that run it afterwards.
 */
export async function tinyImage(context: TestContext): Promise<string> {
  const base = `BASE_IMAGE=${baseImages().nginxImage ?? ""}`;
  await command("docker", ["build", "--quiet", "--tag", IMAGE, "--build-arg", base, join(__dirname, "tiny")]);
  context.after(() => command("docker", ["image", "rm", IMAGE], { always: true }));
  return IMAGE;
}
