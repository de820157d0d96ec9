import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { RunOptions } from "../../stacks/engine/docker";
import type { Inspected } from "../../stacks/service/world";
import { BACK_TO_BLUE, dead, jobOf, orderTo, orderToShare, RETIRED, running, SECRET, workerOf } from "./order.sample";
import { cutOff, ok, onBlue, StubProxy } from "./proxy.stub";

const withJobs = (t: TestContext, ...jobs: Inspected[]): StubProxy => {
  const proxy = onBlue(t);
  proxy.containers.push(...jobs);
  return proxy;
};

/** What happened that moved the public, a worker or a color, or ran a job or a smoke test. */
const acts = ({ events }: StubProxy): string[] =>
  events
    .filter((event) => /^(move|back|stop|start|run|wait|look|smoke) ?/.test(event))
    .map((event) => (event.startsWith("smoke") ? "smoke" : event))
    .filter((event, at, all) => event !== "look" || all[at - 1] !== "look");

const exits = (code: number | null) => ({ ...ok, code });

/** A job that writes these lines and ends with that exit code. */
const writes =
  (code: number, ...lines: string[]) =>
  async (_: string, { onLine, onErrorLine }: RunOptions) => {
    for (const [at, line] of lines.entries()) (at % 2 === 0 ? onLine : onErrorLine)?.(line);
    return exits(code);
  };

/** A job that ends only when it is asked to; answers with which exit code. */
function hang(proxy: StubProxy, asked = 1): void {
  let stop = () => {};
  let stops = 0;
  proxy.job = () =>
    new Promise((resolve) => {
      stop = () => resolve(exits(143));
    });
  proxy.stop = async () => {
    stops += 1;
    if (stops >= asked) stop();
    return ok;
  };
}

const MIGRATE = "green-job-migrate";
const NAME = `blue-green-dev-${MIGRATE}`;

describe("a job before the gate", () => {
  test("jobs of one moment run one after the other, in the order of their names, before all else; what they write is said, without secrets", async (t) => {
    const proxy = withJobs(
      t,
      jobOf("green", "migrate", "before-gate"),
      jobOf("green", "a", "before-gate"),
      jobOf("blue", "migrate", "before-gate"),
    );
    proxy.job = writes(0, "one", `with ${SECRET}`, "\u001b[31mred\u001b[0m\rand more", "");
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(proxy), ["run green-job-a", `run ${MIGRATE}`, "smoke", "move green", "look"]);
    assert.deepEqual(
      proxy.said.filter((line) => line.startsWith("job migrate")),
      [
        "job migrate runs, 10 s at most",
        ...["job migrate: one", "job migrate: with [secret]", "job migrate: red\\u{d}and more", "job migrate: "],
        "job migrate ended well",
      ],
    );
    assert.ok(proxy.history[0]?.seconds["job migrate"] !== undefined, "how long it took is in the history");
  });

  test("one that fails refuses the switch: nothing moved, and the last that it wrote and the command for all of it are there", async (t) => {
    const proxy = withJobs(
      t,
      jobOf("green", "migrate", "before-gate"),
      jobOf("green", "other", "before-gate"),
      workerOf("blue", "mail"),
    );
    proxy.job = writes(3, ...Array.from({ length: 30 }, (_, at) => `line ${at} ${SECRET}`));
    const { result, reason, message } = await proxy.fails(orderTo("green"));
    assert.deepEqual([result, reason], ["refused", "the job migrate ended with exit code 3"]);
    assert.match(message, /^green was not switched to: the job migrate ended with exit code 3\.\nline 10 \[secret\]\n/);
    assert.match(message, /\nline 29 \[secret\]\nNothing was changed: the public is on blue\./);
    assert.ok(message.endsWith(`\nNext: docker logs ${NAME}; when it is mended: pulumi up`), message);
    assert.deepEqual(acts(proxy), [`run ${MIGRATE}`], "the other one does not run");
    assert.equal(proxy.live, "blue");
  });

  test("it runs in the first run too, where a failure leaves nobody served", async (t) => {
    const first = () => {
      const proxy = new StubProxy(t);
      proxy.containers.push(
        jobOf("blue", "migrate", "before-gate"),
        jobOf("blue", "late", "after-watch"),
        jobOf("blue", "soon", "after-switch"),
      );
      return proxy;
    };
    const proxy = first();
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(acts(proxy), ["run blue-job-migrate", "move blue"], "there is neither a switch nor a watch");
    const failing = first();
    failing.job = writes(1);
    const { message } = await failing.fails(orderTo("blue"));
    assert.match(message, /\nNothing was changed: nobody is served yet\.\n/);
    assert.deepEqual(acts(failing), ["run blue-job-migrate"]);
  });

  test("before a canary it is the job of the color that is tried", async (t) => {
    const proxy = withJobs(t, jobOf("green", "migrate", "before-gate"), jobOf("blue", "migrate", "before-gate"));
    proxy.job = writes(2);
    const { reason, message } = await proxy.fails(orderToShare(5));
    assert.equal(reason, "the job migrate ended with exit code 2");
    assert.match(message, /^green did not get 5 % of the new visitors: /);
    assert.deepEqual(acts(proxy), [`run ${MIGRATE}`]);
  });

  test("a run that moves nobody to another color runs no job, and neither does a way back at once one of before the gate", async (t) => {
    const jobs = ["before-gate", "after-switch", "after-watch", "after-way-back"].flatMap((at, i) => [
      jobOf("blue", `j${i}`, at),
      jobOf("green", `j${i}`, at),
    ]);
    const reload = withJobs(t, ...jobs);
    assert.equal(await reload.carriesOut(orderTo("blue")), undefined);
    assert.deepEqual(acts(reload), ["move blue"]);
    const back = withJobs(t, ...jobs).remembers({ stable: { blue: ["blue-1"], green: ["green-1"] } });
    assert.equal(await back.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(acts(back), ["move green", "run green-job-j3"]);
  });
});

