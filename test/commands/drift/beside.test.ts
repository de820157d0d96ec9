import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RunningContainer } from "../../../commands/drift/engine";
import type { Facts, Row } from "../../../commands/drift/row";
import { rowsOf } from "../../../commands/drift/rows";
import { type DeclaredContainer, declaredIn } from "../../../commands/drift/state";
import type { Color } from "../../../stacks/service/color";
import { serving } from "../status/facts.sample";
import {
  compared,
  declared,
  declaredSlot,
  facts,
  GENERATION,
  idOf,
  image,
  imageIdOf,
  NETWORK,
  OWNER,
  runningSlot,
  SECRET,
  slotResource,
  urnOf,
} from "./facts.sample";

const line = ({ resource, what, declared = "-", runs = "-", mend }: Row) =>
  `${resource}: ${what}, ${declared} -> ${runs}, ${mend.by}`;

const short = (part: string) => idOf(part).slice(0, 12);

const exited = { Running: false, Status: "exited", StartedAt: "", ExitCode: 3, OOMKilled: false };

/** One of the containers beside the web ones: as it is declared, and as it runs when nothing differs. */
interface Pair {
  part: string;
  declared: DeclaredContainer;
  runs: RunningContainer;
}

function pairOf(
  part: string,
  role: DeclaredContainer["role"],
  color: Color | undefined,
  labels: Record<string, string>,
  inputs: object = {},
): Pair {
  const base = declaredSlot(color ?? "blue");
  const all = {
    ...{ "blue-green.project": "blue-green", "blue-green.stack": "dev", "blue-green.role": role },
    ...(color && { "blue-green.color": color }),
    ...labels,
  };
  const { ports, ...own } = base.inputs;
  const same = runningSlot(color ?? "blue");
  return {
    part,
    declared: {
      ...{ urn: urnOf("docker:index/container:Container", part), id: idOf(part), name: `blue-green-dev-${part}` },
      ...{ labels: all, role, ...(color && { color }) },
      inputs: {
        ...own,
        labels: Object.entries(all).map(([label, value]) => ({ label, value })),
        networksAdvanced: [{ name: NETWORK, aliases: [] }],
        ...inputs,
      },
    },
    runs: {
      ...same,
      ...{ Id: idOf(part), Name: `/blue-green-dev-${part}` },
      Config: { ...same.Config, Labels: { ...all, "org.opencontainers.image.version": "1.0.0" } },
      HostConfig: { ...same.HostConfig, PortBindings: null },
      NetworkSettings: { Networks: { [NETWORK]: { NetworkID: "n1", Aliases: [idOf(part).slice(0, 12)] } } },
    },
  };
}

const worker = (color: Color, spec: object = { follow: "live", start: "after-switch" }): Pair =>
  pairOf(`${color}-worker-mail`, "worker", color, {
    "blue-green.worker": "mail",
    "blue-green.replica": "1",
    "blue-green.spec": JSON.stringify(spec),
  });

const job = (color: Color): Pair =>
  pairOf(
    `${color}-job-migrate`,
    "job",
    color,
    { "blue-green.job": "migrate", "blue-green.spec": "{}" },
    { restart: "no" },
  );

const db = (spec: object = {}): Pair =>
  pairOf("accessory-db", "accessory", undefined, {
    "blue-green.accessory": "db",
    "blue-green.spec": JSON.stringify(spec),
  });

/** A stack with these beside its web containers, changed as told: `undefined` is a container that is gone. */
function rows(
  pairs: Pair[],
  changes: Record<string, Partial<RunningContainer> | undefined> = {},
  more: Partial<Facts> = {},
): Row[] {
  const all = facts();
  const containers = pairs.flatMap(({ part, runs }) =>
    part in changes && changes[part] === undefined ? [] : [{ ...runs, ...changes[part] }],
  );
  const declaredHere = declared();
  return rowsOf(
    compared({
      ...all,
      declared: { ...declaredHere, containers: [...declaredHere.containers, ...pairs.map(({ declared }) => declared)] },
      running: { ...all.running, containers: [...all.running.containers, ...containers] },
      ...more,
    }),
  );
}

const lines = (...given: Parameters<typeof rows>) => rows(...given).map(line);

const live = () => [worker("blue"), { ...worker("green"), runs: { ...worker("green").runs, State: exited } }];

const jobs = () =>
  [job("blue"), job("green")].map((pair) => ({
    ...pair,
    runs: { ...pair.runs, State: exited, HostConfig: { ...pair.runs.HostConfig, RestartPolicy: { Name: "no" } } },
  }));

