import { isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import {
  IMAGE_RULE,
  isByDigest,
  isImage,
  isRepository,
  isVersion,
  REPOSITORY_RULE,
  VERSION_RULE,
} from "../engine/image";
import { isRegistryPassword, isRegistryUser, REGISTRY_PASSWORD_RULE, REGISTRY_USER_RULE } from "../engine/registry";
import { Refusal } from "../refusal";
import { COLORS, type Color } from "../service/color";
import type { SmokeTest } from "../service/smokeTest";
import { jsonIn, objectIn } from "../text/json";
import { quoted, shown } from "../text/shell";
import { decimalRule, isDecimal, isWholeNumber, wholeNumberRule } from "./digits";
import { type EnvironmentName, nameRule, parseEnvironment, setVariableCommand } from "./environment";
import {
  closest,
  EDIT_BY_HAND,
  isTypable,
  type Place,
  type Problem,
  pathTo,
  type Refuse,
  removeCommand,
  setCommand,
} from "./problem";
import { parseSmokeTests, SET_SMOKE_TEST } from "./smokeTests";
import { parseTrustedProxies, SET_TRUSTED_PROXY } from "./trustedProxies";
import { stackFileText, writtenProblems } from "./writtenForms";

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
  /** The host's port on which nginx listens for TLS, where there is a certificate; differs from the others then. */
  httpsPort: number;
  /** The server's certificate and those that issued it: PEM text, or a file's path. There is no TLS where it is absent. */
  tlsCertificate?: string;
  /** Its private key: PEM text, which is a secret, or a file's path. Absent where the certificate is. */
  tlsKey?: string;
  /** Addresses and networks of proxies before this one whose word about their clients is believed. */
  trustedProxies: string[];
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
  /** How long requests in flight may still take after a switch, in seconds; never below `keepAliveSeconds`. */
  drainSeconds: number;
  /** How long nginx keeps a client's idle connection open, in seconds. */
  keepAliveSeconds: number;
  /** Largest request body, in MiB. */
  maxBodyMb: number;
  /** Largest line of a request's header, its first one too, and largest header of an answer, in KiB. */
  maxHeaderKb: number;
  /** Whether request headers with an underscore in their names are passed on. */
  underscoreHeaders: boolean;
  /** How long nginx waits for the app to take or give the next bytes, in seconds. */
  proxyTimeoutSeconds: number;
  /** Reference of the proxy's image. */
  nginxImage: string;
  /** Reference of the image that `app/` is built from. */
  appBaseImage: string;
  /** Where releases are: a registry's host and a repository there, without tag and digest. */
  registry?: string;
  /** Who pulls from that registry and pushes to it; nobody in particular where it is absent. */
  registryUser?: string;
  /** The user's password or token; a secret. REGISTRY_PASSWORD stands in for it (see registry.ts). */
  registryPassword?: string;
  /** How long a new container may take to become healthy, in seconds: before the switch, and when it is made. */
  healthTimeoutSeconds: number;
  /** What a color must answer before a switch; none if empty. `{color}` and `{version}` in their texts are not replaced yet. */
  smokeTests: SmokeTest[];
  /** Shell text that must exit 0 before a switch; no such gate where it is absent. */
  gateCommand?: string;
  /** The longest that `gateCommand` may take, in seconds. */
  gateTimeoutSeconds: number;
  /** The host at which `gateCommand` reaches both colors' ports; a name, or an IPv4 or IPv6 address (without brackets or a zone). */
  targetHost: string;
  /** How many fresh connections in a row must meet the new color before a switch counts as done. */
  verifyRequests: number;
  /** How long the new color's answers are watched after a switch, in seconds; 0 for no watch. */
  bakeSeconds: number;
  /** The share of 5xx answers in the watch, in percent, above which the switch is taken back. */
  maxErrorPercent: number;
  /** How many answers the watch must have seen before `maxErrorPercent` and `maxP95Seconds` count. */
  minRequests: number;
  /** The 95th percentile of the answer time in the watch, in seconds, above which the switch is taken back; 0 for any. */
  maxP95Seconds: number;
  /** The share of new visitors that goes to the idle color, in percent; 0 for none. */
  canaryPercent: number;
  /** Whether visitors stay on their color after a switch: `cookie` gives each a session. */
  stickySessions: "none" | "cookie";
  /** How long after a switch sessions of the color of before stay there, in seconds. */
  stickySeconds: number;
  /** With it as header or cookie `X-Blue-Green-Preview` a request goes to the idle color; a secret. Nobody can where it is absent. */
  testerToken?: string;
  /** Whether everybody but testers gets 503 and the page of `nginx/maintenance.html`. */
  maintenance: boolean;
  /** The most requests a second of one client; 0 for any. */
  rateLimitPerSecond: number;
  /** The most requests of one client at once; 0 for any. */
  maxConnections: number;
  /** The most requests at once, of all clients, whose body has 10,000 bytes or more; 0 for any. */
  maxUploads: number;
  /** How much of an answer waits on the engine's disk for a client slower than the app, in MiB; 0 for none. */
  maxBufferMb: number;
  /** How long a container that is stopped has from SIGTERM to SIGKILL, in seconds. */
  stopGraceSeconds: number;
  /** How many containers each color has, at least 1. */
  replicas: number;
  /** What becomes of the idle color's containers; its image stays. */
  idle: "running" | "stopped" | "removed";
  /** How long the idle color stays up after a switch where `idle` is not `running`, in minutes. */
  idleAfterMinutes: number;
  /** Whether a release must have had visitors as a canary, and have been well with them, before a switch to it. */
  canaryFirst: boolean;
  /** Whether every image must be named by its digest, and none may be built on the way. */
  imagesByDigest: boolean;
  /** Whether the policy pack must run, and its policies hold. */
  policies: boolean;
  /** Whether this run may replace the nginx container. */
  allowProxyReplace: boolean;
  /** Whether this run may replace the container of the color that is live. */
  allowLiveReplace: boolean;
  /**
   * The Docker provider's own `docker:host`, where set. Commands inherit our environment and not the provider's configuration:
   * without it they would act on another engine than the containers are on.
   */
  dockerHost?: string;
}