describe("a job without an end", { concurrency: true }, () => {
  test("one that hangs is ended when its time is over, and refuses the switch", async (t) => {
    const proxy = withJobs(t, jobOf("green", "migrate", "before-gate", { timeoutSeconds: 1 }));
    hang(proxy);
    const { reason } = await proxy.fails(orderTo("green"));
    assert.equal(reason, "the job migrate took longer than 1 s and was ended");
    assert.deepEqual(acts(proxy), [`run ${MIGRATE}`, `stop ${MIGRATE}`]);
  });

  test("one that does not end at once is asked again, as where it was about to start", async (t) => {
    const proxy = withJobs(t, jobOf("green", "migrate", "before-gate", { timeoutSeconds: 1 }));
    hang(proxy, 3);
    await proxy.fails(orderTo("green"));
    assert.deepEqual(acts(proxy), [`run ${MIGRATE}`, ...Array(3).fill(`stop ${MIGRATE}`)]);
  });

  test("how long the client waits is bounded beyond that, and 600 s hold where the label says nothing that could be one", async (t) => {
    const waited: (number | undefined)[] = [];
    for (const spec of [{ timeoutSeconds: 5 }, { timeoutSeconds: undefined }, { timeoutSeconds: "9" }]) {
      const proxy = withJobs(t, jobOf("green", "migrate", "before-gate", spec));
      proxy.job = async (_, { timeoutSeconds, isEndless }) => {
        waited.push(timeoutSeconds);
        assert.equal(isEndless, true);
        return ok;
      };
      assert.equal(await proxy.carriesOut(orderTo("green", { bakeSeconds: 0 })), undefined);
      const most = spec.timeoutSeconds === 5 ? 5 : 600;
      assert.ok(proxy.said.includes(`job migrate runs, ${most} s at most`));
    }
    assert.deepEqual(waited, [3665, 4260, 4260]);
  });

  test("a cancelled run ends the job that runs, and starts none afterwards", async (t) => {
    const proxy = withJobs(
      t,
      jobOf("green", "migrate", "before-gate", { timeoutSeconds: 100 }),
      jobOf("green", "other", "before-gate"),
    );
    hang(proxy);
    proxy.engine = (args) => {
      if (args[1] === "--attach") setTimeout(() => proxy.cancelled.abort(), 50);
    };
    const { result, reason } = await proxy.fails(orderTo("green"));
    assert.deepEqual([result, reason], ["refused", "the job migrate was ended, since the run was cancelled"]);
    assert.deepEqual(acts(proxy), [`run ${MIGRATE}`, `stop ${MIGRATE}`]);
    assert.equal(proxy.live, "blue");
  });

  test("a job that would begin after a run was cancelled does not, and how to run it by hand is said", async (t) => {
    const proxy = withJobs(t, jobOf("blue", "undo", "after-way-back"), jobOf("green", "late", "after-watch"));
    proxy.sample = async () => {
      proxy.cancelled.abort();
      return {};
    };
    const { reason, message } = await proxy.fails(orderTo("green", { bakeSeconds: 5 }));
    assert.equal(reason, "the run was cancelled; the job undo did not run, since the run was cancelled");
    assert.match(
      message,
      /\nThe public is back on blue, after [0-9.]+ s\.\n.*\nBeside that: the job undo did not run, since the run was cancelled\.\nNext: /s,
    );
    assert.ok(proxy.said.some((line) => line.endsWith("; docker start --attach blue-green-dev-blue-job-undo")));
    assert.ok(!acts(proxy).some((act) => act.startsWith("run")));
  });

  test("one that does not end soon after the run was cancelled is not waited for, and the command that does is said", async (t) => {
    const proxy = withJobs(t, jobOf("green", "migrate", "before-gate", { timeoutSeconds: 100 }));
    hang(proxy, Number.POSITIVE_INFINITY);
    proxy.engine = (args) => {
      if (args[1] === "--attach") proxy.cancelled.abort();
    };
    const { reason, message } = await proxy.fails(orderTo("green"));
    assert.equal(reason, "the job migrate was asked to end, since the run was cancelled, and still does");
    assert.ok(message.endsWith(`\nNext: docker wait ${NAME}; when it is mended: pulumi up`), message);
    assert.equal(proxy.live, "blue");
  });
});

