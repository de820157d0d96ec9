import { wrapped } from "../../stacks/text/columns";
import { printableLine } from "../../stacks/text/plain";
import { brokenCommand, quoted } from "../../stacks/text/shell";
import { isAddress } from "./compose/service";
import type { Adoption } from "./plan/adoption";
import type { Kept } from "./secrets";
import { COLUMNS } from "./table";

/** What the commands are about. */
export interface NextContext {
  adoption: Adoption;
  /** The files, by their paths from the project's folder. */
  files: readonly string[];
  /** The profiles that were asked for. */
  profiles: readonly string[];
  /** The proxy's image. */
  nginxImage: string;
  /** The stack as `pulumi --stack` takes it. */
  stack: string;
  kept: Kept;
  /** A port that nothing else has, to try the stack at. */
  otherPort: number;
  /** Types `adopt` as it was, with other services that stay with Compose. */
  keep(services: readonly string[]): string;
}

/** A step: what for, in words, and the commands in their order. */
interface Step {
  says: string;
  commands: string[];
  /** Whether it is done instead of those before. */
  isOther?: true;
}

const INDENT = "    ";

/**
 * What the public was out for in `test/e2e/adopt.test.ts`, in seconds: with PostgreSQL and Redis moved, and with the port alone. It prints
 * its own figures, and fails where they are far from these.
 */
const SECONDS = { throughStop: 10, port: 5 };

/** Returns how to move over: the commands in their order, and what each step costs the public. */
export function nextText(context: NextContext): string {
  const steps = [
    ...prepare(context),
    ...(context.adoption.stores.length > 0 ? throughStop(context) : sideBySide(context)),
    ...afterwards(context),
  ];
  let number = 0;
  return steps
    .map(({ says, commands, isOther }) => {
      if (!isOther) number += 1;
      const words = wrapped(`${isOther ? "Or:" : `${number}.`} ${printableLine(says)}`, COLUMNS);
      const lines = commands.flatMap((command) => brokenCommand(command, COLUMNS - INDENT.length));
      return [...words, "", ...lines.map((line) => `${INDENT}${line}`)].join("\n");
    })
    .join("\n\n");
}

/** What is done before anything runs: it costs the public nothing. */
function prepare({ adoption, stack, kept }: NextContext): Step[] {
  const { buildFolder } = adoption;
  const init: Step = {
    says: "Make the stack. Its file stays as it is, and gets a salt for secrets.",
    commands: [`pulumi stack init ${quoted(stack)}`],
  };
  const secrets: Step = {
    says: `Set the secrets, since ${kept.why}. The values wait in files of .state/ that only you can read.`,
    commands: kept.commands,
  };
  const app: Step = {
    says:
      "Put the app's folder in place of app/. Its Dockerfile gets two arguments, VERSION and BASE_IMAGE. With a registry " +
      "`npm run release` builds it once and pushes it.",
    commands: ["git rm -rq app && rm -rf app", ...bringFolder(buildFolder ?? ".")],
  };
  return [
    ...(kept.isThere ? [] : [init]),
    ...(kept.commands.length === 0 ? [] : [secrets]),
    ...(buildFolder === undefined ? [] : [app]),
  ];
}

/** Returns how a folder, or one of a git repository (`https://example/shop.git#main:web`), becomes `app/`. */
function bringFolder(folder: string): string[] {
  if (!isAddress(folder)) return [`cp -R ${quoted(folder)} app`];
  const [address = "", fragment = ""] = folder.split("#", 2);
  const [branch = "", inner = "."] = fragment.split(":", 2);
  const flags = ["--depth 1", ...(branch === "" ? [] : [`--branch=${quoted(branch)}`])].join(" ");
  return [
    `git clone ${flags} ${quoted(address)} .state/app`,
    `cp -R ${quoted(`.state/app/${inner}`)} app && rm -rf .state/app app/.git`,
  ];
}

/** What the first `pulumi up` does before anybody can be served. */
const read = ({ adoption, stack, nginxImage }: NextContext): Step[] => [
  {
    says:
      "Read what will be made. Nothing is touched." +
      (adoption.volumes.length === 0
        ? ""
        : " It is refused where the engine doesn't have a volume: then Compose runs under another name (`docker compose ls`), or never " +
          `ran (\`docker volume create ${adoption.volumes[0]}\`).`),
    commands: [`pulumi preview --stack ${quoted(stack)}`],
  },
  {
    says: "Have nginx's image on the engine. The others are there already, as Compose runs them.",
    commands: [`docker image inspect --format "{{.Id}}" ${quoted(nginxImage)} || docker pull ${quoted(nginxImage)}`],
  },
];

/** Workers end before the public is out: they may take long to finish what they do. */
function stopWorkers(context: NextContext, whose: string): Step[] {
  const { workers } = context.adoption.moved;
  if (workers.length === 0) return [];
  return [{ says: `End the workers. The public notices nothing: ${whose}`, commands: [stop(context, workers)] }];
}

