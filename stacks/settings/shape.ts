import type * as docker from "@pulumi/docker";
import type { z } from "zod";
import { IMAGE_RULE, isImage, isRepository, isVersion, REPOSITORY_RULE, VERSION_RULE } from "../engine/image";
import { isRegistryPassword, isRegistryUser, REGISTRY_PASSWORD_RULE, REGISTRY_USER_RULE } from "../engine/registry";
import { COLORS } from "../service/color";
import { RECEIVER_KINDS } from "../service/receiver";
import { parseAlertReceiver, SET_ALERT_RECEIVER } from "./alertReceiver";
import { parseAssetPaths, SET_ASSET_PATH } from "./assetPaths";
import { parseContainer } from "./container/container";
import { parseAccessories, parseJobs, parseNames, parseWorkers } from "./container/named";
import { parsePaths } from "./container/volumes";
import { parseEnvironment, setVariableCommand } from "./environment";
import { MOST_HOSTS, parseHosts, SET_HOST } from "./hosts";
import { decimal, NEVER_SHOWN, oneOf, structured, text, textOrNone, trueOrFalse, wholeNumber } from "./rules";
import { parseSmokeTests, SET_SMOKE_TEST } from "./smokeTests";
import { parseTrustedProxies, SET_TRUSTED_PROXY } from "./trustedProxies";
import {
  COMMAND_PLACEHOLDER,
  COMMAND_RULE,
  HEALTH_HOST_RULE,
  isAddress,
  isCommand,
  isHealthHost,
  isHost,
  isPemOrFile,
  isPlainPath,
  isReceiver,
  isReceiverSecret,
  isStatuses,
  isToken,
  PATH_RULE,
  pemRule,
  RECEIVER_SECRET_RULE,
  RECEIVER_URL_RULE,
  STATUSES_RULE,
  TOKEN_RULE,
} from "./values";

/** All that the program knows of a setting, beside the type, the description and the default that Pulumi.yaml has of it. */
interface Row {
  /**
   * Whose it is. A setting of the `slot` is the same for both colors and is a part of their containers: of what they say of
   * themselves, of what they are compared by, and of what a container is made from that stands beside one that is kept. One of the
   * `color` is what a color has of its own.
   */
  whose: "run" | "color" | "slot" | "proxy" | "release" | "gate" | "cutover" | "watch" | "idle";
  /** Takes it as Pulumi hands it over (text), refuses what is not allowed, and gives it as the program gets it. */
  rule: z.ZodType;
  /** Must be set with `--secret` where it says anything; one that `may` be is kept secret where it is. */
  secret?: true | "may";
  /** A text that YAML would make another one of where it is not quoted: 1.10 is the number 1.1. */
  quotes?: true;
  /**
   * Stands in the command that mends the setting, instead of the default. Which color, version or image should run is for a person to
   * say: those are placeholders that the rule refuses, so that a command pasted in haste never moves the public or deploys something.
   */
  mend?: string;
  /** The whole command that mends the setting. */
  command?: string;
  /** The command that sets one of the values that the setting has within, since the CLI can't set all at once. */
  within?: string;
  /**
   * The inputs of a slot's container that get the value as it is. Drift compares what runs with the label, by the setting's name: call
   * the setting as the engine calls the property (`cpuShares`), or teach commands/drift/container.ts the difference.
   */
  container?: readonly (keyof docker.ContainerArgs)[];
}

export const MAX_PORT = 65_535;
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
/** Made one after the other. */
const MAX_VERIFY_REQUESTS = 1000;
const MAX_MIN_REQUESTS = 1_000_000;
const MAX_P95_SECONDS = 300;
/** 100 would be a switch, without what a switch does. */
const MAX_CANARY_PERCENT = 99;
const MAX_STICKY_SECONDS = 7 * 24 * 3600;
const MAX_REPLICAS = 20;
const MAX_IDLE_MINUTES = 7 * 24 * 60;
const MAX_RATE = 100_000;
/** nginx counts no further. */
const MAX_AT_ONCE = 65_535;
const MAX_BUFFER_MB = 1024;