/** All that is wrong with the configuration. */
export class SettingsError extends Refusal {
  override readonly name = "SettingsError";

  /** @param of whose settings these are, where a program gives them and not the stack's configuration. */
  constructor(
    readonly problems: readonly Problem[],
    of?: string,
  ) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const lines = problems.map(({ setting, given, rule, mend }) => {
      const line = `${setting} = ${given}: ${rule}`;
      // A command could not set it; but for what is in the stack's configuration all the same.
      return of === undefined || setting.startsWith("docker:") ? `${line}\n    ${mend}` : line;
    });
    const head =
      of === undefined
        ? `${count} in the settings; nothing was touched. Below each is the command that mends it.`
        : `${count} in the settings of ${of}; nothing was touched. Mend it where the program gives them, then: pulumi up`;
    super([head, ...lines].join("\n"));
  }
}

const MAX_PORT = 65_535;
/** Below it neither gunicorn nor nginx starts reliably. */
const MIN_MEMORY_MB = 32;
const MAX_MEMORY_MB = 1024 * 1024;
/** An hour: whatever waits longer is not waiting for a request any more. */
const MAX_SECONDS = 3600;
/** nginx takes 0 as 'no limit', which is why the least is 1. */
const MAX_BODY_MB = 10 * 1024;
/** From nginx's own default for an answer to what its connections may come to cost: two lines of that size each, in 1 GiB for all. */
const MIN_HEADER_KB = 4;
const MAX_HEADER_KB = 128;
const MAX_PATH_CHARACTERS = 200;
const MAX_COMMAND_CHARACTERS = 4096;
/** Made one after the other. */
const MAX_VERIFY_REQUESTS = 1000;
const MAX_MIN_REQUESTS = 1_000_000;
const MAX_P95_SECONDS = 300;
/** 100 would be a switch, without what a switch does. */
const MAX_CANARY_PERCENT = 99;
const MAX_STICKY_SECONDS = 7 * 24 * 3600;
const MAX_REPLICAS = 20;
const MAX_IDLE_MINUTES = 7 * 24 * 60;
/** Guessing is slow enough then, also against what a preview shows of it (see files.ts). */
const MIN_TOKEN_CHARACTERS = 16;
const MAX_TOKEN_CHARACTERS = 200;
const MAX_RATE = 100_000;
/** nginx counts no further. */
const MAX_AT_ONCE = 65_535;
const MAX_BUFFER_MB = 1024;
const MAX_FILE_CHARACTERS = 1000;
/** What nginx gets of it is less (see certificate.ts). */
const MAX_PEM_KIB = 128;
/** How many variables a mending command names one by one. */
const NAMED_VARIABLES = 3;

