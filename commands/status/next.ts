import { type Color, other } from "../../stacks/service/color";
import type { NextCommand } from "../outcome";
import type { Commands } from "../typed";
import type { Known } from "./findings";
import type { ColorReport, ProxyReport } from "./report";
import { tooManyErrors, unanswered } from "./visitors";

/** More than these nobody reads. */
const MOST = 4;

/** What can be typed now, the most useful first. */
export function nextCommands(known: Known, commands: Commands): NextCommand[] {
  const all =
    known.live === null || !known.proxy.answers
      ? mendProxy(known.proxy, commands)
      : known.proxy.busy !== null
        ? [{ purpose: "see how the cutover ends", command: commands.status() }]
        : forLive(known, known.live, commands);
  const first = new Map<string, NextCommand>();
  for (const next of all) if (!first.has(next.command)) first.set(next.command, next);
  return [...first.values()].slice(0, MOST);
}

function mendProxy({ name, exists, running, generation }: ProxyReport, { up, docker }: Commands): NextCommand[] {
  const look = { purpose: "see what nginx says", command: docker("logs", "--tail", "30", name) };
  if (!exists) return [{ purpose: "make the proxy again", command: up("--refresh") }];
  if (!running) return [{ purpose: "start the proxy", command: docker("start", name) }, look];
  if (generation === null) return [{ purpose: "give it a configuration", command: up() }, look];
  return [look, { purpose: "start nginx anew", command: docker("restart", name) }];
}

function forLive(known: Known, live: Color, commands: Commands): NextCommand[] {
  const { active, colors, proxy, cutOff, unwatched, putBack, service } = known;
  const { up, activate } = commands;
  const idle = other(live);
  const target = colors[idle];
  const isServed = proxy.health?.well === true;
  const how = target.instant ? ", at once" : target.retired === null ? "" : ", which comes up first";
  const ready = target.well || target.retired !== null;
  const next: NextCommand[] = [];

  // Errors of the live color, or none of its answers: who is on it needs the other one, whatever its health check says.
  const isBad = !isServed || tooManyErrors(known, live) !== undefined || unanswered(known, live) !== undefined;
  if (isBad) {
    const left = putBack?.from === idle && putBack.canaryPercent === undefined;
    const command = left ? commands.rollback(idle) : active === idle ? up() : activate(idle);
    // What it answers at this moment says more than its container's own check.
    const answers = proxy.idleHealth?.well === true;
    const canMove = target.retired !== null || (proxy.idleHealth?.well ?? target.well);
    const move = { purpose: `move the public to ${idle}${answers && how === "" ? ", which answers" : how}`, command };
    const mendLive = mend(live, colors[live], commands);
    return canMove ? [move, ...mendLive] : [...mendLive, ...mend(idle, target, commands)];
  }
  if (proxy.maintenance === true)
    next.push({ purpose: "end maintenance", command: commands.upWith(["maintenance", "false"]) });
  if (!colors[live].well) next.push(...mend(live, colors[live], commands));
  if (proxy.edited === true) {
    const moves = active === idle && ready ? `, and switch to ${idle}` : "";
    next.push({ purpose: `put the configuration right${moves}`, command: up() });
  }
  if (active === null) next.push({ purpose: `stay on ${live}`, command: activate(live) });
  if (putBack !== undefined) {
    const asks = active === idle || (service !== undefined && putBack.canaryPercent === undefined);
    next.push({ purpose: "have Pulumi agree", command: asks ? activate(live) : up() });
    return putBack.canaryPercent === undefined ? [...next, release(idle, target, commands)] : next;
  }
  if (active === idle) {
    if (ready) next.push({ purpose: `switch to ${idle}${how}`, command: up() });
    else next.push(...mend(idle, target, commands), { purpose: "then switch", command: up() });
    return [...next, { purpose: `stay on ${live}`, command: activate(live) }];
  }
  if (unwatched) next.push({ purpose: `watch ${live} to the end`, command: up() });
  else if (cutOff) next.push({ purpose: "bring the run to its end", command: up() });
  else if (!colors[live].stable) next.push({ purpose: `ask ${live} the smoke tests`, command: up() });

  // A release would be refused: the color is not changed under its visitors.
  const ends = { purpose: `give ${idle} no visitors`, command: commands.upWith(["canaryPercent", "0"]) };
  const put = proxy.canaryPercent ? ends : release(idle, target, commands);
  if (!ready) return [...next, ...mend(idle, target, commands), put];
  const back = {
    purpose: target.stable || target.retired !== null ? `go back to ${idle}${how}` : `switch to ${idle}`,
    command: activate(idle),
  };
  return [...next, put, back];
}

const release = (color: Color, { image }: ColorReport, { upWith }: Commands): NextCommand => ({
  purpose: `release on ${color}`,
  command:
    image === null || image.reference === null
      ? upWith([`${color}Version`, "<version>"])
      : upWith([`${color}Image`, "<image>"], [`${color}Version`, "<version>"]),
});

/** What brings a color back that is not well. */
function mend(color: Color, { containers, missing }: ColorReport, { up, docker }: Commands): NextCommand[] {
  if (containers.length === 0 || missing.length > 0)
    return [{ purpose: `make ${color}'s container again`, command: up() }];
  const ill = containers.filter(({ problem }) => problem !== null);
  // Where Docker finds nothing wrong, its own words are what is left.
  return (ill.length > 0 ? ill : containers).map(({ name, state }) => {
    if (state === "created" || state === "exited") return { purpose: `start ${color}`, command: docker("start", name) };
    if (state === "paused") return { purpose: `let ${color} go on`, command: docker("unpause", name) };
    return { purpose: `see what ${color} says`, command: docker("logs", "--tail", "30", name) };
  });
}
