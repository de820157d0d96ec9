import { isIP } from "node:net";
import { isReceiverUrl, isSecretText } from "../service/receiver";

const MAX_HOST_CHARACTERS = 253;
export const MAX_PATH_CHARACTERS = 200;
const MAX_FILE_CHARACTERS = 1000;
/** What nginx gets of it is less (see certificate.ts). */
const MAX_PEM_KIB = 128;
const MAX_COMMAND_CHARACTERS = 4096;
/** Guessing is slow enough then, also against what a preview shows of it (see files.ts). */
const MIN_TOKEN_CHARACTERS = 16;
const MAX_TOKEN_CHARACTERS = 200;
const MAX_URL_CHARACTERS = 2000;

/** What a mending command has in a command's place. */
export const COMMAND_PLACEHOLDER = "<command>";
/** All but tab and newline. */
const CONTROL_CHARACTER = /[^\P{Cc}\t\n]/u;

/** Labels of RFC 1123. The last one is no number, in any notation: URLs would read such a name as an IPv4 address. */
const HOST_NAME =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!(?:[0-9]+|0x[0-9a-f]*)$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** A zone (fe80::1%eth0) is free text to isIP. */
export const isAddress = (value: string) => isIP(value) !== 0 && !value.includes("%");
/** Whether it is a name in the DNS, and nothing else. */
export const isHostName = (value: string) => value.length <= MAX_HOST_CHARACTERS && HOST_NAME.test(value);
export const isHost = (value: string) => isAddress(value) || isHostName(value);

export const HEALTH_HOST_RULE = "must be a host name or an IPv4 address, without a port";
export const isHealthHost = (value: string) => isHostName(value) || isIP(value) === 4;

export const STATUSES_RULE =
  "must be statuses from 200 to 599 and ranges of them, separated by commas, such as 200-299,401; at most 20";
/** Whether it is a list of statuses and ranges, each with its least one first. */
export function isStatuses(value: string): boolean {
  const parts = value.split(",");
  return (
    parts.length <= 20 &&
    parts.every((part) => {
      const [, least, most = least] = /^([2-5][0-9]{2})(?:-([2-5][0-9]{2}))?$/.exec(part) ?? [];
      return least !== undefined && Number(least) <= Number(most);
    })
  );
}

export const PATH_RULE = `must be a path of A-Z a-z 0-9 . _ ~ - / from the root, without // and .., at most ${MAX_PATH_CHARACTERS} characters`;
/** Whether a path is plain: what clients and nginx take it for is what stands there. */
export const isPlainPath = (value: string) =>
  value.length <= MAX_PATH_CHARACTERS &&
  /^\/[A-Za-z0-9._~/-]*$/.test(value) &&
  !value.includes("//") &&
  // Clients and nginx resolve these, so that another path than the one in the settings would be asked for.
  !value.split("/").some((segment) => segment === "." || segment === "..");

/** What a text with it says it is: PEM and no path. */
export const isPem = (value: string) => value.includes("-----BEGIN");
export const isFilePath = (value: string) => value.length <= MAX_FILE_CHARACTERS && /^[A-Za-z0-9._~@+/-]+$/.test(value);
export const pemRule = (what: string) =>
  `must be ${what} as PEM text of at most ${MAX_PEM_KIB} KiB, the path of a file with it (A-Z a-z 0-9 . _ ~ @ + / -, at most ${MAX_FILE_CHARACTERS} characters)`;
export const isPemOrFile = (value: string) =>
  isPem(value) ? Buffer.byteLength(value) <= MAX_PEM_KIB * 1024 : isFilePath(value);

export const COMMAND_RULE = `must be a shell command of at most ${MAX_COMMAND_CHARACTERS} characters, without control characters other than tab and newline`;
/** Whether it is a shell command: a blank one would let everything pass, and no shell takes the placeholder. */
export const isCommand = (value: string) =>
  value.length <= MAX_COMMAND_CHARACTERS &&
  !CONTROL_CHARACTER.test(value) &&
  value.trim() !== "" &&
  value !== COMMAND_PLACEHOLDER;

export const TOKEN_RULE = `must be ${MIN_TOKEN_CHARACTERS} to ${MAX_TOKEN_CHARACTERS} of A-Z a-z 0-9 . _ ~ -`;
export const isToken = (value: string) =>
  value.length >= MIN_TOKEN_CHARACTERS && value.length <= MAX_TOKEN_CHARACTERS && /^[A-Za-z0-9._~-]+$/.test(value);

export const RECEIVER_URL_RULE = `must be an http:// or https:// address of at most ${MAX_URL_CHARACTERS} printable ASCII characters, without user, password and #`;
export const isReceiver = (value: string) =>
  value.length <= MAX_URL_CHARACTERS && /^[!-~]+$/.test(value) && isReceiverUrl(value);

export const RECEIVER_SECRET_RULE = `must be at least ${MIN_TOKEN_CHARACTERS} printable ASCII characters without spaces`;
export const isReceiverSecret = (value: string) => value.length >= MIN_TOKEN_CHARACTERS && isSecretText(value);
