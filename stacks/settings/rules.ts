import { z } from "zod";
import { decimalRule, isDecimal, isWholeNumber, wholeNumberRule } from "./digits";
import type { Refuse } from "./problem";

/** What an issue of our own carries besides its rule. */
export interface Hint {
  /** Stands in for the setting's usual command. */
  mend?: string;
  /** The value is shown as `[secret]`, whether or not its setting is one. */
  secret?: boolean;
  /** The rule without what was given, for a setting that is secret. */
  bare?: string;
}

/** A text whose only error is the rule itself: zod's own messages never reach anyone, and so never carry a value. */
export const text = (rule: string, accepts: (value: string) => boolean) =>
  z.string({ error: rule }).refine(accepts, { error: rule });

/** The same, absent where it is empty. */
export const textOrNone = (rule: string, accepts: (value: string) => boolean) =>
  text(`${rule}, or empty`, (value) => value === "" || accepts(value)).transform((value) =>
    value === "" ? undefined : value,
  );

export const oneOf = <const Word extends string>(words: readonly [Word, ...Word[]], rule: string) =>
  z.enum(words, { error: rule });

export const wholeNumber = (least: number, most: number) =>
  text(wholeNumberRule(least, most), (value) => isWholeNumber(value, least, most)).transform(Number);

export const decimal = (least: number, most: number) =>
  text(decimalRule(least, most), (value) => isDecimal(value, least, most)).transform(Number);

export const trueOrFalse = z
  .enum(["true", "false"], { error: "must be true or false" })
  .transform((value) => value === "true");

/** Of a setting that lets in whoever knows it: no error shows a value of it, also where it was set in plain text. */
export const NEVER_SHOWN = { secret: true } satisfies Hint;

/** A setting with values of its own within, which Pulumi hands over as JSON text. */
export const structured = <Value>(parse: (json: unknown, refuse: Refuse) => Value, hint: Hint = {}) =>
  z.unknown().transform((json, context) =>
    parse(json, (place, message, mend, { bare, secret } = {}) => {
      const params = { ...hint, mend, ...(bare !== undefined && { bare }), ...(secret && { secret }) } satisfies Hint;
      context.addIssue({ code: "custom", path: [...place], message, params });
    }),
  );
