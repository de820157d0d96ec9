import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Report } from "../../../commands/status/report";
import { screenOf } from "../../../commands/status/screen";
import { type Facts, statusOf } from "../../../commands/status/status";
import type { Color } from "../../../stacks/service/color";
import type { Beside, BesideContainer, ContainerState } from "../../../stacks/service/world";
import { FIT } from "../../stacks/text/hostile.sample";
import { ended, facts, made, serving, slot, state, unhealthy, world } from "./facts.sample";

const stopped = state({ Running: false, Status: "exited", FinishedAt: "2026-11-23T17:00:00Z" });

const container = (part: string, name: string, change: Partial<BesideContainer> = {}): BesideContainer => ({
  ...{ id: part, container: `blue-green-dev-${part}`, name, replica: 1, restarts: 0, made: {}, environment: {} },
  state: state(),
  ...change,
});

/** Blue's worker runs, which is live, and green's doesn't; both are called mail. */
const worker = (color: Color, change: Partial<BesideContainer> = {}): BesideContainer =>
  container(`${color}-worker-mail`, "mail", { state: color === "blue" ? state() : stopped, ...change });

const accessory = (change: Partial<BesideContainer> = {}): BesideContainer => container("accessory-db", "db", change);

const beside = (
  change: { blue?: BesideContainer[]; green?: BesideContainer[]; accessories?: BesideContainer[] } = {},
): Beside => ({
  workers: { blue: change.blue ?? [worker("blue")], green: change.green ?? [worker("green")] },
  jobs: { blue: [container("blue-job-migrate", "migrate", { state: ended })], green: [] },
  accessories: change.accessories ?? [accessory()],
});

function report(
  given: Beside | undefined,
  more: Partial<Facts> = {},
  change: Parameters<typeof world>[0] = {},
): Report {
  const status = statusOf(facts({ world: world({ ...(given && { beside: given }), ...change }), ...more }));
  assert.ok(status.exit !== 3, JSON.stringify(status));
  return status;
}

const findings = (...given: Parameters<typeof report>) => report(...given).findings.map(({ text }) => text);

const inState = (change: Partial<ContainerState>, restarts = 0) => ({ state: state(change), restarts });

