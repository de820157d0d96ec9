import type { Settings } from "../settings/settings";
import type { View } from "./template";

/** The part of the settings that says which headers of requests and answers are passed on. */
export type HeaderSettings = Pick<Settings, "maxHeaderKb" | "underscoreHeaders">;

/** The size of one of nginx's buffers for an answer, and how many there are at least: its own defaults. */
const BUFFER_KB = 4;
const LEAST_BUFFERS = 8;

/** Room for what each nginx on the way adds to an answer's header: the color, a cookie. */
export const MORE_HEADER_KB = 4;

/**
 * Request headers that the proxy or the gateway sets or drops, or that say where a request ends. Servers that follow CGI (WSGI, PHP,
 * Rack) call `X_Real_IP` and `X-Real-IP` by the same name, so none of these may come in with an underscore.
 */
export const PROXY_HEADERS = [
  "X-Real-IP",
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Forwarded-Prefix",
  "X-Forwarded-Server",
  "X-Forwarded-Ssl",
  "X-Forwarded-Scheme",
  "X-Forwarded-By",
  "X-Request-Id",
  "X-Blue-Green-Preview",
  "Remote-User",
  "HTTP2-Settings",
  "Content-Length",
  "Transfer-Encoding",
] as const;

/** Return every spelling of a header's name in which an underscore stands for at least one of its dashes. */
export function lookalikesOf(name: string): string[] {
  const spellings = name
    .split("-")
    .reduce<string[]>(
      (all, part, at) => (at === 0 ? [part] : all.flatMap((start) => [`${start}-${part}`, `${start}_${part}`])),
      [],
    );
  return spellings.filter((spelling) => spelling !== name);
}

/**
 * Return what the templates need for the headers.
 *
 * @param hops how many of our own nginxes an answer has passed before this one.
 */
export function headerView({ maxHeaderKb, underscoreHeaders }: HeaderSettings, hops = 0): View {
  const answerHeaderKb = maxHeaderKb + MORE_HEADER_KB * (1 + hops);
  return {
    maxHeaderKb,
    answerHeaderKb,
    answerHeaderBytes: answerHeaderKb * 1024,
    // Nginx wants one more than those that may be busy, and as much as the header may be busy.
    answerBuffers: Math.max(LEAST_BUFFERS, Math.ceil(answerHeaderKb / BUFFER_KB) + 1),
    underscoreHeaders,
    lookalikes: underscoreHeaders ? PROXY_HEADERS.flatMap(lookalikesOf) : [],
  };
}
