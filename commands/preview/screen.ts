import { wrapped } from "../../stacks/text/columns";
import { visible } from "../../stacks/text/plain";
import type { Summary } from "./summary";
import { inTerminal } from "./text";

/** The fewest columns that lines are broken for. */
const LEAST_COLUMNS = 40;

/**
 * A preview as a terminal shows it: the summary, then Pulumi's own diff.
 *
 * @param columns how wide the terminal is, so that the summary breaks between words; without it each point is one line.
 */
export function screenOf({ stack, headline, entries, configuration }: Summary, diff: string, columns?: number): string {
  const width = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(LEAST_COLUMNS, columns);
  const broken = (line: string): string[] => {
    const at = line.indexOf("- ") + 2;
    const [first, ...rest] = wrapped(line.slice(at), width - at);
    return [`${line.slice(0, at)}${first}`, ...rest.map((part) => `${" ".repeat(at)}${part}`)];
  };
  const points = entries.flatMap(({ name, lines }) => {
    const [first, ...more] = lines.map(inTerminal);
    return more.length === 0
      ? [`- ${name}: ${first}`]
      : [`- ${name}:`, ...[first, ...more].map((line) => `  - ${line}`)];
  });
  const lines = configuration.map((line) => `    ${visible(line)}`);
  return [
    `${stack}: ${inTerminal(headline)}`,
    "",
    ...points.flatMap(broken),
    ...(lines.length > 0 ? ["- nginx's configuration:", ...lines] : []),
    ...(diff.trim() === "" ? [] : ["", ...diff.trimEnd().split("\n").map(visible)]),
  ].join("\n");
}
