const START = (name: string) => `<!-- ${name} -->`;
const END = (name: string) => `<!-- /${name} -->`;

/** Returns what a part of a document says; undefined where it has none of that name. */
export const partOf = (text: string, name: string): string | undefined =>
  text.split(START(name))[1]?.split(END(name))[0]?.trim();

/** Returns the document with this part replaced, or at its end where it has none yet. */
export function withPart(text: string, name: string, part: string): string {
  const [before = "", rest] = text.split(START(name));
  const after = rest?.split(END(name))[1] ?? "\n";
  return `${before.trimEnd()}\n\n${START(name)}\n${part}\n${END(name)}${after}`;
}
