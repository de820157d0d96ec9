import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { Order } from "../../cutover/order";
import type { Color } from "../../stacks/service/color";
import { LABEL } from "../../stacks/service/names";
import type { Inspected } from "../../stacks/service/world";
import {
  BACK_TO_BLUE,
  containerOf,
  dead,
  orderTo,
  orderToShare,
  running,
  SECRET,
  stopped,
  workerOf,
} from "./order.sample";
import { cutOff, onBlue, StubProxy } from "./proxy.stub";

/** A proxy on blue, with these workers beside the colors' own containers; those of green don't run. */
const withWorkers = (t: TestContext, ...workers: Inspected[]): StubProxy => {
  const proxy = onBlue(t);
  proxy.containers.push(...workers);
  return proxy;
};

const both = (name: string, spec: object = {}, change: Partial<Inspected> = {}): Inspected[] => [
  workerOf("blue", name, spec),
  workerOf("green", name, spec, 1, change),
];

/** What happened that moved the public, a worker or a color; nothing of what was only asked, and of looks in a row the first. */
const acts = ({ events }: StubProxy): string[] =>
  events
    .filter((event) => /^(move|back|stop|start|run|kill|look) ?/.test(event))
    .filter((event, at, all) => event !== "look" || all[at - 1] !== "look");

const isUp = (proxy: StubProxy, id: string): boolean | undefined =>
  proxy.containers.find(({ Id }) => Id === id)?.State?.Running;

const [BLUE, GREEN] = ["blue-worker-mail", "green-worker-mail"];

