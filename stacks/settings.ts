import { isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { COLORS, type Color } from "./color";
import { Refusal } from "./refusal";

/** The namespace of the settings in a stack's configuration, which is the project's name in Pulumi.yaml. */
export const NAMESPACE = "blue-green";

/** The whole configuration, validated. Every value comes from the stack's configuration or from the defaults in Pulumi.yaml. */
export interface Settings {
  /** The color that the public is to see. */
  activeColor: Color;
  /** All that a color has of its own; anything else is the same for both, so that they can't drift apart. */
  slots: Record<
    Color,
    {
      /** The release; fit for an image tag, a label and a page. */
      version: string;
      /** Reference of an image to run; `app/` is built where it is absent. */
      image?: string;
      /** The port on the host's loopback that leads straight to this color. */
      port: number;
    }
  >;
  /** The host's IPv4 or IPv6 address (without a zone) on which nginx listens. */
  bindAddress: string;
  /** The host's port on which nginx listens; differs from both colors' ports. */
  httpPort: number;
  /** The port on which the app listens inside its container. */
  appPort: number;
  /** The absolute path that answers 200 when the app is well; unreserved URL characters only, no query. */
  healthPath: string;
  /** Environment variables of both colors, by name. */
  environment: Record<string, string>;
  /** The same, secret: each value must be wrapped with `pulumi.secret` before it reaches a resource. No name is in both. */
  secretEnvironment: Record<string, string>;
  /** Memory limit of each container, in MiB. */
  memoryMb: number;
  /** How long requests in flight may still take after a switch or a stop, in seconds; never below `keepAliveSeconds`. */
  drainSeconds: number;
  /** How long nginx keeps a client's idle connection open, in seconds. */
  keepAliveSeconds: number;
  /** Largest request body, in MiB. */
  maxBodyMb: number;
  /** How long nginx waits for the app to take or give the next bytes, in seconds. */
  proxyTimeoutSeconds: number;
  /** Reference of the proxy's image. */
  nginxImage: string;
  /** Reference of the image that `app/` is built from. */
  appBaseImage: string;
  /** Whether this run may replace the nginx container. */
  allowProxyReplace: boolean;
  /**
   * The Docker provider's own `docker:host`, where set. Commands inherit our environment and not the provider's configuration:
   * without it they would act on another engine than the containers are on.
   */
  dockerHost?: string;
}

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** The setting's name; for one variable of an environment its path, as `pulumi config --path` takes it. */
  setting: string;
  /** The value that was given, fit for a terminal: escaped, cut, and `[secret]` where it could be one. */
  given: string;
  /** What is allowed. */
  rule: string;
  /** The command that mends it. */
  mend: string;
}

/** All that is wrong with the configuration. */
export class SettingsError extends Refusal {
  override readonly name = "SettingsError";

  constructor(readonly problems: readonly Problem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const lines = problems.map(({ setting, given, rule, mend }) => `${setting} = ${given}: ${rule}\n    ${mend}`);
    super(
      [`${count} in the settings; nothing was touched. Below each is the command that mends it.`, ...lines].join("\n"),
    );
  }
}

/** Names in `environment` and `secretEnvironment` that the program itself sets in a slot's containers. */
export const RESERVED_NAMES: readonly string[] = ["COLOR", "PORT", "APP_VERSION", "DRAIN_SECONDS"];

const MAX_PORT = 65_535;
/** Below it neither gunicorn nor nginx starts reliably. */
const MIN_MEMORY_MB = 32;
const MAX_MEMORY_MB = 1024 * 1024;
/** An hour: whatever waits longer is not waiting for a request any more. */
const MAX_SECONDS = 3600;
/** nginx takes 0 as 'no limit', which is why the least is 1. */
const MAX_BODY_MB = 10 * 1024;
const MAX_VERSION_CHARACTERS = 100;
const MAX_PATH_CHARACTERS = 200;
/** The name's bound is 255 in the reference grammar; a tag may have 128 more, a digest about 140. */
const MAX_IMAGE_CHARACTERS = 512;
const MAX_VARIABLES = 200;
const MAX_NAME_CHARACTERS = 128;
/** Linux takes at most 128 KiB for one variable, and an exec with about 2 MiB in all. */
const MAX_VALUE_KIB = 32;
const MAX_ENVIRONMENT_KIB = 512;
/** How many variables a mending command names one by one. */
const NAMED_VARIABLES = 3;
/** How much of a value an error shows. */
const SHOWN_CHARACTERS = 60;

