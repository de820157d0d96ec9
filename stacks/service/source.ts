import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ignoring from "@balena/dockerignore";

/** Hexadecimal digits of a source hash: enough to tell releases apart, short enough to read aloud. */
const SOURCE_HASH_DIGITS = 12;

/**
 * A hash over what Docker would be sent as build context from `directory`: the Dockerfile, and every path and content that
 * `.dockerignore` leaves in. The same sources give the same hash on every machine, whatever their dates and owners are.
 */
export function sourceHash(directory: string): string {
  const isSent = sentFrom(directory);
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter(isSent)
    .sort();

  const hash = createHash("sha256");
  for (const path of files) {
    const content = readFileSync(join(directory, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, SOURCE_HASH_DIGITS);
}

/** Whether Docker would be sent a path (relative to `directory`) as part of the build context, whether or not it is there. */
export function sentFrom(directory: string): (path: string) => boolean {
  const ignoreFile = join(directory, ".dockerignore");
  const ignored = ignoring();
  if (existsSync(ignoreFile)) ignored.add(readFileSync(ignoreFile, "utf8"));
  // Docker always sends the Dockerfile, even where .dockerignore names it.
  return (path) => path === "Dockerfile" || !ignored.ignores(path);
}
