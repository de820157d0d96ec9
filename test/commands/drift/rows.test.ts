import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RunningContainer } from "../../../commands/drift/engine";
import type { Compared, Facts, Row } from "../../../commands/drift/row";
import { isAbout, rowsOf } from "../../../commands/drift/rows";
import { generationOf } from "../../../stacks/service/serving";
import { answered, serving } from "../status/facts.sample";
import {
  CONFIGURATION,
  compared,
  declared,
  facts,
  GENERATION,
  idOf,
  imageIdOf,
  OWNER,
  runningProxy,
  runningSlot,
  SECRET,
  urnOf,
} from "./facts.sample";

/** A row in a line. */
const line = ({ resource, what, declared = "-", runs = "-", mend }: Row) =>
  `${resource}: ${what}, ${declared} -> ${runs}, ${mend.by}`;
const rows = (more: Partial<Facts> = {}, containers: Parameters<typeof facts>[1] = {}) =>
  rowsOf(compared(facts(more, containers)));
const lines = (...given: Parameters<typeof rows>) => rows(...given).map(line);
/** The same where Pulumi finds something, too. */
const linesBeside = (more: Partial<Compared>, containers: Parameters<typeof facts>[1] = {}) =>
  rowsOf(compared(facts({}, containers), more)).map(line);
const green = (more: Partial<RunningContainer>) => lines({}, { green: [runningSlot("green", more)] });
const changed = (part: "blue" | "green", config: object, host: object = {}) => {
  const slot = runningSlot(part);
  return { Config: { ...slot.Config, ...config }, HostConfig: { ...slot.HostConfig, ...host } };
};
const short = (part: string) => idOf(part).slice(0, 12);
const state = (Status: string, more: object = {}) => ({
  State: { Running: Status === "running", Status, StartedAt: "", ExitCode: 137, OOMKilled: false, ...more },
});

test("nothing differs where everything runs as it is declared", () => {
  assert.deepEqual(lines(), []);
});

test("each property of a container that a hand can change", () => {
  const { Config } = runningSlot("green");
  const env = (...more: string[]) => ({ Env: [...Config.Env, ...more] });
  assert.deepEqual(green(changed("green", env("MORE=x"))), ["green: environment MORE, - -> set, replace"]);
  assert.deepEqual(green(changed("green", { Env: Config.Env.filter((each) => !each.startsWith("SHOP")) })), [
    "green: environment SHOP, plain -> -, replace",
  ]);
  assert.deepEqual(green(changed("green", env("SHOP=2", "TOKEN=2", "PATH=/evil"))), [
    "green: environment PATH, [not shown] -> another value, replace",
    "green: environment SHOP, plain -> another value, replace",
    "green: environment TOKEN, [not shown] -> another value, replace",
  ]);
  const { "blue-green.color": color = "", ...labels } = Config.Labels ?? {};
  assert.deepEqual(green(changed("green", { Labels: { ...labels, "blue-green.color": color, mine: SECRET } })), [
    "green: label mine, - -> set, replace",
  ]);
  assert.deepEqual(green(changed("green", { Healthcheck: { Test: ["CMD", "true"], Retries: 3, Interval: 7e9 } })), [
    "green: health check command, - -> set, replace",
    "green: health check interval, - -> 7 s, replace",
    "green: health check retries, - -> 3, replace",
  ]);
  const host = (more: object) => green(changed("green", {}, more));
  assert.deepEqual(host({ Memory: 300 * 1024 * 1024 }), ["green: memory, 256 MiB -> 300 MiB, replace"]);
  assert.deepEqual(host({ RestartPolicy: { Name: "no" } }), ["green: restart, unless-stopped -> no, replace"]);
  assert.deepEqual(host({ Privileged: true, ReadonlyRootfs: false, SecurityOpt: null }), [
    "green: root file system, read-only -> writable, replace",
    "green: security options, no-new-privileges -> -, replace",
    "green: privileged, - -> yes, replace",
  ]);
  assert.deepEqual(host({ CapAdd: ["CAP_SYS_ADMIN"], CapDrop: null }), [
    "green: capabilities dropped, ALL -> -, replace",
    "green: capabilities added, - -> SYS_ADMIN, replace",
  ]);
  assert.deepEqual(host({ PidMode: "host", NanoCpus: 5e8, Devices: [{ PathOnHost: "/dev/kvm" }] }), [
    "green: cpus (nano), - -> 500000000, replace",
    'green: devices, - -> {"PathOnHost":"/dev/kvm"}, replace',
    'green: pid namespace, - -> "host", replace',
  ]);
  assert.deepEqual(host({ PortBindings: { "5000/tcp": [{ HostIp: "", HostPort: "5001" }] } }), [
    "green: ports, 127.0.0.1:5001->5000/tcp -> 0.0.0.0:5001->5000/tcp, replace",
  ]);
  assert.deepEqual(host({ LogConfig: { Type: "json-file", Config: {} } }), [
    "green: log driver, local -> json-file, replace",
    "green: log option max-size, 20m -> -, replace",
  ]);
  assert.deepEqual(green({ Mounts: [{ Type: "bind", Source: "/etc", Destination: "/x", RW: false }] }), [
    "green: mounts, - -> /etc:/x:ro, replace",
  ]);
  assert.deepEqual(green({ NetworkSettings: { Networks: { other: { NetworkID: "o", Aliases: null } } } }), [
    "green: network blue-green-dev, connected -> -, replace",
    "green: alias on blue-green-dev, green -> -, replace",
    "green: network other, - -> connected, replace",
  ]);
  assert.deepEqual(green({ Image: imageIdOf("blue") }), [
    `green: image, ${imageIdOf("green").slice(7, 19)} -> ${imageIdOf("blue").slice(7, 19)}, replace`,
  ]);
});

