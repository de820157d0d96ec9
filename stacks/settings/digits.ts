/** One spelling a number: no sign, no exponent, no leading zero. */
const WHOLE = /^(?:0|[1-9][0-9]{0,8})$/;
/** Trailing zeros are left alone: the CLI keeps `1.50` as it was typed. */
const DECIMAL = /^(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,3})?$/;

export const isWholeNumber = (text: string, least: number, most: number) =>
  WHOLE.test(text) && Number(text) >= least && Number(text) <= most;

export const isDecimal = (text: string, least: number, most: number) =>
  DECIMAL.test(text) && Number(text) >= least && Number(text) <= most;

export const wholeNumberRule = (least: number, most: number) =>
  `must be a whole number from ${least} to ${most}, in plain digits`;

export const decimalRule = (least: number, most: number) =>
  `must be a number from ${least} to ${most}, in plain digits with at most 3 decimals`;
