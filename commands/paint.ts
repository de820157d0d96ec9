/** How a terminal shows a word: SGR parameters (ECMA-48). */
const STYLES = { strong: "1", faint: "2", red: "31", green: "32", yellow: "33", blue: "94" } as const;

/** Gives a text a style, or leaves it as it is where there are no colors. */
export type Paint = (style: keyof typeof STYLES, text: string) => string;

/** Returns what gives texts their styles. */
export const painter = (colored: boolean): Paint =>
  colored ? (style, text) => `\u001b[${STYLES[style]}m${text}\u001b[0m` : (_, text) => text;