/** Labels of RFC 1123. The last one is no number, in any notation: URLs would read such a name as an IPv4 address. */
const HOST_NAME =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!(?:[0-9]+|0x[0-9a-f]*)$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const MAX_HOST_CHARACTERS = 253;

/** A zone (fe80::1%eth0) is free text to isIP. */
const isAddress = (value: string) => isIP(value) !== 0 && !value.includes("%");
/** Whether it is a name in the DNS, and nothing else. */
export const isHostName = (value: string) => value.length <= MAX_HOST_CHARACTERS && HOST_NAME.test(value);
const isHost = (value: string) => isAddress(value) || isHostName(value);

/** Whether a path is plain: what clients and nginx take it for is what stands there. */
export const isPlainPath = (value: string) =>
  value.length <= MAX_PATH_CHARACTERS &&
  /^\/[A-Za-z0-9._~/-]*$/.test(value) &&
  !value.includes("//") &&
  // Clients and nginx resolve these, so that another path than the one in the settings would be asked for.
  !value.split("/").some((segment) => segment === "." || segment === "..");

/** What a text with it says it is: PEM and no path. */
export const isPem = (value: string) => value.includes("-----BEGIN");
const isFilePath = (value: string) => value.length <= MAX_FILE_CHARACTERS && /^[A-Za-z0-9._~@+/-]+$/.test(value);
const isPemOrFile = (value: string) =>
  value === "" || (isPem(value) ? Buffer.byteLength(value) <= MAX_PEM_KIB * 1024 : isFilePath(value));
const pemOrFile = (what: string) =>
  text(
    `must be ${what} as PEM text of at most ${MAX_PEM_KIB} KiB, the path of a file with it (A-Z a-z 0-9 . _ ~ @ + / -, at most ${MAX_FILE_CHARACTERS} characters), or empty`,
    isPemOrFile,
  );

/** A text whose only error is the rule itself: zod's own messages never reach anyone, and so never carry a value. */
const text = (rule: string, accepts: (value: string) => boolean) =>
  z.string({ error: rule }).refine(accepts, { error: rule });

const version = text(VERSION_RULE, isVersion);

const image = text(IMAGE_RULE, isImage);
const imageOrNone = text(`${IMAGE_RULE}, or empty`, (value) => value === "" || isImage(value));

const wholeNumber = (least: number, most: number) =>
  text(wholeNumberRule(least, most), (value) => isWholeNumber(value, least, most)).transform(Number);
const decimal = (least: number, most: number) =>
  text(decimalRule(least, most), (value) => isDecimal(value, least, most)).transform(Number);
const port = wholeNumber(1, MAX_PORT);

const trueOrFalse = z
  .enum(["true", "false"], { error: "must be true or false" })
  .transform((value) => value === "true");

const COMMAND_PLACEHOLDER = "<command>";
/** All but tab and newline. */
const CONTROL_CHARACTER = /[^\P{Cc}\t\n]/u;
const commandOrNone = text(
  `must be a shell command of at most ${MAX_COMMAND_CHARACTERS} characters, without control characters other than tab and newline, or empty`,
  (value) =>
    value === "" ||
    // A blank command would let everything pass; and no shell takes the placeholder.
    (value.length <= MAX_COMMAND_CHARACTERS &&
      !CONTROL_CHARACTER.test(value) &&
      value.trim() !== "" &&
      value !== COMMAND_PLACEHOLDER),
);

const tokenOrNone = text(
  `must be ${MIN_TOKEN_CHARACTERS} to ${MAX_TOKEN_CHARACTERS} of A-Z a-z 0-9 . _ ~ -, or empty`,
  (value) =>
    value === "" ||
    (value.length >= MIN_TOKEN_CHARACTERS && value.length <= MAX_TOKEN_CHARACTERS && /^[A-Za-z0-9._~-]+$/.test(value)),
);

