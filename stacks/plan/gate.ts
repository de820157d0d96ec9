import { remoteHost } from "../engine/host";
import { RUN_POLICY_PACK } from "./policyPack";
import type { Part, Situation } from "./situation";
import { isWayBack } from "./wayBack";

/** What `targetHost` is where nobody has set it: this machine, which is the engine's own unless the engine is elsewhere. */
const OWN_HOST = "127.0.0.1";

/** Refuses a run without the policy pack where `policies` asks for it, but for the way back. */
export function decidePolicies({ settings, world, policyPack }: Situation): Part {
  if (!settings.policies || policyPack) return {};
  const seen =
    "The setting policies is true, but this run has no policy pack: PULUMI_OPTION_POLICY_PACK is not set (--policy-pack is not seen here)";
  if (!("unknown" in world) && isWayBack(world, settings))
    return { warnings: [`${seen}. The way back goes on without it. Afterwards: ${RUN_POLICY_PACK}`] };
  return { refusals: [`${seen}. Nothing was touched. Next: ${RUN_POLICY_PACK}, then the same command again`] };
}

/** Warns in each run of secrets that anybody can open; with `policies` no run goes on with them but the way back. */
export function decideSecrets({ settings, world, openSecrets }: Situation): Part {
  if (!openSecrets) return {};
  const seen = "The stack's passphrase is empty: whoever can read its file can read its secrets";
  const next =
    "npm run passphrase, then: source .envrc; for a state outside of this folder: pulumi stack change-secrets-provider passphrase";
  if (!settings.policies) return { warnings: [`${seen}. Next: ${next}`] };
  if (!("unknown" in world) && isWayBack(world, settings))
    return { warnings: [`${seen}. The way back goes on, although the setting policies is true. Afterwards: ${next}`] };
  return { refusals: [`${seen}, which the setting policies forbids. Nothing was touched. Next: ${next}`] };
}

/** Refuses a gate command that would pass by whatever answers on this machine, while the color is on another one. */
export function decideGate({ settings, dockerHost }: Situation): Part {
  const host = remoteHost(dockerHost);
  if (host === undefined || settings.gateCommand === undefined || settings.targetHost !== OWN_HOST) return {};
  return {
    refusals: [
      `gateCommand would ask http://${OWN_HOST}:${settings.slots[settings.activeColor].port} on this machine, but the engine is at ` +
        `${host}: what answers there may be something else. Nothing was touched. Next: pulumi config set targetHost <the host at which ` +
        "this machine reaches the engine's loopback ports, as by a tunnel; `localhost` where the tunnel begins here>; " +
        "or pulumi config rm gateCommand",
    ],
  };
}

/** Warns of a receiver of alerts that nobody sends any to. */
export function decideAlerts({ settings: { alertReceiver, monitoring } }: Situation): Part {
  if (alertReceiver === undefined || monitoring === "on") return {};
  const seen = `alertReceiver is set, but monitoring is ${monitoring}: nobody sends alerts`;
  return {
    warnings: [`${seen}. Next: pulumi config set monitoring on, or without alerts: pulumi config rm alertReceiver`],
  };
}