test("a health check is no difference where the image brings it, or the program gave it once", () => {
  const Healthcheck = { Test: ["CMD", "health"], Interval: 2e9, Timeout: 3e9, Retries: 10 };
  const { running } = facts();
  const own = (name: string) => {
    const found = running.images.get(name);
    assert.ok(found !== undefined);
    return { ...found, Config: { ...found.Config, Healthcheck } };
  };
  const images = new Map(running.images).set(imageIdOf("green"), own(imageIdOf("green")));
  const containers = (more: object) =>
    running.containers.map((each) => (each.Id === idOf("green") ? { ...each, ...more } : each));
  const withImage = (more: object) => lines({ running: { ...running, images, containers: containers(more) } });
  assert.deepEqual(withImage(changed("green", { Healthcheck })), []);
  assert.deepEqual(withImage({}), [
    "green: health check command, CMD health -> -, replace",
    "green: health check interval, 2 s -> -, replace",
    "green: health check timeout, 3 s -> -, replace",
    "green: health check retries, 10 -> -, replace",
  ]);
  // A container that an older checkout made keeps its health check until it is made anew.
  const all = declared();
  const live = all.containers.find(({ color }) => color === "blue");
  assert.ok(live !== undefined);
  live.inputs.healthcheck = { interval: "2s", retries: 10, startPeriod: "0s", tests: ["CMD", "health"], timeout: "3s" };
  assert.deepEqual(lines({ declared: all }, { blue: [runningSlot("blue", changed("blue", { Healthcheck }))] }), []);
  const changes = changed("blue", { Healthcheck: { ...Healthcheck, Test: ["CMD", "true"], StartPeriod: 1e9 } });
  assert.deepEqual(lines({ declared: all }, { blue: [runningSlot("blue", changes)] }), [
    "blue: health check command, CMD health -> another value, hand",
    "blue: health check start period, - -> 1 s, hand",
  ]);
});

/** What the setting container declares of green, in its inputs and its label, beside what the engine has. */
const withContainer = (inputs: object, slot: object, running: Partial<RunningContainer>, image: object = {}) => {
  const all = declared();
  const found = all.containers.find(({ color }) => color === "green");
  assert.ok(found !== undefined);
  Object.assign(found.inputs, inputs);
  const label = JSON.stringify({ ...JSON.parse(found.labels["blue-green.slot"] ?? "{}"), ...slot });
  found.labels = { ...found.labels, "blue-green.slot": label };
  const same = runningSlot("green");
  const Labels = { ...same.Config.Labels, "blue-green.slot": label };
  const runs = runningSlot("green", { ...running, Config: { ...same.Config, Labels, ...running.Config } });
  const { running: before } = facts({}, { green: [runs] });
  const own = before.images.get(imageIdOf("green"));
  assert.ok(own !== undefined);
  const images = new Map(before.images).set(imageIdOf("green"), { ...own, Config: { ...own.Config, ...image } });
  return lines({ declared: all, running: { ...before, images } });
};