// Each waits for two seconds to see whether a worker stays up.
describe("workers in a switch", { concurrency: true }, () => {
  test("the public moves first, then the old release's worker ends, and only then the new release's starts, beside the watch", async (t) => {
    const proxy = withWorkers(t, ...both("mail"));
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy), ["move green", `stop ${BLUE}`, `start ${GREEN}`, "look"]);
    assert.deepEqual([isUp(proxy, BLUE), isUp(proxy, GREEN)], [false, true]);
    const said = proxy.said.filter((line) => line.startsWith("worker"));
    assert.deepEqual(said, ["worker mail of blue: asked to end", "worker mail of green: started"]);
    const [entry] = proxy.history;
    assert.deepEqual([entry?.result, entry?.reason], ["switched", undefined]);
    assert.ok((entry?.seconds.workers ?? 0) >= 2, "the time that it was looked at is in the history");
  });

  test("all of a color's workers are asked to end at once, and all that start at that moment are started at once", async (t) => {
    const of = (color: Color) => [workerOf(color, "mail"), workerOf(color, "mail", {}, 2), workerOf(color, "report")];
    const proxy = withWorkers(t, ...of("blue"), ...of("green"));
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy).slice(1, 3), [
      `stop ${BLUE} ${BLUE}-2 blue-worker-report`,
      `start ${GREEN} ${GREEN}-2 green-worker-report`,
    ]);
    assert.ok(proxy.said.includes("workers mail, report of blue: asked to end"));
  });

  test("one that had to be killed is told, since what it was at may be lost", async (t) => {
    const proxy = withWorkers(t, ...both("mail"));
    proxy.killed.add(BLUE);
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    const told = `the worker blue-green-dev-${BLUE} was killed (exit code 137), as after its stop_grace_period`;
    assert.ok(proxy.said.includes(told), proxy.said.join("\n"));
    assert.ok(proxy.said.at(-1)?.endsWith(told));
    assert.equal(proxy.history[0]?.reason, told);
  });

  test("one that starts after the watch starts then: nobody takes jobs in the watch", async (t) => {
    const proxy = withWorkers(t, ...both("mail", { start: "after-watch" }));
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy), ["move green", `stop ${BLUE}`, "look", `start ${GREEN}`]);

    const unwatched = withWorkers(t, ...both("mail", { start: "after-watch" }));
    assert.equal(await unwatched.carriesOut(orderTo("green", { bakeSeconds: 0 })), undefined);
    assert.deepEqual(acts(unwatched), ["move green", `stop ${BLUE}`, `start ${GREEN}`]);
  });

  test("one that follows both runs on in both colors, but where the idle color is to be stopped", async (t) => {
    const running2 = { State: running };
    const proxy = withWorkers(t, ...both("report", { follow: "both" }, running2));
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy), ["move green", "look"]);

    const idle = withWorkers(t, ...both("report", { follow: "both" }, running2));
    assert.equal(await idle.carriesOut(orderTo("green", { idle: "stopped" })), undefined);
    assert.deepEqual(acts(idle).slice(0, 2), ["move green", "stop blue-worker-report"]);
  });

  test("where only one color may run at a time, the workers end before their color does", async (t) => {
    const proxy = withWorkers(t, ...both("mail"));
    const alone = (color: Color): Inspected => {
      const { Config, ...more } = containerOf(color, { State: color === "blue" ? running : stopped });
      const made = { ...JSON.parse(Config.Labels?.[LABEL.slot] ?? "{}"), sharedWhileSwitching: false };
      return { ...more, Config: { ...Config, Labels: { ...Config.Labels, [LABEL.slot]: JSON.stringify(made) } } };
    };
    proxy.containers.splice(0, 2, alone("blue"), alone("green"));
    assert.equal(
      await proxy.carriesOut(orderTo("green", { idle: "stopped", replicas: { blue: 0, green: 1 } })),
      undefined,
    );
    assert.deepEqual(acts(proxy).slice(0, 5), [
      `stop ${BLUE}`,
      "stop blue-1",
      "start green-1",
      "move green",
      `start ${GREEN}`,
    ]);
  });

  test("the watch of a switch that was cut off moves the workers too, as far as they have not moved", async (t) => {
    const proxy = cutOff(t);
    proxy.containers.push(...both("mail"));
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy).slice(1), [`stop ${BLUE}`, `start ${GREEN}`, "look"]);
  });

  test("a canary moves no worker, since the public stays where it is", async (t) => {
    const proxy = withWorkers(t, ...both("mail"));
    assert.equal(await proxy.carriesOut(orderToShare(5)), undefined);
    assert.deepEqual([isUp(proxy, BLUE), isUp(proxy, GREEN)], [true, false]);
    assert.ok(!acts(proxy).some((act) => act.includes("worker")));
  });

  test("without workers nothing is stopped, started or waited for", async (t) => {
    const proxy = withWorkers(t);
    const asked: string[][] = [];
    proxy.engine = (args) => void asked.push(args);
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy), ["move green", "look"]);
    assert.equal(
      asked.filter((args) => args[0] === "container" && args[1] === "ls").length,
      2,
      "once at first, once in the watch",
    );
  });
});