/** What an issue of our own carries besides its rule. */
interface Hint {
  /** Stands in for the setting's usual command. */
  mend?: string;
  /** The value is shown as `[secret]`, whether or not its setting is one. */
  secret?: boolean;
}

/** A setting with values of its own within, which Pulumi hands over as JSON text. */
const structured = <Value>(parse: (json: unknown, refuse: Refuse) => Value) =>
  z.unknown().transform((json, context) =>
    parse(json, (place, message, mend) => {
      const params = { mend } satisfies Hint;
      context.addIssue({ code: "custom", path: [...place], message, params });
    }),
  );

/** Each setting as Pulumi hands it over (text) and as the program gets it. The order is the order of errors. */
const SHAPE = {
  activeColor: z.enum(COLORS, { error: "must be blue or green" }),
  blueVersion: version,
  greenVersion: version,
  blueImage: imageOrNone,
  greenImage: imageOrNone,
  bindAddress: text("must be an IPv4 or IPv6 address, without a zone", isAddress),
  httpPort: port,
  httpsPort: port,
  tlsCertificate: pemOrFile("a certificate"),
  tlsKey: pemOrFile("a private key"),
  trustedProxies: structured(parseTrustedProxies),
  bluePort: port,
  greenPort: port,
  appPort: port,
  healthPath: text(
    `must be a path of A-Z a-z 0-9 . _ ~ - / from the root, without // and .., at most ${MAX_PATH_CHARACTERS} characters`,
    isPlainPath,
  ),
  environment: structured((json, refuse) => parseEnvironment("environment", json, refuse)),
  secretEnvironment: structured((json, refuse) => parseEnvironment("secretEnvironment", json, refuse)),
  memoryMb: wholeNumber(MIN_MEMORY_MB, MAX_MEMORY_MB),
  drainSeconds: wholeNumber(1, MAX_SECONDS),
  keepAliveSeconds: wholeNumber(1, MAX_SECONDS),
  maxBodyMb: wholeNumber(1, MAX_BODY_MB),
  maxHeaderKb: wholeNumber(MIN_HEADER_KB, MAX_HEADER_KB),
  underscoreHeaders: trueOrFalse,
  proxyTimeoutSeconds: wholeNumber(1, MAX_SECONDS),
  nginxImage: image,
  appBaseImage: image,
  registry: text(`${REPOSITORY_RULE}, or empty`, (value) => value === "" || isRepository(value)),
  registryUser: text(`${REGISTRY_USER_RULE}, or empty`, (value) => value === "" || isRegistryUser(value)),
  registryPassword: text(`${REGISTRY_PASSWORD_RULE}, or empty`, (value) => value === "" || isRegistryPassword(value)),
  healthTimeoutSeconds: wholeNumber(1, MAX_SECONDS),
  smokeTests: structured(parseSmokeTests),
  gateCommand: commandOrNone,
  gateTimeoutSeconds: wholeNumber(1, MAX_SECONDS),
  targetHost: text(
    "must be a host name, or an IPv4 or IPv6 address without brackets or a zone; no port, no http://",
    isHost,
  ),
  verifyRequests: wholeNumber(1, MAX_VERIFY_REQUESTS),
  bakeSeconds: wholeNumber(0, MAX_SECONDS),
  maxErrorPercent: decimal(0, 100),
  minRequests: wholeNumber(1, MAX_MIN_REQUESTS),
  maxP95Seconds: decimal(0, MAX_P95_SECONDS),
  canaryPercent: wholeNumber(0, MAX_CANARY_PERCENT),
  stickySessions: z.enum(["none", "cookie"], { error: "must be none or cookie" }),
  stickySeconds: wholeNumber(1, MAX_STICKY_SECONDS),
  testerToken: tokenOrNone,
  maintenance: trueOrFalse,
  rateLimitPerSecond: wholeNumber(0, MAX_RATE),
  maxConnections: wholeNumber(0, MAX_AT_ONCE),
  maxUploads: wholeNumber(0, MAX_AT_ONCE),
  maxBufferMb: wholeNumber(0, MAX_BUFFER_MB),
  stopGraceSeconds: wholeNumber(1, MAX_SECONDS),
  replicas: wholeNumber(1, MAX_REPLICAS),
  idle: z.enum(["running", "stopped", "removed"], { error: "must be running, stopped or removed" }),
  idleAfterMinutes: wholeNumber(0, MAX_IDLE_MINUTES),
  canaryFirst: trueOrFalse,
  imagesByDigest: trueOrFalse,
  policies: trueOrFalse,
  allowProxyReplace: trueOrFalse,
  allowLiveReplace: trueOrFalse,
};

