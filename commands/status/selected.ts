import { execFile } from "node:child_process";

/** A backend far away is asked whether it knows the stack. */
const PULUMI_TIMEOUT_SECONDS = 15;

/** A stack as it was named, and its parts: `prod`, `organization/prod` or `organization/project/prod`. */
export interface StackName {
  /** As Pulumi's files and the labels on the engine have it. */
  stack: string;
  /** The project, where it was named. */
  project?: string;
}

/** Undefined for what can't be a stack's name. */
export function stackNamed(text: string): StackName | undefined {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(part))) return undefined;
  const stack = parts.at(-1) ?? "";
  return parts.length === 3 && parts[1] !== undefined ? { stack, project: parts[1] } : { stack };
}

/**
 * The stack that `pulumi` takes by itself: 0.2 s with a local state.
 *
 * @throws Error with its words.
 */
export const selectedStack = async (directory: string): Promise<string> =>
  (await pulumiSays(directory, "stack", "--show-name")).trim();

/** What Pulumi says of whatever it stopped since something else had failed. */
const CONSEQUENCE = /\bcontext cancell?ed\b/;

/** Of Pulumi's lines those that don't only follow from the others; where nothing else is told, that is all there is. */
export function causesIn(lines: string[]): string[] {
  const causes = lines.filter((line) => !CONSEQUENCE.test(line));
  return causes.length === 0 ? lines : causes;
}

/**
 * What `pulumi` answers.
 *
 * @throws Error with the first line of what it says is wrong.
 */
export function pulumiSays(directory: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: directory, timeout: PULUMI_TIMEOUT_SECONDS * 1000 };
    const child = execFile("pulumi", [...args, "--non-interactive"], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      if (error.code === "ENOENT") return reject(new Error("`pulumi` is not on the PATH"));
      const [said] = causesIn(stderr.trim().split("\n")).map((line) => line.replace(/^error: /, ""));
      const late = `\`pulumi\` did not answer within ${PULUMI_TIMEOUT_SECONDS} s`;
      reject(new Error(error.killed ? late : said || error.message));
    });
    child.stdin?.end();
  });
}
