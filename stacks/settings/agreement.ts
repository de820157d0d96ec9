import type { z } from "zod";
import { isByDigest, isImage } from "../engine/image";
import { signingKey } from "../service/receiver";
import { isObject, objectIn } from "../text/json";
import { quoted } from "../text/shell";
import { placesLeadingTo } from "./assetPaths";
import { defaultSettings } from "./defaults";
import { mendCommand } from "./errors";
import { removeCommand, setCommand } from "./problem";
import type { Hint } from "./rules";
import { MAX_PORT, type Parsed, type SettingName } from "./shape";
import { isPemOrFile, isReceiverSecret } from "./values";

/** The settings of one configuration, which may be wrong by themselves yet. */
export interface Agreement {
  /** Each as its rule gives it; one that its rule refuses as it was set. */
  parsed: Partial<Record<SettingName, unknown>>;
  /** Each as it was set. */
  values: Readonly<Record<string, unknown>>;
  isSecret(name: string): boolean;
  context: z.core.$RefinementCtx<Parsed>;
}

/** Refuses what one setting means for another. Those that are wrong by themselves, or secret, are refused already and passed over. */
export function agree(agreement: Agreement): void {
  agreeOnPairs(agreement);
  agreeOnDigests(agreement);
  agreeOnPorts(agreement);
  agreeOnHeaders(agreement);
  agreeOnAssets(agreement);
  agreeOnDraining(agreement);
  agreeOnContainer(agreement);
  agreeOnMemory(agreement);
  agreeOnSharing(agreement);
  agreeOnReceiver(agreement);
  agreeOnHosts(agreement);
  agreeOnMissingHosts(agreement);
}

/** Names an image by the digest that its registry has it under; the engine has learnt that by pulling it. */
export const setByDigest = (name: string, reference: string) => {
  const image = quoted(reference);
  return `docker pull ${image} && pulumi config set ${name} "$(docker image inspect --format '{{index .RepoDigests 0}}' ${image})"`;
};

const refuse = ({ context }: Agreement, name: SettingName, message: string, mend: string) =>
  context.addIssue({ code: "custom", path: [name], message, params: { mend } satisfies Hint });

function numberOf({ parsed, isSecret }: Agreement, name: SettingName): number | undefined {
  const value = parsed[name];
  return typeof value === "number" && !isSecret(name) ? value : undefined;
}

const isSet = ({ values }: Agreement, name: SettingName): boolean =>
  typeof values[name] === "string" && values[name] !== "";

/** Whether one of the two halves of a certificate is there. */
const isPemSet = (agreement: Agreement, name: "tlsCertificate" | "tlsKey"): boolean =>
  isSet(agreement, name) && isPemOrFile(String(agreement.values[name]));

function agreeOnPairs(agreement: Agreement): void {
  const pair = (name: SettingName, needs: SettingName) => {
    if (agreement.values[needs] !== "") return;
    refuse(agreement, needs, `must be set too, since ${name} is`, mendCommand(needs));
  };
  if (isPemSet(agreement, "tlsCertificate")) pair("tlsCertificate", "tlsKey");
  if (isPemSet(agreement, "tlsKey")) pair("tlsKey", "tlsCertificate");
  if (isSet(agreement, "registryUser")) pair("registryUser", "registry");
  if (isSet(agreement, "registryPassword")) pair("registryPassword", "registryUser");
  if (isSet(agreement, "notifySecret")) pair("notifySecret", "notifyUrl");
}

