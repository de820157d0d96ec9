/** A word for a POSIX shell. What begins with a dash goes behind `--`. */
export function quoted(word: string): string {
  const safe = /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return word.startsWith("-") ? `-- ${safe}` : safe;
}
