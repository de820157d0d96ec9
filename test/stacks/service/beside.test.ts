import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  accessoryName,
  containerName,
  jobName,
  ownerLabels,
  type ServiceId,
  workerName,
} from "../../../stacks/service/names";
import { partOf } from "../../../stacks/service/ours";
import { type Inspected, worldOf } from "../../../stacks/service/world";

const owner: ServiceId = { project: "blue-green", stack: "dev" };
const shop: ServiceId = { ...owner, service: "shop" };

const running = { Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false };

/** A container of that name with these labels, which go without the program's own prefix. */
const found = (name: string, labels: Record<string, string>, of = owner): Inspected => ({
  Id: name,
  Name: `/${name}`,
  Config: {
    Labels: {
      ...ownerLabels(of),
      ...Object.fromEntries(Object.entries(labels).map(([label, value]) => [`blue-green.${label}`, value])),
    },
  },
});

const MAIL = { role: "worker", color: "green", worker: "mail", replica: "1" };
const MIGRATE = { role: "job", color: "blue", job: "migrate" };
const DB = { role: "accessory", accessory: "db" };

describe("whose a container beside the web ones is", () => {
  test("a worker, a job and an accessory are told by their names and labels, with which one of a worker's it is", () => {
    for (const of of [owner, shop]) {
      const told = (name: string, labels: Record<string, string>) => partOf(of, found(name, labels, of));
      const mail = { role: "worker", color: "green", name: "mail" };
      assert.deepEqual(told(containerName(of, workerName("green", "mail", 1)), MAIL), { ...mail, replica: 1 });
      const second = containerName(of, workerName("green", "mail", 2));
      assert.match(second, /-green-worker-mail-2$/);
      assert.deepEqual(told(second, { ...MAIL, replica: "2" }), { ...mail, replica: 2 });
      assert.deepEqual(told(containerName(of, jobName("blue", "migrate")), MIGRATE), {
        ...{ role: "job", color: "blue", name: "migrate" },
      });
      assert.deepEqual(told(containerName(of, accessoryName("db")), DB), { role: "accessory", name: "db" });
    }
  });

  test("labels alone, as an image may bring them, make nobody's container one", () => {
    for (const labels of [MAIL, MIGRATE, DB]) {
      const names = ["debug", "mail", "", "blue-green-dev-", "blue-green-dev-db", "blue-green-prod-accessory-db"];
      names.push(
        "x-blue-green-dev-accessory-db",
        "blue-green-dev-accessory-db-2",
        "blue-green-dev-green-worker-mail-1",
      );
      names.push(
        "blue-green-dev-green-worker-mail-x",
        "blue-green-dev-blue-job-migrate-2",
        "blue-green-dev-shop-accessory-db",
      );
      for (const name of names) assert.equal(partOf(owner, found(name, labels)), undefined, `${name} ${labels.role}`);
    }
  });

  test("an accessory of another service of the stack is told apart, also of one that the program no longer has", () => {
    const all = [
      found("blue-green-dev-accessory-db", DB),
      found("blue-green-dev-shop-accessory-db", DB, shop),
      found("blue-green-dev-gone-accessory-queue", { ...DB, accessory: "queue" }, { ...owner, service: "gone" }),
      found("blue-green-dev-shop-green-worker-mail", MAIL, shop),
      found("blue-green-dev-accessory-db", DB, shop),
    ];
    const foreign = (of: ServiceId) =>
      (worldOf(of, all, []).foreignAccessories ?? []).map(({ service, container }) => [service, container]);
    const SHOP = ["shop", "blue-green-dev-shop-accessory-db"];
    const GONE = ["gone", "blue-green-dev-gone-accessory-queue"];
    assert.deepEqual(foreign(owner), [SHOP, GONE]);
    assert.deepEqual(foreign(shop), [[undefined, "blue-green-dev-accessory-db"], GONE]);
    assert.equal("foreignAccessories" in worldOf(owner, all.slice(0, 1), []), false);
  });

  test("a name that does not fit its labels, or labels of somebody else's, make none either", () => {
    const mail = "blue-green-dev-green-worker-mail";
    const unfit: [name: string, labels: Record<string, string>, of?: ServiceId][] = [
      [mail, { ...MAIL, color: "blue" }],
      [mail, { ...MAIL, color: "red" }],
      [mail, { ...MAIL, worker: "other" }],
      [mail, { ...MAIL, role: "job" }],
      [mail, { ...MAIL, role: "slot" }],
      [mail, { ...MAIL, replica: "2" }],
      ...["", "0", "-1", "x", "Infinity"].map((replica): [string, Record<string, string>] => [
        mail,
        { ...MAIL, replica },
      ]),
      [`${mail}-2`, { ...MAIL, replica: "1" }],
      [mail, { role: "worker", color: "green", replica: "1", accessory: "mail" }],
      [mail, MAIL, { ...owner, stack: "prod" }],
      [mail, MAIL, { ...owner, project: "other" }],
      ["blue-green-dev-shop-green-worker-mail", MAIL, shop],
      ["blue-green-dev-blue-job-migrate", { ...MIGRATE, role: "worker" }],
      ["blue-green-dev-accessory-db", { ...DB, role: "slot", color: "blue" }],
      ["blue-green-dev-accessory-db", { ...DB, accessory: "other" }],
      ["blue-green-dev-accessory-db", { role: "accessory" }],
    ];
    for (const [name, labels, of] of unfit)
      assert.equal(partOf(owner, found(name, labels, of)), undefined, `${name} ${JSON.stringify(labels)}`);
    assert.equal(partOf(owner, { Name: `/${mail}`, Config: { Labels: null } }), undefined);
  });

  test("a color's own container is none of them, whatever its image says", () => {
    const labels = { ...MAIL, ...DB, job: "x", role: "slot", color: "blue" };
    assert.deepEqual(partOf(owner, found("blue-green-dev-blue", labels)), { role: "slot", color: "blue", replica: 1 });
    assert.deepEqual(partOf(owner, found("blue-green-dev-proxy", { ...labels, role: "proxy" })), { role: "proxy" });
  });

  test("whatever the labels are, the part is made of the container's own name", () => {
    const value = fc.oneof(fc.constantFrom("worker", "job", "accessory", "blue", "mail", "1", "2"), fc.string());
    const labels = fc.dictionary(fc.constantFrom("role", "color", "worker", "job", "accessory", "replica"), value);
    const name = fc.constantFrom(
      "blue-worker-mail",
      "blue-worker-mail-2",
      "green-job-mail",
      "accessory-mail",
      "accessory-",
    );
    fc.assert(
      fc.property(name, labels, (name, some) => {
        const part = partOf(owner, found(`blue-green-dev-${name}`, some));
        if (part === undefined) return;
        assert.equal(part.role, some.role);
        assert.ok(part.role !== "proxy" && part.role !== "slot");
        const { role, name: called } = part;
        const own =
          role === "worker"
            ? workerName(part.color, called, part.replica)
            : role === "job"
              ? jobName(part.color, called)
              : accessoryName(called);
        assert.equal(own, name);
      }),
    );
  });
});

