import { isObject, isRounded, type JsonObject, jsonOf, objectIn } from "../text/json";
import { quoted } from "../text/shell";
import { closest } from "./closest";
import { type Place, pathTo, type Refuse, removeCommand } from "./problem";

/** Who gets alerts, as Alertmanager has it: by kind, such as `webhook_configs`, a list of objects. */
export type AlertReceiver = Record<string, JsonObject[]>;

const SETTING = "alertReceiver";

/** How a value of it is set: the CLI asks for it, and it stays out of the shell's history. */
const setSecretly = (...place: Place): string =>
  `pulumi config set --secret --path ${quoted(pathTo(SETTING, ...place))}`;

/** How one is set, where it can't be said which. */
export const SET_ALERT_RECEIVER = setSecretly("webhook_configs", 0, "url");

/** The kinds of receivers, each with the keys that Alertmanager can't do without: of each row at least one. */
const KINDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  webhook_configs: [["url"]],
  slack_configs: [["api_url"]],
  email_configs: [["to"], ["from"], ["smarthost"]],
  pagerduty_configs: [["routing_key", "service_key"]],
  opsgenie_configs: [["api_key"]],
  telegram_configs: [["bot_token"], ["chat_id"]],
  discord_configs: [["webhook_url"]],
  msteams_configs: [["webhook_url"]],
  msteamsv2_configs: [["webhook_url"]],
  pushover_configs: [["user_key"], ["token"]],
  rocketchat_configs: [["token"], ["token_id"]],
  victorops_configs: [["api_key"], ["routing_key"]],
  webex_configs: [["room_id"], ["http_config"]],
  wechat_configs: [["api_secret"], ["corp_id"]],
  jira_configs: [["api_url"], ["project"], ["issue_type"]],
  sns_configs: [["topic_arn", "phone_number", "target_arn"]],
};
const KIND_NAMES = Object.keys(KINDS);

const MOST_KIB = 32;
const MOST_OF_A_KIND = 10;
/** Deeper than anything in Alertmanager's own words. */
const MOST_DEPTH = 8;
const MOST_KEY_CHARACTERS = 200;
const MOST_URL_CHARACTERS = 2000;

const URL_KEYS: readonly string[] = ["url", "api_url", "webhook_url"];
const URL_RULE = `must be an http:// or https:// address of at most ${MOST_URL_CHARACTERS} printable ASCII characters`;
const isUrl = (value: unknown): boolean =>
  typeof value === "string" &&
  value.length <= MOST_URL_CHARACTERS &&
  /^https?:\/\/(?![/?#])[!-[\]-~]+$/.test(value) &&
  URL.canParse(value);
const SMARTHOST_RULE = "must be a mail server and its port, such as smtp.example.com:587";
const isSmarthost = (value: unknown): boolean =>
  typeof value === "string" && /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$/.test(value);

/** All control characters but those that a text of several lines has; and halves of characters. */
const UNFIT = /[^\P{Cc}\t\n]|\p{Cs}/u;

/**
 * Returns the receiver out of the JSON text that Pulumi hands over; undefined where there is none. No message has a value of it. What only
 * Alertmanager knows, such as which keys there are beside those that it needs, is left to that.
 */
export function parseAlertReceiver(json: unknown, refuse: Refuse): AlertReceiver | undefined {
  const given = objectIn(json);
  const remove = `pulumi config rm ${SETTING}`;
  if (given === undefined) {
    refuse([], "must be an object: lists of receivers by their kind, such as webhook_configs", remove);
    return undefined;
  }
  if (Buffer.byteLength(jsonOf(given)) > MOST_KIB * 1024) {
    refuse([], `must be at most ${MOST_KIB} KiB of JSON`, remove);
    return undefined;
  }
  const kinds = Object.entries(given).flatMap(([kind, list]) => {
    const receivers = receiversIn(kind, list, refuse);
    return receivers.length === 0 ? [] : [[kind, receivers] as const];
  });
  return kinds.length === 0 ? undefined : Object.fromEntries(kinds);
}

function receiversIn(kind: string, list: unknown, refuse: Refuse): JsonObject[] {
  if (!Object.hasOwn(KINDS, kind)) {
    const meant = closest(kind, KIND_NAMES);
    const rule = meant === undefined ? `the kinds are ${KIND_NAMES.join(", ")}` : `${meant} was meant?`;
    refuse([kind], `there is no such kind of receiver; ${rule}`, removeCommand(SETTING, kind));
    return [];
  }
  if (!Array.isArray(list) || list.length > MOST_OF_A_KIND) {
    const rule = `must be a list of at most ${MOST_OF_A_KIND} objects, one a receiver`;
    refuse([kind], rule, removeCommand(SETTING, kind));
    return [];
  }
  return list.flatMap((receiver: unknown, at) => {
    if (isObject(receiver)) {
      refuseMissing(kind, receiver, at, refuse);
      refuseValues(receiver, [kind, at], refuse);
      return [receiver];
    }
    refuse([kind, at], "must be an object with the keys that Alertmanager has for it", removeCommand(SETTING, kind));
    return [];
  });
}

/** Alertmanager would not start without these. */
function refuseMissing(kind: string, receiver: JsonObject, at: number, refuse: Refuse): void {
  for (const keys of KINDS[kind] ?? []) {
    if (keys.some((key) => Object.hasOwn(receiver, key))) continue;
    const [first = ""] = keys;
    refuse([kind, at], `must have ${keys.join(" or ")}`, setSecretly(kind, at, first));
  }
}

/** Refuses what would not arrive as it was set, or could be something else in the file that Alertmanager reads. */
function refuseValues(value: unknown, place: Place, refuse: Refuse): void {
  const rule = valueRule(value, place);
  if (rule !== undefined) {
    refuse(place, rule, setSecretly(...place));
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, item] of Object.entries(value)) {
    const within = [...place, Array.isArray(value) ? Number(name) : name];
    const wrong = Array.isArray(value) ? undefined : nameRule(name);
    if (wrong === undefined) refuseValues(item, within, refuse);
    else refuse(within, wrong, removeCommand(SETTING, ...within));
  }
}

function nameRule(name: string): string | undefined {
  if (name === "__proto__") return "is not possible as a name";
  if (!/^[ -~]+$/.test(name) || name.length > MOST_KEY_CHARACTERS)
    return `must have a name of at most ${MOST_KEY_CHARACTERS} printable ASCII characters`;
  if (/^[a-z_]+_file$/.test(name))
    return "names a file, and Alertmanager's container has none of yours: set the value itself, with --secret";
  return undefined;
}

function valueRule(value: unknown, place: Place): string | undefined {
  const [, , key, ...deeper] = place;
  const isOwn = deeper.length === 0;
  if (place.length > MOST_DEPTH) return "is nested deeper than anything that Alertmanager reads";
  if (isRounded(value)) return "is too large for a number and would be rounded; must be set as text";
  if (value === null) return "must be a text, a number, true or false, a list or an object";
  if (isOwn && URL_KEYS.includes(String(key)) && !isUrl(value)) return URL_RULE;
  if (isOwn && key === "smarthost" && !isSmarthost(value)) return SMARTHOST_RULE;
  if (isOwn && (key === "to" || key === "from") && (typeof value !== "string" || value.trim() === ""))
    return "must be a mail address";
  if (typeof value === "string" && UNFIT.test(value)) return "must have no control characters but tab and newline";
  return undefined;
}
