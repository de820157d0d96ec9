import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failureOf } from "../../../commands/exec/failure";
import { oneOffOf } from "../../../commands/exec/oneOff";
import { isOneOff, oneOffLabels, oneOffName, stackPartOf } from "../../../stacks/service/parts";

const OWNER = { project: "blue-green", stack: "dev" };

const ID = "0123456789abcdef".repeat(4);

/** A container of a color as `docker inspect` tells of it, in the keys that matter here. */
const inspected = (more: { Config?: object; HostConfig?: object; Networks?: object } = {}) => ({
  Id: ID,
  Image: "sha256:1",
  Config: {
    Hostname: ID.slice(0, 12),
    User: "10001:10001",
    Env: ["COLOR=blue", "KEY=-----BEGIN\nline\n-----END"],
    Entrypoint: null,
    Cmd: ["gunicorn"],
    WorkingDir: "/app",
    Image: "shop:1",
    ExposedPorts: { "5000/tcp": {} },
    Healthcheck: { Test: ["CMD", "true"] },
    Labels: { "blue-green.role": "slot", "blue-green.color": "blue", "traefik.enable": "true" },
    ...more.Config,
  },
  HostConfig: {
    ...{ Memory: 268_435_456, PidsLimit: 200, ReadonlyRootfs: true, SecurityOpt: ["no-new-privileges"] },
    ...{ CapDrop: ["ALL"], Binds: ["data:/data"], Tmpfs: { "/tmp": "size=64m" } },
    ...{ NetworkMode: "bridge", RestartPolicy: { Name: "unless-stopped" }, AutoRemove: false },
    ...{ PortBindings: { "5000/tcp": [{ HostPort: "5001" }] }, LogConfig: { Type: "local", Config: {} } },
    ...more.HostConfig,
  },
  NetworkSettings: { Networks: more.Networks ?? { "blue-green-dev": { Aliases: ["blue"] }, other: {} } },
});

const made = (more?: Parameters<typeof inspected>[0], isTerminal = false) =>
  oneOffOf(inspected(more), ["ls", "-l"], { owner: OWNER, isTerminal });

describe("a container for one command", () => {
  test("has what the one has that it is like, and nothing by which that serves", () => {
    const { body, moreNetworks } = made();
    assert.deepEqual(body, {
      ...{ User: "10001:10001", WorkingDir: "/app", StopSignal: undefined, Domainname: undefined },
      Env: ["COLOR=blue", "KEY=-----BEGIN\nline\n-----END"],
      ...{ Image: "sha256:1", Entrypoint: [], Cmd: ["ls", "-l"], Healthcheck: { Test: ["NONE"] } },
      Labels: {
        ...{ "blue-green.project": "blue-green", "blue-green.stack": "dev" },
        ...{ "blue-green.role": "exec", "blue-green.color": "" },
      },
      ...{ Tty: false, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true },
      HostConfig: {
        ...{ Memory: 268_435_456, PidsLimit: 200, ReadonlyRootfs: true, SecurityOpt: ["no-new-privileges"] },
        ...{ CapDrop: ["ALL"], Binds: ["data:/data"], Tmpfs: { "/tmp": "size=64m" } },
        ...{ NetworkMode: "blue-green-dev", RestartPolicy: { Name: "no" }, AutoRemove: true, Init: true },
        ...{ PortBindings: {}, PublishAllPorts: false, LogConfig: { Type: "none", Config: {} } },
      },
      NetworkingConfig: { EndpointsConfig: { "blue-green-dev": {} } },
    });
    assert.deepEqual(moreNetworks, ["other"]);
    assert.equal(made({}, true).body.Tty, true);
  });

  test("keeps an entrypoint and a host name that somebody gave it", () => {
    const { body } = made({ Config: { Entrypoint: ["/entry.sh"], Hostname: "app" } });
    assert.deepEqual([body.Entrypoint, body.Hostname], [["/entry.sh"], "app"]);
  });

  test("of one on no network of the engine's it joins none", () => {
    for (const NetworkMode of ["host", "none", "container:abc"]) {
      const { body, moreNetworks } = made({ HostConfig: { NetworkMode }, Networks: { host: {} } });
      assert.deepEqual([body.NetworkingConfig, moreNetworks], [undefined, []]);
      assert.equal((body.HostConfig as { NetworkMode: string }).NetworkMode, NetworkMode);
    }
  });

  test("is no part of the stack, whatever its image says", () => {
    const image = { "blue-green.role": "slot", "blue-green.color": "blue", "blue-green.version": "1" };
    const found = (Name: string, labels: Record<string, string>) => ({
      Name,
      Config: { Labels: { ...image, ...labels } },
    });
    const name = oneOffName("blue-green-dev-blue", "0a1b2c3d");
    const one = found(`/${name}`, oneOffLabels(OWNER));
    assert.equal(stackPartOf(OWNER, one), undefined);
    assert.equal(isOneOff(OWNER, one), true);
    assert.equal(isOneOff({ ...OWNER, stack: "prod" }, one), false);
    assert.equal(isOneOff(OWNER, found("/blue-green-dev-blue", oneOffLabels(OWNER))), false);
    assert.equal(isOneOff(OWNER, found(`/${name}`, {})), false);
  });
});

describe("a command's exit code", () => {
  test("is explained where docker may have given it", () => {
    assert.equal(failureOf(0, "ls", "c"), undefined);
    assert.equal(failureOf(1, "ls", "c"), undefined);
    assert.match(failureOf(126, "ls", "c") ?? "", /^126: docker can't run "ls" in c: there is no such command/);
    assert.match(failureOf(127, "\u001b[2J", "c") ?? "", /^127: c has no command "\\u001b\[2J", or /);
  });
});
