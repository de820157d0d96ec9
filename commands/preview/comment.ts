import { visible } from "../../stacks/text/plain";
import type { Summary } from "./summary";
import { fenceFor, inComment } from "./text";

/** GitHub takes 65,536 characters; counted in bytes of UTF-8, of which no character has less than one. */
const MOST_BYTES = 65_000;
/** The summary's share of them. */
const MOST_SUMMARY_BYTES = 30_000;

/** By what a stack's comment is found again. It is a comment of HTML's: nobody sees it. */
export const markerOf = (stack: string): string => `<!-- blue-green preview of ${stack} -->`;

/** A preview as a pull request's comment: the marker, the summary, and the diff to be unfolded. */
export function commentOf(summary: Summary, diff: string): string {
  const { stack, headline, entries, configuration } = summary;
  const points = entries.flatMap(({ name, lines }) => {
    const [first, ...more] = lines.map(inComment);
    return more.length === 0
      ? [`- **${name}:** ${first}`]
      : [`- **${name}:**`, ...[first, ...more].map((line) => `  - ${line}`)];
  });
  const whole = `npm run preview -- ${stack}`;
  const head = cut(
    points,
    MOST_SUMMARY_BYTES,
    (left) => `- and ${left} more lines, too many for a comment: \`${whole}\``,
  );
  const configurationBlock =
    configuration.length === 0
      ? []
      : ["", "nginx's configuration:", ...block(configuration, MOST_SUMMARY_BYTES / 3, whole)];
  const top = [markerOf(stack), `### ${stack}: ${inComment(headline)}`, "", ...head, ...configurationBlock];
  if (diff.trim() === "") return `${top.join("\n")}\n`;
  const begin = ["", "<details><summary>pulumi preview --diff</summary>", ""];
  const end = ["", "</details>", ""];
  const room = MOST_BYTES - bytes([...top, ...begin, ...end].join("\n"));
  return [...top, ...begin, ...block(diff.trimEnd().split("\n"), room, whole), ...end].join("\n");
}

/**
 * Lines in a fence that they can't end, cut to so many bytes.
 *
 * @param whole the command that prints all of them.
 */
export function block(given: readonly string[], most: number, whole: string, language = "diff"): string[] {
  // A fence as long as a comment would leave no room in it.
  const lines = given.map((line) => visible(line).replace(/`{50,}/g, (run) => `\\u{60} ${run.length} times`));
  const fence = fenceFor(lines.join("\n"), 3);
  const notice = (left: number) => `... cut here, ${left} more lines are too many for a comment; all of them: ${whole}`;
  return [`${fence}${language}`, ...cut(lines, most - 2 * fence.length - 200, notice), fence];
}

/** As many lines as have room, and how many are left out. */
function cut(lines: string[], most: number, notice: (left: number) => string): string[] {
  let used = 0;
  const fits = lines.findIndex((line) => {
    used += bytes(line) + 1;
    return used > most;
  });
  return fits === -1 ? lines : [...lines.slice(0, fits), notice(lines.length - fits)];
}

const bytes = (text: string): number => Buffer.byteLength(text);
