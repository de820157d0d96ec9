import { COLORS, type Color, other } from "../stacks/service/color";
import type { Session, Sessions } from "../stacks/service/serving";

/** What the sessions of the visitors are to be from now on. */
export interface SessionOrder {
  /** The color that is going to be live. */
  active: Color;
  /** The color that was live before; undefined where nothing was. */
  before: Color | undefined;
  /** Whether visitors of the color that is left stay there, and for how long, in seconds. */
  stickySeconds: number | undefined;
  /** Whether the idle color gets visitors of its own. */
  canary: boolean;
  /** The color whose sessions end now. */
  retire: Color | undefined;
  /** Seconds since 1970. */
  now: number;
}

/**
 * What a visitor's cookie means from now on. Each color has a word that nobody can guess, a new one for each time that it is live
 * or has a canary's visitors: a word of an earlier time, or an invented one, means nothing.
 */
export function nextSessions(known: Sessions | undefined, order: SessionOrder, newWord: () => string): Sessions {
  const { active, before, stickySeconds, canary, retire, now } = order;
  const idle = other(active);
  const [mine, others] = [known?.[active], known?.[idle]];
  const switched = before !== undefined && before !== active;
  const nobody = (): Session => ({ word: newWord(), until: 0 });

  const left = (): Session => {
    if (retire === idle) return others?.until === 0 ? others : nobody();
    if (canary) return !switched && others !== undefined && others.until === undefined ? others : { word: newWord() };
    if (stickySeconds === undefined || others === undefined) return others?.until === 0 ? others : nobody();
    if (switched && (others.until === undefined || others.until > now)) {
      return { word: others.word, until: now + stickySeconds };
    }
    // A canary that has ended, or what is over by itself.
    return others.until === undefined ? nobody() : others;
  };
  return {
    [active]: mine !== undefined && mine.until === undefined ? mine : { word: newWord() },
    [idle]: left(),
  } as unknown as Sessions;
}

/** The sessions as nginx reads them. */
export function sessionsFile(sessions: Sessions): string {
  const held = COLORS.filter((color) => sessions[color].until !== undefined);
  return [
    "# Written by the cutover: which word in a visitor's cookie means which color, and until when.",
    ...held.flatMap((color) => {
      const until = sessions[color].until ?? 0;
      return [
        until === 0
          ? `# ${color} has no visitors of its own.`
          : `# ${color} until ${new Date(until * 1000).toISOString()}.`,
        `map $msec $${color}_held {`,
        '    default "";',
        ...(until === 0 ? [] : [`    "~^(?:${earlierThan(until)})[.]" ${color};`]),
        "}",
      ];
    }),
    "map $cookie_blue_green_session $session {",
    '    default "";',
    ...COLORS.map((color) => `    "~^${sessions[color].word}$" ${held.includes(color) ? `$${color}_held` : color};`),
    "}",
    "map $answered $session_word {",
    ...COLORS.map((color) => `    ${color} ${sessions[color].word};`),
    "}",
    "",
  ].join("\n");
}

/** A regular expression for the whole numbers below this one, which has as many digits as they have. */
export function earlierThan(seconds: number): string {
  const digits = String(seconds);
  return [...digits]
    .flatMap((digit, at) =>
      digit === "0" ? [] : [`${digits.slice(0, at)}[0-${Number(digit) - 1}]${"[0-9]".repeat(digits.length - at - 1)}`],
    )
    .join("|");
}