type SettingName = keyof typeof SHAPE;

const isEnvironment = (name: SettingName): name is EnvironmentName =>
  name === "environment" || name === "secretEnvironment";

/** Settings with values of their own within: how one of these is set, since the CLI can't set all at once. */
const SET_WITHIN = {
  environment: setVariableCommand("environment.<NAME>"),
  secretEnvironment: setVariableCommand("secretEnvironment.<NAME>"),
  smokeTests: SET_SMOKE_TEST,
  trustedProxies: SET_TRUSTED_PROXY,
} as const;

/** Settings that must be secret where they say anything, beside those in `secretEnvironment`. The one list of them. */
export const SECRET_NAMES = ["testerToken", "tlsKey", "registryPassword"] as const satisfies readonly SettingName[];

/** A setting whose value is a text that must be secret. */
export type SecretName = (typeof SECRET_NAMES)[number];

/** From standard input, since a key has more lines than one. */
export const SET_KEY = "pulumi config set --secret tlsKey < '<file>'";

type StructuredName = keyof typeof SET_WITHIN;

const isSecretName = (name: string): name is SecretName => SECRET_NAMES.some((secret) => secret === name);

/** Whether a setting is refused where it is kept in plain text. */
export const mustBeSecret = (name: string): boolean => name === "secretEnvironment" || isSecretName(name);

/** The keys of the settings that must be secret, as {@link parseSettings} takes them: for those who are not told which ones are. */
export const SECRET_KEYS: ReadonlySet<string> = new Set(
  ["secretEnvironment", ...SECRET_NAMES].map((name) => `${NAMESPACE}:${name}`),
);

const isStructured = (name: SettingName): name is StructuredName => Object.hasOwn(SET_WITHIN, name);

/** The names of all settings. Pulumi.yaml lists the same ones. */
export const SETTING_NAMES = Object.keys(SHAPE) as readonly SettingName[];

/**
 * The value in the command that mends a setting. Which color, version or image should run is for a person to say: those are
 * placeholders that the validation refuses, so that a command pasted in haste never moves the public or deploys something.
 * The others are Pulumi.yaml's defaults (a test keeps them equal).
 */