describe("a job that runs already, since an earlier run was cut off", { concurrency: true }, () => {
  const withRunning = (t: TestContext, at: string, spec: object = {}): StubProxy => {
    const job = { ...jobOf("green", "migrate", at, spec), State: running };
    if (at === "before-gate") return withJobs(t, job);
    const proxy = cutOff(t);
    proxy.containers.push(job);
    return proxy;
  };

  test("it is waited for and not started a second time, and its exit code 0 is as good as of one that this run starts", async (t) => {
    for (const at of ["before-gate", "after-switch"]) {
      const proxy = withRunning(t, at);
      assert.equal(await proxy.carriesOut(orderTo("green")), undefined, at);
      assert.ok(acts(proxy).includes(`wait ${MIGRATE}`));
      assert.ok(!acts(proxy).includes(`run ${MIGRATE}`));
      assert.deepEqual(
        proxy.said.filter((line) => line.startsWith("job migrate")),
        [
          "job migrate runs already, since an earlier run was cut off: it is waited for, 10 s at most",
          "job migrate ended well",
        ],
      );
      assert.deepEqual([proxy.live, proxy.history.at(-1)?.result], ["green", "switched"]);
    }
  });

  test("another exit code refuses the switch, or takes it back, with the last that it wrote", async (t) => {
    const ends = async (at: string) => {
      const proxy = withRunning(t, at);
      proxy.wait = async () => 3;
      proxy.log = `no such column ${SECRET}\u001b[31m\n`;
      const failed = await proxy.fails(orderTo("green"));
      assert.equal(failed.reason, "the job migrate ended with exit code 3");
      assert.match(failed.message, /\nno such column \[secret\]\n/);
      assert.equal(proxy.live, "blue");
      return failed.result;
    };
    assert.equal(await ends("before-gate"), "refused");
    assert.equal(await ends("after-switch"), "reverted");
  });

  test("it has no longer than any job: then it is ended", async (t) => {
    const proxy = withRunning(t, "before-gate", { timeoutSeconds: 1 });
    let end = (_: number) => {};
    proxy.wait = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    proxy.stop = async () => {
      end(143);
      return ok;
    };
    const { reason } = await proxy.fails(orderTo("green"));
    assert.equal(reason, "the job migrate took longer than 1 s and was ended");
  });
});

