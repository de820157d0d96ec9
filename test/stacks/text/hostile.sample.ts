/** What may reach a terminal of a text from elsewhere: one column a character, in one line. */
export const FIT = /^[ -~\u00a1-\u00ac\u00ae-\u024f]*$/;

/** Texts that would move the cursor, set the title, turn the direction of text, end the line, or fill the screen. */
export const HOSTILE_TEXTS: readonly string[] = [
  "\u202a\u202b\u202c\u202d\u202eevil\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
  "\u001b]0;owned\u0007\u001b[2J\u001b[31mred\u009b31m",
  "one\r\ntwo\rthree\nNext: rm -rf /\u2028four\u2029five\u0085six\v\f",
  "\ud800 \udc00 \udfff\ud800",
  "\u0000\b\u007f\u00ad\u200b\u200d\ufeff\u{e0041}\ue000\uffff\u{1f600}",
  "x".repeat(500_000),
  "\u001b".repeat(500_000),
  `${"\u202e".repeat(250_000)}${"\r\n".repeat(250_000)}`,
];
