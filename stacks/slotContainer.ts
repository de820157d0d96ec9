import type * as docker from "@pulumi/docker";
import { AGAIN } from "./service/missing";
import type { OwnContainerSettings } from "./settings/container/container";
import { KEYS } from "./settings/container/keys";

/** Of a slot's container, what is closed for the app, and what is mounted in it. */
type Closed = Pick<docker.ContainerArgs, "readOnly" | "securityOpts"> & {
  tmpfs?: Record<string, string>;
  capabilities?: { drops?: string[]; adds?: string[] };
};

const NO_NEW_PRIVILEGES = "no-new-privileges";

/** Where a container's log goes. */
export const LOGGING = { logDriver: "local", logOpts: { "max-size": "20m", "max-file": "5" } };

/**
 * How the engine's containers are changed: made anew, the old one first, since both have one name; one that is kept is not.
 *
 * @param ignored further inputs that stay what they are.
 */
export const changeOptions = (keep: boolean, ignored: readonly string[] = []) => ({
  deleteBeforeReplace: true,
  // memorySwap by its name too: it is the provider's own, and the star stands for what this program says.
  ignoreChanges: [...(keep ? ["*"] : []), "memorySwap", ...ignored],
  // Limits and tmpfs would be shown as updates and never reach the container.
  replaceOnChanges: ["*"],
});

/** The same for one of a color's. Of one that is gone there is nothing to keep. */
export const slotChangeOptions = (keep: boolean, isGone: boolean) =>
  isGone ? changeOptions(false) : changeOptions(keep, [AGAIN]);

/** What has a container made again that is gone: it differs from what it was in any run before. */
export const againInput = (isGone: boolean): Partial<docker.ContainerArgs> =>
  isGone ? { [AGAIN]: Math.floor(Date.now() / 1000) } : {};

/** The strict set: what a container of `app/` can do without. Its text is part of a hash (see slot.ts). */
export const STRICT = {
  readOnly: true,
  tmpfs: { "/tmp": "size=64m,mode=1777" },
  securityOpts: [NO_NEW_PRIVILEGES],
  capabilities: { drops: ["ALL"] },
};

/** What an image of somebody else is made for: Docker's own default set, without new privileges. */
const DEFAULT: Closed = { readOnly: false, securityOpts: [NO_NEW_PRIVILEGES] };

/**
 * Returns what `container` makes of a color's container.
 *
 * @param volumeOf the name on the engine of a volume that the stack made.
 */
export function containerInputs(
  container: OwnContainerSettings,
  hardened: boolean,
  volumeOf: (name: string, perColor: boolean) => docker.ContainerArgs["name"],
): Partial<docker.ContainerArgs> {
  const { volumes: { volumes = [], tmpfs = {} } = {} } = container;
  const direct = Object.entries(container).map(([name, value]) => {
    // A container that a newer version made may say more than this one knows.
    const key: { inputs?: (value: never) => Partial<docker.ContainerArgs> } = Object.hasOwn(KEYS, name)
      ? KEYS[name as keyof OwnContainerSettings]
      : {};
    return key.inputs?.(value as never) ?? {};
  });
  return {
    ...Object.assign({}, ...direct),
    ...closed(container, hardened, { ...tmpfs, ...container.tmpfs }),
    ...(volumes.length > 0 && {
      volumes: volumes.map(({ type, source, target, readOnly, selinux, perColor, external }) => ({
        containerPath: target,
        ...(type === "bind"
          ? { hostPath: source }
          : { volumeName: external ? source : (volumeOf(source, perColor === true) ?? source) }),
        ...(readOnly && { readOnly }),
        ...(selinux && { selinuxRelabel: selinux }),
      })),
    }),
  };
}

/** Returns the set that the image runs with, and what `container` opens or closes of it. */
function closed(container: OwnContainerSettings, hardened: boolean, mounted: Record<string, string>): Closed {
  const set: Closed = hardened ? STRICT : DEFAULT;
  const { read_only, cap_add = [], cap_drop = [], security_opt = [], volumes } = container;
  const drops = [...new Set([...(set.capabilities?.drops ?? []), ...cap_drop])];
  const own = set.securityOpts as string[];
  const isSaid = security_opt.some((option) => option.startsWith(NO_NEW_PRIVILEGES));
  const options = [...(isSaid ? [] : own), ...security_opt].filter(
    (option) => !/^no-new-privileges[:=]false$/.test(option),
  );
  const taken = new Set(volumes?.volumes.map(({ target }) => target));
  const tmpfs = Object.fromEntries(
    Object.entries({ ...set.tmpfs, ...mounted }).filter(([path]) => !taken.has(path) || Object.hasOwn(mounted, path)),
  );
  return {
    readOnly: read_only ?? (set.readOnly as boolean),
    ...(Object.keys(tmpfs).length > 0 && { tmpfs }),
    securityOpts: [...new Set(options)],
    ...((drops.length > 0 || cap_add.length > 0) && {
      capabilities: { ...(drops.length > 0 && { drops }), ...(cap_add.length > 0 && { adds: cap_add }) },
    }),
  };
}
