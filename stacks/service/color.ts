/** One of the two colors that the service runs in. */
export type Color = "blue" | "green";

/** Both colors, always in this order. */
export const COLORS = ["blue", "green"] as const satisfies readonly Color[];

/** The color that is not this one. */
export const other = (color: Color): Color => (color === "blue" ? "green" : "blue");

export const isColor = (word: unknown): word is Color => COLORS.some((color) => color === word);
