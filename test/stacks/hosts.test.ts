import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { BlueGreen } from "../../stacks/blueGreen";
import type { Color } from "../../stacks/service/color";
import type { Host } from "../../stacks/service/hosts";
import type { UnknownWorld, World } from "../../stacks/service/world";
import { providerArgs } from "../../stacks/serviceHost";
import type { Settings } from "../../stacks/settings/settings";
import {
  after,
  allEnded,
  COMMAND,
  CONTAINER,
  empty,
  errorOf,
  hooks,
  IMAGE,
  listen,
  type Made,
  made,
  make,
  one,
  options,
  optionsOf,
  owner,
  promiseOf,
  RESOURCES,
  TOLD,
} from "./blueGreen.mocks";
import { stubDocker } from "./engine/docker.stub";
import { B, C, OWN, placed } from "./places.sample";
import { sampleSettings } from "./settings/settings.sample";

const NETWORK = "docker:index/network:Network";
const VOLUME = "docker:index/volume:Volume";
const PROVIDER = "pulumi:providers:docker";

/** Makes a service on these hosts; each but the stack's own engine has as much as one, without the cutover, and a provider. Some may have less. */
const makeOn = (hosts: readonly Host[], worlds: readonly World[] = [], settings: Partial<Settings> = {}, fewer = 0) => {
  const extra = hosts.filter(({ address }) => address !== undefined).length;
  const others = hosts.some(({ address }) => address === undefined) ? RESOURCES + 1 : 1;
  const resources = others + extra * (RESOURCES + 2) - fewer;
  return make({ ...settings, hosts }, worlds[0] ?? empty, resources, { places: placed(hosts, worlds, settings) });
};

/** All that was made, by type and name, with what it was registered with. */
const all = (): Map<string, object> =>
  new Map(
    made.map(({ type, name, inputs }: Made) => {
      const key = `${type} ${name}`;
      return [key, { inputs, options: options.get(key) }];
    }),
  );

/** What a cutover is told of the hosts. */
const hostsIn = () => {
  const { BLUE_GREEN_HOSTS: text } = one(COMMAND, "cutover").environment as Record<string, string>;
  return text === undefined ? undefined : JSON.parse(text);
};

