import { wrapped } from "./columns";

/** A word for a POSIX shell. What begins with a dash goes behind `--`. */
export const quoted = (word: string): string => (word.startsWith("-") ? `-- ${asWord(word)}` : asWord(word));

/** The words of a command for a POSIX shell, as they are. */
export const commandLine = (words: readonly string[]): string => words.map(asWord).join(" ");

const asWord = (word: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A command over several lines so that it can be pasted still: broken after `&&`, or else after a word, and never within quotes. */
export function brokenCommand(command: string, columns: number): string[] {
  const gaps = gapsIn(command);
  const comment = command.length > columns ? gaps.find((at) => command.startsWith(" # ", at)) : undefined;
  const end = comment ?? command.length;
  const lines: string[] = [];
  let start = 0;
  while (end - start > columns) {
    const ahead = gaps.filter((at) => at > start && at < end);
    const and = ahead.findLast((at) => at - start <= columns - 3 && command.startsWith(" && ", at));
    const word = ahead.findLast((at) => at - start <= columns - 2) ?? ahead[0];
    if (word === undefined) break;
    lines.push(and === undefined ? `${command.slice(start, word)} \\` : command.slice(start, and + 3));
    start = and === undefined ? word + 1 : and + 4;
  }
  const last = comment === undefined ? [] : wrapped(command.slice(comment + 3), columns - 2).map((line) => `# ${line}`);
  return [...lines, command.slice(start, end), ...last];
}

/** Returns the places of the spaces that stand between words. */
const gapsIn = (command: string): number[] =>
  [...command.matchAll(/'[^']*'|"(?:[^"\\]|\\.)*"|\\.| /gs)].flatMap(({ 0: found, index }) =>
    found === " " ? [index] : [],
  );