const hosting = (more: object) => ({ HostConfig: { ...runningSlot("green").HostConfig, ...more } });

test("what container declares is no difference where the engine has it, and is one where a hand has changed it", () => {
  const MiB = 1024 * 1024;
  const device = { hostPath: "/dev/kvm", containerPath: "/dev/kvm", permissions: "rwm" };
  const kvm = { PathOnHost: "/dev/kvm", PathInContainer: "/dev/kvm", CgroupPermissions: "rwm" };
  const shownKvm = '{"CgroupPermissions":"rwm","PathInContainer":"/dev/kvm","PathOnHost":"/dev/kvm"}';
  const [a, b] = [
    { host: "a", ip: "10.0.0.1" },
    { host: "b", ip: "10.0.0.2" },
  ];
  const nofile = { name: "nofile", soft: 5, hard: 6 };
  const limit = (Soft: number) => ({ Ulimits: [{ Name: "nofile", Hard: 6, Soft }] });
  const shownLimit = (soft: number) => `{"Hard":6,"Name":"nofile","Soft":${soft}}`;
  const inputs: [declares: object, same: object, other: object, row: string][] = [
    [{ cpus: "0.29" }, { NanoCpus: 29e7 }, { NanoCpus: 1e9 }, "cpus (nano), 290000000 -> 1000000000"],
    [{ memoryReservation: 1 }, { MemoryReservation: MiB }, {}, "memory reservation, 1048576 -> -"],
    [{ devices: [device] }, { Devices: [kvm] }, { Devices: [] }, `devices, ${shownKvm} -> -`],
    [
      { hosts: [b, a] },
      { ExtraHosts: ["a:10.0.0.1", "b:10.0.0.2"] },
      { ExtraHosts: ["a:10.0.0.1"] },
      'extra hosts, "a:10.0.0.1", "b:10.0.0.2" -> another value',
    ],
    [{ dns: ["10.0.0.2"] }, { Dns: ["10.0.0.2"] }, { Dns: ["8.8.8.8"] }, 'dns, "10.0.0.2" -> "8.8.8.8"'],
    [{ groupAdds: ["9"] }, { GroupAdd: ["9"] }, { GroupAdd: ["9", "0"] }, 'groups, "9" -> "0", "9"'],
    [
      { sysctls: { "net.b": "1", "net.a": "2" } },
      { Sysctls: { "net.a": "2", "net.b": "1" } },
      { Sysctls: { "net.a": "2" } },
      'sysctls, {"net.a":"2","net.b":"1"} -> another value',
    ],
    [{ ulimits: [nofile] }, limit(5), limit(4), `ulimits, ${shownLimit(5)} -> ${shownLimit(4)}`],
    [{ init: true }, { Init: true }, { Init: null }, "init, true -> -"],
    [{ shmSize: 256 }, { ShmSize: 256 * MiB }, { ShmSize: 64 * MiB }, "/dev/shm (bytes), 268435456 -> -"],
  ];
  for (const [declares, same, other, row] of inputs) {
    assert.deepEqual(withContainer(declares, {}, hosting(same)), [], row);
    assert.deepEqual(withContainer(declares, {}, hosting(other)), [`green: ${row}, replace`]);
  }
  const open = { hardened: false };
  const labels: [says: object, same: object, other: object, row: string][] = [
    [{ container: { pids_limit: 200 } }, { PidsLimit: 200 }, { PidsLimit: 4096 }, "process limit, 200 -> 4096"],
    [open, { PidsLimit: 4096 }, { PidsLimit: null }, "process limit, 4096 -> -"],
    [{ ...open, container: { pids_limit: -1 } }, { PidsLimit: -1 }, { PidsLimit: 9 }, "process limit, - -> 9"],
  ];
  for (const [says, same, other, row] of labels) {
    assert.deepEqual(withContainer({}, says, hosting(same)), [], row);
    assert.deepEqual(withContainer({}, says, hosting(other)), [`green: ${row}, replace`]);
  }
  // What an engine gives to every container, and what is declared as it is anyway.
  assert.deepEqual(withContainer({}, {}, hosting({ ShmSize: 64 * MiB, PidsLimit: null, Init: false })), []);
  assert.deepEqual(withContainer({ init: false, shmSize: 64 }, {}, hosting({ ShmSize: 64 * MiB, Init: null })), []);
});

