import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Color } from "../../stacks/service/color";
import { LABEL } from "../../stacks/service/names";
import type { ContainerState, Inspected } from "../../stacks/service/world";
import {
  BACK_TO_BLUE,
  containerOf,
  dead,
  jobOf,
  orderTo,
  orderToShare,
  running,
  stopped,
  workerOf,
} from "./order.sample";
import { ok, onBlue, type StubProxy } from "./proxy.stub";

const [BLUE, GREEN, WARM] = ["blue-worker-mail", "green-worker-mail", "green-job-warm"];

/** A proxy on blue with a worker of each color, and these beside them. */
const withWorkers = (t: TestContext, ...beside: Inspected[]): StubProxy => {
  const proxy = onBlue(t);
  proxy.containers.push(workerOf("blue", "mail"), workerOf("green", "mail"), ...beside);
  return proxy;
};

/** What happened that moved the public, a worker, a job or a color; of looks in a row the first. */
const acts = ({ events }: StubProxy): string[] =>
  events
    .filter((event) => /^(move|back|stop|start|run|kill|ask|look) ?/.test(event) && event !== "ask blue")
    .filter((event, at, all) => event !== "look" || all[at - 1] !== "look");

/** Has the stop of these containers, and of no other ones, take until the returned function is called. */
function holdStop(proxy: StubProxy, ...held: string[]): () => void {
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  proxy.stop = async (ids) => {
    if (ids.some((id) => held.includes(id))) await until;
    return ok;
  };
  return release;
}

const isUp = (proxy: StubProxy, id: string): boolean | undefined =>
  proxy.containers.find(({ Id }) => Id === id)?.State?.Running;

const looks = ({ events }: StubProxy): number => events.filter((event) => event === "look").length;

/** What is measured: how long it took, in seconds. */
async function seconds(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1000;
}

const BAD = { errors: 50 };

