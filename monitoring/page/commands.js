// @ts-check
// The commands to copy, as they are typed for this stack. The page runs none of them.
import { other } from "./metrics.js";
import { wayBackOf } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Settings} Settings
 * @typedef {import("./metrics.js").Color} Color
 * @typedef {{ purpose: string, command: string }} Command
 */

/** @param {string} word */
const quoted = (word) => (/^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/**
 * Returns how commands are typed. A service that has a name is of a program of somebody's own, which has the package and keeps the
 * settings itself.
 * @param {Settings} settings
 */
export function commandsOf({ stack, service }) {
  const flag = ` --stack ${quoted(stack)}`;
  const up = () => `pulumi up${flag}`;
  const run = (/** @type {string} */ name, /** @type {readonly string[]} */ ...words) =>
    service === undefined
      ? ["npm run", name, "--", quoted(stack), ...words].join(" ")
      : ["npx blue-green", name, quoted(stack), "--service", quoted(service), ...words].join(" ");
  return {
    up,
    /** Sets a setting. @param {string} name @param {string} value */
    set: (name, value) =>
      service === undefined
        ? `pulumi config set ${name} ${value}${flag} && ${up()}`
        : `${up()} # once the program gives ${quoted(service)} ${name} ${value}`,
    status: () => run("status"),
    rollback: () => run("rollback"),
    /** @param {string[]} options */
    logs: (...options) => run("logs", ...options),
  };
}

/**
 * Returns what can be typed now, the most useful first.
 * @param {State} state
 * @returns {Command[]}
 */
export function nextCommands(state) {
  const { settings, live, colors, canaryPercent, pending, moving } = state;
  const commands = commandsOf(settings);
  const look = { purpose: "See how it is, and why", command: commands.status() };
  if (live === undefined) return [look];
  const idle = colors[other(live)];
  const activate = (/** @type {Color} */ color) => commands.set("activeColor", color);
  const how = idle.health === "away" ? ", which comes up first" : "";
  /** @type {Command[]} */
  const back =
    canaryPercent > 0
      ? [{ purpose: `End the canary: all visitors to ${live}`, command: commands.rollback() }]
      : wayBackOf(state).isOpen
        ? [{ purpose: `Go back to ${idle.color}, at once`, command: commands.rollback() }]
        : [];
  const stay = pending && moving === undefined ? [{ purpose: `Stay on ${live}`, command: activate(live) }] : [];
  return [...back, { purpose: `Switch to ${idle.color}${how}`, command: activate(idle.color) }, ...stay, look];
}
