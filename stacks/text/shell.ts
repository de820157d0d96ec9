import { wrapped } from "./columns";

/** A word for a POSIX shell. What begins with a dash goes behind `--`. */
export const quoted = (word: string): string => (word.startsWith("-") ? `-- ${asWord(word)}` : asWord(word));

/** The words of a command for a POSIX shell, as they are. */
export const commandLine = (words: readonly string[]): string => words.map(asWord).join(" ");

const asWord = (word: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A command over several lines so that it can be pasted still: broken after `&&`, or else after a word. */
export function brokenCommand(command: string, columns: number): string[] {
  const lines: string[] = [];
  let [rest = "", comment] = command.length > columns ? command.split(/ # (.*)/s, 2) : [command];
  while (rest.length > columns) {
    const and = rest.lastIndexOf(" && ", columns - 3);
    const word = rest.lastIndexOf(" ", columns - 2);
    if (and > 0) {
      lines.push(rest.slice(0, and + 3));
      rest = rest.slice(and + 4);
    } else if (word > 0) {
      lines.push(`${rest.slice(0, word)} \\`);
      rest = rest.slice(word + 1);
    } else break;
  }
  return [...lines, rest, ...(comment === undefined ? [] : wrapped(comment, columns - 2).map((line) => `# ${line}`))];
}
