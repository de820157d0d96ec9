import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { ComposeError } from "../rules";

/** A compose file has some KiB. */
const MOST_BYTES = 1024 * 1024;

/** Reports whether a path is a folder itself or within it, by its name alone. */
export function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`);
}

/**
 * Returns a file's text.
 *
 * @throws ComposeError where it can't be read, is no file, or is larger than any compose file.
 */
export function textOfFile(path: string): string {
  try {
    const stats = statSync(path);
    // A device or a pipe may never end.
    if (!stats.isFile()) throw new ComposeError("is no file");
    if (stats.size > MOST_BYTES) throw new ComposeError("is larger than 1 MiB");
    return readFileSync(path, "utf8").replace(/^\ufeff/, "");
  } catch (error) {
    if (error instanceof ComposeError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ComposeError(code === "ENOENT" ? "is not there" : `can't be read: ${code ?? message}`);
  }
}

/**
 * Returns the path of a file that another one names, within the compose file's folder.
 *
 * @param folder the compose file's.
 * @param base the folder that the name is relative to.
 * @throws ComposeError where it leads out of that folder, by its name or by a link.
 */
export function pathWithin(folder: string, base: string, name: string): string {
  const path = resolve(base, name);
  if (name.includes("\0") || !isWithin(folder, path) || !isWithin(realOf(folder), realOf(path))) {
    throw new ComposeError(`names ${name}, which is outside of the compose file's folder (${folder}): it is not read`);
  }
  return path;
}

/** Where links lead to; of what is not there, where it would be. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realOf(dirname(path)), basename(path));
  }
}