const MENDING_VALUES: Record<Exclude<SettingName, StructuredName>, string> = {
  activeColor: "<blue or green>",
  blueVersion: "<version>",
  greenVersion: "<version>",
  blueImage: "<image>",
  greenImage: "<image>",
  bindAddress: "127.0.0.1",
  httpPort: "8080",
  httpsPort: "8443",
  tlsCertificate: "<file>",
  tlsKey: "<file>",
  bluePort: "5001",
  greenPort: "5002",
  appPort: "5000",
  healthPath: "/healthz",
  memoryMb: "256",
  drainSeconds: "60",
  keepAliveSeconds: "10",
  maxBodyMb: "10",
  maxHeaderKb: "32",
  underscoreHeaders: "false",
  proxyTimeoutSeconds: "60",
  nginxImage: "<image>",
  appBaseImage: "<image>",
  registry: "<host>/<repository>",
  registryUser: "<user>",
  registryPassword: "<password>",
  healthTimeoutSeconds: "60",
  gateCommand: COMMAND_PLACEHOLDER,
  gateTimeoutSeconds: "300",
  targetHost: "127.0.0.1",
  verifyRequests: "8",
  bakeSeconds: "10",
  maxErrorPercent: "1",
  minRequests: "20",
  maxP95Seconds: "0",
  canaryPercent: "0",
  stickySessions: "none",
  stickySeconds: "3600",
  testerToken: "<token>",
  maintenance: "false",
  rateLimitPerSecond: "0",
  maxConnections: "4096",
  maxUploads: "1000",
  maxBufferMb: "1",
  stopGraceSeconds: "30",
  replicas: "1",
  idle: "running",
  idleAfterMinutes: "60",
  canaryFirst: "false",
  imagesByDigest: "false",
  policies: "false",
  allowProxyReplace: "false",
  allowLiveReplace: "false",
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
  const isSecret = (name: string) => mustBeSecret(name) || secretKeys.has(`${NAMESPACE}:${name}`);

  const result = z
    .strictObject(SHAPE)
    // 'when': what one setting means for another is said together with what each is by itself.
    .superRefine((parsed, context) => agree(parsed, isSecret, context), { when: () => true })
    .superRefine((_, context) => keepSecrecy(values, secretKeys, context), { when: () => true })
    .safeParse(values);

  const dockerHost = dockerHostIn(raw, secretKeys);
  const problems = [...problemsIn(result.error, values, isSecret), ...dockerHost.problems, ...dockerContextIn(raw)];
  if (!result.success || problems.length > 0) throw new SettingsError(problems);

  const { blueVersion, greenVersion, blueImage, greenImage, bluePort, greenPort, ...rest } = result.data;
  const { smokeTests, gateCommand, testerToken, tlsCertificate, tlsKey, ...others } = rest;
  const { registry, registryUser, registryPassword, ...shared } = others;
  const slot = (version: string, image: string, port: number) => ({
    version,
    ...(image === "" ? {} : { image }),
    port,
  });
  return {
    ...shared,
    smokeTests: smokeTests.map((test) => ({ path: shared.healthPath, ...test })),
    ...(gateCommand === "" ? {} : { gateCommand }),
    ...(testerToken === "" ? {} : { testerToken }),
    ...(tlsCertificate === "" ? {} : { tlsCertificate }),
    ...(tlsKey === "" ? {} : { tlsKey }),
    ...(registry === "" ? {} : { registry }),
    ...(registryUser === "" ? {} : { registryUser }),
    ...(registryPassword === "" ? {} : { registryPassword }),
    slots: { blue: slot(blueVersion, blueImage, bluePort), green: slot(greenVersion, greenImage, greenPort) },
    ...(dockerHost.value === undefined ? {} : { dockerHost: dockerHost.value }),
  };
}

/** Reads and validates the stack's configuration. Nothing else in the program reads configuration. */
export function readSettings(): Settings {
  const { raw, secretKeys } = readConfiguration();
  const changed = writtenProblems(stackFileText(process.cwd(), pulumi.getStack()), raw, NAMESPACE);
  const refused = changed.filter(({ setting }) => !setting.startsWith("environment"));
  if (refused.length > 0) throw new SettingsError(refused);
  // Numbers are allowed there, and a stack that runs with one goes on.
  for (const { setting, rule, mend } of changed) void pulumi.log.warn(`${setting} ${rule}. Next: ${mend}`);
  return parseSettings(raw, secretKeys);
}

/** The Docker provider's own configuration: where it is set, commands must go by it too. */
export function readProvider(): Configuration {
  const { raw, secretKeys } = readConfiguration();
  return { raw: Object.fromEntries(Object.entries(raw).filter(([key]) => key.startsWith("docker:"))), secretKeys };
}

/** Whether anything in the stack's configuration was set with `--secret`. */
export const hasSecrets = (): boolean => readConfiguration().secretKeys.size > 0;

/** A stack's configuration, and the keys of it that were set with `--secret`. */
export interface Configuration {
  raw: Record<string, string>;
  secretKeys: Set<string>;
}

function readConfiguration(): Configuration {
  const raw = pulumi.runtime.allConfig();
  // The SDK exports this but leaves it out of its types; `Config` would tell secrets only key by key, as outputs.
  const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };
  return { raw, secretKeys: new Set(Object.keys(raw).filter((key) => isConfigSecret(key))) };
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

