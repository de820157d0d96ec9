import { spawn } from "node:child_process";
import { CantTellError } from "./outcome";

/** How long one command may take: a backend and an engine far away. */
const TIMEOUT_SECONDS = 300;

/** How much one command may print; a state of many services is some MiB. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** How long a `pulumi` that was told to end may take to end. */
const END_SECONDS = 5;

/** How many lines of Pulumi's words are shown. */
const MOST_LINES = 3;

export interface PulumiOptions {
  /** The project's folder; by default the one that this process is in. */
  directory?: string;
  /** Variables beside those of this process. */
  env?: Readonly<Record<string, string>>;
  /** {@link TIMEOUT_SECONDS} by default; a command that is shown has no limit, since ending `pulumi up` halfway is worse. */
  timeoutSeconds?: number;
  /** Its standard input, such as a secret; none where it is left out. */
  input?: string;
  mostCharacters?: number;
  /** Shows what it prints, on standard output or on standard error, instead of keeping it. */
  show?: "stdout" | "stderr";
  /** Whether somebody who interrupts this process still gets to know what Pulumi has said. */
  tellInterrupted?: boolean;
}

/** How `pulumi` ended. */
export interface PulumiResult {
  /** Its exit code; null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs `pulumi`: the only place where a command starts it. It asks nothing, and ends with whoever ends this process.
 *
 * @throws CantTellError, one line, where it can't be started, takes too long, prints too much or is interrupted.
 */
export function runPulumi(args: readonly string[], options: PulumiOptions = {}): Promise<PulumiResult> {
  const { directory, env, input, show, mostCharacters = MOST_CHARACTERS } = options;
  const timeoutSeconds = options.timeoutSeconds ?? (show === undefined ? TIMEOUT_SECONDS : undefined);
  const out = show === undefined ? "pipe" : show === "stdout" ? "inherit" : process.stderr;
  const name = `\`pulumi ${args[0]}\``;
  return new Promise((resolve, reject) => {
    let isInterrupted = false;
    const interrupt = (signal: NodeJS.Signals) => {
      isInterrupted = true;
      // A terminal interrupts the child as well: twice would have Pulumi leave its work half done.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    // Before it is started: a signal in between would end this process alone.
    process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
    const child = spawn("pulumi", [...args, "--non-interactive", ...(show ? [] : ["--color", "never"])], {
      ...(directory !== undefined && { cwd: directory }),
      env: { ...process.env, ...env },
      stdio: [input === undefined ? "ignore" : "pipe", out, show === undefined ? "pipe" : "inherit"],
    });
    // One that ends before it has read that says why on its standard error.
    child.stdin?.on("error", () => {}).end(input);
    const said = { stdout: "", stderr: "" };
    let fault: string | undefined;
    let killer: NodeJS.Timeout | undefined;
    const giveUp = (reason: string) => {
      fault ??= reason;
      child.kill("SIGTERM");
      killer ??= setTimeout(() => {
        child.kill("SIGKILL");
        // What it has started may hold them open.
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, END_SECONDS * 1000);
    };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream]?.setEncoding("utf8").on("data", (text: string) => {
        if (said[stream].length > mostCharacters) giveUp(`${name} printed more than ${mostCharacters} characters`);
        else said[stream] += text;
      });
    }
    const late =
      timeoutSeconds === undefined
        ? undefined
        : setTimeout(() => giveUp(`${name} did not end within ${timeoutSeconds} s`), timeoutSeconds * 1000);
    const end = () => {
      clearTimeout(late);
      clearTimeout(killer);
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      end();
      reject(
        error.code === "ENOENT"
          ? new CantTellError("`pulumi` is not on the PATH", [{ purpose: "find it", command: "source .envrc" }])
          : new CantTellError(`\`pulumi\` can't be started: ${error.message}`),
      );
    });
    child.on("close", (code) => {
      end();
      if (fault !== undefined) reject(new CantTellError(fault));
      else if (isInterrupted && options.tellInterrupted !== true) reject(new CantTellError(`${name} was interrupted`));
      else resolve({ code, ...said });
    });
  });
}

/**
 * Returns what `pulumi` answers.
 *
 * @throws Error with its own words, in one line, where it fails.
 */
export async function askPulumi(args: readonly string[], options: PulumiOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runPulumi(args, options);
  if (code === 0) return stdout;
  throw new Error(
    errorIn(stderr || stdout) ?? `\`pulumi ${args[0]}\` ended with ${code ?? "a signal"} and said nothing`,
  );
}

/** What Pulumi says of whatever it stopped since something else had failed. */
const CONSEQUENCE = /\bcontext cancell?ed\b/;

/** Returns those of Pulumi's lines that don't only follow from the others; where there are no others, all of them. */
export function causesIn(lines: string[]): string[] {
  const causes = lines.filter((line) => !CONSEQUENCE.test(line));
  return causes.length === 0 ? lines : causes;
}

/** Returns Pulumi's words in one line, the causes alone; undefined where it said nothing. */
export function errorIn(words: string): string | undefined {
  const lines = words
    .split("\n")
    .map((line) => line.trim().replace(/^error: /, ""))
    .filter(Boolean);
  return causesIn(lines).slice(0, MOST_LINES).join(" ") || undefined;
}
