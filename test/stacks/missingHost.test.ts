import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { BlueGreen } from "../../stacks/blueGreen";
import { HOST_TYPES } from "../../stacks/plan/missingHosts";
import { resourcesIn } from "../../stacks/plan/ownState";
import type { StateResource } from "../../stacks/plan/stateProblem";
import { type Host, UNSEEN } from "../../stacks/service/hosts";
import type { UnknownWorld, World } from "../../stacks/service/world";
import type { Settings } from "../../stacks/settings/settings";
import {
  after,
  COMMAND,
  CONTAINER,
  empty,
  listen,
  made,
  make,
  one,
  options,
  optionsOf,
  owner,
  RESOURCES,
} from "./blueGreen.mocks";
import { stubDocker } from "./engine/docker.stub";
import { B, C, OWN, placed } from "./places.sample";
import { sampleSettings } from "./settings/settings.sample";

const HOSTS = [OWN, B, C];
const VOLUME = "docker:index/volume:Volume";
const PROVIDER = "pulumi:providers:docker";
const AWAY: UnknownWorld = { unknown: true, reason: "connection refused." };
const MOUNTED: Partial<Settings> = {
  monitoring: "metrics",
  container: { volumes: { volumes: [{ type: "volume", source: "uploads", target: "/uploads" }], tmpfs: {} } },
};

type Worlds = readonly (World | UnknownWorld)[];

interface Case {
  worlds?: Worlds;
  settings?: Partial<Settings>;
  owner?: typeof owner;
  resources?: readonly StateResource[];
  /** How many resources there are going to be. */
  count: number;
}

const makeOn = (
  hosts: readonly Host[],
  { worlds = [], settings = {}, count, owner: of = owner, resources = [] }: Case,
) =>
  make({ ...settings, hosts }, empty, count, {
    ...{ owner: of, places: placed(hosts, worlds, settings, of), resources },
  });

/** What Pulumi's state has after the run that was made last. */
const stateNow = (): StateResource[] =>
  resourcesIn(
    Object.fromEntries(
      [...options].map(([key, { types }]) => {
        const [type = "", name] = key.split(" ");
        const inputs = made.find((one) => one.type === type && one.name === name)?.inputs ?? {};
        return [`urn:pulumi:dev::blue-green::${types.join("$")}::${name}`, { type, outputs: inputs }];
      }),
    ),
  );

/** All that is declared, by its types and its name, but for what is there once. */
const declared = (): string[] =>
  [...options].map(([key, { types }]) => `${types.join("$")}::${key.split(" ")[1]}`).sort();

/** Those of what is declared that ignore all changes as a missing host's do. */
const kept = (): string[] =>
  [...options].flatMap(([key, { ignoreChanges }]) => (ignoreChanges.includes(UNSEEN) ? [key] : [])).sort();

const ofHost = (name: string) => (each: string) => each.split("::").at(-1)?.startsWith(`${name}-`) === true;

