import { isObject } from "../../../stacks/text/json";
import type { Project } from "../compose/project";
import type { Config } from "../rules";
import { accessoryPart, jobPart, workerPart } from "./blocks";
import type { Context, Part, Secret } from "./part";
import type { Role, Roles } from "./roles";
import { lost, needless, type Row, type Section } from "./rows";
import { buildFolder, webPart } from "./web";

/** What a compose project comes to. */
export interface Adoption {
  /** The settings of the stack's file, by their bare names, without the secret ones. */
  config: Config;
  secrets: Secret[];
  /** What became of each key. */
  sections: Section[];
  httpPort: number;
  /** The folder that takes the place of `app/`; absent where an image is named. */
  buildFolder?: string;
  /** Services that stay with Compose. */
  kept: string[];
  /** The others, in the order in which they end there: workers and jobs, what the public reaches, and then what has their data. */
  moved: { workers: string[]; public: string[]; accessories: string[] };
  /** Volumes of the compose project, by their names on the engine. */
  volumes: string[];
  /** Accessories that have data: two containers must never have it open at the same time. */
  stores: string[];
}

/** The order of settings in the file. */
const ORDER = [
  ...["activeColor", "blueImage", "blueVersion", "greenImage", "greenVersion", "bindAddress", "httpPort", "bluePort"],
  ...["greenPort", "appPort", "healthPath", "healthTimeoutSeconds", "replicas", "memoryMb", "stopGraceSeconds"],
  ...["hardened", "smokeTests", "environment", "container", "workers", "jobs", "accessories"],
];

/** The setting of each kind. */
const SETTING = { worker: "workers", job: "jobs", accessory: "accessories" } as const;

/** A part with a name of its own. */
interface Block {
  part: Part;
  setting: string;
  name: string;
}

/** Decides what a compose project comes to. It reads nothing and writes nothing. */
export function adoptionOf(context: Context): Adoption {
  const { project, roles, web } = context;
  const app = webPart(context);
  const blocks = blocksOf(context, app);
  const parts = [app.part, ...blocks.map(({ part }) => part)];
  const config = configOf(app.part, blocks);
  const folder = buildFolder(context);
  const kept = servicesOf(roles, ["kept"]);
  return {
    config,
    secrets: parts.flatMap(({ secrets }) => secrets),
    sections: [
      ...parts.map(({ name, place, rows }) => ({ title: `${name}: ${name === web ? "blue and green" : place}`, rows })),
      ...othersOf(context),
      ...projectSections(project),
    ],
    kept,
    moved: {
      workers: servicesOf(roles, ["worker", "job"]),
      public: servicesOf(roles, ["web", "left"]),
      accessories: servicesOf(roles, ["accessory"]),
    },
    httpPort: Number(config.httpPort),
    ...(folder !== undefined && { buildFolder: folder }),
    volumes: volumesIn(parts),
    stores: blocks.filter(isStore).map(({ part }) => part.name),
  };
}

const servicesOf = (roles: Roles, kinds: readonly Role["kind"][]): string[] =>
  Object.entries(roles).flatMap(([name, { kind }]) => (kinds.includes(kind) ? [name] : []));

function blocksOf(context: Context, app: ReturnType<typeof webPart>): Block[] {
  return Object.entries(context.roles).flatMap(([service, role]): Block[] => {
    if (role.kind === "web" || role.kind === "kept" || role.kind === "left") return [];
    const setting = SETTING[role.kind];
    const place = `${setting}.${role.name}`;
    if (role.kind === "accessory") return [{ part: accessoryPart(context, service, place), setting, name: role.name }];
    const part = (role.kind === "job" ? jobPart : workerPart)(context, service, place, app);
    return [{ part, setting, name: role.name }];
  });
}

function configOf(app: Part, blocks: readonly Block[]): Config {
  const config: Config = { activeColor: "blue", ...app.settings };
  if (Object.keys(app.keys).length > 0) config.container = app.keys;
  for (const { part, setting, name } of blocks) {
    const before = isObject(config[setting]) ? config[setting] : {};
    config[setting] = { ...before, [name]: { ...part.settings, ...part.keys } };
  }
  return Object.fromEntries(ORDER.filter((name) => config[name] !== undefined).map((name) => [name, config[name]]));
}

/** The services of which nothing is in the stack's file. */
const othersOf = ({ roles }: Context): Section[] =>
  Object.entries(roles).flatMap(([name, role]) => {
    if (role.kind === "kept") {
      return [{ title: `${name}: stays with Compose`, rows: [(role.isAsked ? needless : lost)("", role.why)] }];
    }
    if (role.kind === "left") return [{ title: `${name}: not taken`, rows: [lost("", role.why)] }];
    return [];
  });

/** What there is to say of the project itself. */
function projectSections({ inactive, unset, odd }: Project): Section[] {
  const rows: Row[] = [
    ...Object.entries(inactive).map(([name, profiles]) =>
      needless(name, `only with the profile ${profiles.join(" or ")}: --profile ${profiles[0]}`),
    ),
    ...(unset.length > 0 ? [lost("variables", `empty, since they are nowhere set: ${unset.join(", ")}`)] : []),
    ...odd.map((key) => lost(key, "not taken: there is no such key here")),
  ];
  return rows.length === 0 ? [] : [{ title: "The project", rows }];
}

const volumesIn = (parts: readonly Part[]): string[] => [
  ...new Set(
    parts
      .flatMap(({ mounts }) => mounts)
      .flatMap((mount) => (isObject(mount) && mount.type === "volume" ? [String(mount.source)] : [])),
  ),
];

const isStore = ({ part, setting }: Block): boolean => setting === "accessories" && part.mounts.some(isData);

/** A folder of the host or a volume that can be written to. */
const isData = (mount: unknown): boolean =>
  isObject(mount)
    ? mount.type === "volume" && mount.read_only !== true
    : !String(mount).split(":").slice(2).join().split(",").includes("ro");
