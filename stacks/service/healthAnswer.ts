import { quotedWords } from "../text/plain";

/** What a container answered on its health path. */
export interface HealthAnswer {
  well: boolean;
  /** The answer's status; 0 without an answer. */
  status: number;
  /** The status, and what else was seen, for people: `503`, `302, to https://elsewhere/`, `Connection timed out`. */
  seen: string;
}

/** What containers answered, by the names under which the proxy reaches them. */
export type HealthAnswers = Readonly<Record<string, HealthAnswer>>;

/** Reads how a container is, as the proxy's scripts print it (see nginx/ask.sh): `ill 503`; undefined where it is nothing of theirs. */
export function healthAnswer(text: string): HealthAnswer | undefined {
  const [, word, code, rest = ""] = /^(well|ill) ([0-9]{3})(?![0-9])(.*)$/s.exec(text.trim()) ?? [];
  if (word === undefined) return undefined;
  const status = Number(code);
  const words = quotedWords(rest).replace(/ ,/, ",");
  const seen =
    status === 0 ? words || "no answer" : `${code}${words.startsWith(",") || words === "" ? "" : " "}${words}`;
  return { well: word === "well", status, seen };
}

/** Reads the lines that say how containers are: `health green-2 ill 503`. */
export const healthAnswers = (text: string): HealthAnswers =>
  Object.fromEntries(
    // Not by a regular expression's lines: a carriage return would end one.
    text.split("\n").flatMap((line) => {
      const [, name, rest = ""] = /^health ((?:blue|green)(?:-[0-9]+)?) (.*)$/s.exec(line) ?? [];
      const answer = healthAnswer(rest);
      return name === undefined || answer === undefined ? [] : [[name, answer]];
    }),
  );