describe("a service on several hosts", () => {
  test("each host has a network, a volume, a proxy and both colors; there is one cutover, and a provider for each other engine", async () => {
    await makeOn([OWN, B, C]);
    const parts = (before: string) => [
      `command:local:Command ${before}network`,
      ...(before === "" ? [] : [`command:local:Command ${before}leave`]),
      ...["blue", "green", "proxy"].map((part) => `${CONTAINER} ${before}${part}`),
      ...["blue", "green", "proxy"].map((part) => `${IMAGE} ${before}${part}`),
      `${VOLUME} ${before}proxy`,
    ];
    assert.deepEqual(
      [...all().keys()].sort(),
      [
        ...["command:local:Command cutover", `${NETWORK} service`, `${NETWORK} b-network`, `${NETWORK} c-network`],
        ...[`${PROVIDER} service-b`, `${PROVIDER} service-c`],
        ...["", "b-", "c-"].flatMap(parts),
      ].sort(),
    );
    assert.deepEqual(one(PROVIDER, "service-b"), { host: B.address });
  });

  test("a host's parts are called on its engine as those of the stack's own are there, with the same labels", async () => {
    await makeOn([OWN, B], [], { replicas: 2, monitoring: "metrics" });
    const pairs: [type: string, name: string, of?: string][] = [
      ...["blue", "green", "blue-2", "proxy", "monitoring-metrics"].map((name): [string, string] => [CONTAINER, name]),
      [VOLUME, "proxy"],
      [NETWORK, "service", "b-network"],
    ];
    for (const [type, name, of = `b-${name}`] of pairs) {
      const strip = (inputs: Record<string, unknown>) =>
        JSON.parse(JSON.stringify(inputs).replaceAll("sha256:b-", "sha256:"));
      assert.deepEqual(strip(one(type, of)), strip(one(type, name)), name);
    }
  });

  test("without hosts, and with the stack's own engine alone, all is the same but for the one variable", async () => {
    await make();
    const [before, hookNames] = [all(), [...hooks.keys()].sort()];
    assert.equal(hostsIn(), undefined);
    await makeOn([OWN]);
    assert.deepEqual(hostsIn(), [{ name: "a", proxy: "proxy-id" }]);
    assert.deepEqual([...hooks.keys()].sort(), hookNames);
    const { environment } = one(COMMAND, "cutover") as { environment: Record<string, string> };
    delete environment.BLUE_GREEN_HOSTS;
    assert.deepEqual(all(), before);
  });

  test("a second host changes nothing of what runs on the stack's own engine", async () => {
    const world = after({});
    await make({}, world);
    const before = all();
    await makeOn([OWN, B], [world]);
    const now = all();
    for (const [key, was] of before) {
      if (key === `${COMMAND} cutover`) continue;
      assert.deepEqual(now.get(key), was, key);
    }
  });

  test("the cutover comes after the proxies and the live colors of all hosts, and every idle color after it", async () => {
    await makeOn([OWN, B]);
    const { dependencies, hooks } = optionsOf(COMMAND, "cutover");
    for (const part of ["blue", "proxy", "b-blue", "b-proxy"])
      assert.ok(dependencies.includes(`${CONTAINER} ${part}`), `${part}: ${dependencies.join(", ")}`);
    for (const part of ["green", "b-green"]) assert.ok(!dependencies.includes(`${CONTAINER} ${part}`), part);
    assert.deepEqual(hooks, TOLD);
    for (const part of ["green", "b-green"])
      assert.ok(optionsOf(CONTAINER, part).dependencies.includes(`${COMMAND} cutover`), part);
  });

  test("the proxy of a host that is taken away ends before the colors behind it, and after it was seen who else is there", async () => {
    await makeOn([OWN, B], [], { drainSeconds: 42 });
    const { environment, delete: ends, create } = one(COMMAND, "b-leave") as Record<string, Record<string, string>>;
    assert.equal(create, undefined);
    assert.equal(ends, 'sh -c "$LEAVE"');
    const { PROXY, SECONDS_LEFT, DOCKER_HOST } = environment ?? {};
    assert.deepEqual([PROXY, SECONDS_LEFT, DOCKER_HOST], ["blue-green-dev-proxy", "42", B.address]);
    const { dependencies } = optionsOf(COMMAND, "b-leave");
    for (const part of ["b-blue", "b-green", "b-proxy"])
      assert.ok(dependencies.includes(`${CONTAINER} ${part}`), `${part}: ${dependencies.join(", ")}`);
    assert.ok(optionsOf(COMMAND, "b-network").dependencies.includes(`${COMMAND} b-leave`));
  });

  test("the cutover is told each proxy, and of another configuration or idle color only where a host has one", async () => {
    await makeOn([OWN, B, C]);
    assert.deepEqual(hostsIn(), [
      { name: "a", proxy: "proxy-id" },
      { ...B, proxy: "b-proxy-id" },
      { ...C, proxy: "c-proxy-id" },
    ]);
    const retired = { color: "green" as Color, how: "removed" as const, version: "1.0.0", image: "" };
    const removed = after({});
    const { serving } = removed;
    assert.ok(serving);
    const gone: World = {
      ...removed,
      slots: { ...removed.slots, green: [] },
      serving: { ...serving, record: { ...serving.record, retired } },
    };
    await makeOn([OWN, B], [after({}), gone], { idle: "removed", idleAfterMinutes: 7 * 24 * 60 }, 1);
    const [, b] = hostsIn();
    assert.equal(b.idle, "removed");
    assert.notEqual(b.configuration, one(COMMAND, "cutover").stdin);
    assert.equal((one(COMMAND, "cutover").environment as Record<string, string>).BLUE_GREEN_IDLE, "running");
  });

  test("why a cutover has to run is not among what each host has of its own, or its going away would be a change", async (t) => {
    listen(t, "warn");
    const edited = after({});
    assert.ok(edited.serving);
    edited.serving.edited = true;
    await makeOn([OWN, B], [after({}), edited]);
    assert.deepEqual(hostsIn()[1], { ...B, proxy: "b-proxy-id" });
    const { BLUE_GREEN_MEND } = one(COMMAND, "cutover").environment as Record<string, string>;
    assert.match(String(BLUE_GREEN_MEND), /^edited after /);
    await makeOn([OWN, B], [after({}), after({})]);
    assert.deepEqual(optionsOf(COMMAND, "cutover").ignoreChanges, ["environment.BLUE_GREEN_MEND"]);
  });

  test("workers, jobs and the gate's command are the lead's alone", async () => {
    const settings = {
      workers: { mail: { command: ["w"], replicas: 1, follow: "live", start: "after-switch" } },
      jobs: { migrate: { command: ["m"], at: "before-gate", timeoutSeconds: 5 } },
      gateCommand: "true",
    } as const satisfies Partial<Settings>;
    const hosts = [B, C];
    const places = placed(hosts, [], { ...settings, targetHost: "localhost" });
    await make({ ...settings, targetHost: "localhost", hosts }, empty, 2 * (RESOURCES + 2) + 1 + 4, { places });
    const beside = made.filter(({ name }) => /-(?:worker|job)-/.test(name)).map(({ name }) => name);
    assert.deepEqual(beside.sort(), [
      "b-blue-job-migrate",
      "b-blue-worker-mail",
      "b-green-job-migrate",
      "b-green-worker-mail",
    ]);
    const { environment } = one(COMMAND, "cutover") as { environment: Record<string, string> };
    assert.equal(environment.DOCKER_HOST, B.address);
    assert.equal(environment.BLUE_GREEN_GATE_COMMAND, "true");
    assert.equal((one(COMMAND, "c-network").environment as Record<string, string>).DOCKER_HOST, C.address);
  });

  test("the parts of a service with a name carry both names, and the outputs are those of one host", async () => {
    const shop = { ...owner, service: "shop" };
    const places = placed([OWN, B], [], {}, shop);
    const { service } = await make({ hosts: [OWN, B] }, empty, 2 * (RESOURCES + 1) + 1, { owner: shop, places });
    assert.equal(one(CONTAINER, "shop-b-blue").name, "blue-green-dev-shop-blue");
    assert.equal(one(NETWORK, "shop-b-network").name, "blue-green-dev-shop");
    assert.deepEqual(one(PROVIDER, "shop-b"), { host: B.address });
    assert.equal(await promiseOf(service.url), "http://127.0.0.1:8080");
  });
});

