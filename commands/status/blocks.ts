import { cut } from "../../stacks/text/columns";

/** Lines that belong together. */
export interface Block {
  lines: string[];
  /** How the block is called where its last lines are left out first, and the fewest lines that still say something. */
  spare?: { name: string; least: number };
}

/** The size of a terminal, and the columns below which lines are cut off. */
export interface Size {
  columns: number;
  rows: number;
  least: number;
}

/** A style's beginning or end (ECMA-48). */
const STYLE = new RegExp(`(${String.fromCharCode(27)}\\[[0-9;]*m)`);

/**
 * Returns lines for a terminal of a size. What has no room is left out, first of the blocks that can spare it, from the last one up, then at the end. The last
 * line says what that is, and how large a terminal shows all.
 */
export function fitted(blocks: readonly Block[], { columns, rows, least }: Size): string[] {
  const all = blocks.flatMap(({ lines }) => lines);
  const isNarrow = columns < least;
  if (all.length <= rows && !isNarrow) return all;
  const room = Math.max(0, rows - 1);
  let over = all.length - room;
  const names: string[] = [];
  const kept = blocks
    .toReversed()
    .map(({ lines, spare }) => {
      if (spare === undefined || over <= 0 || lines.length === 0) return lines;
      const left = lines.length - over;
      const some = lines.slice(0, left < spare.least ? 0 : left);
      over -= lines.length - some.length;
      names.push(spare.name);
      return some;
    })
    .toReversed()
    .flat();
  if (over > 0) names.push("the end");
  const missing = all.length - Math.min(kept.length, room);
  const rest = isNarrow
    ? `... more with ${least} columns and ${all.length} lines`
    : `... ${missing} lines more (${names.join(", ")}); ${all.length} lines show all`;
  return [...kept.slice(0, room).map((line) => clipped(line, columns)), cut(rest, columns)];
}

/** Returns the beginning of a line with styles that has room in so many columns. */
export function clipped(line: string, columns: number): string {
  let room = columns;
  return line
    .split(STYLE)
    .map((part, at) => {
      // Every second part is a style, which takes no room.
      if (at % 2 === 1) return part;
      const some = part.slice(0, room);
      room -= some.length;
      return some;
    })
    .join("");
}
