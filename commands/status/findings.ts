import { COLORS, type Color, other } from "../../stacks/service/color";
import { type PutBack, putBackBy } from "../../stacks/service/serving";
import type { Limits } from "../stackFile";
import { besideFindings } from "./beside";
import type {
  BesideReport,
  ColorReport,
  ContainerReport,
  CutoverReport,
  Finding,
  ProxyReport,
  TrafficReport,
} from "./report";
import { tooManyErrors, tooSlow, unanswered } from "./visitors";

/** What the findings and the next commands are concluded from. */
export interface Known {
  active: Color | null;
  live: Color | null;
  colors: Record<Color, ColorReport>;
  proxy: ProxyReport;
  beside: readonly BesideReport[];
  traffic: TrafficReport | null;
  limits: Limits;
  /** Whether the latest run that ended well left another configuration than the one that serves. */
  cutOff: boolean;
  /** Whether the switch to the live color was not watched to its end. */
  unwatched: boolean;
  /** The service's name, where the stack has several: then its program, and not the stack's file, says which color is asked for. */
  service: string | undefined;
  /** What was taken from a color by hand, and no `pulumi up` has agreed to. */
  putBack: PutBack | undefined;
  /** The latest cutover. */
  latest: CutoverReport | undefined;
}

/** What is wrong with a container whose answer is not well, as {@link ContainerReport.problem} begins. */
export const NOT_WELL = "does not answer its health path";

/** How cutovers end that did not leave the public where they were to bring it. */
const FAILED = ["refused", "reverted", "failed", "interrupted"];

/**
 * What is not as it should be, the worst first: down is what the public meets, degraded all else. While a cutover runs, what it
 * has not done yet is no fault, and a note says that it runs.
 *
 * @param unasked why the stack's file asks for no color, where it does not.
 */
export function findings(known: Known, unasked: string | undefined): Finding[] {
  return [
    ...down(known).map((text): Finding => ({ level: "down", text })),
    ...degraded(known, unasked).map((text): Finding => ({ level: "degraded", text })),
    ...notes(known).map((text): Finding => ({ level: "note", text })),
  ];
}

function down(known: Known): string[] {
  const { live, colors, proxy } = known;
  const { name, health } = proxy;
  if (!proxy.exists) return [`${name} is gone: the public gets no answer`];
  if (!proxy.running) return [`${name} does not run: the public gets no answer`];
  if (live === null) return [`${name} serves nothing: it has no configuration yet`];
  if (!proxy.answers) return [`nginx in ${name} does not answer`];
  const hangs = unanswered(known, live);
  const met = [
    proxy.maintenance === true && closed(known),
    tooManyErrors(known, live),
    hangs?.most && hangs.text,
  ].filter(isText);
  if (health?.well === true) return met;
  const cause = problemWith(colors[live]);
  const seen = `${live} is live and does not answer its health path through nginx: ${health?.seen ?? "not asked"}`;
  // What its only container answers is that very answer.
  const isNews = cause !== undefined && !cause.startsWith(`its container ${NOT_WELL}`);
  return [isNews ? `${seen}; ${cause}` : seen, ...met];
}

function closed({ traffic }: Known): string {
  const many =
    traffic === null || traffic.nginx === 0 ? "" : ` (${traffic.nginx} answers by nginx in ${traffic.seconds} s)`;
  return `maintenance is on: everybody but testers gets 503 and the page${many}`;
}

function notes({ live, colors, latest, proxy: { busy } }: Known): string[] {
  const runs = busy === null ? [] : [`a cutover runs at this moment (${busy})`];
  const isNew = live !== null && latest?.to === live && latest.result === "switched" && latest.requests === 0;
  const untried = isNew && colors[live].answers?.count === 0 ? [`no visitor has tried ${live} yet`] : [];
  return [...runs, ...untried];
}

const isText = (text: string | false | undefined): text is string => typeof text === "string";

