import type { FlatSettings } from "../shape";
import type { ContainerSettings, OwnContainerSettings } from "./container";

/** The settings in which what `container` says of other ones is in those. */
export function withContainer(
  flat: FlatSettings,
): Omit<FlatSettings, "container"> & { container?: OwnContainerSettings } {
  const { container = {}, ...settings } = flat;
  const { environment, env_file, mem_limit, stop_grace_period, ...own } = container as ContainerSettings;
  const plain = { ...environment, ...settings.environment };
  // As in Compose a file's variable is not taken where it stands elsewhere.
  const secret = Object.entries(env_file ?? {}).filter(([name]) => !Object.hasOwn(plain, name));
  return {
    ...settings,
    environment: plain,
    secretEnvironment: { ...Object.fromEntries(secret), ...settings.secretEnvironment },
    memoryMb: mem_limit ?? settings.memoryMb,
    stopGraceSeconds: stop_grace_period ?? settings.stopGraceSeconds,
    ...(Object.keys(own).length > 0 && { container: own }),
  };
}
