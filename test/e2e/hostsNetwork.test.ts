import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { SILENT_SECONDS } from "../../cutover/silence";
import type { EngineHosts } from "./engineHosts";
import { RunningUp } from "./failures";
import { HostsStack } from "./hosts";
import { FailingHosts, failsOn, hostsRow, type Phase, SETTINGS } from "./hostsFailures";

test("the network to one of three hosts", async (t) => {
  const hosts = await HostsStack.startHosts(t);
  if (typeof hosts === "string") return t.skip(hosts);
  await t.test("is cut and comes back", (t) => rows(t, hosts));
});

async function rows(t: TestContext, hosts: EngineHosts): Promise<void> {
  const all = new FailingHosts(await HostsStack.make(t, hosts, SETTINGS, { overNetwork: true }));
  const b = all.host("b");
  await all.stack.up();
  const broken = { broken: ["b"], within: 60 } as const;

  await hostsRow(
    t,
    all,
    "network to a host cut before a run",
    async () => {
      await hosts.cut(b);
      await all.stack.set("activeColor", "green");
      await failsOn(new RunningUp(all.stack), /b: .*(?:not answer|no answer)/);
      await all.isOn("blue", "a", "c");
      await hosts.mend(b);
      await all.isOn("blue");
    },
    broken,
  );

  /** A host's cable is pulled in this phase until the others are back, and its host is given up. */
  const cutIn = (phase: Phase) => async () => {
    const up = await all.switching(phase);
    const cut = await all.at(phase, up, () => hosts.cut(b));
    if (phase !== "watch") await pause(SILENT_SECONDS * 1000 + 2500);
    const back = await all.untilOn(all.live, ["a", "c"], cut, 20);
    const served = await all.servesOn("b");
    if (phase === "move") await all.release("b");
    await hosts.mend(b);
    const { next } = await failsOn(up, /On host b: .*it did not answer for 10 s/);
    const ended = (performance.now() - cut) / 1000;
    console.log(
      `cut in the ${phase}: the others were back after ${back.toFixed(1)} s, b served ${served}; the run ended after ${ended.toFixed(1)} s; ${next}`,
    );
    await all.isOn(all.live);
  };
  for (const phase of ["gate", "check", "move", "watch"] as const)
    await hostsRow(t, all, `network to a host cut ${WHEN[phase]}`, cutIn(phase), broken);

  await hostsRow(
    t,
    all,
    "network to a host cut in the watch until after the run",
    async () => {
      const up = await all.switching("watch");
      const cut = await all.at("watch", up, () => hosts.cut(b));
      await failsOn(up, /On host b: .*it did not answer for 10 s/);
      console.log(`the run without the host ended after ${((performance.now() - cut) / 1000).toFixed(1)} s`);
      await all.isOn(all.live, "a", "c");
      await hosts.mend(b);
      await all.mends();
    },
    { ...broken, within: 120 },
  );
}

const WHEN = { gate: "in the gate", check: "between check and move", move: "in the move", watch: "in the watch" };