/** `name[:tag][@digest]` of https://github.com/distribution/reference (regexp.go). */
const IMAGE_REFERENCE = (() => {
  const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
  const host = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
  const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
  const tag = "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}";
  const digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128}";
  return new RegExp(`^(?:${host}/)?${component}(?:/${component})*(?::${tag})?(?:@${digest})?$`);
})();
/** A name that Docker would read as an image's id. */
const IMAGE_ID = /^[a-f0-9]{64}$/;

const isImage = (value: string) =>
  value.length <= MAX_IMAGE_CHARACTERS && IMAGE_REFERENCE.test(value) && !IMAGE_ID.test(value);

const isHealthPath = (value: string) =>
  value.length <= MAX_PATH_CHARACTERS &&
  /^\/[A-Za-z0-9._~/-]*$/.test(value) &&
  !value.includes("//") &&
  // Clients and nginx resolve these, so that another path than the one in the settings would be asked for.
  !value.split("/").some((segment) => segment === "." || segment === "..");

/** A text whose only error is the rule itself: zod's own messages never reach anyone, and so never carry a value. */
const text = (rule: string, accepts: (value: string) => boolean) =>
  z.string({ error: rule }).refine(accepts, { error: rule });

const version = text(
  `must be 1 to ${MAX_VERSION_CHARACTERS} of A-Z a-z 0-9 . _ - and begin with a letter or digit`,
  (value) => value.length <= MAX_VERSION_CHARACTERS && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value),
);

const IMAGE_RULE = "must be an image reference such as registry.example.com/team/app:1.2 or app@sha256:...";
const image = text(IMAGE_RULE, isImage);
const imageOrNone = text(`${IMAGE_RULE}, or empty`, (value) => value === "" || isImage(value));

const DIGITS = /^(?:0|[1-9][0-9]{0,8})$/;
const wholeNumber = (least: number, most: number) =>
  text(
    `must be a whole number from ${least} to ${most}, in plain digits`,
    (value) => DIGITS.test(value) && Number(value) >= least && Number(value) <= most,
  ).transform(Number);
const port = wholeNumber(1, MAX_PORT);

/** What an issue of our own carries besides its rule. */
interface Hint {
  /** Stands in for the setting's usual command. */
  mend?: string;
  /** The value is shown as `[secret]`, whether or not its setting is one. */
  secret?: boolean;
}

/** One environment's variables, out of the JSON text that Pulumi hands over for an object. */
const variables = (setting: EnvironmentName) => {
  const rule = "must be an object: one variable a time, with --path";
  return z.string({ error: rule }).transform((json, context) => {
    const refuse = (path: string[], message: string, hint: Hint = {}) =>
      context.addIssue({ code: "custom", path, message, params: hint });

    const given = objectIn(json);
    if (given === undefined) {
      refuse([], rule);
      return z.NEVER;
    }
    const accepted = new Map<string, string>();
    for (const [name, value] of Object.entries(given)) {
      const rule = nameRule(name);
      if (rule !== undefined) refuse([name], rule, { mend: removeCommand(setting, name) });
      else {
        const rule = valueRule(value);
        if (rule !== undefined) refuse([name], rule);
        else accepted.set(name, String(value));
      }
    }
    const kib = [...accepted].reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value), 0) / 1024;
    if (Object.keys(given).length > MAX_VARIABLES || kib > MAX_ENVIRONMENT_KIB) {
      refuse([], `must have at most ${MAX_VARIABLES} variables and ${MAX_ENVIRONMENT_KIB} KiB in all`, {
        mend: `pulumi config rm --path '${setting}.<NAME>'`,
      });
    }
    // Not by assignment: a name such as __proto__ would change the object instead of becoming a key.
    return Object.fromEntries(accepted);
  });
};

function nameRule(name: string): string | undefined {
  if (RESERVED_NAMES.includes(name)) return "is set by the program itself";
  // A valid name for the shell, but whoever copies the object by assignment would lose the variable without a word.
  if (name === "__proto__") return "is not possible as a name";
  if (name.length > MAX_NAME_CHARACTERS || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return `must have a name of A-Z a-z 0-9 _, no digit first, at most ${MAX_NAME_CHARACTERS} characters`;
  }
  return undefined;
}

