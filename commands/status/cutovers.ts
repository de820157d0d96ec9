import { COLORS } from "../../stacks/service/color";
import { nameOf } from "../../stacks/service/who";
import { cut, wrapped } from "../../stacks/text/columns";
import { plain } from "../../stacks/text/plain";
import type { Paint } from "../paint";
import { clock } from "./clock";
import { whole } from "./page";
import type { Report } from "./report";

export function historyTable({ history, live, time: asked }: Report, paint: Paint, screen: number): string[] {
  if (history.length === 0) return live === null ? [] : ["", paint("strong", "No cutovers are known")];
  const now = new Date(asked);
  const rows = history.map(({ time, result, from, to, versions, seconds, requests, canaryPercent, reason, who }) => ({
    when: time === null ? "?" : clock(new Date(time), false, now),
    result: cut(plain(result), 11),
    move: moveText(from, to, versions),
    took: seconds === null ? "-" : cut(`${seconds} s`, 8),
    watched: requests === null ? "-" : cut(String(requests), 8),
    who: cut(plain(nameOf(who)), 18),
    reason: whole(reason ?? shareText(result, to, canaryPercent)),
  }));
  const titles = {
    when: "when",
    result: "result",
    move: "from -> to",
    took: "took",
    watched: "watched",
    who: "who",
    reason: "reason",
  };
  const table = [titles, ...rows];
  // Lines of an older version of this program name nobody.
  const named = rows.some(({ who }) => who !== "");
  const width = (key: keyof typeof titles) => Math.max(...table.map((row) => row[key].length));
  const lines = table.map((row) => {
    const facts = [
      `  ${row.when.padEnd(width("when"))}`,
      row.result.padEnd(width("result")),
      row.move.padEnd(width("move")),
      row.took.padStart(width("took")),
      row.watched.padStart(width("watched")),
      ...(named ? [row.who.padEnd(width("who"))] : []),
    ].join("  ");
    const line = `${facts}  ${row.reason}`.trimEnd();
    if (line.length <= screen) return [line];
    // A reason that has no room beside them is told whole below.
    const room = screen - REASON_INDENT.length;
    return [cut(facts, screen), ...wrapped(row.reason, room).map((line) => `${REASON_INDENT}${line}`)];
  });
  const [heads = [], ...cutovers] = lines;
  return ["", paint("strong", "Last cutovers"), ...heads.map((line) => paint("faint", line)), ...cutovers.flat()];
}

const REASON_INDENT = " ".repeat(6);

function moveText(from: string | null, to: string, versions: Record<string, string>): string {
  const named = (color: string) => cut(plain(`${color} ${Object.hasOwn(versions, color) ? versions[color] : ""}`), 18);
  return from === null || from === to ? named(to) : `${named(from)} -> ${named(to)}`;
}

/** What a canary did: it moved nobody who was there already. */
function shareText(result: string, to: string, percent: number | null): string {
  const idle = COLORS.find((color) => color !== to);
  return result === "canary" && percent !== null ? `${idle} got ${percent} % of the new visitors` : "";
}