test("folders of the host and volumes are compared by their names, also where the image has a VOLUME at that path", () => {
  const volumes = [
    { hostPath: "/srv/a", containerPath: "/a", readOnly: true },
    { volumeName: "blue-green-dev-data-db", containerPath: "/var/lib/db" },
  ];
  const bind = { Type: "bind", Source: "/srv/a", Destination: "/a", RW: false };
  const volume = (Name: string) => ({
    ...{ Type: "volume", Name, Source: `/var/lib/docker/volumes/${Name}/_data`, Destination: "/var/lib/db", RW: true },
  });
  const image = { Volumes: { "/var/lib/db": {} } };
  const named = volume("blue-green-dev-data-db");
  assert.deepEqual(withContainer({ volumes }, {}, { Mounts: [named, bind] }, image), []);
  assert.deepEqual(withContainer({ volumes }, {}, { Mounts: [{ ...bind, RW: true }, named] }), [
    "green: mounts, /srv/a:/a:ro, blue-green-dev-data-db:/var/lib/db -> /srv/a:/a, blue-green-dev-data-db:/var/lib/db, replace",
  ]);
  assert.deepEqual(withContainer({}, {}, { Mounts: [volume("a".repeat(64))] }, image), [], "one that the engine made");
  assert.deepEqual(withContainer({ volumes: volumes.slice(1) }, {}, { Mounts: [volume("a".repeat(64))] }, image), [
    "green: mounts, blue-green-dev-data-db:/var/lib/db -> -, replace",
  ]);
  assert.deepEqual(withContainer({}, {}, { Mounts: [named] }, image), [
    "green: mounts, - -> blue-green-dev-data-db:/var/lib/db, replace",
  ]);
});

test("what a newer engine says in another way is no difference", () => {
  const slot = runningSlot("green");
  // Its own name among the aliases, lists that are empty instead of null, limits that are none.
  assert.deepEqual(
    green({
      HostConfig: { ...slot.HostConfig, PidsLimit: -1, Dns: [], ExtraHosts: [], CpuShares: 0, Sysctls: {} },
      NetworkSettings: {
        Networks: { "blue-green-dev": { NetworkID: "n1", Aliases: ["green", "blue-green-dev-green"] } },
      },
    }),
    [],
  );
});

test("memory is what the label says, also when a refresh has put what runs into the state", () => {
  const all = declared();
  const blue = all.containers.find(({ color }) => color === "blue");
  if (blue !== undefined) blue.inputs.memory = 300;
  const runs = runningSlot("blue", changed("blue", {}, { Memory: 300 * 1024 * 1024 }));
  assert.deepEqual(lines({ declared: all }, { blue: [runs] }), ["blue: memory, 256 MiB -> 300 MiB, hand"]);
});

test("no secret is shown, wherever a hand has put it", () => {
  const slot = runningSlot("green");
  const rows = lines(
    {},
    {
      green: [
        runningSlot("green", {
          ...changed("green", { Cmd: ["serve", SECRET], User: SECRET, Env: [...slot.Config.Env, `MORE=${SECRET}`] }),
          Mounts: [{ Type: "bind", Source: `/${SECRET}`, Destination: "/x", RW: true }],
        }),
      ],
    },
  );
  assert.deepEqual(rows, [
    "green: user, 10001:10001 -> [secret], replace",
    "green: command, gunicorn -> another value, replace",
    "green: environment MORE, - -> set, replace",
    "green: mounts, - -> /[secret]:/x, replace",
  ]);
});

test("whether a container is there and runs", () => {
  assert.deepEqual(lines({}, { green: [] }), [`green: container, ${short("green")} -> gone, replace`]);
  // Nobody is on what is not there: also live and the proxy are made again.
  assert.deepEqual(lines({}, { blue: [] }), [`blue: container, ${short("blue")} -> gone, replace`]);
  assert.deepEqual(green(state("exited")), ["green: state, running -> exited (137), docker"]);
  assert.deepEqual(green(state("paused")), ["green: state, running -> paused, docker"]);
  assert.deepEqual(green(state("created")), ["green: state, running -> never started, docker"]);
  assert.deepEqual(green(state("restarting")), ["green: state, running -> restarting (137), hand"]);
  const stopped = lines({ serving: undefined, volume: undefined }, { proxy: [runningProxy(state("exited"))] });
  assert.deepEqual(stopped, ["proxy: state, running -> exited (137), docker"]);
});

