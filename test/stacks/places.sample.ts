import type { PlaceArgs } from "../../stacks/blueGreen";
import { placesOf } from "../../stacks/plan/places";
import type { Host } from "../../stacks/service/hosts";
import type { UnknownWorld, World } from "../../stacks/service/world";
import type { Settings } from "../../stacks/settings/settings";
import { empty, owner } from "./blueGreen.mocks";
import { stubDocker } from "./engine/docker.stub";
import { sampleSettings } from "./settings/settings.sample";

export const OWN: Host = { name: "a" };
export const B: Host = { name: "b", address: "ssh://deploy@b.example" };
export const C: Host = { name: "c", address: "unix:///run/c.sock" };

/** A place for each host of a service with these settings, in the same order as their worlds. */
export const placed = (
  hosts: readonly Host[],
  worlds: readonly (World | UnknownWorld)[],
  settings: Partial<Settings> = {},
  of = owner,
): (PlaceArgs & { host: Host })[] =>
  placesOf(of, { ...sampleSettings, ...settings, hosts }).map((place, at) => ({
    ...(place as typeof place & { host: Host }),
    ...{ world: worlds[at] ?? empty, engine: stubDocker({}) },
  }));