function agreeOnDigests(agreement: Agreement): void {
  if (agreement.parsed.imagesByDigest !== true) return;
  const accessories = (agreement.parsed.accessories ?? {}) as Parsed["accessories"] & object;
  for (const [name, { image }] of Object.entries(accessories)) {
    if (image === undefined || isByDigest(image)) continue;
    const message = "must be named by its digest, since imagesByDigest is true";
    const shown = agreement.isSecret("accessories") ? "<image>" : image;
    const params = { mend: setByDigest(`--path accessories.${name}.image`, shown) } satisfies Hint;
    agreement.context.addIssue({ code: "custom", path: ["accessories", name, "image"], message, params });
  }
  const watches = {
    off: [],
    metrics: [],
    on: ["prometheusImage", "alertmanagerImage", "blackboxImage"],
  } as const;
  const { monitoring } = agreement.parsed;
  const watching = Object.entries(watches).flatMap(([word, images]) => (word === monitoring ? images : []));
  for (const name of ["blueImage", "greenImage", "nginxImage", ...watching] as const) {
    const value = agreement.values[name];
    if (typeof value !== "string" || agreement.isSecret(name) || isByDigest(value)) continue;
    if (value === "") {
      const rule = "must be an image by its digest, since imagesByDigest is true: app/ is not built here";
      refuse(agreement, name, rule, setByDigest(name, "<image>"));
    } else if (isImage(value)) {
      refuse(agreement, name, "must be named by its digest, since imagesByDigest is true", setByDigest(name, value));
    }
  }
}

/** bindAddress may be the loopback as well, where the other ports are. Without TLS httpsPort takes none, nor do those of monitoring without it. */
function agreeOnPorts(agreement: Agreement): void {
  const tls = isPemSet(agreement, "tlsCertificate") || isPemSet(agreement, "tlsKey");
  const taken = tls ? (["httpPort", "httpsPort"] as const) : (["httpPort"] as const);
  const { monitoring } = agreement.parsed;
  const page = monitoring === "metrics" || monitoring === "on" ? (["metricsPort"] as const) : [];
  const watching = monitoring === "on" ? (["prometheusPort", "alertmanagerPort"] as const) : [];
  const names = [...taken, "bluePort", "greenPort", ...page, ...watching] as const;
  const ports = names.map((name) => numberOf(agreement, name));
  for (const [i, name] of names.entries()) {
    const port = ports[i];
    const holder = names[ports.indexOf(port)];
    if (port === undefined || holder === undefined || holder === name) continue;
    // Close to the highest port the search starts lower, with room for all of them.
    let free = port > MAX_PORT - names.length ? port - names.length : port + 1;
    while (ports.includes(free)) free += 1;
    ports[i] = free;
    refuse(agreement, name, `must differ from ${holder}, which has this port`, setCommand(name, String(free)));
  }
}

/** Whoever trusts a proxy reads what that one says of its client, and anybody may send what nginx reads by the same name. */
function agreeOnHeaders(agreement: Agreement): void {
  const { underscoreHeaders, trustedProxies } = agreement.parsed;
  if (underscoreHeaders !== true || !Array.isArray(trustedProxies) || trustedProxies.length === 0) return;
  refuse(
    agreement,
    "underscoreHeaders",
    "must be false while trustedProxies names any: nginx reads X_Forwarded_Host, which every client may send, as X-Forwarded-Host",
    setCommand("underscoreHeaders", "false"),
  );
}

/** Whoever asks a color for its health must not be answered by the other one. */
function agreeOnAssets({ parsed, values, isSecret, context }: Agreement): void {
  const { healthPath } = parsed;
  if (typeof healthPath !== "string" || isSecret("healthPath") || isSecret("assetPaths")) return;
  for (const index of placesLeadingTo(healthPath, values.assetPaths)) {
    const params = { mend: removeCommand("assetPaths", index) } satisfies Hint;
    const message = "must not be a beginning of healthPath: how a color is, the other one can't say";
    context.addIssue({ code: "custom", path: ["assetPaths", index], message, params });
  }
}