describe("a job before the gate of a release that was stable", { concurrency: true }, () => {
  /** A proxy on blue, to which green comes back; returns what ran. */
  async function comesBack(t: TestContext, change: (proxy: StubProxy) => void, order = orderTo("green")) {
    const proxy = withJobs(t, jobOf("green", "migrate", "before-gate"));
    proxy.job = writes(1);
    change(proxy);
    await proxy.carriesOut(order);
    return { runs: acts(proxy).filter((act) => act.startsWith("run")), live: proxy.live };
  }
  const stable = { blue: ["blue-1"], green: ["green-1"] };
  const again = (change: object = {}) => ({ Id: "green-9", ...change });

  test("it does not run again on the way back, also where the color was stopped or removed since", async (t) => {
    const ways: ((proxy: StubProxy) => void)[] = [
      (proxy) => {
        proxy.change("green", { State: dead });
        proxy.remembers({ stable });
      },
      (proxy) => {
        proxy.change("green", { State: dead });
        proxy.remembers({ stable, retired: RETIRED });
      },
      (proxy) => {
        proxy.change("green", again());
        proxy.remembers({ stable, retired: { ...RETIRED, how: "removed", stable: true } });
      },
    ];
    for (const way of ways) assert.deepEqual(await comesBack(t, way), { runs: [], live: "green" });
    const canary = await comesBack(t, (proxy) => void proxy.remembers({ stable }), orderToShare(5));
    assert.deepEqual(canary.runs, []);
  });

  test("it runs where the release is another one, or was never stable", async (t) => {
    const ways: ((proxy: StubProxy) => void)[] = [
      (proxy) => void proxy.remembers({ stable: { blue: ["blue-1"] } }),
      (proxy) => {
        proxy.change("green", again());
        proxy.remembers({ stable });
      },
      (proxy) => {
        proxy.change("green", again());
        proxy.remembers({ stable, retired: { ...RETIRED, how: "removed" } });
      },
      (proxy) => {
        proxy.change("green", again());
        proxy.remembers({ stable, retired: { ...RETIRED, version: "1.9.0", stable: true } });
      },
      (proxy) => {
        proxy.change("green", again());
        proxy.remembers({ stable, retired: { ...RETIRED, image: "shop:2", stable: true } });
      },
      (proxy) => {
        proxy.change("green", again());
        proxy.remembers({ stable, retired: { ...RETIRED, color: "blue", stable: true } });
      },
    ];
    for (const [at, way] of ways.entries())
      assert.deepEqual(await comesBack(t, way), { runs: [`run ${MIGRATE}`], live: "blue" }, String(at));
  });
});

