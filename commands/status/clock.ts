const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `23 Nov 17:48`, in local time; of another year `23 Nov 2025`. */
export function clock(time: Date, seconds: boolean, now = time): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${String(time.getDate()).padStart(2)} ${MONTHS[time.getMonth()]}`;
  if (time.getFullYear() !== now.getFullYear()) return `${day} ${String(time.getFullYear()).padStart(5)}`.slice(0, 12);
  const end = seconds ? `:${two(time.getSeconds())}` : "";
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}${end}`;
}

/** How long ago that was, in one unit. */
export function ago(since: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1000));
  const [size, unit] = (
    [
      [86_400, "d"],
      [3600, "h"],
      [60, "min"],
      [1, "s"],
    ] as const
  ).find(([least]) => seconds >= least * 2) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}
