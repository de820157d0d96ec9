import { visible } from "../../stacks/text/plain";
import type { Summary } from "./summary";
import { inTerminal } from "./text";

/** A preview as a terminal shows it: the summary, then Pulumi's own diff. */
export function screenOf({ stack, headline, entries, configuration }: Summary, diff: string): string {
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
    ...points,
    ...(lines.length > 0 ? ["- nginx's configuration:", ...lines] : []),
    ...(diff.trim() === "" ? [] : ["", ...diff.trimEnd().split("\n").map(visible)]),
  ].join("\n");
}