describe("a worker for which a switch is taken back", { concurrency: true }, () => {
  /** What takes the switch back: the reason, and what was done then. */
  async function takenBack(
    proxy: StubProxy,
    order: Order = orderTo("green"),
  ): Promise<{ reason: string; message: string }> {
    const { result, reason, message } = await proxy.fails(order);
    assert.equal(result, "reverted");
    assert.match(message, /^green was switched to and taken back: .*The public is back on blue, /s);
    assert.equal(proxy.live, "blue");
    assert.deepEqual(
      [isUp(proxy, BLUE), isUp(proxy, GREEN)],
      [true, false],
      "blue's works again, and green's does not",
    );
    return { reason, message };
  }

  test("one that does not start, with its name and the engine's words; the public goes back before the workers do", async (t) => {
    const proxy = withWorkers(t, ...both("mail"));
    proxy.log = `no module named shop ${SECRET}\n`;
    const start = proxy.start;
    proxy.start = async (ids) =>
      ids.includes(GREEN)
        ? {
            code: 1,
            stdout: "",
            stderr: `Error: exec: "celery ${SECRET}": not found\nError: failed to start: ${GREEN}`,
          }
        : start(ids);
    const { reason, message } = await takenBack(proxy);
    assert.equal(
      reason,
      `its worker blue-green-dev-${GREEN} does not start: Error: exec: "celery [secret]": not found`,
    );
    assert.match(message, /\nThe last lines of its log:\n {2}no module named shop \[secret\]\n/);
    assert.deepEqual(acts(proxy), ["move green", `stop ${BLUE}`, `start ${GREEN}`, BACK_TO_BLUE, `start ${BLUE}`]);
  });

  test("one that ends right after its start, or is started again and again, also where it had been so before", async (t) => {
    const looping = { State: { ...running, Status: "restarting", Restarting: true, ExitCode: 4 }, RestartCount: 1 };
    const ends: [becomes: Partial<Inspected>, before: number, seen: string][] = [
      [{ State: dead }, 0, "ended with exit code 3"],
      [looping, 0, "ended with exit code 4"],
      [looping, 7, "ended with exit code 4"],
      [{ RestartCount: 2 }, 2, "ended and was started again"],
    ];
    await Promise.all(
      ends.map(async ([becomes, before, seen]) => {
        const proxy = withWorkers(t, ...both("mail", {}, { RestartCount: before }));
        proxy.startedAs.set(GREEN, becomes);
        const { reason } = await takenBack(proxy);
        assert.equal(reason, `its worker blue-green-dev-${GREEN} ${seen}`);
      }),
    );
  });

  test("one that ends, is started again, is ill or is gone while the watch runs", async (t) => {
    const ill = { ...running, Health: { Status: "unhealthy", Log: [{ Output: `no queue ${SECRET}\n` }] } };
    const changes: [changed: Partial<Inspected>, seen: string][] = [
      [{ State: dead }, "ended with exit code 3"],
      [{ RestartCount: 1 }, "ended and was started again"],
      [{ State: { ...running, StartedAt: "2026-01-01T00:00:09Z" } }, "was started again"],
      [
        { State: { ...running, OOMKilled: true } },
        "was killed for want of memory (its mem_limit, or else the setting memoryMb)",
      ],
      [{ State: ill }, "is unhealthy; its image's health check says: no queue [secret]"],
    ];
    // It stayed up at first, and the watch goes on.
    const change = (proxy: StubProxy, act: () => void) => {
      proxy.sample = async () => {
        if (proxy.events.filter((event) => event === "look").length === 3) act();
        return {};
      };
    };
    const taken = changes.map(async ([changed, seen]) => {
      const proxy = withWorkers(t, ...both("mail"));
      change(proxy, () => proxy.update(GREEN, changed));
      const { reason } = await takenBack(proxy, orderTo("green", { bakeSeconds: 6 }));
      assert.equal(reason, `its worker blue-green-dev-${GREEN} ${seen}`);
      assert.ok(acts(proxy).join().includes(`${BACK_TO_BLUE},stop ${GREEN},start ${BLUE}`) || changed.State === dead);
    });
    await Promise.all(taken);
    const gone = withWorkers(t, ...both("mail"));
    change(gone, () => {
      gone.containers = gone.containers.filter(({ Id }) => Id !== GREEN);
    });
    const { reason } = await gone.fails(orderTo("green", { bakeSeconds: 6 }));
    assert.equal(reason, `its worker blue-green-dev-${GREEN} is gone`);
    assert.equal(isUp(gone, BLUE), true);
  });

  test("one that waits for its next start doesn't run, however often the engine has started it before", async (t) => {
    const loops = { State: { ...running, Status: "restarting", Restarting: true, ExitCode: 4 }, RestartCount: 7 };
    const before = withWorkers(t, ...both("mail", { follow: "both" }, loops));
    const { result, reason } = await before.fails(orderTo("green"));
    assert.equal(result, "reverted");
    assert.equal(reason, `its worker blue-green-dev-${GREEN} ends again and again (exit code 4)`);

    const meanwhile = withWorkers(t, ...both("mail", {}, { RestartCount: 7 }));
    meanwhile.startedAs.set(GREEN, { RestartCount: 0 });
    meanwhile.sample = async () => {
      meanwhile.update(GREEN, { State: loops.State, RestartCount: 0 });
      return {};
    };
    const { reason: seen } = await takenBack(meanwhile, orderTo("green", { bakeSeconds: 3 }));
    assert.equal(seen, `its worker blue-green-dev-${GREEN} ended with exit code 4`);
  });

  test("one that starts after the watch and doesn't stay up", async (t) => {
    const proxy = withWorkers(t, ...both("mail", { start: "after-watch" }));
    proxy.startedAs.set(GREEN, { State: dead });
    const { reason } = await takenBack(proxy);
    assert.equal(reason, `its worker blue-green-dev-${GREEN} ended with exit code 3`);
    assert.deepEqual(acts(proxy), [
      "move green",
      `stop ${BLUE}`,
      "look",
      `start ${GREEN}`,
      BACK_TO_BLUE,
      `start ${BLUE}`,
    ]);

    const unasked = withWorkers(t, ...both("mail", { start: "after-watch" }));
    unasked.start = async (ids) => {
      if (ids.includes(GREEN)) throw new Error("no answer within 20 s");
      return { code: 0, stdout: "", stderr: "" };
    };
    assert.equal((await takenBack(unasked)).reason, "no answer within 20 s");
  });

  test("one of the old release that does not end: two releases never take jobs from one queue", async (t) => {
    const proxy = withWorkers(t, ...both("mail"));
    proxy.stop = async () => ({ code: 1, stdout: "", stderr: "Error: cannot stop: permission denied\n" });
    const { reason } = await takenBack(proxy);
    assert.equal(reason, "the workers of blue do not end: Error: cannot stop: permission denied");
    assert.deepEqual(acts(proxy), ["move green", `stop ${BLUE}`, BACK_TO_BLUE], "green's was never started");
  });

  test("a move that fails leaves the workers as they were", async (t) => {
    const proxy = withWorkers(t, ...both("mail"));
    proxy.move = async () => ({ code: 1, stdout: "", stderr: "nginx: no\n" });
    await proxy.fails(orderTo("green"));
    assert.ok(!acts(proxy).some((act) => act.includes("worker")));
    assert.deepEqual([isUp(proxy, BLUE), isUp(proxy, GREEN)], [true, false]);
  });

  test("a run that is cancelled in the watch: the workers go back with the public", async (t) => {
    const proxy = withWorkers(t, ...both("mail"));
    proxy.sample = async () => {
      proxy.cancelled.abort();
      return {};
    };
    const { reason } = await takenBack(proxy, orderTo("green", { bakeSeconds: 5 }));
    assert.equal(reason, "the run was cancelled");
  });
});