describe("the watch of a switch begins with it, beside what follows", { concurrency: true }, () => {
  test("a bad color is taken back at once while the old worker has yet to end; only then that one is started again", async (t) => {
    const proxy = withWorkers(t);
    proxy.seen = BAD;
    const release = holdStop(proxy, BLUE);
    proxy.back = async () => {
      setTimeout(release, 1500);
      return ok;
    };
    const { result, message } = await proxy.fails(orderTo("green", { bakeSeconds: 30 }));
    assert.equal(result, "reverted");
    assert.deepEqual(acts(proxy), ["move green", `stop ${BLUE}`, "look", BACK_TO_BLUE, `start ${BLUE}`]);
    assert.deepEqual([isUp(proxy, BLUE), isUp(proxy, GREEN)], [true, false]);
    const after = Number(/The public is back on blue, after ([0-9.]+) s\./.exec(message)?.[1]);
    assert.ok(after < 1, `the time of the worker is none of the way back's: ${after} s`);
    assert.equal(proxy.history.at(-1)?.seconds.back, after);
    assert.ok(proxy.said.includes(`the public is back on blue, after ${after} s`), "said before the worker has ended");
  });

  test("how long visitors met the bad color is told without the time of the worker", async (t) => {
    const proxy = withWorkers(t);
    proxy.seen = BAD;
    proxy.moveSays = ["the public meets the new configuration, 12 ms after the reload"];
    const release = holdStop(proxy, BLUE);
    proxy.back = async () => {
      setTimeout(release, 3000);
      return ok;
    };
    const { message } = await proxy.fails(orderTo("green", { bakeSeconds: 30 }));
    assert.ok(Number(/Visitors met green for up to ([0-9.]+) s/.exec(message)?.[1]) < 3, message);
  });

  test("the watch goes on until the old worker has ended and the new one has stayed up", async (t) => {
    const proxy = withWorkers(t);
    const release = holdStop(proxy, BLUE);
    proxy.sample = async () => {
      if (looks(proxy) === 3) release();
      return {};
    };
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy), ["move green", `stop ${BLUE}`, "look", `start ${GREEN}`, "look"]);
    const watched = proxy.said.filter((line) => line.startsWith("watch "));
    assert.equal(watched.length, 2, "not each look of an hour is a line");

    const late = withWorkers(t);
    const releaseLate = holdStop(late, BLUE);
    late.startedAs.set(GREEN, { State: dead });
    late.sample = async () => {
      if (looks(late) === 3) releaseLate();
      return {};
    };
    const { reason } = await late.fails(orderTo("green"));
    assert.equal(reason, `its worker blue-green-dev-${GREEN} ended with exit code 3`, "also one that starts late");
  });

  test("a color that turns bad after its bake time, while the old worker still ends, is taken back", async (t) => {
    const proxy = withWorkers(t);
    const release = holdStop(proxy, BLUE);
    proxy.sample = async () => (looks(proxy) < 3 ? {} : BAD);
    proxy.back = async () => {
      release();
      return ok;
    };
    assert.equal((await proxy.fails(orderTo("green"))).result, "reverted");
    assert.deepEqual([isUp(proxy, BLUE), isUp(proxy, GREEN)], [true, false]);
  });

  test("a job of after-switch is ended for the way back, which does not wait for it; the jobs of the way back come after it", async (t) => {
    const proxy = withWorkers(t, jobOf("green", "warm", "after-switch"), jobOf("blue", "undo", "after-way-back"));
    const release = holdStop(proxy, WARM);
    let end = () => {};
    proxy.job = (id) =>
      id === WARM
        ? new Promise((resolve) => {
            end = () => resolve({ ...ok, code: 143 });
          })
        : Promise.resolve(ok);
    proxy.sample = async () => (proxy.events.includes(`run ${WARM}`) ? BAD : {});
    proxy.back = async () => {
      setTimeout(() => {
        release();
        end();
      }, 500);
      return ok;
    };
    const { reason } = await proxy.fails(orderTo("green", { bakeSeconds: 30 }));
    assert.match(reason, /^\d+ answers, \d+ of them 5xx/, "the job that was ended is not why");
    const [run, back, undo] = [`run ${WARM}`, BACK_TO_BLUE, "run blue-job-undo"].map((act) => acts(proxy).indexOf(act));
    assert.ok(run !== undefined && back !== undefined && undo !== undefined);
    assert.ok(run < back && back < acts(proxy).indexOf(`stop ${GREEN}`) && acts(proxy).indexOf(`start ${BLUE}`) < undo);
    assert.ok(acts(proxy).includes(`stop ${WARM}`));
  });

  test("a color that can't be gone back from keeps the public, and its own worker, once the old one has ended", async (t) => {
    const proxy = withWorkers(t);
    proxy.seen = BAD;
    proxy.answers = async () => 500;
    const release = holdStop(proxy, BLUE);
    setTimeout(release, 12_500);
    const { result } = await proxy.fails(orderTo("green", { bakeSeconds: 30 }));
    assert.equal(result, "failed");
    assert.deepEqual([proxy.live, isUp(proxy, BLUE), isUp(proxy, GREEN)], ["green", false, true]);
    const asked = acts(proxy).filter((act) => act === `stop ${BLUE}`);
    assert.equal(asked.length, 1, "what ends is not asked a second time");
  });

  test("a worker that does not start again after it is in the last words and in the history", async (t) => {
    const proxy = withWorkers(t);
    proxy.seen = BAD;
    proxy.startedAs.set(BLUE, { State: dead });
    const { reason, message } = await proxy.fails(orderTo("green", { bakeSeconds: 30 }));
    const trouble = `its worker blue-green-dev-${BLUE} ended with exit code 3`;
    assert.ok(reason.endsWith(`; ${trouble}`), reason);
    assert.ok(message.includes(`\nBeside that: ${trouble}.\nNext: `), message);
  });
});

describe("a run that is cancelled while a worker ends", { concurrency: true }, () => {
  test("the public goes back at once, and the worker that takes long is not waited for: how to start it is said", async (t) => {
    const proxy = withWorkers(t);
    holdStop(proxy, BLUE);
    let back = 0;
    const started = performance.now();
    proxy.back = async () => {
      back = performance.now() - started;
      return ok;
    };
    proxy.sample = async () => {
      setTimeout(() => proxy.cancelled.abort(), 100);
      return {};
    };
    const { reason, message } = await proxy.fails(orderTo("green", { bakeSeconds: 60 }));
    assert.ok(back < 5000, `${back} ms`);
    assert.match(reason, /^the run was cancelled; /);
    const name = `blue-green-dev-${BLUE}`;
    assert.match(message, new RegExp(`\\nBeside that: .*docker wait ${name} && docker start ${name}\\.\\nNext: `));
    assert.deepEqual([proxy.live, isUp(proxy, GREEN)], ["blue", false]);
  });

  test("without a watch too, and one that ends a moment later is started again", async (t) => {
    const proxy = withWorkers(t);
    const release = holdStop(proxy, BLUE);
    setTimeout(() => proxy.cancelled.abort(), 800);
    proxy.back = async () => {
      setTimeout(release, 500);
      return ok;
    };
    const { result, reason } = await proxy.fails(orderTo("green", { bakeSeconds: 0 }));
    assert.deepEqual([result, reason], ["reverted", "the run was cancelled"]);
    assert.deepEqual([proxy.live, isUp(proxy, BLUE), isUp(proxy, GREEN)], ["blue", true, false]);
  });

  test("one that is cancelled in its move asks no worker to end, and is taken back also without a watch", async (t) => {
    for (const bakeSeconds of [0.1, 0]) {
      const proxy = withWorkers(t);
      proxy.move = async () => {
        proxy.cancelled.abort();
        return ok;
      };
      assert.equal((await proxy.fails(orderTo("green", { bakeSeconds }))).reason, "the run was cancelled");
      assert.deepEqual(acts(proxy), ["move green", BACK_TO_BLUE]);
    }
  });

  test("without a watch, and between two steps: what was begun is taken back, and no job of the switch has run", async (t) => {
    const proxy = withWorkers(t, jobOf("green", "warm", "after-switch"));
    proxy.start = async (ids) => {
      if (ids.includes(GREEN)) proxy.cancelled.abort();
      return ok;
    };
    assert.equal((await proxy.fails(orderTo("green", { bakeSeconds: 0 }))).reason, "the run was cancelled");
    assert.ok(!acts(proxy).includes(`run ${WARM}`));
    assert.deepEqual([isUp(proxy, BLUE), isUp(proxy, GREEN)], [true, false]);
  });
});