test("a color that was stopped on purpose is no difference, and one that runs again is", () => {
  const retired = { color: "green", how: "stopped", version: "1.0.0", image: "" } as const;
  const served = serving({ generation: GENERATION, record: { stable: {}, retired } });
  assert.deepEqual(lines({ serving: served }, { green: [runningSlot("green", state("exited"))] }), []);
  assert.deepEqual(lines({ serving: served }), ["green: state, stopped while idle -> running, up"]);
  assert.deepEqual(lines({ serving: served }, { green: [] }), [`green: container, ${short("green")} -> gone, up`]);
});

test("a container of `npm run exec -- --new` is no difference, and any other with the stack's labels is one", () => {
  const beside = (Name: string, role: string) => {
    const { Config } = runningSlot("green");
    const one = { Id: idOf("one"), Name, Config: { ...Config, Labels: { ...Config.Labels, "blue-green.role": role } } };
    return lines({}, { green: [runningSlot("green"), runningSlot("green", one)] });
  };
  assert.deepEqual(beside("/blue-green-dev-green-exec-0a1b2c3d", "exec"), []);
  assert.equal(beside("/blue-green-dev-green-exec-0a1b2c3d", "slot").length, 1);
  assert.equal(beside("/blue-green-dev-other", "exec").length, 1);
});

test("a container under a declared name that Pulumi did not make", () => {
  const Id = idOf("other");
  const [first] = rows({}, { green: [runningSlot("green", { Id })] });
  assert.deepEqual(first, {
    ...{ resource: "green", what: "container", declared: short("green"), runs: short("other") },
    mend: { by: "replace", urn: urnOf("docker:index/container:Container", "green"), remove: Id },
  });
  const foreign = runningSlot("green", { Id, Config: { ...runningSlot("green").Config, Labels: {} } });
  assert.deepEqual(
    rows({}, { green: [foreign] }).map(({ what, mend }) => [what, mend]),
    [
      [
        "container",
        {
          by: "hand",
          why: "the container blue-green-dev-green is somebody else's, and in the way",
          command: { docker: ["rm", "--force", "blue-green-dev-green"] },
        },
      ],
    ],
  );
  assert.deepEqual(lines({}, { green: [runningSlot("green"), runningSlot("green", { Id, Name: "/shop-copy" })] }), [
    `shop-copy: container, - -> ${short("other")}, running, hand`,
  ]);
});

test("a container that somebody started from the stack's own image is no difference, and one that has its labels otherwise is", () => {
  const debug = runningSlot("green", { Id: idOf("other"), Name: "/debug" });
  const { green: fromImage } = { green: [runningSlot("green"), debug] };
  const all = facts({}, { green: fromImage });
  const image = all.running.images.get(debug.Image);
  assert.ok(image !== undefined);
  const Labels = { ...image.Config.Labels, ...debug.Config.Labels };
  const images = new Map(all.running.images).set(debug.Image, { ...image, Config: { ...image.Config, Labels } });
  const names = ({ running }: Pick<Facts, "running">) =>
    rowsOf(compared({ ...all, running })).filter(
      ({ what, declared }) => what === "container" && declared === undefined,
    );
  assert.equal(names(all).length, 1);
  assert.deepEqual(names({ running: { ...all.running, images } }), []);
  // In the way of the stack's own, it is removed by no `--fix` unless its name, its role and its color are the stack's.
  for (const [label, value] of [
    ["blue-green.color", "blue"],
    ["blue-green.role", "proxy"],
  ]) {
    const Config = { ...debug.Config, Labels: { ...debug.Config.Labels, [String(label)]: String(value) } };
    const [first] = rows({}, { green: [runningSlot("green", { Id: idOf("other"), Config })] });
    assert.equal(first?.mend.by, "hand", label);
  }
});