function valueRule(value: unknown): string | undefined {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return "is too large for a number and would be rounded; must be set as text";
  }
  if (!["string", "number", "boolean"].includes(typeof value)) return "must be a text, a number, true or false";
  if (String(value).includes("\0")) return "must not contain a NUL character";
  if (Buffer.byteLength(String(value)) > MAX_VALUE_KIB * 1024) return `must be at most ${MAX_VALUE_KIB} KiB`;
  return undefined;
}

/** Each setting as Pulumi hands it over (text) and as the program gets it. The order is the order of errors. */
const SHAPE = {
  activeColor: z.enum(COLORS, { error: "must be blue or green" }),
  blueVersion: version,
  greenVersion: version,
  blueImage: imageOrNone,
  greenImage: imageOrNone,
  bindAddress: text(
    "must be an IPv4 or IPv6 address, without a zone",
    // A zone (fe80::1%eth0) is free text to isIP.
    (value) => isIP(value) !== 0 && !value.includes("%"),
  ),
  httpPort: port,
  bluePort: port,
  greenPort: port,
  appPort: port,
  healthPath: text(
    `must be a path of A-Z a-z 0-9 . _ ~ - / from the root, without // and .., at most ${MAX_PATH_CHARACTERS} characters`,
    isHealthPath,
  ),
  environment: variables("environment"),
  secretEnvironment: variables("secretEnvironment"),
  memoryMb: wholeNumber(MIN_MEMORY_MB, MAX_MEMORY_MB),
  drainSeconds: wholeNumber(1, MAX_SECONDS),
  keepAliveSeconds: wholeNumber(1, MAX_SECONDS),
  maxBodyMb: wholeNumber(1, MAX_BODY_MB),
  proxyTimeoutSeconds: wholeNumber(1, MAX_SECONDS),
  nginxImage: image,
  appBaseImage: image,
  allowProxyReplace: z
    .enum(["true", "false"], { error: "must be true or false" })
    .transform((value) => value === "true"),
};

type SettingName = keyof typeof SHAPE;
type EnvironmentName = "environment" | "secretEnvironment";

const isEnvironment = (name: SettingName): name is EnvironmentName =>
  name === "environment" || name === "secretEnvironment";

/** The names of all settings. Pulumi.yaml lists the same ones. */
export const SETTING_NAMES = Object.keys(SHAPE) as readonly SettingName[];

/**
 * The value in the command that mends a setting. Which color, version or image should run is for a person to say: those are
 * placeholders that the validation refuses, so that a command pasted in haste never moves the public or deploys something.
 * The others are Pulumi.yaml's defaults (a test keeps them equal).
 */
const MENDING_VALUES: Record<Exclude<SettingName, EnvironmentName>, string> = {
  activeColor: "<blue or green>",
  blueVersion: "<version>",
  greenVersion: "<version>",
  blueImage: "<image>",
  greenImage: "<image>",
  bindAddress: "127.0.0.1",
  httpPort: "8080",
  bluePort: "5001",
  greenPort: "5002",
  appPort: "5000",
  healthPath: "/healthz",
  memoryMb: "256",
  drainSeconds: "60",
  keepAliveSeconds: "10",
  maxBodyMb: "10",
  proxyTimeoutSeconds: "60",
  nginxImage: "<image>",
  appBaseImage: "<image>",
  allowProxyReplace: "false",
};

/**
 * Validates a whole configuration at once and says everything that is wrong with it in one `SettingsError`; it throws nothing else.
 *
 * @param raw every key of the configuration with its value as Pulumi has it: text, and JSON text for objects. Keys of other
 *   namespaces are left alone, but for `docker:host`.
 * @param secretKeys the keys whose values were set with `--secret`. Their values never show in an error.
 */