/** Names an image by the digest that its registry has it under; the engine has learnt that by pulling it. */
export const setByDigest = (name: SettingName, reference: string) => {
  const image = quoted(reference);
  return `docker pull ${image} && pulumi config set ${name} "$(docker image inspect --format '{{index .RepoDigests 0}}' ${image})"`;
};

/** What settings mean for one another. Those that are wrong by themselves, or secret, are refused already and passed over. */
function agree(
  parsed: Partial<Record<SettingName, unknown>>,
  isSecret: (name: string) => boolean,
  context: Context,
): void {
  const issue = (name: SettingName, message: string, mend: string) =>
    context.addIssue({ code: "custom", path: [name], message, params: { mend } satisfies Hint });
  const refuse = (name: SettingName, message: string, value: number) =>
    issue(name, message, setCommand(name, String(value)));
  const numberOf = (name: SettingName) => {
    const value = parsed[name];
    return typeof value === "number" && !isSecret(name) ? value : undefined;
  };

  const isSet = (name: SettingName) => {
    const value = parsed[name];
    return typeof value === "string" && value !== "" && isPemOrFile(value);
  };
  for (const [name, needs] of [
    ["tlsCertificate", "tlsKey"],
    ["tlsKey", "tlsCertificate"],
  ] as const) {
    if (isSet(name) && parsed[needs] === "") issue(needs, `must be set too, since ${name} is`, mendCommand(needs));
  }

  for (const [name, needs] of [
    ["registryUser", "registry"],
    ["registryPassword", "registryUser"],
  ] as const) {
    const says = typeof parsed[name] === "string" && parsed[name] !== "";
    if (says && parsed[needs] === "") issue(needs, `must be set too, since ${name} is`, mendCommand(needs));
  }

  if (parsed.imagesByDigest === true) {
    for (const name of ["blueImage", "greenImage", "nginxImage"] as const) {
      const value = parsed[name];
      if (typeof value !== "string" || isSecret(name) || isByDigest(value)) continue;
      if (value === "")
        issue(
          name,
          "must be an image by its digest, since imagesByDigest is true: app/ is not built here",
          setByDigest(name, "<image>"),
        );
      else if (isImage(value))
        issue(name, "must be named by its digest, since imagesByDigest is true", setByDigest(name, value));
    }
  }

  // bindAddress may be the loopback as well, where both colors' ports are. Without TLS httpsPort takes none.
  const taken =
    isSet("tlsCertificate") || isSet("tlsKey") ? (["httpPort", "httpsPort"] as const) : (["httpPort"] as const);
  const names = [...taken, "bluePort", "greenPort"] as const;
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

  // Whoever trusts a proxy reads what that one says of its client, and anybody may send what nginx reads by the same name.
  const { trustedProxies } = parsed;
  if (parsed.underscoreHeaders === true && Array.isArray(trustedProxies) && trustedProxies.length > 0) {
    issue(
      "underscoreHeaders",
      "must be false while trustedProxies names any: nginx reads X_Forwarded_Host, which every client may send, as X-Forwarded-Host",
      setCommand("underscoreHeaders", "false"),
    );
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
    const isSet = secretKeys.has(`${NAMESPACE}:${name}`);
    if (isSecretName(name) && !isSet && saysSecret(name, values[name])) {
      refuse(
        [name],
        "must be set with --secret; what the stack's file holds now is readable, so give it a new value",
        mendCommand(name),
      );
    }
    if (mustBeSecret(name) || !isSet) continue;
    if (name === "environment") {
      refuse(
        [name],
        "can't be kept secret; what was set with --secret belongs in secretEnvironment",
        `pulumi config rm --path 'environment.<NAME>' && ${SET_WITHIN.secretEnvironment}`,
      );
    } else if (name === "trustedProxies") {
      const mend = `pulumi config rm trustedProxies && ${mendCommand(name)}`;
      refuse([name], "can't be kept secret; must be set without --secret", mend);
    } else if (name === "smokeTests") {
      refuse(
        [name],
        "can't be kept secret; must be set without --secret. A test that needs a token belongs in gateCommand, which has the " +
          "environment of whoever runs pulumi",
        `pulumi config rm --path 'smokeTests[<n>].<key>' && ${mendCommand("gateCommand")}`,
      );
    } else {
      refuse([name], "can't be kept secret; must be set without --secret", mendCommand(name));
    }
  }

  const secretNames = Object.keys(objectIn(values.secretEnvironment) ?? {});
  if (secretNames.length > 0 && !secretKeys.has(`${NAMESPACE}:secretEnvironment`)) {
    const settable = secretNames.filter((name) => nameRule(name) === undefined);
    const named = settable.length > NAMED_VARIABLES ? ["<NAME>"] : settable;
    refuse(
      ["secretEnvironment"],
      "must be set with --secret; what the stack's file holds now is readable, so give it a new value",
      named.map((name) => setVariableCommand(`secretEnvironment.${name}`)).join(" && ") ||
        "pulumi config rm secretEnvironment",
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

/** Whether there is anything in a secret setting that nobody may read: a key's path is none. */
const saysSecret = (name: SettingName, value: unknown): boolean =>
  value !== undefined && value !== "" && !(name === "tlsKey" && typeof value === "string" && isFilePath(value));

/** Zod's issues as problems, in the order of the settings, unknown settings last. */
function problemsIn(
  error: z.ZodError | undefined,
  values: Record<string, unknown>,
  isSecret: (name: string) => boolean,
): Problem[] {
  const problems = new Map<string, Problem[]>(SETTING_NAMES.map((name) => [name, []]));
  const unknown: Problem[] = [];
  // A key may have got into another setting.
  const hidden = (name: SettingName, value: unknown) =>
    (isSecret(name) && !(isSecretName(name) && value === "")) || (typeof value === "string" && isPem(value));
  const within = new Map(SETTING_NAMES.filter(isStructured).map((name) => [name as string, jsonIn(values[name])]));
  for (const issue of error?.issues ?? []) {
    if (issue.code === "unrecognized_keys") {
      unknown.push(...issue.keys.map((name) => unknownSetting(name, values[name], isSecret)));
      continue;
    }
    const [setting, ...place] = issue.path as [SettingName, ...Place];
    const hint: Hint = issue.code === "custom" ? (issue.params ?? {}) : {};
    // Of a setting that must not be secret that is all that can be said.
    if (isSecret(setting) && !isEnvironment(setting) && !isSecretName(setting) && !hint.secret) continue;
    const value = place.length === 0 ? values[setting] : valueAt(within.get(setting), place);
    problems.get(setting)?.push({
      setting: pathTo(setting, ...place),
      given: value === undefined ? "(not set)" : hint.secret || hidden(setting, value) ? "[secret]" : shown(value),
      rule: issue.message,
      mend: hint.mend ?? mendCommand(setting, isSecret(setting) ? undefined : value),
    });
  }
  return [...problems.values()].flat().concat(unknown);
}

/** A setting that does not exist, with the one that was probably meant. */
function unknownSetting(name: string, value: unknown, isSecret: (name: string) => boolean): Problem {
  const meant = closest(name, SETTING_NAMES);
  const remove = isTypable(name) ? `pulumi config rm ${quoted(name)}` : EDIT_BY_HAND;
  // Nobody knows what is in it, and a misspelt secretEnvironment has secrets in it.
  const secret =
    isSecret(name) || meant === undefined || isSecret(meant) || (typeof value === "string" && isPem(value));
  const fits = !secret && !isStructured(meant) && typeof value === "string" && SHAPE[meant].safeParse(value).success;
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
        : `${remove} && ${fits ? setCommand(meant, value) : mendCommand(meant)}`,
  };
}

/** The command that mends a setting by itself. */
function mendCommand(setting: SettingName, value?: unknown): string {
  if (isStructured(setting)) return SET_WITHIN[setting];
  if (setting === "tlsKey") return SET_KEY;
  // Without a value: the CLI asks for it, and it stays out of the shell's history.
  if (isSecretName(setting)) return `pulumi config set --secret ${setting}`;
  const color = setting === "activeColor" && typeof value === "string" ? closest(value, COLORS) : undefined;
  return setCommand(setting, color ?? MENDING_VALUES[setting]);
}

/** The value at a place of what JSON gave. */
const valueAt = (root: unknown, place: Place): unknown =>
  place.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string | number, unknown>)[name]
        : undefined,
    root,
  );

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
