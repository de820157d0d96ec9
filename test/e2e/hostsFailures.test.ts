import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { other } from "../../stacks/service/color";
import type { EngineHosts } from "./engineHosts";
import { endRun, fails, processesWith, type RunningUp, says, until } from "./failures";
import { HostsStack } from "./hosts";
import { FailingHosts, failsOn, type Phase, row, SETTINGS } from "./hostsFailures";

/** Goes to where nginx has files that are on their way. */
const TMP = "cd /var/lib/blue-green/tmp";

test("failures of one of three hosts", async (t) => {
  const engines = await HostsStack.startHosts(t);
  if (typeof engines === "string") return t.skip(engines);
  await t.test("all of them move or none", (t) => rows(t, engines));
});

async function rows(t: TestContext, engines: EngineHosts): Promise<void> {
  const made = await HostsStack.make(t, engines, SETTINGS, { overNetwork: true });
  const hosts = new FailingHosts(made);
  const { stack } = made;
  const [b, c] = [hosts.host("b"), hosts.host("c")];
  const proxy = made.called("proxy");
  // A volume of one megabyte; a volume that is there already is taken as it is.
  await c.docker(
    ...["volume", "create", "--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m"],
    ...["--label", `blue-green.stack=${stack.name}`, proxy],
  );
  await stack.up();
  /** The engine of b is there again, and its containers, which Docker leaves stopped after a crash. */
  const restarted = async () => {
    await engines.restart(b);
    await b.docker("start", made.called("blue"), made.called("green"), proxy);
    await until("b serves", async () => (await hosts.servesOn("b")) !== "", 30);
  };
  const broken = { broken: ["b"], within: 60 } as const;

  await row(
    t,
    hosts,
    "a host's engine killed before a run",
    async () => {
      await engines.kill(b);
      await stack.set("activeColor", "green");
      await fails(
        stack,
        `b: No Docker Engine answered: Cannot connect to the Docker daemon at ${b.tcp}.`,
        "Nothing was touched, on no host. Next: ",
      );
      await hosts.isOn("blue");
      await restarted();
    },
    broken,
  );

  await row(
    t,
    hosts,
    "a host's engine killed in the gate",
    async () => {
      const up = await hosts.switching();
      await hosts.at("gate", up, () => engines.kill(b));
      await failsOn(up, /On host b: green was not switched to: .*/, "Nothing was changed: the public is on blue.");
      await hosts.isOn("blue");
      await restarted();
    },
    broken,
  );

  await row(
    t,
    hosts,
    "a host's proxy killed between check and move",
    async () => {
      const up = await hosts.switching("check");
      const since = await hosts.at("check", up, () => b.docker("kill", proxy));
      await up.says(/a: host b failed: .* [Gg]oing back/);
      const back = await hosts.untilOn("blue", ["a", "c"], since, 20);
      console.log(`the others were back after ${back.toFixed(1)} s`);
      // Docker leaves it as it is.
      await b.docker("start", proxy);
      await failsOn(up, /On host b: /);
      await hosts.isOn("blue");
    },
    broken,
  );

  await row(
    t,
    hosts,
    "a host's nginx killed in the move",
    async () => {
      const up = await hosts.switching("move");
      await hosts.at("move", up, () => hosts.killNginx("b"));
      await failsOn(up, /On host b: /);
      await hosts.isOn("blue");
    },
    broken,
  );

  await row(
    t,
    hosts,
    "a host's engine killed in the watch",
    async () => {
      const up = await hosts.switching();
      const since = await hosts.at("watch", up, () => engines.kill(b));
      const back = await hosts.untilOn("blue", ["a", "c"], since, 20);
      console.log(`the others were back after ${back.toFixed(1)} s; b serves ${await hosts.colorOn("b")}`);
      await restarted();
      await failsOn(up, /On host b: /);
      await hosts.mends();
    },
    { broken: ["b"], within: 90 },
  );

  const killedIn = (phase: Phase) => async () => {
    const up = await hosts.switching(phase);
    await hosts.at(phase, up, () => endRun(stack, up));
    if (phase === "move") await hosts.release("b");
    await until(
      "all of the run has ended",
      async () => processesWith(`BLUE_GREEN_STACK=${stack.name}`).length === 0 && (await hosts.areStill()),
    );
    const now = phase === "gate" ? hosts.live : other(hosts.live);
    await until("the hosts agree", async () => (await hosts.isOn(now)) === undefined, 10);
    await stack.pulumi("cancel", "--yes");
    await hosts.mends();
  };
  await row(t, hosts, "everything of a run on hosts killed in the gate", killedIn("gate"));
  await row(t, hosts, "everything of a run on hosts killed in the move", killedIn("move"));
  await row(t, hosts, "everything of a run on hosts killed in the watch", killedIn("watch"));

  await row(t, hosts, "disk full under one host's proxy", async () => {
    await hosts.inside("c", "dd if=/dev/zero of=/var/lib/blue-green/fill bs=1k count=2000 2>/dev/null || true");
    await failsOn(await hosts.switching(), /On host c: .*can't be written/, "Nothing was changed");
    await hosts.isOn(hosts.live);
    await hosts.inside("c", "rm /var/lib/blue-green/fill");
  });

  await row(t, hosts, "nginx of one host refuses the configuration", async () => {
    await hosts.inside("c", `${TMP} && mv body kept && ln -s nothing body`);
    await failsOn(await hosts.switching(), /On host c: .*nginx refuses/, "stat() ", "Nothing was changed");
    await hosts.isOn(hosts.live);
    await hosts.inside("c", `${TMP} && rm body && mv kept body`);
  });

  await row(t, hosts, "a color ill on one host after the switch", async () => {
    const up = await hosts.switching();
    await hosts.at("watch", up, () => made.faults("c", other(hosts.live), { healthStatus: 503 }));
    await failsOn(
      up,
      /On host c: (?:blue|green) was switched to and taken back: c: (?:blue|green)'s health/,
      "health path was not answered well 3 times in a row (503)",
    );
    await hosts.isOn(hosts.live);
    await made.faults("c", other(hosts.live), {});
  });

  await row(t, hosts, "a color's container gone on one host", async () => {
    await c.docker("rm", "--force", made.called(other(hosts.live)));
    const up = await hosts.switching();
    const { code, output } = await up.ended;
    assert.equal(code, 0, output);
    hosts.live = other(hosts.live);
    await hosts.isOn(hosts.live);
  });

  let running: RunningUp | undefined;
  await row(t, hosts, "two `up` at once on hosts", async () => {
    // Longer than a way back by hand waits for whoever is at it.
    await stack.set("bakeSeconds", "9");
    running = await hosts.switching();
    await running.says(/cutover updating/);
    const second = await stack.tryPulumi("up", "--yes", "--skip-preview");
    assert.notEqual(second.code, 0);
    says(second.output, "the stack is currently locked");
  });
  await row(t, hosts, "`npm run rollback` in the watch of an `up` on hosts", async () => {
    assert.ok(running);
    await running.says(/watch \d+\/\d+ s/);
    const { code, output } = await stack.command("npm", "run", "--silent", "rollback");
    assert.notEqual(code, 0);
    says(
      output,
      "another cutover runs in this proxy",
      "Nothing was changed.",
      "end that run where it was started (Ctrl-C)",
    );
    assert.equal((await running.ended).code, 0);
    hosts.live = other(hosts.live);
    await hosts.isOn(hosts.live);
  });

  await row(
    t,
    hosts,
    "`npm run rollback` with one host away",
    async () => {
      await engines.cut(b);
      const began = performance.now();
      const { code, output } = await stack.command("npm", "run", "--silent", "rollback");
      assert.notEqual(code, 0);
      says(output, "Not on b, which did not answer. Next, once that is back: npm run rollback");
      assert.ok(performance.now() - began < 40_000);
      await hosts.isOn(other(hosts.live), "a", "c");
      await engines.mend(b);
      await hosts.mends();
    },
    broken,
  );
}