/** From standard input, since a key has more lines than one. */
export const SET_KEY = "pulumi config set --secret tlsKey < '<file>'";

const version = text(VERSION_RULE, isVersion);
const image = text(IMAGE_RULE, isImage);
const port = wholeNumber(1, MAX_PORT);

/** What may be watched: nothing, what a Prometheus of somebody else's asks for, or that with a Prometheus and alerts of the stack's own. */
export const MONITORING = ["off", "metrics", "on"] as const;

/** With less, Prometheus was killed for memory, or Alertmanager (docs/decisions/0084). */
const MIN_MONITORING_MB = 256;

/** Every setting, one row each; Pulumi.yaml has the same ones. The order is the order of errors. */
export const SHAPE = {
  /** The color that the public is to see. */
  activeColor: { whose: "run", rule: oneOf(COLORS, "must be blue or green"), mend: "<blue or green>" },
  /** The release in blue; fit for an image tag, a label and a page. */
  blueVersion: { whose: "color", rule: version, quotes: true, mend: "<version>" },
  /** The release in green. */
  greenVersion: { whose: "color", rule: version, quotes: true, mend: "<version>" },
  /** Reference of an image to run in blue; `app/` is built where it is absent. */
  blueImage: { whose: "color", rule: textOrNone(IMAGE_RULE, isImage), quotes: true, mend: "<image>" },
  /** Reference of an image to run in green; `app/` is built where it is absent. */
  greenImage: { whose: "color", rule: textOrNone(IMAGE_RULE, isImage), quotes: true, mend: "<image>" },
  /** The hosts that each have a proxy and both colors, in their order; absent for the stack's own engine alone. */
  hosts: { whose: "run", rule: structured(parseHosts), within: SET_HOST },
  /** How many of them may not answer, so that a run goes on without them. */
  allowMissingHosts: { whose: "run", rule: wholeNumber(0, MOST_HOSTS - 1) },
  /** The host's IPv4 or IPv6 address (without a zone) on which nginx listens. */
  bindAddress: { whose: "proxy", rule: text("must be an IPv4 or IPv6 address, without a zone", isAddress) },
  /** The host's port on which nginx listens; differs from both colors' ports. */
  httpPort: { whose: "proxy", rule: port },
  /** The host's port on which nginx listens for TLS, where there is a certificate; differs from the others then. */
  httpsPort: { whose: "proxy", rule: port },
  /** The server's certificate and those that issued it: PEM text, or a file's path. There is no TLS where it is absent. */
  tlsCertificate: { whose: "proxy", rule: textOrNone(pemRule("a certificate"), isPemOrFile), mend: "<file>" },
  /** Its private key: PEM text, which is a secret, or a file's path. Absent where the certificate is. */
  tlsKey: { whose: "proxy", rule: textOrNone(pemRule("a private key"), isPemOrFile), secret: true, command: SET_KEY },
  /** Addresses and networks of proxies before this one whose word about their clients is believed. */
  trustedProxies: { whose: "proxy", rule: structured(parseTrustedProxies), within: SET_TRUSTED_PROXY },
  /** The port on the host's loopback that leads straight to blue. */
  bluePort: { whose: "color", rule: port },
  /** The port on the host's loopback that leads straight to green. */
  greenPort: { whose: "color", rule: port },
  /** The port on which the app listens inside its container. */
  appPort: { whose: "slot", rule: port },
  /** The absolute path that answers when the app is well; unreserved URL characters only, no query. */
  healthPath: { whose: "slot", rule: text(PATH_RULE, isPlainPath) },
  /** The host that a container is asked for its health as; absent for the color's own name. */
  healthHost: { whose: "proxy", rule: textOrNone(HEALTH_HOST_RULE, isHealthHost), mend: "<host>" },
  /** The statuses that say that it is well, such as `200-299,401`; absent for those of its kind of image (see nginxConfiguration.ts). */
  healthStatus: { whose: "proxy", rule: textOrNone(STATUSES_RULE, isStatuses), mend: "<statuses>" },
  /** Environment variables of both colors, by name. */
  environment: {
    whose: "slot",
    rule: structured((json, refuse) => parseEnvironment("environment", json, refuse)),
    within: setVariableCommand("environment.<NAME>"),
  },
  /** The same, secret: each value must be wrapped with `pulumi.secret` before it reaches a resource. No name is in both. */
  secretEnvironment: {
    whose: "slot",
    rule: structured((json, refuse) => parseEnvironment("secretEnvironment", json, refuse)),
    secret: true,
    within: setVariableCommand("secretEnvironment.<NAME>"),
  },
  /** What Compose says of a service's containers, by its keys (see container/keys.ts); absent where nothing is. */
  container: {
    whose: "slot",
    rule: structured(parseContainer),
    within: "pulumi config set --path container.<key> <value>",
  },
  /** Containers of each color that serve nobody, by name; absent where there are none. */
  workers: {
    whose: "slot",
    rule: structured(parseWorkers),
    within: "pulumi config set --path workers.<name>.<key> <value>",
  },
  /** Commands in a container of their own at moments of a cutover, by name; absent where there are none. */
  jobs: {
    whose: "slot",
    rule: structured(parseJobs),
    within: "pulumi config set --path jobs.<name>.<key> <value>",
  },
  /** What stands beside both colors, by name; absent where there is nothing. Their variables may be secret. */
  accessories: {
    whose: "run",
    rule: structured(parseAccessories),
    secret: "may",
    within: "pulumi config set --path accessories.<name>.<key> <value>",
  },
  /** Whether both colors run with the strict set (see slotContainer.ts); absent for that of their kind of image. */
  hardened: {
    whose: "run",
    rule: textOrNone("must be true or false", (value) => value === "true" || value === "false").transform((value) =>
      value === undefined ? undefined : value === "true",
    ),
    mend: "<true or false>",
  },
  /** Volumes of the image's that may be gone with their container, by their paths. */
  ephemeralVolumes: {
    whose: "run",
    rule: structured((json, refuse) => parsePaths("ephemeralVolumes", json, refuse)),
    within: "pulumi config set --path 'ephemeralVolumes[0]' <path>",
  },
  /** False where a switch stops the old color's containers before the new one's start, so that they never share a volume; else absent. */
  sharedWhileSwitching: {
    whose: "slot",
    rule: trueOrFalse.transform((value) => (value ? undefined : value)),
    container: ["start"],
  },
  /** Whether `pulumi destroy` deletes the volumes that the stack made. */
  deleteVolumes: { whose: "run", rule: trueOrFalse },
  /** Memory limit of each container, in MiB. */
  memoryMb: { whose: "slot", rule: wholeNumber(MIN_MEMORY_MB, MAX_MEMORY_MB), container: ["memory"] },
  /** How long requests in flight may still take after a switch, in seconds; never below `keepAliveSeconds`. */
  drainSeconds: { whose: "cutover", rule: wholeNumber(1, MAX_SECONDS) },
  /** How long nginx keeps a client's idle connection open, in seconds. */
  keepAliveSeconds: { whose: "proxy", rule: wholeNumber(1, MAX_SECONDS) },
  /** Largest request body, in MiB. */
  maxBodyMb: { whose: "proxy", rule: wholeNumber(1, MAX_BODY_MB) },
  /** Largest line of a request's header, its first one too, and largest header of an answer, in KiB. */
  maxHeaderKb: { whose: "proxy", rule: wholeNumber(MIN_HEADER_KB, MAX_HEADER_KB) },
  /** Whether request headers with an underscore in their names are passed on. */
  underscoreHeaders: { whose: "proxy", rule: trueOrFalse },
  /** How long nginx waits for the app to take or give the next bytes, in seconds. */
  proxyTimeoutSeconds: { whose: "proxy", rule: wholeNumber(1, MAX_SECONDS) },
  /** Reference of the proxy's image. */
  nginxImage: { whose: "proxy", rule: image, mend: "<image>" },
  /** Reference of the image that `app/` is built from. */
  appBaseImage: { whose: "release", rule: image, mend: "<image>" },
  /** Where releases are: a registry's host and a repository there, without tag and digest. */
  registry: {
    whose: "release",
    rule: textOrNone(REPOSITORY_RULE, isRepository),
    quotes: true,
    mend: "<host>/<repository>",
  },
  /** Who pulls from that registry and pushes to it; nobody in particular where it is absent. */
  registryUser: {
    whose: "release",
    rule: textOrNone(REGISTRY_USER_RULE, isRegistryUser),
    quotes: true,
    mend: "<user>",
  },
  /** The user's password or token; a secret. REGISTRY_PASSWORD stands in for it (see registry.ts). */
  registryPassword: { whose: "release", rule: textOrNone(REGISTRY_PASSWORD_RULE, isRegistryPassword), secret: true },
  /** How long a new container may take to become healthy, in seconds: before the switch, and when it is made. */
  healthTimeoutSeconds: { whose: "gate", rule: wholeNumber(1, MAX_SECONDS) },
  /** What a color must answer before a switch; none if empty. `{color}` and `{version}` in their texts are not replaced yet. */
  smokeTests: { whose: "gate", rule: structured(parseSmokeTests), within: SET_SMOKE_TEST },
  /** Shell text that must exit 0 before a switch; no such gate where it is absent. */
  gateCommand: { whose: "gate", rule: textOrNone(COMMAND_RULE, isCommand), quotes: true, mend: COMMAND_PLACEHOLDER },
  /** The longest that `gateCommand` may take, in seconds. */
  gateTimeoutSeconds: { whose: "gate", rule: wholeNumber(1, MAX_SECONDS) },
  /** The host at which `gateCommand` reaches both colors' ports; a name, or an IPv4 or IPv6 address (without brackets or a zone). */
  targetHost: {
    whose: "gate",
    rule: text(
      "must be a host name, or an IPv4 or IPv6 address without brackets or a zone; no port, no http://",
      isHost,
    ),
    quotes: true,
  },
  /** How many fresh connections in a row must meet the new color before a switch counts as done. */
  verifyRequests: { whose: "cutover", rule: wholeNumber(1, MAX_VERIFY_REQUESTS) },
  /** How long the new color's answers are watched after a switch, in seconds; 0 for no watch. */
  bakeSeconds: { whose: "watch", rule: wholeNumber(0, MAX_SECONDS) },
  /** The share of 5xx answers in the watch, in percent, above which the switch is taken back. */
  maxErrorPercent: { whose: "watch", rule: decimal(0, 100) },
  /** How many answers the watch must have seen before `maxErrorPercent` and `maxP95Seconds` count. */
  minRequests: { whose: "watch", rule: wholeNumber(1, MAX_MIN_REQUESTS) },
  /** The 95th percentile of the answer time in the watch, in seconds, above which the switch is taken back; 0 for any. */
  maxP95Seconds: { whose: "watch", rule: decimal(0, MAX_P95_SECONDS) },
  /** The share of new visitors that goes to the idle color, in percent; 0 for none. */
  canaryPercent: { whose: "cutover", rule: wholeNumber(0, MAX_CANARY_PERCENT) },
  /** Whether visitors stay on their color after a switch: `cookie` gives each a session. */
  stickySessions: { whose: "cutover", rule: oneOf(["none", "cookie"], "must be none or cookie") },
  /** How long after a switch sessions of the color of before stay there, in seconds. */
  stickySeconds: { whose: "cutover", rule: wholeNumber(1, MAX_STICKY_SECONDS) },
  /** With it as header or cookie `X-Blue-Green-Preview` a request goes to the idle color; a secret. Nobody can where it is absent. */
  testerToken: { whose: "proxy", rule: textOrNone(TOKEN_RULE, isToken), secret: true },
  /** Beginnings of paths; what the color of a request answers with 404 there is asked of the other color. None if empty. */
  assetPaths: { whose: "proxy", rule: structured(parseAssetPaths), within: SET_ASSET_PATH },
  /** Whether everybody but testers gets 503 and the page of `nginx/maintenance.html`. */
  maintenance: { whose: "proxy", rule: trueOrFalse },
  /** The most requests a second of one client; 0 for any. */
  rateLimitPerSecond: { whose: "proxy", rule: wholeNumber(0, MAX_RATE) },
  /** The most requests of one client at once; 0 for any. */
  maxConnections: { whose: "proxy", rule: wholeNumber(0, MAX_AT_ONCE) },
  /** The most requests at once, of all clients, whose body has 10,000 bytes or more; 0 for any. */
  maxUploads: { whose: "proxy", rule: wholeNumber(0, MAX_AT_ONCE) },
  /** How much of an answer waits on the engine's disk for a client slower than the app, in MiB; 0 for none. */
  maxBufferMb: { whose: "proxy", rule: wholeNumber(0, MAX_BUFFER_MB) },
  /** Whether requests are counted and figures served (see monitoring.ts). */
  monitoring: { whose: "run", rule: oneOf(MONITORING, "must be off, metrics or on") },
  /** The port on the host's loopback at which the metrics are served; none is taken without them. */
  metricsPort: { whose: "run", rule: port },
  /** Who gets the alerts, in Alertmanager's words; may be secret, and is shown nowhere. Nobody where it is absent. */
  alertReceiver: {
    whose: "run",
    rule: structured(parseAlertReceiver, NEVER_SHOWN),
    secret: "may",
    within: SET_ALERT_RECEIVER,
  },
  /** The ports on the host's loopback of what looks for alerts and what sends them; none is taken without `monitoring: on`. */
  prometheusPort: { whose: "run", rule: port },
  alertmanagerPort: { whose: "run", rule: port },
  /** Memory limit of the three that watch all services, together, in MiB. */
  monitoringMemoryMb: { whose: "run", rule: wholeNumber(MIN_MONITORING_MB, MAX_MEMORY_MB) },
  /** References of their images. */
  prometheusImage: { whose: "run", rule: image, mend: "<image>" },
  alertmanagerImage: { whose: "run", rule: image, mend: "<image>" },
  blackboxImage: { whose: "run", rule: image, mend: "<image>" },
  /** How long a container that is stopped has from SIGTERM to SIGKILL, in seconds. */
  stopGraceSeconds: {
    whose: "slot",
    rule: wholeNumber(1, MAX_SECONDS),
    container: ["stopTimeout", "destroyGraceSeconds"],
  },
  /** How many containers each color has, at least 1. */
  replicas: { whose: "idle", rule: wholeNumber(1, MAX_REPLICAS) },
  /** What becomes of the idle color's containers; its image stays. */
  idle: { whose: "idle", rule: oneOf(["running", "stopped", "removed"], "must be running, stopped or removed") },
  /** How long the idle color stays up after a switch where `idle` is not `running`, in minutes. */
  idleAfterMinutes: { whose: "idle", rule: wholeNumber(0, MAX_IDLE_MINUTES) },
  /** Whether a release must have had visitors as a canary, and have been well with them, before a switch to it. */
  canaryFirst: { whose: "gate", rule: trueOrFalse },
  /** Who gets word of how each cutover ended; a secret, since a webhook's address lets in whoever knows it. Nobody where it is absent. */
  notifyUrl: { whose: "cutover", rule: textOrNone(RECEIVER_URL_RULE, isReceiver), secret: true },
  /** How that word is written. */
  notifyKind: { whose: "cutover", rule: oneOf(RECEIVER_KINDS, "must be json, slack, grafana or otlp") },
  /** What signs the word, or lets it in (see service/receiver.ts); a secret. Neither where it is absent. */
  notifySecret: { whose: "cutover", rule: textOrNone(RECEIVER_SECRET_RULE, isReceiverSecret), secret: true },
  /** Whether every image must be named by its digest, and none may be built on the way. */
  imagesByDigest: { whose: "run", rule: trueOrFalse },
  /** Whether the policy pack must run, and its policies hold. */
  policies: { whose: "run", rule: trueOrFalse },
  /** Whether this run may replace the nginx container. */
  allowProxyReplace: { whose: "run", rule: trueOrFalse },
  /** Whether this run may replace the container of the color that is live. */
  allowLiveReplace: { whose: "run", rule: trueOrFalse },
  /** The accessories that this run may replace or remove, by name. */
  allowAccessoryReplace: {
    whose: "run",
    rule: structured((json, refuse) => parseNames("allowAccessoryReplace", json, refuse)),
    within: "pulumi config set --path 'allowAccessoryReplace[0]' <name>",
  },
} as const satisfies Record<string, Row>;

