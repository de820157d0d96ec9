import { execFile } from "node:child_process";

/** Where the sources that a release is built from stand in git. */
export interface Commit {
  /** The commit's hash. */
  revision: string;
  /** What of the sources that commit does not hold as it is now, relative to their folder. */
  changed: string[];
}

/**
 * The commit that is checked out.
 *
 * @param folder the sources, relative to the directory.
 * @param isSent whether a path within the folder becomes part of the image.
 * @throws Error with git's words, where this is no checkout or has no commit.
 */
export async function commitOf(directory: string, folder: string, isSent: (path: string) => boolean): Promise<Commit> {
  const revision = (await git(directory, "rev-parse", "--verify", "HEAD")).trim();
  // Where the project is a folder of a larger checkout.
  const prefix = (await git(directory, "rev-parse", "--show-prefix")).replace(/\n$/, "");
  // Ignored files too: git leaves them alone, a build takes them.
  const all = ["--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignored"];
  const status = await git(directory, "status", ...all, "--", folder);
  return { revision, changed: changedIn(status, `${prefix}${folder}/`, isSent) };
}

/** Of what `git status` says (porcelain, NUL-separated), the paths that are part of the image, or decide what is. */
export const changedIn = (status: string, prefix: string, isSent: (path: string) => boolean): string[] =>
  status
    .split("\0")
    .map((entry) => entry.slice(3))
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length))
    .filter((path) => path === ".dockerignore" || isSent(path))
    .sort();

function git(directory: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("git", args, { cwd: directory, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      if (error.code === "ENOENT") return reject(new Error("`git` is not on the PATH"));
      reject(new Error((stderr.trim().split("\n", 1)[0] ?? "").replace(/^fatal: /, "") || error.message));
    });
  });
}
