import { jsonIn } from "../text/json";
import type { Refuse } from "./problem";

/** What a setting that is a list holds, for its errors. */
export interface ListOf {
  setting: string;
  /** One of its items, and several of them. */
  one: string;
  several: string;
  most: number;
}

/** Returns the items of a list out of the JSON text that Pulumi hands over; none where it is no list, or too long, which is refused. */
export function boundedList(json: unknown, { setting, one, several, most }: ListOf, refuse: Refuse): unknown[] {
  const given = jsonIn(json);
  if (!Array.isArray(given)) {
    refuse([], `must be a list: one ${one} a time, with --path`, `pulumi config rm ${setting}`);
    return [];
  }
  if (given.length <= most) return given;
  refuse([], `must have at most ${most} ${several}`, `pulumi config rm --path '${setting}[<n>]'`);
  return [];
}
