import { writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { containerName, type ServiceId } from "../../stacks/service/names";
import { printableMessage, shown } from "../../stacks/text/plain";
import { quoted } from "../../stacks/text/shell";
import type { Arguments } from "../arguments";
import { runCommand } from "../command";
import { CantTellError, EXIT, type ExitCode, Refusal } from "../outcome";
import { readFile, stackNamed } from "../stack";
import { projectIn } from "../stackFile";
import { writeStackFile } from "../stackFileEdit";
import { busyPorts } from "./busyPorts";
import { type Project, readProject } from "./compose/project";
import { nextText } from "./next";
import { type Adoption, adoptionOf } from "./plan/adoption";
import { type Retype, severalWebs, webServices, whatIs } from "./plan/choice";
import type { Context } from "./plan/part";
import { freePort, possiblePorts, takenPorts } from "./plan/ports";
import { rolesOf } from "./plan/roles";
import { defaultSettings, problemsOf } from "./rules";
import { keepSecrets } from "./secrets";
import { otherStacksPorts, settingsOf } from "./stackSettings";
import { changesIn, withSettings } from "./stackText";
import { tableOf } from "./table";
import { USAGE } from "./usage";

type Asked = Arguments<"service" | "stack" | "profile" | "keep", "yes">;

/** The port at which nginx listens in its container. */
const PROXY_PORT = 8080;
/** Where a stack is tried before it takes over the port. */
const OTHER_PORT = 18_080;

const say = (text: string): void => console.log(printableMessage(text));

const listOf = (text: string | undefined): string[] => (text ?? "").split(",").filter(Boolean);

async function adopt(asked: Asked): Promise<ExitCode> {
  const directory = process.cwd();
  const program = readFile(directory, "Pulumi.yaml");
  if (program === undefined) throw new CantTellError("There is no Pulumi.yaml in this folder");
  const { files = [], service } = asked;
  const project = readProject({
    ...{ files: named(files), directory: typedIn(directory), profiles: listOf(asked.profile), env: process.env },
    ...(service !== undefined && { service }),
  });
  const stack = asked.stack ?? project.name;
  const owner = ownerOf(program, stack);
  const web = await chosen(project, service, retypeOf(asked));
  const settings = settingsOf(directory, owner);
  const own = [settings.bluePort, settings.greenPort].map(Number);
  const context: Context = {
    ...{ project, web, roles: rolesOf(project, web, listOf(asked.keep)) },
    liveAddress: `${containerName(owner, "proxy")}:${PROXY_PORT}`,
    stackPorts: otherStacksPorts(directory, owner),
    busyPorts: await busyPorts(possiblePorts(project, OTHER_PORT).filter((port) => !own.includes(port))),
  };
  const adoption = adoptionOf(context);
  assertValid(adoption);
  say(`${files.join(", ")}, project ${project.name}: Pulumi.${owner.stack}.yaml\n\n${tableOf(adoption.sections)}\n`);
  say(`${write(directory, owner, adoption, { ...asked, stack })}\n`);
  const kept = await keepSecrets(directory, stack, adoption.secrets);
  const set = adoption.secrets.map(({ setting }) => setting);
  if (kept.isThere && kept.why === undefined && set.length > 0) say(`Set with --secret: ${set.join(", ")}\n`);
  const keep = (names: readonly string[]) =>
    `${retypeOf({ ...asked, stack })("--keep", names.map(quoted).join(","))} --yes`;
  say(
    nextText({
      ...{ adoption, stack, kept, keep, profiles: listOf(asked.profile) },
      files: files.map((file) => relative(directory, resolve(typedIn(directory), file))),
      nginxImage: String(settings.nginxImage ?? defaultSettings().nginxImage),
      otherPort: freePort(OTHER_PORT, new Set(takenPorts(context))),
    }),
  );
  return EXIT.well;
}

function named(files: readonly string[]): readonly string[] {
  if (files.length > 0) return files;
  throw new CantTellError("Which compose file? None is named", [
    { purpose: "name it", command: "npm run adopt -- ../shop/docker-compose.yml" },
  ]);
}

/** Returns the folder that paths are relative to: npm starts a script in the project's, wherever it was typed. */
const typedIn = (directory: string): string =>
  process.env.npm_lifecycle_event === USAGE.command ? (process.env.INIT_CWD ?? directory) : directory;

function ownerOf(program: string, name: string): ServiceId {
  const project = projectIn(program);
  const parts = stackNamed(name);
  if (parts === undefined) {
    throw new CantTellError(`${shown(name)} can't be a stack's name`, [
      { purpose: "name the stack", command: "npm run adopt -- <file> --stack <stack>" },
    ]);
  }
  if (parts.project !== undefined && parts.project !== project) {
    throw new CantTellError(`${name} is a stack of ${parts.project}, and this is ${project}`);
  }
  return { project, stack: parts.stack };
}

/** Returns how the command is typed again, with one more option. */
const retypeOf =
  ({ files = [], service, stack, profile, keep }: Asked): Retype =>
  (option, value) => {
    const given = Object.entries({ service, stack, profile, keep }).flatMap(([name, text]) =>
      text === undefined || `--${name}` === option ? [] : [`--${name} ${quoted(text)}`],
    );
    return [`npm run adopt -- ${files.map(quoted).join(" ")}`, ...given, `${option} ${value}`].join(" ");
  };

/** Returns the app's service: the only one that can be meant, or the one that somebody at a terminal says. */
async function chosen(project: Project, service: string | undefined, retype: Retype): Promise<string> {
  const names = webServices(project, service, retype);
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  if (!process.stdin.isTTY || !process.stdout.isTTY) throw severalWebs(project, names, retype);
  const list = names.map((name, at) => `${at + 1}  ${name} (${whatIs(project.services[name] ?? {})})`);
  say(`These services publish a port:\n\n${list.join("\n")}\n`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = (await terminal.question(`Which one is the app? (1 to ${names.length}) `)).trim();
  terminal.close();
  const name = names.find((each, at) => answer === String(at + 1) || answer === each);
  if (name === undefined) throw severalWebs(project, names, retype);
  return name;
}

function assertValid({ config, secrets }: Adoption): void {
  const problems = problemsOf(config, secrets);
  if (problems === undefined) return;
  throw new Refusal(`The program would not take what this file comes to: ${problems}. Nothing was written`);
}

/** Writes the stack's file, and returns what became of it. */
function write(directory: string, { project, stack }: ServiceId, { config }: Adoption, asked: Asked): string {
  const file = `Pulumi.${stack}.yaml`;
  const before = readFile(directory, file);
  const comment = `What ${(asked.files ?? []).join(", ")} comes to (docs/compose.md).`;
  if (before === undefined) {
    writeFileSync(join(directory, file), withSettings(before, project, config, comment), { flag: "wx" });
    return `${file} is written.`;
  }
  const { added, changed, gone } = changesIn(file, before, project, config);
  const names = [
    ...changed.map((name) => `${name} changes`),
    ...added.map((name) => `${name} is new`),
    ...gone.map((name) => `${name} goes`),
  ];
  if (names.length === 0) return `${file} says all of that already.`;
  if (!asked.yes) {
    const { stack: name = stack } = asked;
    throw new Refusal(`${file} is there already, and was left as it is: ${names.join(", ")}`, [
      { purpose: "have these keys written", command: `${retypeOf(asked)("--stack", quoted(name))} --yes` },
    ]);
  }
  writeStackFile(directory, { file, text: before }, withSettings(before, project, config, comment));
  return `${file} is written: ${names.join(", ")}.`;
}

runCommand(USAGE, adopt);
