export { plain, visible } from "../stacks/text/plain";

/** At most so many columns of a plain text. */
export const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 3))}...`.slice(0, columns);

/** A plain text over lines of so many columns, broken between words, and within one that is longer than a line. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(" ", columns);
    const end = space > 0 ? space : columns;
    lines.push(rest.slice(0, end));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  return [...lines, rest];
}

/** As many items as fit, and how many more there are. */
export function listed(items: readonly string[], columns: number): string {
  const whole = items.join(", ");
  if (whole.length <= columns || items.length < 2) return cut(whole, columns);
  for (let count = items.length - 1; count > 0; count -= 1) {
    const part = `${items.slice(0, count).join(", ")} and ${items.length - count} more`;
    if (part.length <= columns) return part;
  }
  return cut(`${items.length}: ${whole}`, columns);
}

/** JSON in which only ASCII stands: a control character or a turn of the text's direction can't reach a terminal through it. */
export const plainJson = (value: unknown): string =>
  JSON.stringify(value, undefined, 2).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