test("what somebody is on is not replaced: live, the proxy, a canary, sessions", () => {
  const mends = (more: Partial<Facts>, containers: Parameters<typeof facts>[1]) =>
    rows(more, containers).map(({ mend }) => mend);
  const restart = { HostConfig: { ...runningSlot("blue").HostConfig, RestartPolicy: { Name: "no" } } };
  assert.deepEqual(mends({}, { blue: [runningSlot("blue", restart)] }), [
    {
      by: "hand",
      why: "blue is live and is not replaced in front of the public: switch, then fix",
      command: { activate: "green" },
    },
  ]);
  const host = { HostConfig: { ...runningProxy().HostConfig, RestartPolicy: { Name: "no" } } };
  assert.deepEqual(mends({}, { proxy: [runningProxy(host)] }), [
    {
      by: "hand",
      why: "the nginx container would be replaced, which the public notices for seconds",
      command: { up: ["--replace", urnOf("docker:index/container:Container", "proxy")] },
    },
  ]);
  const slot = { green: [runningSlot("green", restart)] };
  const why = (served: Facts["serving"]) =>
    mends({ serving: served }, slot).map((mend) => mend.by === "hand" && mend.why);
  assert.deepEqual(why(serving({ generation: GENERATION, canaryPercent: 5 })), [
    "green has 5 % of the new visitors and would lose its container under them: take them off it, then fix",
  ]);
  const until = Date.parse("2026-11-23T18:00:00Z") / 1000;
  const sessions = { blue: { word: "aaaaaaaa" }, green: { word: "bbbbbbbb", until } };
  assert.deepEqual(why(serving({ generation: GENERATION, record: { stable: {}, sessions } })), [
    "sessions hold on green until 2026-11-23T18:00:00.000Z and would lose its container under them: take them off it, then fix",
  ]);
  // The proxy says nothing: who is live is what the last cutover left.
  assert.deepEqual(
    mends({ serving: undefined, volume: undefined }, { blue: [runningSlot("blue", restart)] }).map(({ by }) => by),
    ["hand"],
  );
});

test("images, by id", () => {
  const { running } = facts();
  const without = (name: string) => new Map([...running.images].filter(([each]) => each !== name));
  const moved = new Map(running.images).set("green:1", {
    ...running.images.get("green:1"),
    Id: "sha256:other",
  } as never);
  const row = (images: typeof running.images) => rows({ running: { ...running, images } });
  const id = imageIdOf("green");
  assert.deepEqual(row(moved).map(line), [`image green: id by its name, ${id.slice(7, 19)} -> other, docker`]);
  assert.deepEqual(row(moved)[0]?.mend, { by: "docker", args: ["tag", id, "green:1"] });
  assert.deepEqual(row(without("green:1")).map(line), [
    `image green: id by its name, ${id.slice(7, 19)} -> gone, docker`,
  ]);
  // Without it, it is not known what the image leaves to the container.
  assert.deepEqual(row(without(id)).map(line), [`green: image, ${id.slice(7, 19)} -> ${id.slice(7, 19)}, hand`]);
});

test("the network and the volume", () => {
  const { running } = facts();
  const changed = (more: Partial<typeof running>) => lines({ running: { ...running, ...more } });
  assert.deepEqual(changed({ networks: [] }), ["network: network, n1 -> gone, hand"]);
  assert.deepEqual(
    changed({ networks: [{ Id: "n2", Name: "blue-green-dev", Labels: { "blue-green.stack": "x", y: "z" } }] }),
    [
      "network: id, n1 -> n2, hand",
      "network: label blue-green.project, blue-green -> -, hand",
      "network: label blue-green.stack, dev -> x, hand",
      "network: label y, - -> set, hand",
    ],
  );
  assert.deepEqual(changed({ volumes: [...running.volumes, { Name: "mine", Labels: {} }] }), [
    "volume mine: volume, - -> there, hand",
  ]);
});