describe("what a run leaves that is killed while a late job runs", { concurrency: true }, () => {
  /** The record and the latest line of the history, as they are when this job runs. */
  async function atJob(proxy: StubProxy, id: string, order = orderTo("green")) {
    let seen: unknown;
    proxy.job = async (job) => {
      if (job === id)
        seen = { record: proxy.record, result: proxy.history.at(-1)?.result, to: proxy.history.at(-1)?.to };
      return ok;
    };
    await proxy.carriesOut(order);
    return seen;
  }

  test("after the watch: that the color is stable, and was switched to", async (t) => {
    const proxy = withWorkers(t, jobOf("green", "late", "after-watch"));
    assert.deepEqual(await atJob(proxy, "green-job-late"), {
      record: { stable: { blue: ["blue-1"], green: ["green-1"] } },
      ...{ result: "switched", to: "green" },
    });
  });

  test("after a way back by the watch: that nothing is under way, and that the switch was taken back", async (t) => {
    const proxy = withWorkers(t, jobOf("blue", "undo", "after-way-back"));
    proxy.seen = BAD;
    assert.deepEqual(await atJob(proxy, "blue-job-undo"), {
      record: { stable: { blue: ["blue-1"] } },
      ...{ result: "reverted", to: "green" },
    });
  });

  test("after a way back at once, workers included", async (t) => {
    const stable = { blue: ["blue-1"], green: ["green-1"] };
    const proxy = withWorkers(t, jobOf("green", "undo", "after-way-back")).remembers({ stable });
    let atStop: unknown;
    proxy.stop = async () => {
      atStop = proxy.history.at(-1)?.result;
      return ok;
    };
    assert.deepEqual(await atJob(proxy, "green-job-undo"), { record: { stable }, result: "instant", to: "green" });
    assert.equal(atStop, "instant");
  });
});