describe("workers, jobs and accessories in a stack's drift", () => {
  test("nothing differs where the live color's workers run, the idle one's and the jobs don't, and the accessories do", () => {
    assert.deepEqual(lines([...live(), ...jobs(), db()]), []);
    assert.deepEqual(
      lines([...live(), ...jobs(), db()], {}, { serving: undefined, volume: undefined }),
      [],
      "the last cutover says who is live",
    );
  });

  test("a worker of the live color that doesn't run is started, and one of the idle color that runs is the next run's", () => {
    assert.deepEqual(lines(live(), { "blue-worker-mail": { State: exited } }), [
      "blue-worker-mail: state, running -> exited (3), docker",
    ]);
    const started = rows(live(), { "blue-worker-mail": { State: { ...exited, Status: "created" } } });
    assert.deepEqual(
      started.map(({ runs, mend }) => [runs, mend]),
      [
        [
          "never started",
          { by: "docker", args: ["start", "blue-green-dev-blue-worker-mail"], start: idOf("blue-worker-mail") },
        ],
      ],
    );
    const running = { State: { ...exited, Running: true, Status: "running" } };
    assert.deepEqual(lines(live(), { "green-worker-mail": running }), [
      "green-worker-mail: state, stopped while idle -> running, up",
    ]);
    const looping = { State: { ...exited, Status: "restarting", Running: true } };
    assert.deepEqual(lines(live(), { "blue-worker-mail": looping }), [
      "blue-worker-mail: state, running -> restarting (3), hand",
    ]);
  });

  test("one that follows both runs in both colors, but where the idle color was stopped on purpose", () => {
    const both = (color: Color) => worker(color, { follow: "both" });
    assert.deepEqual(lines([both("blue"), both("green")]), []);
    assert.deepEqual(lines([both("blue"), both("green")], { "green-worker-mail": { State: exited } }), [
      "green-worker-mail: state, running -> exited (3), docker",
    ]);
    const retired = { color: "green", how: "stopped", version: "1.0.0", image: "" } as const;
    const served = {
      serving: serving({ generation: GENERATION, declared: GENERATION, record: { stable: {}, retired } }),
    };
    const stopped = rows([both("blue"), both("green")], { "green-worker-mail": { State: exited } }, served);
    assert.deepEqual(
      stopped.map(line),
      ["green: state, stopped while idle -> running, up"],
      "of green that is its web container alone",
    );
  });

  test("a job may run or not; one that is gone, as a worker of any color, is made anew by its own step", () => {
    const running = { State: { ...exited, Running: true, Status: "running" } };
    assert.deepEqual(lines(jobs(), { "blue-job-migrate": running }), []);
    for (const part of [
      "blue-worker-mail",
      "green-worker-mail",
      "blue-job-migrate",
      "green-job-migrate",
      "accessory-db",
    ]) {
      const [row, ...others] = rows([...live(), ...jobs(), db()], { [part]: undefined });
      assert.deepEqual(others, []);
      assert.deepEqual([row?.resource, row?.what, row?.declared, row?.runs], [part, "container", short(part), "gone"]);
      assert.deepEqual(row?.mend, { by: "replace", urn: urnOf("docker:index/container:Container", part) });
    }
  });

  test("what differs is told by its property; of the live color and of an accessory a hand decides, of the idle color a run mends it", () => {
    const memory = (pair: Pair | undefined) => ({
      HostConfig: { ...pair?.runs.HostConfig, Memory: 64 * 1024 * 1024 } as RunningContainer["HostConfig"],
    });
    const [blue, green] = live();
    assert.deepEqual(lines(live(), { "green-worker-mail": { ...memory(green), State: exited } }), [
      "green-worker-mail: memory, 256 MiB -> 64 MiB, replace",
    ]);
    assert.deepEqual(lines(live(), { "blue-worker-mail": memory(blue) }), [
      "blue-worker-mail: memory, 256 MiB -> 64 MiB, hand",
    ]);
    const [row] = rows([db()], { "accessory-db": memory(db()) });
    assert.deepEqual(row?.mend, {
      by: "hand",
      why: "both colors need it, and would get errors while it is replaced",
      command: { up: ["--replace", urnOf("docker:index/container:Container", "accessory-db")] },
    });
  });

  test("how many processes it may have is what its label says, and no value of a variable is shown", () => {
    const limited = worker("blue", { follow: "live", processes: 100 });
    const host = (PidsLimit: number) => ({
      "blue-worker-mail": { HostConfig: { ...limited.runs.HostConfig, PidsLimit } },
    });
    assert.deepEqual(lines([limited], host(100)), []);
    assert.deepEqual(lines([limited], host(4096)), ["blue-worker-mail: process limit, 100 -> 4096, hand"]);
    const { runs } = db();
    const Env = ["COLOR=blue", "PORT=5000", "SHOP=plain too", `TOKEN=${SECRET}!`, "PATH=/usr/bin"];
    assert.deepEqual(lines([db()], { "accessory-db": { Config: { ...runs.Config, Env } } }), [
      "accessory-db: environment SHOP, [not shown] -> another value, hand",
      "accessory-db: environment TOKEN, [not shown] -> another value, hand",
    ]);
  });

  test("one that Pulumi did not make is told, and a namesake of the stack's is in the way of it", () => {
    assert.deepEqual(rows([]).length, 0);
    const { runs } = worker("blue");
    const all = facts();
    const stray = rowsOf(
      compared({ ...all, running: { ...all.running, containers: [...all.running.containers, runs] } }),
    );
    assert.deepEqual(stray.map(line), [
      `blue-worker-mail: container, - -> ${short("blue-worker-mail")}, running, hand`,
    ]);
    const [row] = rows(live(), { "green-worker-mail": { Id: idOf("other") } });
    assert.deepEqual(row?.mend, {
      by: "replace",
      urn: urnOf("docker:index/container:Container", "green-worker-mail"),
      remove: idOf("other"),
    });
  });
});

