import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LABEL, ownerLabels, type ServiceId } from "../../../stacks/service/names";
import { partsIn, readParts, stackPartOf } from "../../../stacks/service/parts";
import type { Inspected } from "../../../stacks/service/world";
import { stubDocker } from "../engine/docker.stub";

const OWNER: ServiceId = { project: "shops", stack: "prod" };
const SHOP: ServiceId = { ...OWNER, service: "shop" };

const found = (name: string, labels: Record<string, string>, owner = OWNER): Inspected => ({
  ...{ Id: `id of ${name}`, Name: `/${name}` },
  Config: { Labels: { ...ownerLabels(owner), ...labels } },
});

const worker = (color: string, name: string, replica = "1") => ({
  ...{ [LABEL.role]: "worker", [LABEL.worker]: name, [LABEL.color]: color, [LABEL.replica]: replica },
});

describe("what a stack's containers are", () => {
  test("workers, jobs, accessories, the gateway, the proxy and the colors' own, by label and name", () => {
    const part = (name: string, labels: Record<string, string>, owner = OWNER) =>
      stackPartOf(owner, found(name, labels, owner));
    const mail = { role: "worker", name: "mail", color: "blue" };
    assert.deepEqual(part("shops-prod-blue-worker-mail", worker("blue", "mail")), { ...mail, replica: 1 });
    assert.deepEqual(part("shops-prod-blue-worker-mail-2", worker("blue", "mail", "2")), { ...mail, replica: 2 });
    assert.deepEqual(part("shops-prod-shop-blue-worker-mail", worker("blue", "mail"), SHOP), { ...mail, replica: 1 });
    const job = { [LABEL.role]: "job", [LABEL.job]: "migrate", [LABEL.color]: "green" };
    assert.deepEqual(part("shops-prod-green-job-migrate", job), { role: "job", name: "migrate", color: "green" });
    const accessory = { [LABEL.role]: "accessory", [LABEL.accessory]: "db" };
    assert.deepEqual(part("shops-prod-accessory-db", accessory), { role: "accessory", name: "db" });
    assert.deepEqual(part("shops-prod-shop-accessory-db", accessory, SHOP), { role: "accessory", name: "db" });
    assert.deepEqual(part("shops-prod-gateway", { [LABEL.role]: "gateway" }), { role: "gateway" });
    assert.deepEqual(part("shops-prod-proxy", { [LABEL.role]: "proxy" }), { role: "proxy" });
    const slot = { [LABEL.role]: "slot", [LABEL.color]: "blue" };
    assert.deepEqual(part("shops-prod-blue-2", slot), { role: "slot", color: "blue", replica: 2 });
  });

  test("labels that an image has handed on make nobody a part", () => {
    const strangers = [
      found("eager_hopper", worker("blue", "mail")),
      found("shops-prod-green-worker-mail", worker("blue", "mail")),
      found("shops-prod-accessory-db", { [LABEL.role]: "job", [LABEL.job]: "db", [LABEL.color]: "blue" }),
      found("shops-prod-blue-exec-0a1b", { [LABEL.role]: "exec", [LABEL.color]: "blue" }),
      found("shops-dev-accessory-db", { [LABEL.role]: "accessory", [LABEL.accessory]: "db" }),
      found("shops-prod-shop-blue", { [LABEL.role]: "slot", [LABEL.color]: "blue", [LABEL.service]: "\u001b[2J" }),
    ];
    assert.deepEqual(partsIn(OWNER, strangers), []);
  });

  test("come in the order of their names, each with its service", () => {
    const slot = (name: string, owner = OWNER) => found(name, { [LABEL.role]: "slot", [LABEL.color]: "blue" }, owner);
    const all = [slot("shops-prod-blue-10"), slot("shops-prod-shop-blue", SHOP), slot("shops-prod-blue-2")];
    assert.deepEqual(
      partsIn(OWNER, all).map(({ name, service }) => [name, service]),
      [
        ["shops-prod-blue-2", undefined],
        ["shops-prod-blue-10", undefined],
        ["shops-prod-shop-blue", "shop"],
      ],
    );
  });

  test("are asked for again where one is removed between two questions, a few times", async () => {
    let asked = 0;
    const engine = (gone: number) =>
      stubDocker({
        ask: async (_, verb) => {
          if (verb === "ls") return "one\n";
          asked += 1;
          if (asked <= gone) throw new Error("Error: No such container: one");
          return JSON.stringify([found("shops-prod-proxy", { [LABEL.role]: "proxy" })]);
        },
      });
    assert.equal((await readParts(engine(2), OWNER)).length, 1);
    asked = 0;
    await assert.rejects(readParts(engine(9), OWNER), /No such container/);
    assert.equal(asked, 3);
  });
});