describe("workers and accessories in a stack's status", () => {
  test("where all are as they should be nothing is found, and each is in the report: not the jobs, which don't run", () => {
    const { level, exit, beside: told } = report(beside());
    assert.deepEqual([level, exit], ["well", 0]);
    const of = { kind: "worker", name: "mail", restarts: 0, problem: null };
    assert.deepEqual(told, [
      { ...of, color: "blue", container: "blue-green-dev-blue-worker-mail", state: "running" },
      { ...of, color: "green", container: "blue-green-dev-green-worker-mail", state: "exited" },
      { ...of, kind: "accessory", name: "db", color: null, container: "blue-green-dev-accessory-db", state: "running" },
    ]);
    assert.deepEqual(report(undefined).beside, []);
  });

  test("a worker of the live color that doesn't run is a finding, with how it ended and where its log is", () => {
    const cases: [Partial<BesideContainer>, string][] = [
      [{ state: ended }, "ended with exit code 137"],
      [{ state: unhealthy }, "is unhealthy; its image's health check says: curl: (22) The server said: 500"],
      [inState({ Running: false, Status: "created" }), "was never started"],
      [inState({ Status: "paused" }), "is paused"],
      [inState({ Status: "restarting", ExitCode: 4 }, 7), "was started 7 times, last exit 4"],
      [inState({ StartedAt: "2026-11-23T17:49:50Z" }, 3), "was started 4 times, and ends again and again"],
      [
        inState({ OOMKilled: true, Running: false, Status: "exited" }),
        "was killed for want of memory (its mem_limit, or else the setting memoryMb)",
      ],
    ];
    for (const [change, problem] of cases) {
      const { level, findings } = report(beside({ blue: [worker("blue", change)] }));
      assert.equal(level, "degraded");
      assert.deepEqual(
        findings.map(({ text }) => text),
        [
          `the worker blue-green-dev-blue-worker-mail ${problem}: docker logs --tail 30 blue-green-dev-blue-worker-mail`,
        ],
      );
      assert.match(findings[0]?.text ?? "", FIT);
    }
    assert.deepEqual(
      findings(beside({ blue: [worker("blue", inState({}, 9))] })),
      [],
      "one that was started again long ago",
    );
  });

  test("what bounds the memory of one that was killed is named as its own settings have it", () => {
    const killed = inState({ OOMKilled: true, Running: false, Status: "exited" });
    const db = { ...worker("blue", killed), name: "db", container: "blue-green-dev-accessory-db" };
    const metrics = { ...db, name: "metrics", container: "blue-green-dev-monitoring-metrics" };
    const none = { workers: { blue: [], green: [] }, jobs: { blue: [], green: [] } };
    assert.deepEqual(findings({ ...none, accessories: [db], monitoring: [metrics] }), [
      "the accessory blue-green-dev-accessory-db was killed for want of memory (its mem_limit): " +
        "docker logs --tail 30 blue-green-dev-accessory-db",
      "the container blue-green-dev-monitoring-metrics was killed for want of memory (no metrics meanwhile; visitors don't notice): " +
        "docker logs --tail 30 blue-green-dev-monitoring-metrics",
    ]);
  });

  test("one of the idle color that runs is a finding, but where it follows both", () => {
    const astray = beside({ green: [worker("green", { state: state() })] });
    assert.deepEqual(findings(astray), [
      "the worker blue-green-dev-green-worker-mail runs beside those of the live color, and takes their jobs: " +
        "docker logs --tail 30 blue-green-dev-green-worker-mail",
    ]);
    const both = { made: { follow: "both" } };
    assert.deepEqual(findings(beside({ green: [worker("green", { ...both, state: state() })] })), []);
    assert.match(
      findings(beside({ green: [worker("green", { ...both, state: ended })] }))[0] ?? "",
      /ended with exit code 137/,
    );
  });

  test("nor has one that must not run beside the other, which no run has ever stopped", () => {
    const worked = (green: ContainerState) =>
      findings(
        beside({ green: [worker("green", { made: { follow: "both" }, state: green })] }),
        {},
        {
          slots: { blue: slot("blue"), green: slot("green", { made: { ...made, sharedWhileSwitching: false } }) },
        },
      ).filter((text) => text.includes("worker"));
    assert.deepEqual(worked(state({ Running: false, Status: "created" })), []);
    assert.match(worked(state())[0] ?? "", /takes their jobs/);
  });

  test("an idle color that was stopped on purpose has no workers that run, whomever they follow", () => {
    const record = {
      ...serving().record,
      retired: { color: "green", how: "stopped", version: "1.1.0", image: "" },
    } as const;
    const change = {
      slots: { blue: slot("blue"), green: slot("green", { state: stopped }) },
      serving: serving({ record, replicas: { blue: 1, green: 0 } }),
    };
    const both = beside({ green: [worker("green", { made: { follow: "both" } })] });
    assert.deepEqual(findings(both, {}, change), []);
    const runs = beside({ green: [worker("green", { made: { follow: "both" }, state: state() })] });
    assert.match(findings(runs, {}, change)[0] ?? "", /runs beside those of the live color/);
  });

  test("one that is gone is a finding with what mends it, a job's too, but of a color that was stopped on purpose", () => {
    const blocks = { workers: { mail: { replicas: 1 } }, jobs: { migrate: { at: "before-gate" } } };
    const slots = {
      blue: slot("blue", { made: made("blue", blocks) }),
      green: slot("green", { made: made("green", blocks) }),
    };
    const { level, findings: found, beside: told } = report(beside({ green: [] }), {}, { slots });
    assert.equal(level, "degraded");
    const name = (part: string) => `blue-green-dev-green-${part}`;
    assert.deepEqual(
      found.map(({ text }) => text),
      [
        `the worker ${name("worker-mail")} is gone: pulumi up makes it again`,
        `the job ${name("job-migrate")} is gone: pulumi up makes it again`,
      ],
    );
    assert.deepEqual(told.slice(1, 3), [
      ...[
        {
          kind: "worker",
          name: "mail",
          color: "green",
          container: name("worker-mail"),
          state: "gone",
          restarts: 0,
          problem: "is gone",
        },
      ],
      ...[
        {
          kind: "job",
          name: "migrate",
          color: "green",
          container: name("job-migrate"),
          state: "gone",
          restarts: 0,
          problem: "is gone",
        },
      ],
    ]);
    assert.equal(findings(undefined, {}, { slots }).length, 4, "nothing is left beside the colors");
    const record = {
      ...serving().record,
      retired: { color: "green", how: "stopped", version: "1.1.0", image: "" },
    } as const;
    const retired = { slots: { ...slots, green: slot("green", { made: made("green", blocks), state: stopped }) } };
    assert.deepEqual(
      findings(
        beside({ green: [] }),
        {},
        { ...retired, serving: serving({ record, replicas: { blue: 1, green: 0 } }) },
      ),
      [],
    );
  });

  test("while a cutover runs nothing of them is a finding: it moves them", () => {
    const busy = { serving: serving({ busy: "host, process 7" }) };
    const moving = beside({ blue: [worker("blue", { state: stopped })], green: [worker("green", { state: state() })] });
    assert.deepEqual(findings(moving, {}, busy), ["a cutover runs at this moment (host, process 7)"]);
  });

  test("an accessory that is down is a finding", () => {
    assert.deepEqual(findings(beside({ accessories: [accessory({ state: ended })] })), [
      "the accessory blue-green-dev-accessory-db ended with exit code 137: docker logs --tail 30 blue-green-dev-accessory-db",
    ]);
  });

  test("no value of a variable shows in what a health check says, and none is in the report", () => {
    const says = state({ Health: { Status: "unhealthy", Log: [{ Output: "no login with hunter2\n" }] } });
    const environment = { PASSWORD: "hunter2" };
    const given = beside({
      blue: [worker("blue", { state: says, environment })],
      accessories: [accessory({ state: says, environment, made: { environment: ["PASSWORD"] } })],
    });
    const slots = {
      blue: slot("blue", { environment, made: made("blue", { secretEnvironment: ["PASSWORD"] }) }),
      green: slot("green"),
    };
    const told = report(given, {}, { slots });
    assert.equal(told.beside.filter(({ problem }) => problem?.includes("[secret]")).length, 2);
    assert.doesNotMatch(JSON.stringify(told), /hunter2/);
  });

  test("labels that nobody wrote make nothing fail", () => {
    for (const odd of [{ follow: 5 }, { environment: "x" }, { follow: ["both"], environment: [1, null] }])
      assert.deepEqual(
        findings(beside({ blue: [worker("blue", { made: odd })], accessories: [accessory({ made: odd })] })),
        [],
      );
  });
});