function degraded(known: Known, unasked: string | undefined): string[] {
  const { active, live, colors, proxy, beside, cutOff, unwatched, putBack, latest } = known;
  const found: (string | false | undefined)[] = [unasked];
  if (live === null) {
    for (const color of ["blue", "green"] as const) found.push(about(`${color}:`, colors[color]));
    return found.filter(isText);
  }

  const isServed = proxy.health?.well === true;
  const idle = other(live);
  const late = COLORS.flatMap((color) => {
    const hangs = unanswered(known, color);
    return [color === live && hangs?.most ? undefined : hangs?.text, tooSlow(known, color)];
  });
  if (proxy.answers) found.push(...late, tooManyErrors(known, idle));
  if (proxy.busy !== null) {
    found.push(isServed && about(`${live} is live and answers, but`, colors[live]));
    found.push(about(`${idle} is idle, and`, colors[idle]));
    return found.filter(isText);
  }
  if (putBack !== undefined) found.push(byHand(putBack, live, active));
  else if (active !== null && active !== live) {
    found.push(pendingSwitch(active, live));
    if (latest?.to === active && FAILED.includes(latest.result)) {
      found.push(
        `the latest cutover to ${active} was ${worded(latest.result)}: ${latest.reason ?? "for no known reason"}`,
      );
    }
  }
  if (latest?.to === live && latest.canaryPercent !== null && FAILED.includes(latest.result)) {
    const share = `${latest.canaryPercent} % of the new visitors`;
    found.push(
      `${idle} should get ${share}, and that was ${worded(latest.result)}: ${latest.reason ?? "for no known reason"}`,
    );
  }
  found.push(...besideFindings(beside));
  found.push(
    proxy.edited === true && "the proxy's configuration was changed by hand",
    isServed && about(`${live} is live and answers, but`, colors[live]),
    isServed && unwatched && `the switch to ${live} was not watched to its end: the run was cut off`,
    isServed && !unwatched && !colors[live].stable && `${live} is live and not stable: ${unstable(cutOff)}`,
    isServed &&
      !unwatched &&
      colors[live].stable &&
      cutOff &&
      active === live &&
      proxy.edited !== true &&
      putBack === undefined &&
      CUT_OFF,
    about(`${idle} is idle, and`, colors[idle]),
  );
  return found.filter(isText);
}

/** Says that another color is asked for than the live one. */
export const pendingSwitch = (active: Color, live: Color): string =>
  `a switch is pending: activeColor is ${active}, and ${live} is live`;

/** Says what was put back by hand, and what a `pulumi up` would do now. */
function byHand(putBack: PutBack, live: Color, active: Color | null): string {
  const { from, canaryPercent } = putBack;
  if (canaryPercent !== undefined)
    return `the canary of ${from} was ended by hand, ${putBackBy(putBack)}, and Pulumi has not agreed yet`;
  const seen = `the public was put back from ${from} to ${live} by hand, ${putBackBy(putBack)}`;
  return active === from ? `${seen}, and activeColor is still ${from}` : `${seen}, and Pulumi has not agreed yet`;
}

const CUT_OFF = "a `pulumi up` changed the proxy and still runs, or was cut off";

const unstable = (cutOff: boolean): string =>
  cutOff ? "the run was cut off" : "its container was made anew since its bake time";

const worded = (result: string): string => (result === "failed" ? "not brought to its end" : result);

/** A color that is not well, in words that go on from `start`. */
function about(start: string, report: ColorReport): string | undefined {
  const problem = problemWith(report);
  return problem === undefined ? undefined : `${start} ${problem}`;
}

function problemWith({ containers, missing, retired }: ColorReport): string | undefined {
  if (containers.length === 0) return retired === "removed" ? undefined : "its container is gone";
  const ill = containers.filter(({ problem }) => problem !== null);
  const [first] = ill;
  const all = containers.length + missing.length;
  if (missing.length > 0) return `${missing[0]} is gone: it has ${all - missing.length} of its ${all} containers`;
  if (first === undefined) return undefined;
  if (all === 1) return `its container ${first.problem}`;
  const more = ill.length === 1 ? "" : `, and ${ill.length - 1} more of its ${all} containers are not well`;
  return `${first.name} ${first.problem}${more}`;
}