type Shape = typeof SHAPE;

export type SettingName = keyof Shape;

/** The settings that have something in their row: `Having<"within", string>`. */
type Having<Key extends keyof Row, Value> = {
  [Name in SettingName]: Shape[Name] extends { readonly [_ in Key]: Value } ? Name : never;
}[SettingName];

/** Each setting by its name, as its rule gives it. */
export type Parsed = { -readonly [Name in SettingName]: z.output<Shape[Name]["rule"]> };

type OptionalName = { [Name in SettingName]: undefined extends Parsed[Name] ? Name : never }[SettingName];

/** The same, and those that may be empty left out where they are. */
export type FlatSettings = { [Name in Exclude<SettingName, OptionalName>]: Parsed[Name] } & {
  [Name in OptionalName]?: Exclude<Parsed[Name], undefined>;
};

/** What a color has of its own. */
export type ColorSettingName = Having<"whose", "color">;
/** A setting that both colors' containers are made from. */
export type SlotSettingName = Having<"whose", "slot">;
/** A setting with values of its own within. */
export type StructuredName = Having<"within", string>;
/** A setting whose value is a text that must be secret. */
export type SecretName = Exclude<Having<"secret", true>, StructuredName>;

/** The names of all settings. */
export const SETTING_NAMES = Object.keys(SHAPE) as readonly SettingName[];