describe("a job after the switch", { concurrency: true }, () => {
  test("it runs when the workers have moved, and a failure takes the switch back, with what it wrote", async (t) => {
    const proxy = withJobs(
      t,
      workerOf("blue", "mail"),
      workerOf("green", "mail"),
      jobOf("green", "warm", "after-switch"),
      jobOf("blue", "warm", "after-switch"),
    );
    proxy.job = writes(4, `cold ${SECRET}`);
    const { result, reason, message } = await proxy.fails(orderTo("green"));
    assert.deepEqual([result, reason], ["reverted", "the job warm ended with exit code 4"]);
    assert.match(
      message,
      /^green was switched to and taken back: the job warm ended with exit code 4\ncold \[secret\]\ndocker logs blue-green-dev-green-job-warm\./,
    );
    assert.deepEqual(acts(proxy), [
      ...["smoke", "move green", "stop blue-worker-mail", "start green-worker-mail", "look", "run green-job-warm"],
      ...[BACK_TO_BLUE, "stop green-worker-mail", "start blue-worker-mail"],
    ]);
  });

  test("after the watch a failure is told in the last line and in the history, and the public stays: nothing fails", async (t) => {
    const proxy = withJobs(t, jobOf("green", "clean", "after-watch"), jobOf("green", "then", "after-watch"));
    proxy.job = writes(5, "no room");
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(proxy.live, "green");
    assert.deepEqual(acts(proxy), ["smoke", "move green", "look", "run green-job-clean"]);
    assert.ok(proxy.said.includes("the job clean ended with exit code 5; docker logs blue-green-dev-green-job-clean"));
    assert.match(
      proxy.said.at(-1) ?? "",
      /^green is live, from blue and well \(.*\); the job clean ended with exit code 5$/,
    );
    assert.deepEqual(
      [proxy.history[0]?.result, proxy.history[0]?.reason],
      ["switched", "the job clean ended with exit code 5"],
    );
    assert.deepEqual(proxy.record?.stable.green, ["green-1"]);
  });

  test("after a way back the jobs of the color that is gone back to run, and a failure is in the history beside why", async (t) => {
    const proxy = withJobs(t, jobOf("blue", "undo", "after-way-back"), jobOf("green", "undo", "after-way-back"));
    proxy.seen = { errors: 50 };
    proxy.job = writes(6, `still ${SECRET}`);
    const { result, reason, message } = await proxy.fails(orderTo("green"));
    assert.equal(result, "reverted");
    assert.match(reason, /^100 answers, 50 of them .*; the job undo ended with exit code 6$/);
    assert.match(message, /\nThe public is back on blue, after [0-9.]+ s\.\n/);
    assert.match(message, /\nBeside that: the job undo ended with exit code 6\.\nNext: /);
    assert.deepEqual(acts(proxy), ["smoke", "move green", "look", BACK_TO_BLUE, "run blue-job-undo"]);
    assert.ok(proxy.said.includes("job undo: still [secret]"));
  });

  test("the secrets of the color that is gone back to are hidden too, where they are others", async (t) => {
    const proxy = withJobs(t, jobOf("blue", "undo", "after-way-back"));
    const [blue] = proxy.containers;
    assert.ok(blue !== undefined);
    proxy.update("blue-1", { Config: { ...blue.Config, Env: ["TOKEN=yesterday's battery"] } });
    proxy.seen = { errors: 50 };
    proxy.job = writes(0, "yesterday's battery", SECRET);
    await proxy.fails(orderTo("green"));
    assert.deepEqual(
      proxy.said.filter((line) => line.startsWith("job undo: ")),
      Array(2).fill("job undo: [secret]"),
    );
  });

  test("one that can't be run at all takes a switch back before the watch, and is told after it", async (t) => {
    const failing = (at: string) => {
      const proxy = withJobs(t, jobOf("green", "x", at));
      proxy.job = async () => Promise.reject(new Error("the client `docker` is not on the PATH"));
      return proxy;
    };
    const soon = await failing("after-switch").fails(orderTo("green"));
    assert.deepEqual([soon.result, soon.reason], ["reverted", "the client `docker` is not on the PATH"]);
    const late = failing("after-watch");
    assert.equal(await late.carriesOut(orderTo("green")), undefined);
    assert.equal(late.history[0]?.reason, "a job did not run: the client `docker` is not on the PATH");
    const before = failing("before-gate");
    assert.equal((await before.fails(orderTo("green"))).result, "failed");
    assert.equal(before.live, "blue");
  });
});