/** A database's files must never be open twice: Compose ends before the stack begins. */
function throughStop(context: NextContext): Step[] {
  const { adoption, keep } = context;
  const { kept, moved, buildFolder } = adoption;
  const stays = kept.length > 0 ? ` Compose must have ${kept.join(" and ")} up.` : "";
  const build = buildFolder === undefined ? "" : ", and the building of the app";
  const stores = adoption.stores.join(" and ");
  return [
    ...read(context),
    ...stopWorkers(context, "their jobs wait."),
    {
      says:
        "Hand over. The public is out from the moment at which Compose stops the app until this first `pulumi up` says that blue is live, " +
        `since no two containers may have the data of ${stores} open. With PostgreSQL and Redis that was about ${SECONDS.throughStop} s; a ` +
        `container that takes longer to end or to become healthy adds its time${build}. \`time\` says how long it was at most.${stays}`,
      commands: [handOver(context, [moved.public, moved.accessories])],
    },
    {
      isOther: true,
      says:
        `To be out for about ${SECONDS.port} s, leave ${stores} with Compose and move the app alone: then the stack comes up beside it, on ` +
        `another port first. This writes the file for that, and says the steps.`,
      commands: [keep([...kept, ...adoption.stores])],
    },
  ];
}

/** Neither can spoil what the other has: the stack comes up on another port, and takes over the public's at the end. */
function sideBySide(context: NextContext): Step[] {
  const { adoption, stack, otherPort } = context;
  const { httpPort, volumes, kept, moved } = adoption;
  const flag = `--stack ${quoted(stack)}`;
  const meanwhile = [
    ...(kept.length > 0 ? [` Compose must have ${kept.join(" and ")} up.`] : []),
    ...(moved.workers.length > 0 ? [" Its workers and jobs run too, beside those of Compose."] : []),
    ...(volumes.length > 0
      ? [" Both have the volumes open meanwhile: not for an app that must be alone with its files."]
      : []),
  ];
  return [
    {
      says: `Bring the stack up beside Compose, on another port, and try it. The public notices nothing.${meanwhile.join("")}`,
      commands: [
        `pulumi config set httpPort ${otherPort} ${flag} && pulumi up ${flag}`,
        `curl -i http://${reachedAt(String(adoption.config.bindAddress))}:${otherPort}/`,
      ],
    },
    ...stopWorkers(context, "those of the stack go on."),
    {
      says:
        "Hand over the port. The public is out from the moment at which Compose stops the app until nginx, which this `pulumi up` replaces, " +
        `has the port: about ${SECONDS.port} s. \`time\` says how many at most.`,
      commands: [
        `pulumi config set httpPort ${httpPort} ${flag} && pulumi config set allowProxyReplace true ${flag}`,
        handOver(context, [moved.public, moved.accessories]),
        `pulumi config rm allowProxyReplace ${flag}`,
      ],
    },
    ...(volumes.length === 0 ? [] : [inOneStep(context)]),
  ];
}

/** For an app that must be alone with its files. */
const inOneStep = (context: NextContext): Step => ({
  says:
    "For an app that must be alone with its files, instead of the two steps before: in one, without trying it first. The public is out " +
    `from the moment at which Compose stops the app until this first \`pulumi up\` says that blue is live, about ${SECONDS.throughStop} s.`,
  isOther: true,
  commands: [handOver(context, [context.adoption.moved.public, context.adoption.moved.accessories])],
});

const reachedAt = (bindAddress: string): string => {
  if (["0.0.0.0", "::"].includes(bindAddress)) return "127.0.0.1";
  return bindAddress.includes(":") ? `[${bindAddress}]` : bindAddress;
};

/** One with `restart: always` would come up with the engine's next start, a second database among them. */
const afterwards = (context: NextContext): Step[] => [
  {
    says:
      "Stay: remove Compose's containers, or the next start of the engine brings those with `restart: always` up again. And take " +
      `${all(context).join(", ")} out of the compose file, so that no \`docker compose up\` makes them. The volumes stay.`,
    commands: [`${compose(context)} rm --force ${all(context).map(quoted).join(" ")}`],
  },
  {
    isOther: true,
    says: "Go back, as long as Compose's containers are there, also where the handing over has failed. The volumes stay where they are.",
    commands: [`pulumi destroy --stack ${quoted(context.stack)} && ${compose(context)} start`],
  },
];

const all = ({ adoption: { moved } }: NextContext): string[] => [
  ...moved.public,
  ...moved.workers,
  ...moved.accessories,
];

const compose = ({ files, profiles }: NextContext): string =>
  [
    "docker compose",
    ...files.map((file) => `-f ${quoted(file)}`),
    ...profiles.map((name) => `--profile ${quoted(name)}`),
  ].join(" ");

/** Stops services of what the stack takes over, and leaves what stays with Compose. */
const stop = (context: NextContext, services: readonly string[]): string =>
  `${compose(context)} stop ${services.map(quoted).join(" ")}`;

/** Stops services, one group after the other, and brings the stack up. It was read before, so no preview takes time here. */
function handOver(context: NextContext, groups: readonly string[][]): string {
  const stops = groups.filter((group) => group.length > 0).map((group) => stop(context, group));
  return `time (${[...stops, `pulumi up --yes --skip-preview --stack ${quoted(context.stack)}`].join(" && ")})`;
}