export function parseSettings(raw: Readonly<Record<string, unknown>>, secretKeys: ReadonlySet<string>): Settings {
  const values = ownValues(raw);
  const isSecret = (name: string) => name === "secretEnvironment" || secretKeys.has(`${NAMESPACE}:${name}`);

  const result = z
    .strictObject(SHAPE)
    // 'when': what one setting means for another is said together with what each is by itself.
    .superRefine((parsed, context) => agree(parsed, isSecret, context), { when: () => true })
    .superRefine((_, context) => keepSecrecy(values, secretKeys, context), { when: () => true })
    .safeParse(values);

  const dockerHost = dockerHostIn(raw, secretKeys);
  const problems = [...problemsIn(result.error, values, isSecret), ...dockerHost.problems, ...dockerContextIn(raw)];
  if (!result.success || problems.length > 0) throw new SettingsError(problems);

  const { blueVersion, greenVersion, blueImage, greenImage, bluePort, greenPort, ...shared } = result.data;
  const slot = (version: string, image: string, port: number) => ({
    version,
    ...(image === "" ? {} : { image }),
    port,
  });
  return {
    ...shared,
    slots: { blue: slot(blueVersion, blueImage, bluePort), green: slot(greenVersion, greenImage, greenPort) },
    ...(dockerHost.value === undefined ? {} : { dockerHost: dockerHost.value }),
  };
}

/** Reads and validates the stack's configuration. Nothing else in the program reads configuration. */
export function readSettings(): Settings {
  const raw = pulumi.runtime.allConfig();
  // The SDK exports this but leaves it out of its types; `Config` would tell secrets only key by key, as outputs.
  const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };
  return parseSettings(raw, new Set(Object.keys(raw).filter((key) => isConfigSecret(key))));
}

/** Our own settings by their bare names. Without a prototype, so that a setting called `constructor` is merely unknown. */
function ownValues(raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(raw ?? {})) {
    if (key.startsWith(`${NAMESPACE}:`)) values[key.slice(NAMESPACE.length + 1)] = value;
  }
  return values;
}

type Parsed = z.output<z.ZodObject<typeof SHAPE>>;
type Context = z.core.$RefinementCtx<Parsed>;

/** What settings mean for one another. Those that are wrong by themselves, or secret, are refused already and passed over. */
function agree(
  parsed: Partial<Record<SettingName, unknown>>,
  isSecret: (name: string) => boolean,
  context: Context,
): void {
  const refuse = (name: SettingName, message: string, value: number) =>
    context.addIssue({
      code: "custom",
      path: [name],
      message,
      params: { mend: setCommand(name, String(value)) } satisfies Hint,
    });
  const numberOf = (name: SettingName) => {
    const value = parsed[name];
    return typeof value === "number" && !isSecret(name) ? value : undefined;
  };

  // bindAddress may be the loopback as well, where both colors' ports are.
  const names = ["httpPort", "bluePort", "greenPort"] as const;
  const ports = names.map(numberOf);
  for (const [i, name] of names.entries()) {
    const port = ports[i];
    const holder = names[ports.indexOf(port)];
    if (port === undefined || holder === undefined || holder === name) continue;
    // Close to the highest port the search starts lower, with room for all of them.
    let free = port > MAX_PORT - names.length ? port - names.length : port + 1;
    while (ports.includes(free)) free += 1;
    ports[i] = free;
    refuse(name, `must differ from ${holder}, which has this port`, free);
  }

  const drainSeconds = numberOf("drainSeconds");
  const keepAliveSeconds = numberOf("keepAliveSeconds");
  // A reload ends the old workers after drainSeconds, and a client may still use their idle connections for keepAliveSeconds.
  if (drainSeconds !== undefined && keepAliveSeconds !== undefined && drainSeconds < keepAliveSeconds) {
    refuse("drainSeconds", `must be at least keepAliveSeconds, which is ${keepAliveSeconds}`, keepAliveSeconds);
  }
}

/** That what is secret stays secret, and that nothing is taken for secret that can't be kept so. */
function keepSecrecy(values: Record<string, unknown>, secretKeys: ReadonlySet<string>, context: Context): void {
  const refuse = (path: string[], message: string, mend: string) =>
    context.addIssue({ code: "custom", path, message, params: { mend, secret: true } satisfies Hint });

  for (const name of SETTING_NAMES) {
    if (name === "secretEnvironment" || !secretKeys.has(`${NAMESPACE}:${name}`)) continue;
    if (name === "environment") {
      refuse(
        [name],
        "can't be kept secret; what was set with --secret belongs in secretEnvironment",
        `pulumi config rm --path 'environment.<NAME>' && ${setCommand("secretEnvironment.<NAME>")}`,
      );
    } else {
      refuse([name], "can't be kept secret; must be set without --secret", setCommand(name, MENDING_VALUES[name]));
    }
  }

  const secretNames = Object.keys(objectIn(values.secretEnvironment) ?? {});
  if (secretNames.length > 0 && !secretKeys.has(`${NAMESPACE}:secretEnvironment`)) {
    const settable = secretNames.filter((name) => nameRule(name) === undefined);
    const named = settable.length > NAMED_VARIABLES ? ["<NAME>"] : settable;
    refuse(
      ["secretEnvironment"],
      "must be set with --secret; what the stack's file holds now is readable, so give it a new value",
      named.map((name) => setCommand(`secretEnvironment.${name}`)).join(" && ") || "pulumi config rm secretEnvironment",
    );
  }

  for (const name of Object.keys(objectIn(values.environment) ?? {})) {
    // The public value is very likely the secret one, left behind when it was moved: it isn't shown either.
    if (secretNames.includes(name)) {
      const mend = removeCommand("environment", name);
      refuse(["environment", name], "is in secretEnvironment too; must be in one of them only", mend);
    }
  }
}