describe("workers without a watch", { concurrency: true }, () => {
  /** A proxy on blue, with green stable in the same container. */
  const stableGreen = (t: TestContext, ...workers: Inspected[]): StubProxy => {
    const proxy = withWorkers(t, ...workers);
    return proxy.remembers({ stable: { blue: ["blue-1"], green: ["green-1"] } });
  };

  test("a way back at once moves them, all at the same moment", async (t) => {
    const proxy = stableGreen(t, ...both("mail"), ...both("late", { start: "after-watch" }));
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy), [
      ...["move green", `stop blue-worker-late ${BLUE}`, `start green-worker-late ${GREEN}`],
    ]);
    assert.deepEqual([proxy.history[0]?.result, proxy.history[0]?.reason], ["instant", undefined]);
  });

  test("one that does not start then is told in the last line and in the history, and holds up nothing", async (t) => {
    const proxy = stableGreen(t, ...both("mail"));
    proxy.startedAs.set(GREEN, { State: dead });
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(proxy.live, "green");
    const trouble = `its worker blue-green-dev-${GREEN} ended with exit code 3`;
    assert.match(proxy.said.at(-1) ?? "", new RegExp(`^green is live, from blue and well \\(.*\\); ${trouble}$`));
    assert.deepEqual([proxy.history[0]?.result, proxy.history[0]?.reason], ["instant", trouble]);
    assert.equal(isUp(proxy, BLUE), false, "two releases on one queue are worse than none");

    const stuck = stableGreen(t, ...both("mail"));
    stuck.stop = async () => ({ code: 1, stdout: "", stderr: "Error: no\n" });
    assert.equal(await stuck.carriesOut(orderTo("green")), undefined);
    assert.match(
      stuck.said.at(-1) ?? "",
      /; the workers do not follow to green: the workers of blue do not end: Error: no$/,
    );
    assert.equal(isUp(stuck, GREEN), false);
  });

  test("the first run starts them when the public is there, and fails where one does not stay up, with the way to a mended one", async (t) => {
    const first = (): StubProxy => {
      const proxy = new StubProxy(t);
      proxy.containers.push(
        workerOf("blue", "mail", {}, 1, { State: { ...stopped, Status: "created" } }),
        workerOf("green", "mail"),
      );
      return proxy;
    };
    const proxy = first();
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(acts(proxy), ["move blue", `start ${BLUE}`]);

    const failing = first();
    failing.startedAs.set(BLUE, { State: dead });
    const { result, message } = await failing.fails(orderTo("blue"));
    assert.equal(result, "failed");
    assert.equal(
      message,
      `blue is live, but its worker blue-green-dev-${BLUE} ended with exit code 3.\nThe public stays on blue.\n` +
        "The last lines of its log:\n  no database\n" +
        "Next: mend it in the settings, and switch to what has it: pulumi up && pulumi config set activeColor green && pulumi up",
    );
    assert.equal(failing.live, "blue");
  });

  test("a run that only reloads puts right which workers run, and says nothing where all are right", async (t) => {
    const proxy = withWorkers(
      t,
      workerOf("blue", "mail", {}, 1, { State: dead }),
      workerOf("green", "mail", {}, 1, { State: running }),
    );
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(acts(proxy), ["move blue", `stop ${GREEN}`, `start ${BLUE}`]);
    const right = withWorkers(t, ...both("mail"));
    assert.equal(await right.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(acts(right), ["move blue"]);
    assert.deepEqual(right.history, []);
  });

  test("a live worker that does not start holds up no such run, or no mended release could come up: it is told, in the history too", async (t) => {
    const proxy = withWorkers(t, workerOf("blue", "mail", {}, 1, { State: dead }), workerOf("green", "mail"));
    proxy.start = async () => ({ code: 1, stdout: "", stderr: `Error: not found\nError: failed to start: ${BLUE}` });
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    const trouble = `its worker blue-green-dev-${BLUE} does not start: Error: not found`;
    assert.ok(proxy.said.includes(`${trouble}; next: npm run status`));
    assert.match(proxy.said.at(-1) ?? "", new RegExp(`^blue is live \\(.*\\); ${trouble}$`));
    assert.deepEqual([proxy.history[0]?.result, proxy.history[0]?.reason], ["reloaded", trouble]);
  });

  test("one that follows both is started again with its color, when that comes up as the idle one", async (t) => {
    const spec = { follow: "both" };
    const proxy = withWorkers(
      t,
      workerOf("blue", "report", spec),
      workerOf("green", "report", spec),
      workerOf("green", "mail"),
    );
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(acts(proxy), ["move blue", "start green-worker-report"]);
    const idle = withWorkers(t, workerOf("green", "report", spec));
    assert.equal(
      await idle.carriesOut(orderTo("blue", { idle: "stopped", replicas: { blue: 1, green: 0 }, drainSeconds: 0 })),
      undefined,
    );
    assert.ok(!acts(idle).some((act) => act.startsWith("start")));
  });
});