/** A reload ends the old workers after drainSeconds, and a client may still use their idle connections for keepAliveSeconds. */
function agreeOnDraining(agreement: Agreement): void {
  const drainSeconds = numberOf(agreement, "drainSeconds");
  const keepAliveSeconds = numberOf(agreement, "keepAliveSeconds");
  if (drainSeconds === undefined || keepAliveSeconds === undefined || drainSeconds >= keepAliveSeconds) return;
  const rule = `must be at least keepAliveSeconds, which is ${keepAliveSeconds}`;
  refuse(agreement, "drainSeconds", rule, setCommand("drainSeconds", String(keepAliveSeconds)));
}

/** Where only one color runs at a time, none can have visitors beside the other, and the idle one is stopped. */
function agreeOnSharing(agreement: Agreement): void {
  const { parsed } = agreement;
  if (parsed.sharedWhileSwitching !== false) return;
  const why = "while sharedWhileSwitching is false, since only one color runs at a time then";
  if (Number(parsed.canaryPercent) > 0)
    refuse(agreement, "canaryPercent", `must be 0 ${why}`, setCommand("canaryPercent", "0"));
  if (parsed.canaryFirst === true)
    refuse(agreement, "canaryFirst", `must be false ${why}`, setCommand("canaryFirst", "false"));
  if (parsed.idle === "removed") refuse(agreement, "idle", `must be stopped ${why}`, setCommand("idle", "stopped"));
}

/** What `container` says of another setting, and that one says in another way. */
function agreeOnContainer(agreement: Agreement): void {
  const { parsed, values, context, isSecret } = agreement;
  const container = isObject(parsed.container) && !isSecret("container") ? parsed.container : {};
  const twice = { memoryMb: ["mem_limit", "MiB"], stopGraceSeconds: ["stop_grace_period", "s"] } as const;
  for (const name of ["memoryMb", "stopGraceSeconds"] as const) {
    const [key, unit] = twice[name];
    const said = container[key];
    // One that is at its default was not set by anybody.
    if (said === undefined || parsed[name] === said || values[name] === defaultSettings()[name]) continue;
    refuse(
      agreement,
      name,
      `is ${said} ${unit} in container.${key}; must be in one of them only`,
      `pulumi config rm ${name}`,
    );
  }
  const variables = isObject(container.environment) ? container.environment : {};
  const plain = objectIn(values.environment) ?? {};
  const secret = objectIn(values.secretEnvironment) ?? {};
  for (const [name, value] of Object.entries(variables)) {
    const other = Object.hasOwn(secret, name)
      ? "secretEnvironment"
      : Object.hasOwn(plain, name) && String(plain[name]) !== value
        ? "environment"
        : undefined;
    if (other === undefined) continue;
    // The public value is very likely the secret one, left behind when it was moved: it isn't shown either.
    const params = {
      mend: removeCommand("container", "environment", name),
      secret: other !== "environment",
    } satisfies Hint;
    const differs = other === "environment" ? ", with another value" : "";
    const message = `is in ${other} too${differs}; must be in one of them only`;
    context.addIssue({ code: "custom", path: ["container", "environment", name], message, params });
  }
}

/** What several hosts can't have together: each has a network, volumes and a loopback of its own. */
function agreeOnHosts(agreement: Agreement): void {
  const { parsed, isSecret } = agreement;
  if (parsed.hosts === undefined || isSecret("hosts")) return;
  const leave = "pulumi config rm hosts";
  const accessories = isObject(parsed.accessories) ? Object.keys(parsed.accessories) : [];
  if (accessories.length > 0) {
    const names = isSecret("accessories") ? "" : ` (${accessories.join(", ")})`;
    const rule =
      `can't be had with accessories${names}: each host has a network and volumes of its own, so each would have another one with ` +
      "other data. Run them in a stack of their own, and have the environment name their host";
    refuse(agreement, "hosts", rule, leave);
  }
  if (parsed.monitoring === "on") {
    const rule =
      "must be metrics or off while hosts is set: the Prometheus of one host can't reach the loopback of another. With metrics your own " +
      "Prometheus asks each host";
    refuse(agreement, "monitoring", rule, setCommand("monitoring", "metrics"));
  }
  if (parsed.sharedWhileSwitching === false) {
    const rule =
      "must be true while hosts is set: each host has volumes of its own, so that the colors of two hosts share none, and a switch " +
      "would leave the public without an answer on all of them";
    refuse(agreement, "sharedWhileSwitching", rule, leave);
  }
}