/** Zod's issues as problems, in the order of the settings, unknown settings last. */
function problemsIn(
  error: z.ZodError | undefined,
  values: Record<string, unknown>,
  isSecret: (name: string) => boolean,
): Problem[] {
  const problems = new Map<string, Problem[]>(SETTING_NAMES.map((name) => [name, []]));
  const unknown: Problem[] = [];
  for (const issue of error?.issues ?? []) {
    if (issue.code === "unrecognized_keys") {
      unknown.push(...issue.keys.map((name) => unknownSetting(name, values[name], isSecret)));
      continue;
    }
    const [setting, variable] = issue.path.map(String) as [SettingName, string?];
    const hint: Hint = issue.code === "custom" ? (issue.params ?? {}) : {};
    // Of a setting that must not be secret that is all that can be said.
    if (isSecret(setting) && !isEnvironment(setting) && !hint.secret) continue;
    const value = variable === undefined ? values[setting] : objectIn(values[setting])?.[variable];
    problems.get(setting)?.push({
      setting: variable === undefined ? setting : pathTo(setting, variable),
      given: value === undefined ? "(not set)" : hint.secret || isSecret(setting) ? "[secret]" : shown(value),
      rule: issue.message,
      mend: hint.mend ?? mendCommand(setting, variable, isSecret(setting) ? undefined : value),
    });
  }
  return [...problems.values()].flat().concat(unknown);
}

/** A setting that does not exist, with the one that was probably meant. */
function unknownSetting(name: string, value: unknown, isSecret: (name: string) => boolean): Problem {
  const meant = closest(name, SETTING_NAMES);
  const remove = isTypable(name) ? `pulumi config rm ${quoted(name)}` : EDIT_BY_HAND;
  // Nobody knows what is in it, and a misspelt secretEnvironment has secrets in it.
  const secret = isSecret(name) || meant === undefined || isSecret(meant);
  const fits = !secret && typeof value === "string" && SHAPE[meant].safeParse(value).success;
  return {
    setting: isTypable(name) ? name : shown(name),
    given: isSecret(name) ? "[secret]" : secret ? "(not shown)" : shown(value),
    rule:
      meant === undefined
        ? "there is no such setting; Pulumi.yaml lists all"
        : `there is no such setting; ${meant} was meant?`,
    mend:
      meant === undefined || !isTypable(name)
        ? remove
        : isEnvironment(meant)
          ? `${remove} && ${setCommand(`${meant}.<NAME>`)}`
          : `${remove} && ${setCommand(meant, fits ? value : MENDING_VALUES[meant])}`,
  };
}

/** `docker:host` is the provider's to judge; only what could not be an engine's address is refused. */
function dockerHostIn(
  raw: Readonly<Record<string, unknown>>,
  secretKeys: ReadonlySet<string>,
): { value?: string; problems: Problem[] } {
  const setting = "docker:host";
  const value = Object.entries(raw ?? {}).find(([key]) => key === setting)?.[1];
  if (value === undefined || value === "") return { problems: [] };

  const mend = "pulumi config set docker:host '<scheme://address>'";
  if (secretKeys.has(setting)) {
    const rule = "can't be kept secret, since commands get it as DOCKER_HOST; must be set without --secret";
    return { problems: [{ setting, given: "[secret]", rule, mend }] };
  }
  if (typeof value !== "string" || !/^[a-z]+:\/\/[!-~]{1,1000}$/.test(value)) {
    const rule = "must be an engine's address such as ssh://user@host or unix:///var/run/docker.sock";
    return { problems: [{ setting, given: shown(value), rule, mend }] };
  }
  return { value, problems: [] };
}