describe("a host that does not answer", () => {
  /** A volume, and what counts requests with its image. */
  const more = 3;
  const all = RESOURCES + more + 1 + 2 * (RESOURCES + more + 2);

  test("what the state has of it is declared as it is there, and nothing else of it", async (t) => {
    const said = listen(t, "warn");
    await makeOn(HOSTS, { settings: MOUNTED, count: all });
    const [before, resources] = [declared(), stateNow()];
    const settings = { ...MOUNTED, allowMissingHosts: 1, memoryMb: 512, replicas: 2, greenVersion: "2.0.0" };
    await makeOn(HOSTS, { worlds: [after({}), after({}), AWAY], settings, resources, count: all + 2 });
    assert.deepEqual(declared().filter(ofHost("c")), before.filter(ofHost("c")));
    for (const type of HOST_TYPES)
      assert.ok(
        before.filter(ofHost("c")).some((each) => each.includes(type)),
        type,
      );
    assert.deepEqual(one(PROVIDER, "service-c"), { host: C.address });
    const custom = before.filter(ofHost("c")).filter((each) => !/blue-green:index:[A-Za-z]+::/.test(each));
    assert.deepEqual(kept(), custom.map((each) => (each.split("$").at(-1) ?? "").replace("::", " ")).sort());
    for (const key of kept()) {
      const { ignoreChanges, hooks } = optionsOf(key.split(" ")[0] ?? "", key.split(" ")[1] ?? "");
      assert.equal(ignoreChanges[0], "*", key);
      assert.deepEqual(hooks, {}, key);
    }
    assert.ok(optionsOf(CONTAINER, "c-blue").ignoreChanges.includes("memory"));
    assert.deepEqual(one(COMMAND, "c-network").delete, undefined);
    assert.equal(
      said.find((line) => line.startsWith("c ")),
      "c does not answer (connection refused): it keeps what it has and serves what it served (allowMissingHosts 1). " +
        "The first `pulumi up` that reaches it puts it right.",
    );
  });

  test("of it a destroy takes what stands on others first, and keeps the data", async (t) => {
    listen(t, "warn");
    await makeOn(HOSTS, { settings: MOUNTED, count: all });
    const resources = stateNow();
    const settings = { ...MOUNTED, allowMissingHosts: 1 };
    await makeOn(HOSTS, { worlds: [after({}), after({}), AWAY], settings, resources, count: all });
    const { dependencies } = optionsOf(CONTAINER, "c-blue");
    for (const needed of ["docker:index/network:Network c-network", `${VOLUME} c-data-uploads`, `${VOLUME} c-proxy`])
      assert.ok(dependencies.includes(needed), dependencies.join(", "));
    assert.ok(optionsOf(COMMAND, "c-leave").dependencies.includes(`${CONTAINER} c-proxy`));
    assert.ok(optionsOf(COMMAND, "c-network").dependencies.includes(`${COMMAND} c-leave`));
    assert.equal(optionsOf(VOLUME, "c-data-uploads").retainOnDelete, true);
    assert.equal(optionsOf(VOLUME, "c-proxy").retainOnDelete, false);
    await makeOn(HOSTS, {
      worlds: [after({}), after({}), AWAY],
      settings: { ...settings, deleteVolumes: true },
      ...{ resources, count: all },
    });
    assert.equal(optionsOf(VOLUME, "c-data-uploads").retainOnDelete, false);
  });

  test("the cutover goes by those that are there, and waits for none of the others", async (t) => {
    listen(t, "warn");
    await makeOn(HOSTS, { count: RESOURCES + 1 + 2 * (RESOURCES + 2) });
    const resources = stateNow();
    await makeOn(HOSTS, {
      worlds: [after({}), after({}), AWAY],
      ...{ settings: { allowMissingHosts: 1 }, resources, count: RESOURCES + 1 + 2 * (RESOURCES + 2) },
    });
    const { environment } = one(COMMAND, "cutover") as { environment: Record<string, string> };
    assert.deepEqual(
      JSON.parse(environment.BLUE_GREEN_HOSTS ?? "").map(({ name }: Host) => name),
      ["a", "b"],
    );
    const onC = optionsOf(COMMAND, "cutover").dependencies.filter((each) => each.includes(" c-"));
    assert.deepEqual(onC, []);
  });

  test("what stands below nothing that the state has is refused: elsewhere it would be made", async () => {
    const types = ["blue-green:index:BlueGreen", "blue-green:index:Host", "blue-green:index:Slot", CONTAINER];
    const resources = [{ types, name: "c-blue", properties: [] }];
    const settings = { ...sampleSettings, allowMissingHosts: 1 };
    const places = placed(HOSTS, [empty, empty, AWAY], settings, owner);
    assert.throws(
      () =>
        new BlueGreen("service", { ...{ owner, settings, world: empty, engine: stubDocker({}) }, places, resources }),
      /c-blue stands below nothing in Pulumi's state\. Nothing was touched\./,
    );
    await pulumi.runtime.disconnect();
    assert.deepEqual(
      made.filter(({ type }) => type === CONTAINER),
      [],
    );
  });

  test("a host that was never there is left out, with its provider", async (t) => {
    const said = listen(t, "warn");
    const count = RESOURCES + 1 + (RESOURCES + 2);
    await makeOn([OWN, B, C], { worlds: [after({}), after({}), AWAY], settings: { allowMissingHosts: 1 }, count });
    assert.deepEqual(
      declared().filter((each) => /::(?:c-.*|service-c)$/.test(each)),
      [],
    );
    assert.match(said.find((line) => line.startsWith("c ")) ?? "", /Pulumi's state has nothing there: it is left out/);
  });

  for (const service of [undefined, "shop"]) {
    test(`the stack's own engine keeps its parts under their names${service ? ", of a service with a name" : ""}, and the next host leads the cutover`, async (t) => {
      const said = listen(t, "warn");
      const of = service === undefined ? owner : { ...owner, service };
      const before = service === undefined ? "" : `${service}-`;
      const settings = {
        workers: { mail: { command: ["w"], replicas: 1, follow: "live", start: "after-switch" } },
        jobs: { migrate: { command: ["m"], at: "before-gate", timeoutSeconds: 5 } },
        ...{ gateCommand: "true", targetHost: "localhost" },
      } as const satisfies Partial<Settings>;
      const count = RESOURCES + 1 + 4 + (RESOURCES + 2);
      await makeOn([OWN, B], { settings, count, owner: of });
      const [whole, resources] = [declared(), stateNow()];
      const worlds = [AWAY, empty];
      await makeOn([OWN, B], { worlds, settings: { ...settings, allowMissingHosts: 1 }, resources, count, owner: of });
      assert.deepEqual(declared(), whole);
      const own = kept().map((key) => key.split(" ")[1]);
      assert.equal(own.length, RESOURCES + 4);
      for (const part of ["blue", "green", "proxy", "network", "blue-worker-mail", "green-job-migrate"])
        assert.ok(own.includes(`${before}${part}`), part);
      assert.ok(!own.includes(`${before}cutover`));
      const { environment } = one(COMMAND, `${before}cutover`) as { environment: Record<string, string> };
      assert.equal(environment.BLUE_GREEN_PROXY, `${before}b-proxy-id`);
      assert.equal(environment.DOCKER_HOST, B.address);
      assert.equal(environment.BLUE_GREEN_GATE_COMMAND, "true");
      assert.deepEqual(
        made.filter(({ name }) => /b-(?:blue|green)-(?:worker|job)/.test(name)),
        [],
      );
      assert.match(
        said.find((line) => line.includes("a does not answer")) ?? "",
        /It is the lead: its workers \(mail\) and jobs \(migrate\) stay there, and none of them runs elsewhere meanwhile\./,
      );
    });
  }
});
