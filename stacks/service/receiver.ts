import { objectIn } from "../text/json";

/** How a receiver takes the word of a cutover: the kinds of the setting `notifyKind`. */
export const RECEIVER_KINDS = ["json", "slack", "grafana", "otlp"] as const;

export type ReceiverKind = (typeof RECEIVER_KINDS)[number];

/** Who gets word of each cutover. All of it may be secret: of a webhook the address itself opens it. */
export interface Receiver {
  kind: ReceiverKind;
  url: string;
  /** Of `json` the key that signs, of `grafana` and `otlp` the token that lets in. */
  secret?: string;
}

/** The setting's name, with which each line about a receiver begins: nothing else of one is ever shown. */
const NAME = "notifyUrl";

/** What is said where word was not taken, or where that lasts. */
export const receiverLine = {
  failed: (what: string): string => `${NAME}: ${what}`,
  slow: (what: string): string => `${NAME} ${what}`,
};

/** Whether a line is about a receiver: such lines come behind a cutover's last word. */
export const isReceiverLine = (line: string): boolean => line.startsWith(`${NAME} `) || isFailedReceiver(line);

/** Whether a line says that a receiver did not get word. */
export const isFailedReceiver = (line: string): boolean => line.startsWith(`${NAME}: `);

/** Begins a key that signs, as Standard Webhooks writes it. */
const KEY_PREFIX = "whsec_";
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

/** Returns the bytes of a key that signs; undefined where the text is none. */
export function signingKey(secret: string): Buffer | undefined {
  const base64 = secret.startsWith(KEY_PREFIX) ? secret.slice(KEY_PREFIX.length) : "";
  const key = Buffer.from(base64, "base64");
  // Node decodes what it can of any text.
  const isWhole = key.toString("base64").replace(/=+$/, "") === base64.replace(/={1,2}$/, "");
  return isWhole && key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES ? key : undefined;
}

/** Whether it is an address that word can be sent to. */
export function isReceiverUrl(value: string): boolean {
  if (!/^https?:\/\/[^/\\?#@][^\\#]*$/.test(value) || !URL.canParse(value)) return false;
  const { username, password } = new URL(value);
  return username === "" && password === "";
}

/** Returns the receiver as one text, in which it travels to the cutover and to the proxy's volume. */
export const receiverText = ({ kind, url, secret }: Receiver): string => JSON.stringify({ kind, url, secret });

/** Returns the receiver in a text; undefined where there is none, as in one that a hand has spoilt. */
export function receiverIn(text: string | undefined): Receiver | undefined {
  const { kind, url, secret } = objectIn(text) ?? {};
  const known = RECEIVER_KINDS.find((each) => each === kind);
  if (known === undefined || typeof url !== "string" || !isReceiverUrl(url)) return undefined;
  return { kind: known, url, ...(typeof secret === "string" && isSecretText(secret) && { secret }) };
}

const MAX_SECRET_CHARACTERS = 2000;

/** Whether a header may have it: printable ASCII alone, so that none adds a line to a request. */
export const isSecretText = (value: string): boolean => value.length <= MAX_SECRET_CHARACTERS && /^[!-~]+$/.test(value);
