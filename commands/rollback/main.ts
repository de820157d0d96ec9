import { rollBack, type WayBack } from "../../cutover/rollback";
import { CutoverFailed } from "../../cutover/run";
import { type Docker, isGone } from "../../stacks/engine/docker";
import { COLORS, type Color } from "../../stacks/service/color";
import { nameOf, whoRuns } from "../../stacks/service/who";
import { plain, printableMessage, shown } from "../../stacks/text/plain";
import { quoted } from "../../stacks/text/shell";
import type { Arguments } from "../arguments";
import { runCommand } from "../command";
import { CantTellError, EXIT, type ExitCode } from "../outcome";
import { engineOf, type FoundStack, findStack, noService, noStack } from "../stack";
import { type StackFile, stackIn } from "../stackFile";
import { withValues, writeStackFile } from "../stackFileEdit";
import { readServices } from "../status/services";
import { asTyped, type Commands, commandsFor } from "../typed";
import { USAGE } from "./usage";
import { wayBack } from "./way";

const say = (line: string) => console.log(printableMessage(line));

async function rollback({ stack, service, to }: Arguments<"to" | "service", never>): Promise<ExitCode> {
  const found = await findStack(process.cwd(), stack, (name) => typed([quoted(name)]));
  const color = colorOf(to);
  const { host } = hostIn(found);
  const docker = engineOf(host === undefined ? {} : { host });
  const commands = commandsFor(found.named, host, service);
  const owner = { ...found.owner, ...(service !== undefined && { service }) };
  const retype = (to: Color) =>
    typed([...(found.named === undefined ? [] : [quoted(found.named)]), ...of(service), "--to", to]);
  // What has begun is brought to its end: it takes less than the thought of stopping it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  const who = whoRuns(process.env);
  const asked = { to: color, by: nameOf(who), now: new Date(), commands, retype };
  const tools = { docker, say, signal: new AbortController().signal, who };

  let way: WayBack | undefined;
  try {
    way = await rollBack(owner, (seen) => wayBack(seen, asked), `put back by hand (${typed([])})`, tools);
  } catch (error) {
    if (error instanceof CutoverFailed) {
      console.error(printableMessage(asTyped(error.message)));
      return EXIT.finding;
    }
    throw isGone(error as Error) ? await absent(docker, found, service, commands) : error;
  }
  if (way === undefined) console.log(`The public is on ${color} already. Nothing was changed.`);
  else tellNext(found, way, service, commands);
  return EXIT.well;
}

const typed = (words: readonly string[]): string =>
  asTyped(["npm run rollback", ...(words.length === 0 ? [] : ["--", ...words])].join(" "));

const of = (service: string | undefined) => (service === undefined ? [] : ["--service", quoted(service)]);

function colorOf(to: string | undefined): Color | undefined {
  const color = COLORS.find((each) => each === to);
  if (to === undefined || color !== undefined) return color;
  throw new CantTellError(`--to is ${shown(to)}, and a color is blue or green`, [
    { purpose: "go back", command: typed([]) },
  ]);
}

/** The engine's address in the stack's file. A file that can't be read must not hold up the way back. */
function hostIn({ file, text, owner }: FoundStack): Pick<StackFile, "host"> {
  if (text === undefined) return {};
  try {
    return stackIn(file, text, owner.project);
  } catch (error) {
    say(`${(error as Error).message}: the engine is that of DOCKER_HOST, or this machine's`);
    return {};
  }
}

/** Returns why there is no proxy of that name: the stack has several services, or nothing of it runs. */
async function absent(
  docker: Docker,
  { owner, text, next }: FoundStack,
  service: string | undefined,
  commands: Commands,
): Promise<Error> {
  const { services } = await readServices(docker, owner);
  const status = commandsFor(undefined, undefined).status();
  if (service !== undefined) return noService(service, services, status);
  if (services.length > 0) {
    const [first = ""] = services;
    return new CantTellError(`This stack has several services (${services.join(", ")}): which one?`, [
      { purpose: "go back with one", command: typed(["--service", quoted(first)]) },
    ]);
  }
  if (text === undefined) return new CantTellError(noStack(owner.stack), next);
  return new CantTellError(`Nothing of the stack ${owner.stack} runs on this engine`, [
    { purpose: "see what there is", command: commands.status() },
  ]);
}

/** Has the stack's file agree, and says what is left to type. */
function tellNext(found: FoundStack, { to, putBack }: WayBack, service: string | undefined, commands: Commands): void {
  const [name, value] =
    putBack?.canaryPercent === undefined ? (["activeColor", to] as const) : (["canaryPercent", "0"] as const);
  const set = service === undefined ? written(found, name, value) : undefined;
  if (set === true) {
    console.log(`${found.file} says ${name} ${value} now. Next, to have Pulumi agree: ${commands.up()}`);
    console.log("Where a pipeline runs `pulumi up`, commit that line first.");
    return;
  }
  if (set !== undefined) say(set);
  console.log(`Next, to have Pulumi agree: ${commands.upWith([name, value])}`);
}

/** Sets a setting in the stack's file, where there is one; otherwise why it could not. */
function written({ owner, file, text }: FoundStack, name: string, value: string): true | string | undefined {
  if (text === undefined) return undefined;
  try {
    const edited = withValues(file, text, { [`${owner.project}:${name}`]: value });
    if (edited !== text) writeStackFile(process.cwd(), { file, text }, edited);
    return true;
  } catch (error) {
    return `${file} was left as it is: ${plain((error as Error).message)}`;
  }
}

runCommand(USAGE, rollback);
