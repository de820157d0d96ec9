import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { BlueGreen } from "../stacks/blueGreen";
import type { Docker } from "../stacks/docker";
import type { Settings } from "../stacks/settings";
import type { World } from "../stacks/world";
import { sampleSettings } from "./settings.sample";

interface Made {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

let made: Made[] = [];

// The SDK's mocks know no resource hooks: a registration is all that these tests need of them.
Object.assign(MockMonitor.prototype, {
  registerResourceHook: (_hook: unknown, done: (error: null, answer: object) => void) => done(null, {}),
});

pulumi.runtime.setMocks(
  {
    newResource: ({ type, name, inputs }) => {
      if (!type.startsWith("blue-green:")) made.push({ type, name, inputs });
      return { id: `${name}-id`, state: { ...inputs, imageId: `sha256:${name}` } };
    },
    call: () => ({}),
  },
  "blue-green",
  "dev",
  false,
);

const owner = { project: "blue-green", stack: "dev" };
/** An engine whose proxy serves blue or green, as the test says. */
const engineWith = (live: string): Docker => ({ ask: async () => `0123 ${live}\n`, log: async () => "" });
const empty: World = { built: { blue: [], green: [] } };

/** The value that an output gets. */
const promiseOf = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((resolve) => output.apply(resolve));

/** Makes the component with these settings and answers all that it made. */
async function make(
  settings: Partial<Settings> = {},
  world: World = empty,
): Promise<{ service: BlueGreen; made: Made[] }> {
  made = [];
  const engine = engineWith(settings.activeColor ?? "blue");
  const service = new BlueGreen("service", { owner, settings: { ...sampleSettings, ...settings }, world, engine });
  await promiseOf(service.urn);
  await pulumi.runtime.disconnect();
  return { service, made };
}

const one = (type: string, name: string): Record<string, unknown> => {
  const found = made.filter((resource) => resource.type === type && resource.name === name);
  assert.equal(found.length, 1, `exactly one ${type} ${name}`);
  return (found[0] as Made).inputs;
};

const IMAGE = "docker:index/remoteImage:RemoteImage";
const CONTAINER = "docker:index/container:Container";

beforeEach(() => {
  made = [];
});

test("exactly one network, one volume, three images, three containers and one command are made", async () => {
  await make();
  assert.deepEqual(made.map(({ type, name }) => `${type} ${name}`).sort(), [
    "command:local:Command cutover",
    `${CONTAINER} blue`,
    `${CONTAINER} green`,
    `${CONTAINER} proxy`,
    "docker:index/network:Network service",
    `${IMAGE} blue`,
    `${IMAGE} green`,
    `${IMAGE} proxy`,
    "docker:index/volume:Volume proxy",
  ]);
});

test("the two colors are equal but for name, color, version, port and image", async () => {
  await make({
    slots: { blue: { version: "1.0.0", port: 5001 }, green: { version: "2.0.0", port: 5002 } },
    environment: { SHOP: "42" },
  });
  const own = (color: string, version: string, port: number) => {
    const { name, image, envs, labels, ports, networksAdvanced, ...rest } = one(CONTAINER, color);
    assert.equal(name, `blue-green-dev-${color}`);
    assert.equal(image, `sha256:${color}`);
    assert.deepEqual(envs, [`COLOR=${color}`, "DRAIN_SECONDS=60", "PORT=5000", "SHOP=42"]);
    assert.deepEqual(ports, [{ internal: 5000, external: port, ip: "127.0.0.1" }]);
    assert.deepEqual(networksAdvanced, [{ name: "blue-green-dev", aliases: [color] }]);
    assert.deepEqual(labels, [
      { label: "blue-green.build", value: "built" },
      { label: "blue-green.color", value: color },
      { label: "blue-green.project", value: "blue-green" },
      { label: "blue-green.role", value: "slot" },
      { label: "blue-green.stack", value: "dev" },
      { label: "blue-green.version", value: version },
    ]);
    return rest;
  };
  assert.deepEqual(own("blue", "1.0.0", 5001), own("green", "2.0.0", 5002));
});

test("every container is without privileges, read-only, bounded in memory and restarted", async () => {
  await make();
  for (const name of ["blue", "green", "proxy"]) {
    const container = one(CONTAINER, name);
    assert.equal(container.readOnly, true);
    assert.deepEqual(container.securityOpts, ["no-new-privileges"]);
    assert.equal(container.memory, name === "proxy" ? 1024 : 256);
    assert.equal(container.restart, "unless-stopped");
    assert.equal(container.logDriver, "local");
    assert.equal(container.privileged, undefined);
    assert.equal(container.networkMode, undefined);
  }
  assert.deepEqual(one(CONTAINER, "blue").capabilities, { drops: ["ALL"] });
  assert.deepEqual(one(CONTAINER, "proxy").capabilities, {
    drops: ["ALL"],
    adds: ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"],
  });
});

test("a color is given the time that requests in flight have and a little more, and the public's port is the proxy's alone", async () => {
  await make({ drainSeconds: 77, bindAddress: "0.0.0.0", httpPort: 80 });
  assert.equal(one(CONTAINER, "blue").stopTimeout, 82);
  assert.equal(one(CONTAINER, "blue").destroyGraceSeconds, 82);
  assert.deepEqual(one(CONTAINER, "proxy").ports, [{ internal: 8080, external: 80, ip: "0.0.0.0" }]);
});

test("no container mounts a file of this machine", async () => {
  await make();
  for (const name of ["blue", "green"]) assert.equal(one(CONTAINER, name).volumes, undefined);
  assert.deepEqual(one(CONTAINER, "proxy").volumes, [
    { volumeName: "blue-green-dev-proxy", containerPath: "/var/lib/blue-green" },
  ]);
  for (const name of ["blue", "green", "proxy"]) {
    assert.equal(one(CONTAINER, name).mounts, undefined);
    assert.equal(one(CONTAINER, name).uploads, undefined);
  }
});

test("an image is tagged by stack, color, version and sources, and carries what it was built from", async () => {
  const built = { version: "1.0.0", source: "0123456789ab", base: "python:2", reused: false };
  await make({}, { built: { blue: [built], green: [] } });
  assert.deepEqual(one(IMAGE, "blue"), {
    name: "blue-green-dev-blue:1.0.0-0123456789ab",
    keepLocally: true,
    build: {
      context: "app",
      buildArgs: { BASE_IMAGE: "python:2", VERSION: "1.0.0" },
      label: {
        "blue-green.base": "python:2",
        "blue-green.color": "blue",
        "blue-green.project": "blue-green",
        "blue-green.role": "slot",
        "blue-green.source": "0123456789ab",
        "blue-green.stack": "dev",
        "blue-green.version": "1.0.0",
      },
    },
  });
});

test("a version that is there already is taken as it is, by name, and not built again", async () => {
  const built = { version: "1.0.0", source: "0123456789ab", base: "python:2", reused: true };
  await make({}, { built: { blue: [built], green: [] } });
  assert.deepEqual(one(IMAGE, "blue"), { name: "blue-green-dev-blue:1.0.0-0123456789ab", keepLocally: true });
  const labels = one(CONTAINER, "blue").labels as { label: string; value: string }[];
  assert.ok(labels.some(({ label, value }) => label === "blue-green.build" && value === "reused"));
});

test("a color with an image of its own is not built", async () => {
  await make({ slots: { ...sampleSettings.slots, green: { version: "2.0.0", port: 5002, image: "shop:2" } } });
  assert.deepEqual(one(IMAGE, "green"), { name: "shop:2", keepLocally: true });
});

test("an environment with a secret value is secret; one without is readable", async () => {
  await make({ environment: { A: "plain" }, secretEnvironment: { B: "hidden" } });
  // How the SDK marks a secret on its way to the engine.
  const { "4dabf18193072939515e22adb298388d": mark, value } = one(CONTAINER, "blue").envs as Record<string, unknown>;
  assert.equal(mark, "1b47061264138c4ac30d75fd1eb44270");
  assert.deepEqual(value, ["A=plain", "B=hidden", "COLOR=blue", "DRAIN_SECONDS=60", "PORT=5000"]);
  await make({ environment: { A: "plain" } });
  assert.deepEqual(one(CONTAINER, "blue").envs, ["A=plain", "COLOR=blue", "DRAIN_SECONDS=60", "PORT=5000"]);
});

test("the cutover is one constant command; everything else travels on standard input and in the environment", async () => {
  await make({ activeColor: "green", dockerHost: "ssh://host" });
  const { create, stdin, environment, ...rest } = one("command:local:Command", "cutover");
  assert.equal(
    create,
    'docker exec -i -e APP_PORT -e HEALTH_PATH -e HEALTH_SECONDS -e CONTAINERS "$PROXY" sh -c "$CUTOVER_SCRIPT"',
  );
  assert.match(String(stdin), /^ {8}default green;$/m);
  const { CUTOVER_SCRIPT, ...values } = environment as Record<string, string>;
  assert.match(String(CUTOVER_SCRIPT), /^# The cutover\./);
  assert.deepEqual(values, {
    PROXY: "proxy-id",
    APP_PORT: "5000",
    HEALTH_PATH: "/healthz",
    HEALTH_SECONDS: "60",
    CONTAINERS: "blue-green-dev-",
    DOCKER_CONTEXT: "default",
    DOCKER_HOST: "ssh://host",
  });
  assert.deepEqual(rest, { addPreviousOutputInEnv: false });
});

test("the outputs say where to reach what, and which color is which", async () => {
  const { service } = await make({
    activeColor: "green",
    bindAddress: "::",
    slots: { blue: { version: "1.0.0", port: 5001 }, green: { version: "2.0.0", port: 5002 } },
  });
  const outputs = await promiseOf(
    pulumi.all([
      service.url,
      service.blueUrl,
      service.greenUrl,
      service.activeColor,
      service.activeVersion,
      service.idleColor,
      service.idleVersion,
    ]),
  );
  assert.deepEqual(outputs, [
    "http://localhost:8080",
    "http://127.0.0.1:5001",
    "http://127.0.0.1:5002",
    "green",
    "2.0.0",
    "blue",
    "1.0.0",
  ]);
});

test("a refusal of the plan comes before any resource", async () => {
  const proxy = { id: "p", running: true, imageId: "sha256:1", made: { httpPort: 1 } };
  const engine = engineWith("blue");
  assert.throws(
    () => new BlueGreen("service", { owner, settings: sampleSettings, world: { ...empty, proxy }, engine }),
    (error: Error) => pulumi.RunError.isInstance(error) && /would replace the nginx container/.test(error.message),
  );
  assert.deepEqual(made, []);
});
