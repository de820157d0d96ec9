import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Configuration } from "./settings/read";
import { jsonIn } from "./text/json";

/** What a {@link ServiceHost} is made from. */
export interface ServiceHostArgs {
  /** The engine's address. */
  address: string;
  /** What the stack's configuration says of the Docker provider (see `readProvider`), which Pulumi gives to the default one alone. */
  provider: Configuration;
}

/** All that stands of a service on a host that isn't the stack's own engine. It has that host's provider. */
export class ServiceHost extends pulumi.ComponentResource {
  constructor(name: string, { address, provider }: ServiceHostArgs, opts: pulumi.ComponentResourceOptions) {
    const own = new docker.Provider(name, providerArgs(address, provider), opts);
    super("blue-green:index:Host", name, {}, { ...opts, providers: { docker: own } });
    this.registerOutputs();
  }
}

/** What of the default provider's configuration counts for the engine at another address, by how it is reached. */
const HANDED_ON = {
  always: ["registryAuth", "disableDockerDaemonCheck"],
  "ssh:": ["sshOpts"],
  "tcp:": ["certPath", "caMaterial", "certMaterial", "keyMaterial"],
} as const;

/** The inputs of which Pulumi's configuration has JSON. */
const JSON_INPUTS: readonly string[] = ["registryAuth", "disableDockerDaemonCheck", "sshOpts"];

/** Returns the provider's inputs: what may be secret stays so. */
export function providerArgs(address: string, { raw, secretKeys }: Configuration): docker.ProviderArgs {
  const scheme = address.slice(0, address.indexOf("/"));
  const names = [...HANDED_ON.always, ...(scheme === "ssh:" || scheme === "tcp:" ? HANDED_ON[scheme] : [])];
  const inputs = names.flatMap((name) => {
    const key = `docker:${name}`;
    const text = raw[key];
    if (text === undefined) return [];
    const value = JSON_INPUTS.includes(name) ? jsonIn(text) : text;
    return [[name, secretKeys.has(key) ? pulumi.secret(value) : value]];
  });
  return { host: address, ...Object.fromEntries(inputs) };
}
