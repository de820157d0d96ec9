/** The middle one of some figures; of an even number the mean of the two in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half];
  const lower = sorted[sorted.length % 2 === 0 ? half - 1 : half];
  if (upper === undefined || lower === undefined) throw new Error("the median of nothing");
  return (lower + upper) / 2;
}

/** The median with the range around it, e.g. `21,100 (19,800 to 23,400)`. */
export function withRange(figures: readonly number[], show: (figure: number) => string): string {
  const [least, most] = [show(Math.min(...figures)), show(Math.max(...figures))];
  return least === most ? least : `${show(median(figures))} (${least} to ${most})`;
}

export const whole = (figure: number): string => Math.round(figure).toLocaleString("en-US");
export const seconds = (figure: number): string => `${figure.toFixed(2)} s`;
export const milliseconds = (figure: number): string => `${Math.round(figure)} ms`;
export const percent = (figure: number): string => `${figure.toFixed(1)} %`;