describe("what is decided for several hosts", () => {
  const refused = (
    hosts: readonly Host[],
    worlds: readonly (World | UnknownWorld)[],
    settings: Partial<Settings> = {},
  ) => {
    let message = "accepted";
    assert.throws(
      () =>
        new BlueGreen("service", {
          ...{ owner, settings: { ...sampleSettings, ...settings, hosts }, world: empty, engine: stubDocker({}) },
          places: placed(hosts, worlds, settings),
        }),
      (error: Error) => {
        message = error.message;
        return pulumi.RunError.isInstance(error);
      },
    );
    assert.deepEqual(made, []);
    return message;
  };

  test("what one host refuses happens on none, and a refusal of all hosts is said once", () => {
    const settings = { httpPort: 9090 };
    const [all] = [refused([OWN, B], [after({}), after({})], settings)];
    assert.equal(all.match(/This would replace the nginx container/g)?.length, 1);
    assert.doesNotMatch(all, /^[ab]: /m);
    assert.match(refused([OWN, B], [empty, after({})], settings), /^b: This would replace the nginx container/);
    assert.match(refused([OWN, B, C], [empty, after({}), after({})], settings), /^b, c: This would replace/);
  });

  test("a host that doesn't answer is named with what was seen and what to type", () => {
    const world: UnknownWorld = { unknown: true, reason: "ssh: connect to host b.example port 22: Connection refused" };
    assert.equal(
      refused([OWN, B], [after({}), world]),
      "b: No Docker Engine answered: ssh: connect to host b.example port 22: Connection refused. Nothing was touched, on no host. " +
        "Next: DOCKER_HOST=ssh://deploy@b.example docker version; then, when it answers: pulumi up; " +
        "or go on without it: pulumi config set allowMissingHosts 1 && pulumi up",
    );
  });

  test("a warning of one host says its name, and one of all is said once", async (t) => {
    const said = listen(t, "warn");
    const stopped = after({});
    const [blue] = stopped.slots.blue;
    assert.ok(blue);
    blue.state = { ...blue.state, Running: false, Status: "exited" };
    await makeOn([OWN, B], [after({}), stopped], { alertReceiver: {} });
    assert.equal(said.filter((line) => line.startsWith("b: blue is live, but its container is exited")).length, 1);
    assert.equal(said.filter((line) => line.startsWith("alertReceiver is set")).length, 1);
  });

  test("a host that comes to others is told, with the color that it serves", async (t) => {
    const said = listen(t, "info");
    await makeOn([OWN, B], [after({})]);
    assert.deepEqual(said, [
      "The host b comes to the others, with blue: lead visitors to it when this run has ended well.",
    ]);
    await makeOn([OWN, B]);
    assert.equal(said.length, 1);
  });

  test("a new container of a host that isn't healthy is named with its host, and what to type asks that host's engine", async () => {
    const { engine } = await makeOn([OWN, B], [after({}), after({})]);
    allEnded(engine);
    const error = await errorOf("service-b-green-healthy", "b-green");
    assert.match(error ?? "", /^b-green: /);
    assert.match(error ?? "", /Next: docker -H ssh:\/\/deploy@b\.example logs blue-green-dev-green; then/);
    assert.match(
      (await errorOf("service-green-healthy", "green")) ?? "",
      /Next: docker logs blue-green-dev-green; then/,
    );
  });

  test("a service with hosts that is made without what runs on each is refused", () => {
    assert.throws(
      () =>
        new BlueGreen("service", {
          ...{ owner, settings: { ...sampleSettings, hosts: [OWN] }, world: empty, engine: stubDocker({}) },
        }),
      /hosts is set, but the program makes the service with `new BlueGreen`/,
    );
  });
});

describe("a host's provider", () => {
  const raw = {
    "docker:host": "unix:///run/own.sock",
    "docker:registryAuth": '[{"address":"r.example","password":"hunter2"}]',
    "docker:certPath": "/certs",
    "docker:sshOpts": '["-i","key"]',
  };
  test("it gets what the stack's configuration says of registries and of the way to such an engine, and nothing else", async () => {
    const configuration = { raw, secretKeys: new Set(["docker:registryAuth"]) };
    const of = (address: string) => providerArgs(address, configuration) as Record<string, unknown>;
    assert.deepEqual(Object.keys(of("ssh://b")).sort(), ["host", "registryAuth", "sshOpts"]);
    assert.deepEqual(Object.keys(of("tcp://b:2376")).sort(), ["certPath", "host", "registryAuth"]);
    assert.deepEqual(Object.keys(of("unix:///run/b.sock")).sort(), ["host", "registryAuth"]);
    assert.equal(of("ssh://b").host, "ssh://b");
    assert.deepEqual(of("ssh://b").sshOpts, ["-i", "key"]);
    const { registryAuth } = of("ssh://b");
    assert.ok(pulumi.Output.isInstance(registryAuth) && (await pulumi.isSecret(registryAuth)));
  });
});