/** With a context, the provider's containers and the commands' `docker exec` could be on different engines. */
function dockerContextIn(raw: Readonly<Record<string, unknown>>): Problem[] {
  if (!Object.keys(raw ?? {}).includes("docker:context")) return [];
  const rule = "is not supported, since it would win over docker:host; must be docker:host instead";
  const mend = "pulumi config rm docker:context && pulumi config set docker:host '<scheme://address>'";
  return [{ setting: "docker:context", given: "[not shown]", rule, mend }];
}

const EDIT_BY_HAND = "edit the stack's Pulumi.<stack>.yaml: this name can't be typed in a shell";

function mendCommand(setting: SettingName, variable: string | undefined, value: unknown): string {
  if (isEnvironment(setting)) {
    return variable === undefined ? `pulumi config rm ${setting}` : setCommand(pathTo(setting, variable));
  }
  const color = setting === "activeColor" && typeof value === "string" ? closest(value, COLORS) : undefined;
  return setCommand(setting, color ?? MENDING_VALUES[setting]);
}

/**
 * `pulumi config set`, of a setting or, by its path, of one variable. A variable is set as text, since a long number would become
 * one and be rounded. A secret is set without a value: the CLI asks for it, and it stays out of the shell's history.
 */
function setCommand(path: string, value = "<value>"): string {
  if (path.startsWith("secretEnvironment")) return `pulumi config set --secret --path ${quoted(path)}`;
  if (path.startsWith("environment")) return `pulumi config set --type string --path ${quoted(path)} ${quoted(value)}`;
  return `pulumi config set ${quoted(path)} ${quoted(value)}`;
}

function removeCommand(setting: string, variable: string): string {
  // In the CLI's grammar a backslash before the closing quote makes the quote part of the name.
  if (!isTypable(variable) || variable.endsWith("\\")) return EDIT_BY_HAND;
  return `pulumi config rm --path ${quoted(pathTo(setting, variable))}`;
}

/** The path of one variable, in the CLI's grammar (`environment.NAME`, `environment["a b"]`). */
function pathTo(setting: string, variable: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable)) return `${setting}.${variable}`;
  return isTypable(variable) ? `${setting}["${variable.replaceAll('"', '\\"')}"]` : `${setting}[${shown(variable)}]`;
}

const isTypable = (name: string) => /^[ -~]{0,200}$/.test(name);

/** A word for a POSIX shell. What begins with a dash goes behind `--`. */
function quoted(word: string): string {
  const safe = /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return word.startsWith("-") ? `-- ${safe}` : safe;
}

/** A value fit for a terminal: JSON, in which all but plain ASCII is escaped, cut to a length that leaves the error readable. */
function shown(value: unknown): string {
  // Enough of it for the cut; escaping only makes it longer.
  const json = typeof value === "string" ? JSON.stringify(value.slice(0, SHOWN_CHARACTERS + 1)) : jsonOf(value);
  const pieces = Array.from(json, (character) =>
    /^[ -~]$/.test(character)
      ? character
      : Array.from(
          { length: character.length },
          (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
        ).join(""),
  );
  const room = SHOWN_CHARACTERS + 2;
  if (pieces.join("").length <= room) return pieces.join("");
  let cut = "";
  for (const piece of pieces) {
    if (cut.length + piece.length > room) break;
    cut += piece;
  }
  return `${cut}...${typeof value === "string" ? ` (${value.length} characters)` : ""}`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return typeof value;
  }
}

/** The JSON object in a text, and undefined where there is none. */
function objectIn(json: unknown): Record<string, unknown> | undefined {
  if (typeof json !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The candidate that someone who wrote `name` most likely meant: a third of its letters may be wrong, case and separators don't
 * count; failing that, the only one that contains it or is contained in it.
 */
function closest<Name extends string>(name: string, candidates: readonly Name[]): Name | undefined {
  const plain = (word: string) =>
    word
      .slice(0, 100)
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "");
  const wanted = plain(name);
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best !== undefined && best.distance <= best.candidate.length / 3) return best.candidate;

  const related = candidates.filter(
    (candidate) => plain(candidate).includes(wanted) || wanted.includes(plain(candidate)),
  );
  return wanted.length >= 4 && related.length === 1 ? related[0] : undefined;
}

/** Levenshtein's: how many letters must be inserted, left out or replaced to make one word of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
