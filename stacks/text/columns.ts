/** Cuts a plain text to so many columns; a text that was cut ends with three dots. */
export const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 3))}...`.slice(0, columns);

/** Breaks a plain text into lines of at most so many columns: between words, or inside a word that is longer than a line. */
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

/** Lists as many items as fit into so many columns, and says how many more there are. */
export function listed(items: readonly string[], columns: number): string {
  const whole = items.join(", ");
  if (whole.length <= columns || items.length < 2) return cut(whole, columns);
  for (let count = items.length - 1; count > 0; count -= 1) {
    const part = `${items.slice(0, count).join(", ")} and ${items.length - count} more`;
    if (part.length <= columns) return part;
  }
  return cut(`${items.length}: ${whole}`, columns);
}