export const rowOf = (name: SettingName): Row => SHAPE[name];

const having = (has: (row: Row) => boolean) => SETTING_NAMES.filter((name) => has(rowOf(name)));

/** The settings of a slot, in the table's order. */
export const SLOT_NAMES = having(({ whose }) => whose === "slot") as readonly SlotSettingName[];

/** Settings that must be secret where they say anything, beside those in `secretEnvironment`. */
export const SECRET_NAMES = having(
  ({ secret, within }) => secret === true && within === undefined,
) as readonly SecretName[];

/** Texts in which an unquoted number would lose how it is written. */
export const QUOTED_NAMES = having(({ quotes }) => quotes === true);

const isSetting = (name: string): name is SettingName => Object.hasOwn(SHAPE, name);

export const isStructured = (name: string): name is StructuredName =>
  isSetting(name) && rowOf(name).within !== undefined;

export const isSecretName = (name: string): name is SecretName => SECRET_NAMES.some((secret) => secret === name);

/** Whether a setting is refused where it is kept in plain text. */
export const mustBeSecret = (name: string): boolean => isSetting(name) && rowOf(name).secret === true;

/** Whether a setting's values are kept secret where they are set so, and may be plain as well. */
export const mayBeSecret = (name: string): boolean => isSetting(name) && rowOf(name).secret === "may";

/** The namespace of the settings in a stack's configuration, which is the project's name in Pulumi.yaml. */
export const NAMESPACE = "blue-green";

/** The keys of the settings that must or may be secret, as the program is told them: for those who are not told which ones are. */
export const SECRET_KEYS: ReadonlySet<string> = new Set(
  having(({ secret }) => secret !== undefined).map((name) => `${NAMESPACE}:${name}`),
);
