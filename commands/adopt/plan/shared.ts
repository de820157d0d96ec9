import { shown } from "../../../stacks/text/plain";
import type { Config } from "../rules";
import { takeCommand, testWithoutSecrets } from "./commands";
import { takeConfigs, takeSecrets, takeVolumes } from "./mounts";
import { type Part, type Reader, type Readers, takeKey } from "./part";
import { lost, needless, taken } from "./rows";

const MOST_REPLICAS = 20;

/** Labels by which other programs lead visitors to a container, or replace it: with them both colors would get visitors. */
const STEERING = /^(?:traefik|caddy|com\.centurylinklabs\.watchtower|com\.docker\.compose|nginx-proxy)(?:$|[._])/;

const takeLabels: Reader = (part, value, key) => {
  const labels = Object.entries(value as Record<string, unknown>);
  const steering = labels.filter(([name]) => STEERING.test(name)).map(([name]) => name);
  const others = Object.fromEntries(labels.filter(([name]) => !STEERING.test(name)));
  if (steering.length > 0) {
    const why = `not taken: ${steering.join(", ")}. By these another program would act on both colors`;
    part.rows.push(lost(key, why));
  }
  if (Object.keys(others).length > 0 && takeKey(part, "labels", others, key)) {
    part.rows.push(taken(key, `${part.place}.labels`));
  }
};

/** Readers of the keys that all services have in common. */
export const SHARED: Readers = {
  command: takeCommand,
  labels: takeLabels,
  volumes: takeVolumes,
  secrets: takeSecrets,
  configs: takeConfigs,
  // These are read with those of the services that stay with Compose.
  networks: () => {},
  env_file: ({ rows }, _, key) => rows.push(needless(key, "its variables are among those of environment")),
  profiles: ({ rows }, _, key) => rows.push(needless(key, "one of them was asked for")),
};

/** Returns how many containers a service has; undefined where a row says that there can't be so many. */
export function replicasIn(part: Part, value: unknown, key: string): number | undefined {
  const count = Number(value);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_REPLICAS) return count;
  part.rows.push(lost(key, `not taken: ${shown(value)} containers; from 1 to ${MOST_REPLICAS} are possible`));
  return undefined;
}

/** Takes a check that runs in the container. */
export const takeCheck: Reader = (part, value, key) => {
  const check = value as Config;
  if (saysNothing(check)) {
    part.rows.push(needless(key, "the image's own check counts as it is"));
    return;
  }
  const test = testWithoutSecrets(part, check.test);
  if (test === undefined && check.test !== undefined) {
    part.rows.push(lost(key, "not taken: it has a secret in it where a shell puts no variable in"));
    return;
  }
  if (takeKey(part, "healthcheck", { ...check, ...(test !== undefined && { test }) }, key)) {
    part.rows.push(taken(key, `${part.place}.healthcheck`));
  }
};

const saysNothing = (check: Config): boolean =>
  Object.keys(check).every((name) => name === "disable") && String(check.disable ?? false) === "false";