describe("the rows of workers and accessories on the screen", () => {
  const rows = (given: Beside) =>
    screenOf(report(given), { columns: 80 })
      .split("\n")
      .filter((line) => /^(workers|accessories)/.test(line))
      .map((line) => line.replace(/ +/g, " "));

  test("each worker by name with how many of which color run, each accessory by name", () => {
    assert.deepEqual(rows(beside()), ["workers mail 1 of blue runs", "accessories db runs"]);
    const many = beside({
      blue: [worker("blue"), worker("blue", { id: "2", replica: 2 }), container("blue-worker-a", "a")],
      green: [worker("green"), container("green-worker-a", "a")],
      accessories: [accessory(), accessory({ name: "redis", state: ended })],
    });
    assert.deepEqual(rows(many), [
      "workers mail 2 of blue run; a 2 of blue and green run",
      "accessories db runs; redis exited",
    ]);
    const row = (change: Partial<BesideContainer>) => rows(beside({ blue: [worker("blue", change)] }))[0];
    assert.equal(row(inState({ Status: "restarting" }, 7)), "workers mail restarting");
    assert.equal(row(inState({ StartedAt: "2026-11-23T17:49:50Z" }, 3)), "workers mail not well", "between two ends");
    const astray = beside({ green: [worker("green", { state: state() })] });
    assert.equal(rows(astray)[0], "workers mail 2 of blue and green run", "it takes jobs");
    assert.deepEqual(rows(beside({ blue: [worker("blue", { state: ended })] })), [
      "workers mail exited",
      "accessories db runs",
    ]);
  });

  test("a stack without them has no such rows, and one with many has no line that is wider than the screen", () => {
    assert.doesNotMatch(screenOf(report(undefined)), /^(workers|accessories)/m);
    const accessories = Array.from({ length: 20 }, (_, at) => accessory({ name: `an-accessory-of-a-long-name-${at}` }));
    for (const line of screenOf(report(beside({ accessories })), { columns: 80 }).split("\n"))
      assert.ok(line.length <= 80, line);
  });
});