describe("what the engine has beside the web containers", () => {
  const worker = (color: string, name: string, replica: number, more: Partial<Inspected> = {}): Inspected => {
    const base = found(`blue-green-dev-${color}-worker-${name}${replica === 1 ? "" : `-${replica}`}`, {
      ...{
        role: "worker",
        color,
        worker: name,
        replica: String(replica),
        spec: '{"follow":"live","start":"after-watch"}',
      },
    });
    return { ...base, ...more };
  };

  test("a world with none of them says nothing of them", () => {
    assert.equal(
      "beside" in worldOf(owner, [found("debug", MAIL), found("blue-green-dev-proxy", { role: "proxy" })], []),
      false,
    );
  });

  test("each is told with its state, what it was made from and its variables, by color and in order", () => {
    const mail = worker("blue", "mail", 1, { State: running, RestartCount: 3 });
    mail.Config = { ...mail.Config, Env: ["COLOR=blue", "URL=a=b", "EMPTY="] };
    const containers = [
      worker("blue", "mail", 10),
      worker("blue", "mail", 2),
      found("blue-green-dev-accessory-redis", { role: "accessory", accessory: "redis" }),
      mail,
      worker("green", "mail", 1),
      worker("blue", "a", 1),
      found("blue-green-dev-blue-job-migrate", { ...MIGRATE, spec: '{"at":"before-gate","timeoutSeconds":9}' }),
      found("blue-green-dev-accessory-db", { ...DB, spec: '{"image":"postgres:17"}' }),
    ];
    const { beside, slots } = worldOf(owner, containers, []);
    assert.ok(beside !== undefined);
    assert.deepEqual(slots, { blue: [], green: [] });
    const idsOf = (list: readonly { container: string }[]) =>
      list.map(({ container }) => container.slice("blue-green-dev-".length));
    assert.deepEqual(idsOf(beside.workers.blue), [
      "blue-worker-a",
      "blue-worker-mail",
      "blue-worker-mail-2",
      "blue-worker-mail-10",
    ]);
    assert.deepEqual(idsOf(beside.workers.green), ["green-worker-mail"]);
    assert.deepEqual(idsOf(beside.accessories), ["accessory-db", "accessory-redis"]);
    assert.deepEqual([beside.jobs.blue[0]?.made, beside.jobs.green], [{ at: "before-gate", timeoutSeconds: 9 }, []]);
    assert.deepEqual(beside.workers.blue[1], {
      id: "blue-green-dev-blue-worker-mail",
      container: "blue-green-dev-blue-worker-mail",
      name: "mail",
      replica: 1,
      state: running,
      restarts: 3,
      made: { follow: "live", start: "after-watch" },
      environment: { COLOR: "blue", URL: "a=b", EMPTY: "" },
    });
  });

  test("one that says next to nothing, or whose label is mangled, counts as one that does not run and was made from nothing known", () => {
    for (const spec of [undefined, "", "{", "null", "[]", "7"]) {
      const { beside } = worldOf(
        owner,
        [found("blue-green-dev-accessory-db", { ...DB, ...(spec !== undefined && { spec }) })],
        [],
      );
      assert.partialDeepStrictEqual(beside?.accessories[0], {
        state: { Running: false, Status: "unknown" },
        restarts: 0,
        environment: {},
      });
      assert.deepEqual(beside?.accessories[0]?.made, {}, String(spec));
    }
  });

  test("one service's are not another's", () => {
    const name = containerName(shop, workerName("blue", "mail", 1));
    const theirs = found(name, { role: "worker", color: "blue", worker: "mail", replica: "1" }, shop);
    assert.equal(worldOf(shop, [theirs], []).beside?.workers.blue.length, 1);
    for (const other of [owner, { ...owner, service: "api" }])
      assert.equal(worldOf(other, [theirs], []).beside, undefined);
  });
});