describe("workers of colors that must not run at the same time", { concurrency: true }, () => {
  const alone = (color: Color, State: ContainerState): Inspected => {
    const { Config, ...more } = containerOf(color, { State });
    const made = JSON.parse(Config.Labels?.[LABEL.slot] ?? "{}");
    const label = JSON.stringify({ ...made, sharedWhileSwitching: false, stopGraceSeconds: 1 });
    return { ...more, Config: { ...Config, Labels: { ...Config.Labels, [LABEL.slot]: label } } };
  };
  const withAlone = (t: TestContext, ...beside: Inspected[]): StubProxy => {
    const proxy = withWorkers(t, ...beside);
    proxy.containers.splice(0, 2, alone("blue", running), alone("green", stopped));
    return proxy;
  };
  const toGreen = orderTo("green", { idle: "stopped", replicas: { blue: 0, green: 1 }, drainSeconds: 0 });

  /** Fails the test where a container is started while one of the other color runs. */
  function neverBoth(t: TestContext, proxy: StubProxy): void {
    const both: string[] = [];
    let starts = 0;
    proxy.engine = ([command, ...args]) => {
      if (command !== "start") return;
      starts += 1;
      const color = args.at(-1)?.split("-")[0];
      const others = proxy.containers.filter(({ Id, State }) => State?.Running && !Id.startsWith(`${color}-`));
      both.push(...others.map(({ Id }) => `start ${args.join(" ")} beside ${Id}`));
    };
    t.after(() => {
      assert.deepEqual(both, []);
      assert.ok(starts > 0);
    });
  }

  test("a way back ends the new worker first, which is killed where it takes longer than a web container may; the old one starts when the public is back", async (t) => {
    const proxy = withAlone(t);
    neverBoth(t, proxy);
    const release = holdStop(proxy, GREEN);
    proxy.kill = () => release();
    proxy.sample = async () => (isUp(proxy, GREEN) && looks(proxy) > 2 ? BAD : {});
    const { result, message } = await proxy.fails({ ...toGreen, bakeSeconds: 30 });
    assert.equal(result, "reverted");
    const back = acts(proxy).slice(acts(proxy).indexOf("stop green-1"));
    assert.deepEqual(back, [
      ...["stop green-1", `stop ${GREEN}`, `kill ${GREEN}`, "start blue-1", BACK_TO_BLUE, `start ${BLUE}`],
    ]);
    assert.ok(proxy.said.includes("mail of green: asked to end, and killed after 1 s, since the public waits"));
    const after = Number(/The public is back on blue, after ([0-9.]+) s\./.exec(message)?.[1]);
    assert.ok(after >= 1 && after < 3, `${after} s`);
  });

  test("a job that runs is ended too, before the old color starts", async (t) => {
    const proxy = withAlone(t, jobOf("green", "warm", "after-switch"));
    neverBoth(t, proxy);
    let end = () => {};
    proxy.job = () =>
      new Promise((resolve) => {
        end = () => resolve({ ...ok, code: 137 });
      });
    const release = holdStop(proxy, WARM);
    proxy.kill = () => {
      release();
      end();
    };
    proxy.sample = async () => (proxy.events.includes(`run ${WARM}`) ? BAD : {});
    assert.equal((await proxy.fails({ ...toGreen, bakeSeconds: 30 })).result, "reverted");
    assert.deepEqual([proxy.live, isUp(proxy, "blue-1"), isUp(proxy, BLUE)], ["blue", true, true]);
  });

  test("a failed gate brings the worker back with its color", async (t) => {
    const proxy = withAlone(t);
    neverBoth(t, proxy);
    proxy.smoke = async () => ({ status: 503 });
    const { result } = await proxy.fails(toGreen);
    assert.equal(result, "refused");
    assert.deepEqual(acts(proxy), [
      ...[`stop ${BLUE}`, "stop blue-1", "start green-1", "stop green-1", "start blue-1", `start ${BLUE}`],
    ]);
  });

  test("while the old worker ends the public is still answered, and that time is none of the outage's", async (t) => {
    const proxy = withAlone(t);
    proxy.stop = async (ids) => {
      if (ids.includes(BLUE)) {
        assert.equal(isUp(proxy, "blue-1"), true);
        await pause(2500);
      }
      return ok;
    };
    assert.equal(await proxy.carriesOut(toGreen), undefined);
    assert.ok((proxy.history.at(-1)?.seconds.away ?? 9) < 2);
  });

  test("a run that is cancelled then changes nothing, and does not wait for that worker", async (t) => {
    const proxy = withAlone(t);
    holdStop(proxy, BLUE);
    setTimeout(() => proxy.cancelled.abort(), 800);
    const took = await seconds(() => proxy.fails(toGreen));
    assert.ok(took < 15, `${took} s`);
    assert.deepEqual(acts(proxy), [`stop ${BLUE}`]);
    assert.deepEqual([proxy.live, isUp(proxy, "blue-1")], ["blue", true]);
  });

  test("workers and jobs end first also where their color's web container does not run", async (t) => {
    const job = { ...jobOf("blue", "undo", "after-way-back"), State: running };
    const proxy = withAlone(t, job);
    neverBoth(t, proxy);
    proxy.containers.splice(0, 1, alone("blue", dead));
    assert.equal(await proxy.carriesOut(toGreen), undefined);
    assert.deepEqual(acts(proxy).slice(0, 3), [`stop ${BLUE}`, "stop blue-job-undo", "start green-1"]);
  });
});

describe("a worker that follows both colors", { concurrency: true }, () => {
  test("is started with the idle color that comes up for a canary, and no other one is", async (t) => {
    const proxy = withWorkers(
      t,
      workerOf("green", "report", { follow: "both" }),
      workerOf("blue", "report", { follow: "both" }),
    );
    assert.equal(await proxy.carriesOut(orderToShare(5)), undefined);
    assert.equal(isUp(proxy, "green-worker-report"), true);
    assert.equal(isUp(proxy, GREEN), false);
  });
});
