import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { SILENT_SECONDS } from "../../cutover/silence";
import type { EngineHosts } from "./engineHosts";
import { fails } from "./failures";
import { HostsStack } from "./hosts";
import { FailingHosts, failsOn, type Phase, row, SETTINGS } from "./hostsFailures";

test("the network to one of three hosts", async (t) => {
  const engines = await HostsStack.startHosts(t);
  if (typeof engines === "string") return t.skip(engines);
  await t.test("is cut and comes back", (t) => rows(t, engines));
});

async function rows(t: TestContext, engines: EngineHosts): Promise<void> {
  const hosts = new FailingHosts(await HostsStack.make(t, engines, SETTINGS, { overNetwork: true }));
  const b = hosts.host("b");
  await hosts.stack.up();
  const broken = { broken: ["b"], within: 60 } as const;

  await row(
    t,
    hosts,
    "network to a host cut before a run",
    async () => {
      await engines.cut(b);
      await hosts.stack.set("activeColor", "green");
      await fails(hosts.stack, "b: No Docker Engine answered: ", "Nothing was touched, on no host. Next: ");
      await hosts.isOn("blue", "a", "c");
      await engines.mend(b);
      await hosts.isOn("blue");
    },
    broken,
  );

  /** A host's cable is pulled in this phase until the others are back, and its host is given up. */
  const cutIn = (phase: Phase) => async () => {
    const up = await hosts.switching(phase);
    const cut = await hosts.at(phase, up, () => engines.cut(b));
    if (phase !== "watch") await pause(SILENT_SECONDS * 1000 + 2500);
    const back = await hosts.untilOn(hosts.live, ["a", "c"], cut, 20);
    const served = await hosts.servesOn("b");
    if (phase === "move") await hosts.release("b");
    await engines.mend(b);
    const { next } = await failsOn(up, /On host b: .*it did not answer for 10 s/);
    const ended = (performance.now() - cut) / 1000;
    console.log(
      `cut in the ${phase}: the others were back after ${back.toFixed(1)} s, b served ${served}; the run ended after ${ended.toFixed(1)} s; ${next}`,
    );
    await hosts.isOn(hosts.live);
  };
  await row(t, hosts, "network to a host cut in the gate", cutIn("gate"), broken);
  await row(t, hosts, "network to a host cut between check and move", cutIn("check"), broken);
  await row(t, hosts, "network to a host cut in the move", cutIn("move"), broken);
  await row(t, hosts, "network to a host cut in the watch", cutIn("watch"), broken);

  await row(
    t,
    hosts,
    "network to a host cut in the watch until after the run",
    async () => {
      const up = await hosts.switching("watch");
      const cut = await hosts.at("watch", up, () => engines.cut(b));
      await failsOn(up, /On host b: .*it did not answer for 10 s/);
      console.log(`the run without the host ended after ${((performance.now() - cut) / 1000).toFixed(1)} s`);
      await hosts.isOn(hosts.live, "a", "c");
      await engines.mend(b);
      await hosts.mends();
    },
    { ...broken, within: 120 },
  );
}