test("what nginx serves, by its own word and by its files", () => {
  const volume = facts().volume ?? { configuration: "", files: {} };
  const edited = { ...volume, configuration: volume.configuration.replace("tokens off", `tokens ${SECRET}`) };
  assert.deepEqual(lines({ volume: edited }), ["nginx: nginx.conf, line 4, server_tokens off; -> another, up"]);
  const longer = { ...volume, configuration: `# more\n# more\n${volume.configuration}` };
  assert.deepEqual(lines({ volume: longer }), ['nginx: nginx.conf, line 1 to 2, map "" $active { -> another, up']);
  assert.deepEqual(lines({ serving: serving({ generation: "0".repeat(16), color: "green" }) }), [
    "nginx: color that is served, blue -> green, up",
    `nginx: configuration that serves, ${GENERATION} -> ${"0".repeat(16)}, up`,
  ]);
  assert.deepEqual(lines({ volume: { ...volume, files: {} } }), [
    "nginx: file tester-1.conf, [not shown] -> gone, replace",
  ]);
  assert.deepEqual(lines({ volume: { ...volume, files: { "tester-1.conf": "0" } } }), [
    "nginx: file tester-1.conf, [not shown] -> another, replace",
  ]);
  const ill = serving({ generation: GENERATION, health: { blue: answered("502") } });
  assert.deepEqual(lines({ serving: ill }), ["nginx: live's health path, well -> 502, hand"]);
  const moved = { ...answered("302, to https://elsewhere.example/"), well: false };
  assert.deepEqual(lines({ serving: serving({ generation: GENERATION, health: { blue: moved } }) }), [
    "nginx: live's health path, well -> 302, to https://elsewhere.example/, hand",
  ]);
  // One of live's containers is enough, and the idle color's are no matter of nginx.
  const health = { blue: answered("503"), "blue-2": answered("200"), green: answered("503") };
  assert.deepEqual(lines({ serving: serving({ generation: GENERATION, health }) }), []);
  const { health: _, ...unasked } = serving({ generation: GENERATION });
  assert.deepEqual(lines({ serving: unasked }), ["nginx: live's health path, well -> not asked, hand"]);
  const silent = serving({ generation: GENERATION, answers: false });
  assert.deepEqual(lines({ serving: silent }), ["nginx: answers, yes -> no, hand"]);
  assert.ok(CONFIGURATION.includes("@GENERATION@"));
});

test("what Pulumi finds beside that, once", () => {
  const step = (type: string, name: string, op: string, ...reasons: string[]) => ({
    ...{ urn: urnOf(type, name), type, op, reasons },
  });
  const container = "docker:index/container:Container";
  const memory = step(container, "green", "update", "memory");
  assert.deepEqual(linesBeside({ refreshed: [memory] }), ["green: memory, as in the state -> changed, replace"]);
  // What is told already is not told again, nor what follows from it.
  const exited = { green: [runningSlot("green", state("exited"))] };
  const image = step("docker:index/remoteImage:RemoteImage", "green", "replace", "build");
  assert.deepEqual(linesBeside({ refreshed: [memory], pending: [memory, image] }, exited), [
    "green: state, running -> exited (137), docker",
  ]);
  const cutover = step("command:local:Command", "cutover", "update", "stdin");
  assert.deepEqual(linesBeside({ pending: [cutover, step(container, "green-2", "create")] }), [
    "cutover: not carried out yet, update (stdin) -> as before, up",
    "green-2: not carried out yet, create -> as before, up",
  ]);
  assert.deepEqual(linesBeside({ refused: "blue is live, ..." }), [
    "settings: pulumi preview, possible -> refused, hand",
  ]);
  assert.deepEqual(lines({ declared: declared({ unfinished: ["creating green"] }) }), [
    "state: a run that was cut off, none -> creating green, refresh",
  ]);
});