describe("what Pulumi's state declares beside the web containers", () => {
  /** A resource of the state with these labels. */
  const resource = (part: string, labels: Record<string, string>) => {
    const base = slotResource("blue");
    const own = { "blue-green.project": "blue-green", "blue-green.stack": "dev", ...labels };
    const list = Object.entries(own).map(([label, value]) => ({ label, value }));
    return {
      ...base,
      urn: urnOf("docker:index/container:Container", part),
      id: idOf(part),
      inputs: { ...base.inputs, labels: list, name: `blue-green-dev-${part}` },
    };
  };

  test("each has its role and, but for an accessory, its color; an accessory's image is one of the stack's", () => {
    const part = "accessory-db";
    const pulled = {
      ...{ urn: urnOf("docker:index/remoteImage:RemoteImage", part), type: "docker:index/remoteImage:RemoteImage" },
      ...{ inputs: { name: "postgres:17" }, outputs: { imageId: imageIdOf(part) } },
    };
    const state = JSON.stringify({
      deployment: {
        resources: [
          slotResource("blue"),
          resource("green-worker-mail-2", {
            "blue-green.role": "worker",
            "blue-green.color": "green",
            "blue-green.worker": "mail",
          }),
          resource("blue-job-migrate", {
            "blue-green.role": "job",
            "blue-green.color": "blue",
            "blue-green.job": "migrate",
          }),
          resource(part, { "blue-green.role": "accessory", "blue-green.accessory": "db" }),
          pulled,
          { ...pulled, urn: urnOf("docker:index/remoteImage:RemoteImage", "somebody-elses") },
        ],
      },
    });
    const found = declaredIn(state, OWNER).get(undefined);
    assert.deepEqual(
      found?.containers.map(({ name, role, color }) => [name.slice("blue-green-dev-".length), role, color]),
      [
        ["blue", "slot", "blue"],
        ["green-worker-mail-2", "worker", "green"],
        ["blue-job-migrate", "job", "blue"],
        ["accessory-db", "accessory", undefined],
      ],
    );
    assert.deepEqual(found?.images, [{ urn: pulled.urn, part, name: "postgres:17", imageId: imageIdOf(part) }]);
  });

  test("an accessory's image that is gone, or is another one by its name, is a difference", () => {
    const part = "accessory-db";
    const declaredHere = declared();
    const urn = urnOf("docker:index/remoteImage:RemoteImage", part);
    const withImage = {
      declared: {
        ...declaredHere,
        images: [...declaredHere.images, { urn, part, name: "postgres:17", imageId: imageIdOf(part) }],
      },
    };
    const { images } = facts().running;
    const has = (name: string, of: string) => ({
      running: { ...facts().running, images: new Map(images).set(name, image(of)) },
    });
    assert.deepEqual(rowsOf(compared({ ...facts(), ...withImage, ...has("postgres:17", part) })), []);
    const [row] = rowsOf(compared({ ...facts(), ...withImage, ...has("postgres:17", "blue") }));
    assert.equal(row?.resource, `image ${part}`);
  });
});
