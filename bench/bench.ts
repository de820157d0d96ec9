import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { parseArgs } from "node:util";
import { freePorts, TestStack } from "../test/e2e/stack";
import { byHand } from "./byHand";
import { HOST_ADDRESS, load, makeClient, removeClient } from "./client";
import { interruption } from "./command";
import { cutoverWithoutLog, defaults, thisCutover } from "./cutover";
import { haproxy } from "./haproxy";
import { hostsSection, measureHosts } from "./hosts";
import { kamalProxy } from "./kamalProxy";
import { describeMachine, type Machine } from "./machine";
import { assertServes, measure, pause, wrk } from "./measure";
import { measureMonitoring, monitoringSection } from "./monitoring";
import { partOf, withPart } from "./part";
import { type Contender, type Missing, makePlace, type Place, removeContainers } from "./place";
import { aims, aimTable, document, type Plan, proxyTable, type Row, type Rows, upTable } from "./report";
import { measureServices, serviceSection } from "./services";
import { startContenders } from "./tls/contenders";
import { measureContenders, type TlsPlan } from "./tls/measure";
import { makeTlsPlace } from "./tls/place";
import { tlsSection } from "./tls/report";
import { timeUps } from "./ups";

const DOCUMENT = join(__dirname, "..", "docs", "benchmarks.md");

const USAGE =
  "npm run bench [-- --quick] [-- --rounds <number>] [-- --services] [-- --tls] [-- --monitoring] [-- --hosts] [-- --commands]";
const SWITCHES = 8;
const FULL: Plan & TlsPlan & { ups: number } = {
  ...{ rounds: 3, duration: 12, switches: SWITCHES, ups: 6 },
  ...{ seconds: 6, perConnection: 900, uploadsPerConnection: 8 },
};
/** For development: says whether it works, not how fast it is. */
const QUICK: typeof FULL = {
  ...{ rounds: 1, duration: 4, switches: SWITCHES, ups: 1 },
  ...{ seconds: 1, perConnection: 100, uploadsPerConnection: 2 },
};

/** Between two runs: what one leaves behind (closing connections, retiring workers) is not the next one's. */
const PAUSE_MILLISECONDS = 1500;

/** What can be measured alone. */
type Alone = "services" | "tls" | "monitoring" | "hosts" | "commands";

/** What the options ask for. */
function planned(): { plan: typeof FULL; quick: boolean } & Record<Alone, boolean> {
  const flag = { type: "boolean" } as const;
  const alone = { services: flag, tls: flag, monitoring: flag, hosts: flag, commands: flag } as const;
  const { values } = parseArgs({ options: { quick: flag, rounds: { type: "string" }, ...alone } as const });
  const quick = values.quick ?? false;
  const plan = quick ? QUICK : FULL;
  const rounds = Number(values.rounds ?? plan.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    throw new Error(`--rounds ${values.rounds}: must be a whole number from 1 to 100. ${USAGE}`);
  }
  const { services = false, tls = false, monitoring = false, hosts = false, commands = false } = values;
  return { plan: { ...plan, rounds }, quick, services, tls, monitoring, hosts, commands };
}

/** What has to be undone at the end, whatever the end is. The last thing made goes first. */
const undo: (() => unknown)[] = [];

