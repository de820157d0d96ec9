import { isDeepStrictEqual } from "node:util";
import type { Known, Part } from "./situation";

/** Keeps the proxy as it is, unless it is meant to be replaced. */
export function decideProxy({ world, settings, proxy }: Known): Part {
  const gone = world.proxyGone
    ? [
        "The proxy's container is gone and its volume is there. Where it was removed by hand (docker rm, docker system prune), or the network with it, " +
          "only this makes again what is gone: pulumi up --refresh",
      ]
    : [];
  if (!world.proxy?.running) return { warnings: gone };
  const { made, id } = world.proxy;
  const changes = changed(made, proxy);
  const needed = neededChanges(made, proxy);
  if (changes.length === 0) return { warnings: gone, keep: { proxy: true } };
  if (needed.length === 0 && !settings.allowProxyReplace) {
    const replace =
      `${lacksDns("proxy")} To replace it, for some seconds without an answer: pulumi config set allowProxyReplace true && ` +
      "pulumi up && pulumi config rm allowProxyReplace";
    return { warnings: [...gone, replace], keep: { proxy: true } };
  }
  if (settings.allowProxyReplace) {
    const cost =
      `The proxy is replaced (${changes.join(", ")}), as allowProxyReplace allows: the public gets no answer for some seconds. ` +
      "Afterwards: pulumi config rm allowProxyReplace";
    return { warnings: [...gone, cost], replacedProxyId: id };
  }
  const refusal =
    `This would replace the nginx container (${needed.join(", ")}), and the public would get no answer for some seconds. ` +
    "Nothing was touched. Either put the setting back, or do it on purpose: pulumi config set allowProxyReplace true && pulumi up";
  return { warnings: gone, refusals: [refusal] };
}

/** Returns each difference in words: `httpPort 8080 -> 9090`. */
export function changed(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const isKnown = Object.keys(before).length > 0;
  return Object.keys({ ...before, ...after })
    .filter((key) => !isDeepStrictEqual(before[key], after[key]))
    .map((key) => `${key} ${text(before[key], isKnown)} -> ${text(after[key], true)}`);
}

/** Those of {@link changed} without which an nginx that runs can't go on: one of an earlier version goes on without its DNS options. */
export const neededChanges = (before: Record<string, unknown>, after: Record<string, unknown>): string[] =>
  changed(before, before.dns === undefined ? { ...after, dns: undefined } : after);

/** What an nginx of an earlier version does, for warnings. */
export const lacksDns = (what: "proxy" | "gateway"): string =>
  `The ${what}'s container was made by an earlier version. While a container behind it is away, it asks the host's name servers for ` +
  "that name, and whoever answers there gets the requests; a new one does not ask.";

/** A setting that is absent was not set; where nothing can be read of the old container, nobody knows. */
const text = (value: unknown, isKnown: boolean): string =>
  value === undefined ? (isKnown ? "(none)" : "unknown") : String(value);
