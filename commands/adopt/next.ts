import { wrapped } from "../../stacks/text/columns";
import { printableLine } from "../../stacks/text/plain";
import { brokenCommand, quoted } from "../../stacks/text/shell";
import type { Adoption } from "./plan/adoption";
import type { Kept } from "./secrets";
import { COLUMNS } from "./table";

/** What the commands are about. */
export interface NextContext {
  adoption: Adoption;
  /** The files as they were named. */
  files: readonly string[];
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

/** Returns how to move over: the commands in their order, and what each step costs the public. */
export function nextText(context: NextContext): string {
  const steps = [
    ...prepare(context),
    ...(context.adoption.stores.length > 0 ? throughStop(context) : sideBySide(context)),
    afterwards(context),
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
  const { buildFolder, volumes } = adoption;
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
    commands: ["git rm -rq app && rm -rf app", `cp -R ${quoted(buildFolder ?? ".")} app`],
  };
  const made: Step = {
    says: "See that the volumes are there. If Compose never ran, make them; one that is there stays as it is.",
    commands: volumes.map((volume) => `docker volume create ${quoted(volume)}`),
  };
  return [
    ...(kept.isThere ? [] : [init]),
    ...(kept.commands.length === 0 ? [] : [secrets]),
    ...(buildFolder === undefined ? [] : [app]),
    ...(volumes.length === 0 ? [] : [made]),
  ];
}

/** A database's files must never be open twice: Compose ends before the stack begins. */
function throughStop(context: NextContext): Step[] {
  const { adoption, stack, keep } = context;
  const { kept } = adoption;
  const stays = kept.length > 0 ? ` Compose must have ${kept.join(" and ")} up.` : "";
  const stores = adoption.stores.join(" and ");
  const flag = `--stack ${quoted(stack)}`;
  return [
    { says: "Read what will be made. Nothing is touched.", commands: [`pulumi preview ${flag}`] },
    {
      says:
        "Hand over. The public is out from the moment at which Compose stops until the end of this first `pulumi up`, since no two " +
        `containers may have the data of ${stores} open. \`time\` says how long that was; pulling the images first makes it shorter.${stays}`,
      commands: [`${compose(context)} pull --ignore-buildable`, `time (${stop(context)} && pulumi up --yes ${flag})`],
    },
    {
      isOther: true,
      says:
        `To be out for seconds, leave ${stores} with Compose and move the app alone: then the stack comes up beside it, on another port ` +
        "first. This writes the file for that, and says the steps.",
      commands: [keep([...kept, ...adoption.stores])],
    },
  ];
}

/** Neither can spoil what the other has: the stack comes up on another port, and takes over the public's at the end. */
function sideBySide(context: NextContext): Step[] {
  const { adoption, stack, otherPort } = context;
  const { httpPort, volumes, kept, hasWorkers } = adoption;
  const flag = `--stack ${quoted(stack)}`;
  const meanwhile = [
    ...(kept.length > 0 ? [` Compose must have ${kept.join(" and ")} up.`] : []),
    ...(hasWorkers ? [" Its workers and jobs run too, beside those of Compose."] : []),
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
    {
      says:
        "Hand over the port. The public is out from the moment at which Compose stops until nginx, which this `pulumi up` replaces, has the " +
        "port: some seconds. `time` says how many at most.",
      commands: [
        `pulumi config set httpPort ${httpPort} ${flag} && pulumi config set allowProxyReplace true ${flag}`,
        `time (${stop(context)} && pulumi up --yes ${flag})`,
        `pulumi config rm allowProxyReplace ${flag}`,
      ],
    },
    {
      isOther: true,
      says:
        "In one step, without trying it first. The public is out from the moment at which Compose stops until the end of the first " +
        "`pulumi up`; `time` says how long that was.",
      commands: [`time (${stop(context)} && pulumi up --yes ${flag})`],
    },
  ];
}

const reachedAt = (bindAddress: string): string => {
  if (["0.0.0.0", "::"].includes(bindAddress)) return "127.0.0.1";
  return bindAddress.includes(":") ? `[${bindAddress}]` : bindAddress;
};

const afterwards = (context: NextContext): Step => ({
  says:
    `Stay, and take ${context.adoption.moved.join(", ")} out of the compose file, so that no \`docker compose up\` starts them again. Or ` +
    "go back, as long as they are in it: the volumes stay where they are.",
  commands: [`pulumi destroy --stack ${quoted(context.stack)} && ${compose(context)} start`],
});

const compose = ({ files }: NextContext): string =>
  `docker compose ${files.map((file) => `-f ${quoted(file)}`).join(" ")}`;

/** Stops what the stack takes over, and leaves what stays with Compose. */
const stop = (context: NextContext): string =>
  `${compose(context)} stop ${context.adoption.moved.map(quoted).join(" ")}`;