describe("a stack with several services", () => {
  const shopConfiguration = CONFIGURATION.replace("default blue", "default green");
  const labels = { "blue-green.project": "blue-green", "blue-green.stack": "dev" };
  /** The service `shop`: nothing of it is as it is declared, but for its containers, of which there are none. */
  const shop = facts({
    owner: { ...OWNER, service: "shop" },
    declared: declared({
      ...{ containers: [], images: [] },
      network: { urn: "urn::shop-network", id: "n2", name: "blue-green-dev-shop", labels },
      volume: { urn: "urn::shop-proxy", id: "v2", name: "v2", labels },
      cutover: {
        ...{ urn: "urn::shop-cutover", configuration: shopConfiguration, files: {} },
        ...{ drainSeconds: 60, keepAliveSeconds: 10 },
      },
    }),
    running: { containers: [], networks: [], volumes: [{ Name: "v2", Labels: labels }], images: new Map() },
    volume: undefined,
  });
  const routes = { urn: "urn::gateway", configuration: CONFIGURATION };
  const gateway = facts({
    declared: declared({
      containers: [
        { urn: "urn::gateway", id: "g", name: "blue-green-dev-gateway", labels, role: "gateway", inputs: {} },
      ],
      ...{ images: [], network: { urn: "urn::net", id: "n3", name: "blue-green-dev-gateway", labels }, routes },
    }),
    running: { containers: [], networks: [], volumes: [], images: new Map() },
    gateway: { generation: "0".repeat(16), edited: true },
  });
  const { cutover: _, volume: __, ...own } = gateway.declared;
  const all: Compared = {
    ...compared(shop, { refused: "api: no" }),
    services: [shop, { ...gateway, declared: own }],
    pending: [{ urn: "urn::shop-cutover", type: "command:local:Command", op: "update", reasons: ["stdin"] }],
  };

  test("each row names its service, and the gateway's name the gateway", () => {
    assert.deepEqual(rowsOf(all).map(line), [
      "shop network: network, n2 -> gone, hand",
      "shop nginx: color that is served, green -> blue, up",
      `shop nginx: configuration that serves, ${generationOf(shopConfiguration)} -> ${GENERATION}, up`,
      "gateway network: network, n3 -> gone, hand",
      "gateway: container, g -> gone, replace",
      `gateway nginx: routes that serve, ${GENERATION} -> ${"0".repeat(16)}, up`,
      "gateway nginx: nginx.conf, as it was written -> another, up",
      "settings: pulumi preview, possible -> refused, hand",
    ]);
  });

  test("of one service what is its own is told, and what stands in the way of all", () => {
    const about = (service: string) => rowsOf(all).filter((row) => isAbout(row, service));
    assert.deepEqual(
      about("shop").map(({ resource }) => resource),
      ["shop network", "shop nginx", "shop nginx", "settings"],
    );
    assert.deepEqual(
      about("cart").map(({ resource }) => resource),
      ["settings"],
    );
  });

  test("what is pending is told of the service whose name it begins with", () => {
    const admin = { ...facts(), owner: { ...OWNER, service: "shop-admin" } };
    const quiet = { ...facts(), owner: { ...OWNER, service: "shop" } };
    const create = (name: string) => ({
      ...{ urn: urnOf("docker:index/container:Container", name), type: "docker:index/container:Container" },
      ...{ op: "create", reasons: [] },
    });
    const pending = ["shop-admin-green-2", "shop-green-2", "cart-green"].map(create);
    const found = rowsOf({ ...compared(quiet, { pending }), services: [quiet, admin] });
    assert.deepEqual(
      found.filter(({ what }) => what === "not carried out yet").map(({ resource, service }) => [resource, service]),
      [
        ["shop-admin-green-2", "shop-admin"],
        ["shop-green-2", "shop"],
        ["cart-green", undefined],
      ],
    );
  });

  test("what is pending of one service is told, though another one's nginx was changed by hand", () => {
    const own = {
      ...facts({ volume: { configuration: CONFIGURATION.replace("off", "on"), files: {} } }),
      owner: { ...OWNER, service: "api" },
    };
    const pending = [
      { urn: "urn::shop-cutover", type: "command:local:Command", op: "update", reasons: ["stdin"] },
      { urn: own.declared.cutover?.urn ?? "", type: "command:local:Command", op: "update", reasons: ["environment"] },
    ];
    const { cutover } = shop.declared;
    const quiet = { ...facts(), owner: { ...OWNER, service: "shop" } };
    const still = cutover && {
      ...quiet,
      declared: { ...quiet.declared, cutover: { ...cutover, configuration: CONFIGURATION } },
    };
    const found = rowsOf({ ...compared(own, { pending }), services: [own, still ?? quiet] });
    assert.deepEqual(
      found.filter(({ what }) => what === "not carried out yet").map(({ resource, service }) => [resource, service]),
      [["urn::shop-cutover".slice(5), "shop"]],
    );
  });

  test("a gateway that does not answer is a difference that people mend", () => {
    const mute = { ...gateway, declared: own, gateway: { generation: "", edited: false, silent: true as const } };
    assert.deepEqual(rowsOf(compared(mute)).map(line).slice(2), ["gateway nginx: answers, yes -> no, hand"]);
  });

  test("a gateway under another id than the state's is the stack's own, and is not removed", () => {
    const Labels = { ...labels, "blue-green.role": "gateway" };
    const other = runningSlot("blue", { Id: idOf("other"), Name: "/blue-green-dev-gateway" });
    const found = { ...gateway.running, containers: [{ ...other, Config: { ...other.Config, Labels } }] };
    const [row] = rowsOf(compared({ ...gateway, declared: own, running: found })).filter(
      ({ what }) => what === "container",
    );
    assert.equal(row?.mend.by, "hand");
    assert.match(row?.mend.by === "hand" ? row.mend.why : "", /the nginx container would be replaced/);
  });
});