async function cleanUp(): Promise<void> {
  for (const act of undo.reverse()) {
    try {
      await act();
    } catch (error) {
      say(`✗ clean-up: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(): Promise<void> {
  const { plan, quick, services, tls, monitoring, hosts, commands } = planned();
  const machine = await describeMachine(tls);

  undo.push(removeClient);
  await removeClient(); // what a run that was killed left; bench/run lets only one run at a time
  await makeClient();

  if (tls) return keepPart("tls", await tlsPart(plan, machine), quick);
  if (monitoring)
    return keepPart("monitoring", monitoringSection(await measureMonitoring(cleaningUp, plan.rounds, say)), quick);
  if (hosts) return keepPart("hosts", hostsSection(await measureHosts(cleaningUp, plan.rounds, say)), quick);
  const section = commands ? "" : serviceSection(await measureServices(cleaningUp, plan.rounds, say));
  if (services) return keepPart("services", section, quick);

  say("… a stack of its own: pulumi up, about 20 s");
  const stack = await TestStack.make(cleaningUp, { bindAddress: HOST_ADDRESS });
  await stack.up();
  const ups = await timeUps(stack, plan.ups, (round) => say(`… pulumi preview, up, empty up: ${round} of ${plan.ups}`));
  if (commands) return say(`\n${upTable(ups)}\n`);

  undo.push(removeContainers);
  await removeContainers();
  const place = await makePlace(stack, defaults.appPort);
  const proxies = await startProxies(place, stack.ports.http);
  const rows = await measureAll(proxies, plan);

  say(`\n${section}\n\n${proxyTable(rows)}\n\n${upTable(ups)}\n\n${aimTable(aims(rows, ups))}\n`);
  if (quick) {
    say("A quick run: docs/benchmarks.md stays as it is.");
  } else {
    const before = readFileSync(DOCUMENT, "utf8");
    const text = withPart(document(rows, ups, plan, machine), "services", section);
    writeFileSync(
      DOCUMENT,
      ["tls", "monitoring", "hosts"].reduce((all, part) => withOld(all, part, before), text),
    );
    say("Kept as docs/benchmarks.md.");
  }
}

/** The document with a part of the one before, which this run does not measure. */
function withOld(text: string, name: string, before: string): string {
  const part = partOf(before, name);
  return part === undefined ? text : withPart(text, name, part);
}

/** The part of a test's context that a stack needs: what it does after the test it does at the end. */
const cleaningUp = { after: (act: () => unknown) => undo.push(act) } as unknown as TestContext;

/** Prints a part of the document, and keeps it where this is no quick run. */
function keepPart(name: string, part: string, quick: boolean): void {
  say(`\n${part}\n`);
  if (!quick) writeFileSync(DOCUMENT, withPart(readFileSync(DOCUMENT, "utf8"), name, part));
}

/** Measures the front door under TLS, on a stack of its own. */
async function tlsPart(plan: TlsPlan, machine: Machine): Promise<string> {
  say("… a stack with a certificate: pulumi up, about 20 s");
  const place = await makeTlsPlace(cleaningUp);
  say("… the other proxies");
  const proxies = await startContenders(place, say);
  return tlsSection(await measureContenders(cleaningUp, proxies, plan, say), plan, machine);
}

async function startProxies(place: Place, port: number): Promise<Record<keyof Rows, Contender | Missing>> {
  const ports = (await freePorts(4)) as [number, number, number, number];
  say("… the other proxies");
  const proxies = {
    byHand: await byHand(place, ports[0]),
    cutover: await thisCutover(place, port),
    withoutLog: await cutoverWithoutLog(place, ports[1]),
    kamalProxy: await kamalProxy(place, ports[2]),
    haproxy: await haproxy(place, ports[3]),
  };
  for (const proxy of Object.values(proxies)) {
    if ("missing" in proxy) {
      say(`  ${proxy.name} is left out: ${proxy.missing}`);
    } else {
      await assertServes(proxy, "blue");
      await load(proxy, 1); // none is measured cold
    }
  }
  return proxies;
}

/** All of them in turn, as often as the plan says: without switches, then with. */
async function measureAll(proxies: Record<keyof Rows, Contender | Missing>, plan: Plan): Promise<Rows> {
  const rows = Object.fromEntries(
    Object.entries(proxies).map(([key, proxy]) => [
      key,
      "missing" in proxy ? proxy : { ...proxy, switching: [], steady: [] },
    ]),
  ) as unknown as Rows;
  const present = (Object.keys(rows) as (keyof Rows)[]).filter((key) => !("missing" in proxies[key]));
  const total = plan.rounds * present.length * 2;
  let count = 0;
  for (let round = 0; round < plan.rounds; round++) {
    for (const key of present) {
      const proxy = proxies[key] as Contender;
      const row = rows[key] as Row;
      for (const switches of [0, plan.switches]) {
        const { duration } = plan;
        say(
          `… ${++count} of ${total}: ${proxy.name}, ${duration} s ${switches ? `with ${switches} switches` : "without a switch"}`,
        );
        const measured = await measure(proxy, duration, switches, wrk(proxy, duration));
        (switches ? row.switching : row.steady).push(measured);
        if (measured.late > 0) say(`  the machine is too busy: ${measured.late} switches ended after the load`);
        await pause(PAUSE_MILLISECONDS);
      }
    }
  }
  return rows;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) return;
    say("Interrupted: removing what was made ...");
    interruption.abort(new Error(`interrupted (${signal})`));
  });
}

main()
  .catch((error: Error) => {
    say(interruption.signal.aborted ? "" : `✗ ${error.message}`);
    process.exitCode = interruption.signal.aborted ? 130 : 1;
  })
  .finally(cleanUp);