/** One host at least must answer, or there is nobody to move. */
function agreeOnMissingHosts(agreement: Agreement): void {
  const { hosts } = agreement.parsed;
  const given = isSet(agreement, "hosts") ? objectIn(agreement.values.hosts) : {};
  const missing = numberOf(agreement, "allowMissingHosts");
  if (missing === undefined || missing === 0 || agreement.isSecret("hosts")) return;
  // Hosts that their own rule refuses are not counted.
  if (!Array.isArray(hosts) && Object.keys(given ?? { refused: true }).length > 0) return;
  const count = Array.isArray(hosts) ? hosts.length : 0;
  if (missing < count) return;
  const rule =
    count === 0
      ? "must be 0 where hosts is not set: there is no other host to go on with"
      : `must be less than the number of hosts, which is ${count}: one at least has to answer`;
  const mend = count < 2 ? "pulumi config rm allowMissingHosts" : setCommand("allowMissingHosts", String(count - 1));
  refuse(agreement, "allowMissingHosts", rule, mend);
}

/** Makes a key that signs, past the screen and the arguments of processes. */
const SET_SIGNING_KEY = 'echo "whsec_$(openssl rand -base64 32)" | pulumi config set --secret notifySecret';

/** Each kind of receiver has a use of its own for the secret, or none. */
function agreeOnReceiver(agreement: Agreement): void {
  const { notifyKind, notifySecret } = agreement.parsed;
  if (typeof notifySecret !== "string" || !isReceiverSecret(notifySecret)) return;
  if (notifyKind === "slack")
    refuse(agreement, "notifySecret", "must be empty where notifyKind is slack", "pulumi config rm notifySecret");
  if (notifyKind === "json" && signingKey(notifySecret) === undefined) {
    const rule = "must be whsec_ and 24 to 64 bytes in base64 where notifyKind is json: the key that signs";
    refuse(agreement, "notifySecret", rule, SET_SIGNING_KEY);
  }
}

/** A container that keeps more memory than it may have is not made by the engine. */
function agreeOnMemory({ parsed, isSecret, context }: Agreement): void {
  const container = isObject(parsed.container) && !isSecret("container") ? parsed.container : {};
  const { mem_reservation: kept, mem_limit: most = parsed.memoryMb } = container;
  const agreeIn = (
    place: [SettingName, ...string[]],
    block: Readonly<Record<string, unknown>>,
    inherited: typeof block,
  ) => {
    const { mem_reservation: reserved, mem_limit: limit } = { ...inherited, ...block };
    if (typeof reserved !== "number" || typeof limit !== "number" || reserved <= limit) return;
    const bare = "must be at most the memory limit";
    const fits = isSecret(place[0]) ? "<amount>" : `${limit}m`;
    const mend = setCommand([...place, "mem_reservation"].join("."), fits, "--path ");
    const params = { mend, bare } satisfies Hint;
    const message = `${bare}, which is ${limit} MiB`;
    context.addIssue({ code: "custom", path: [...place, "mem_reservation"], message, params });
  };
  agreeIn(["container"], container, { mem_limit: most });
  for (const setting of ["workers", "jobs", "accessories"] as const) {
    // A worker and a job get what the color has; an accessory nothing.
    const inherited = setting === "accessories" ? {} : { mem_reservation: kept, mem_limit: most };
    for (const [name, block] of Object.entries(isObject(parsed[setting]) ? parsed[setting] : {}))
      if (isObject(block)) agreeIn([setting, name], block, inherited);
  }
}
