import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { other } from "../../stacks/service/color";
import type { EngineHosts } from "./engineHosts";
import { endRun, processesWith, RunningUp, says, until } from "./failures";
import { HostsStack } from "./hosts";
import { FailingHosts, failsOn, hostsRow, type Phase, SETTINGS } from "./hostsFailures";

test("failures of one of three hosts", async (t) => {
  const hosts = await HostsStack.startHosts(t);
  if (typeof hosts === "string") return t.skip(hosts);
  await t.test("all of them move or none", (t) => rows(t, hosts));
});

async function rows(t: TestContext, hosts: EngineHosts): Promise<void> {
  const made = await HostsStack.make(t, hosts, SETTINGS, { overNetwork: true });
  const all = new FailingHosts(made);
  const { stack } = made;
  const [b, c] = [all.host("b"), all.host("c")];
  const proxy = made.called("proxy");
  // A volume of one megabyte; a volume that is there already is taken as it is.
  await c.docker(
    ...["volume", "create", "--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m"],
    ...["--label", `blue-green.stack=${stack.name}`, proxy],
  );
  await stack.up();
  /** The engine of b is there again, with its containers. */
  const restarted = async () => {
    await hosts.restart(b);
    await until("b serves", async () => (await all.servesOn("b")) !== "", 30);
  };
  const broken = { broken: ["b"], within: 60 } as const;

  await hostsRow(
    t,
    all,
    "a host's engine killed before a run",
    async () => {
      await hosts.kill(b);
      await stack.set("activeColor", "green");
      await failsOn(new RunningUp(stack), /b: .*Cannot connect/);
      await all.isOn("blue");
      await restarted();
    },
    broken,
  );

  await hostsRow(
    t,
    all,
    "a host's engine killed in the gate",
    async () => {
      const up = await all.switching();
      await all.at("gate", up, () => hosts.kill(b));
      await failsOn(up, /On host b: green was not switched to: .*/, "Nothing was changed: the public is on blue.");
      await all.isOn("blue");
      await restarted();
    },
    broken,
  );

  await hostsRow(
    t,
    all,
    "a host's proxy killed between check and move",
    async () => {
      const up = await all.switching("check");
      await all.at("check", up, () => b.docker("kill", proxy));
      await failsOn(up, /On host b: /);
      await all.isOn("blue", "a", "c");
      await b.docker("start", proxy);
      await until("b serves", async () => (await all.servesOn("b")) === "blue");
    },
    broken,
  );

  await hostsRow(
    t,
    all,
    "a host's nginx killed in the move",
    async () => {
      const up = await all.switching("move");
      await all.at("move", up, async () =>
        process.kill(Number((await b.docker("inspect", "--format", "{{.State.Pid}}", proxy)).trim()), "SIGKILL"),
      );
      await failsOn(up, /On host b: /);
      await all.isOn("blue");
    },
    broken,
  );

  await hostsRow(
    t,
    all,
    "a host's engine killed in the watch",
    async () => {
      const up = await all.switching();
      const since = await all.at("watch", up, () => hosts.kill(b));
      const back = await all.untilOn("blue", ["a", "c"], since, 20);
      console.log(`the others were back after ${back.toFixed(1)} s; b serves ${await all.colorOn("b")}`);
      await hosts.restart(b);
      await failsOn(up, /On host b: /);
      await all.mends();
    },
    { broken: ["b"], within: 90 },
  );

  const killedIn = (phase: Phase) => async () => {
    const up = await all.switching(phase);
    await all.at(phase, up, () => endRun(stack, up));
    if (phase === "move") await all.release("b");
    await until(
      "all of the run has ended",
      () => processesWith(`BLUE_GREEN_STACK=${stack.name}`).length === 0 && processesWith("STEP=move").length === 0,
    );
    const now = phase === "gate" ? all.live : other(all.live);
    await until("the hosts agree", async () => (await all.isOn(now)) === undefined, 10);
    await stack.pulumi("cancel", "--yes");
    await all.mends();
  };
  await hostsRow(t, all, "everything of a run on hosts killed in the gate", killedIn("gate"));
  await hostsRow(t, all, "everything of a run on hosts killed in the move", killedIn("move"));
  await hostsRow(t, all, "everything of a run on hosts killed in the watch", killedIn("watch"));

  await hostsRow(t, all, "disk full under one host's proxy", async () => {
    await all.inside("c", "dd if=/dev/zero of=/var/lib/blue-green/fill bs=1k count=2000 2>/dev/null || true");
    await failsOn(await all.switching(), /On host c: .*can't be written/, "Nothing was changed");
    await all.isOn(all.live);
    await all.inside("c", "rm /var/lib/blue-green/fill");
  });

  await hostsRow(t, all, "nginx of one host refuses the configuration", async () => {
    await all.inside("c", "cp /etc/passwd /etc/passwd.kept && sed -i '/^\\(nginx\\|www-data\\):/d' /etc/passwd");
    await failsOn(await all.switching(), /On host c: .*nginx refuses/, "getpwnam", "Nothing was changed");
    await all.isOn(all.live);
    await all.inside("c", "cp /etc/passwd.kept /etc/passwd");
  });

  await hostsRow(t, all, "a color ill on one host after the switch", async () => {
    const up = await all.switching();
    await all.at("watch", up, () => made.faults("c", other(all.live), { healthStatus: 503 }));
    await failsOn(up, /On host c: .*/, "its health path was not answered well 3 times in a row (503)");
    await all.isOn(all.live);
    await made.faults("c", other(all.live), {});
  });

  await hostsRow(t, all, "a color's container gone on one host", async () => {
    await c.docker("rm", "--force", made.called(other(all.live)));
    const up = await all.switching();
    const { code, output } = await up.ended;
    console.log(code, output);
    all.live = other(all.live);
    await all.isOn(all.live);
  });

  let running: RunningUp | undefined;
  await hostsRow(t, all, "two `up` at once on hosts", async () => {
    running = await all.switching();
    await running.says(/cutover updating/);
    const second = await stack.tryPulumi("up", "--yes", "--skip-preview");
    assert.notEqual(second.code, 0);
    says(second.output, "the stack is currently locked");
  });
  await hostsRow(t, all, "`npm run rollback` in the watch of an `up` on hosts", async () => {
    assert.ok(running);
    await running.says(/watch \d+\/\d+ s/);
    const { code, output } = await stack.command("npm", "run", "--silent", "rollback");
    console.log(code, output);
    assert.equal((await running.ended).code, 0);
    all.live = other(all.live);
    await all.isOn(all.live);
  });

  await hostsRow(
    t,
    all,
    "`npm run rollback` with one host away",
    async () => {
      await hosts.cut(b);
      const began = performance.now();
      const { code, output } = await stack.command("npm", "run", "--silent", "rollback");
      console.log(code, output, performance.now() - began);
      await all.isOn(other(all.live), "a", "c");
      await hosts.mend(b);
      await all.mends();
    },
    broken,
  );
}
