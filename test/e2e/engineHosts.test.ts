import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { EngineHost } from "./engineHost";
import { EngineHosts } from "./engineHosts";
import { until } from "./failures";
import { baseImages, get, must } from "./stack";

const IMAGE = baseImages().appBaseImage ?? "";
const PORT = 8000;
const SERVER = ["python3", "-m", "http.server", `${PORT}`];

/** Reports whether a container of the host's answers, asked from this machine; one that does not has 3 s for it. */
const answers = ({ address }: EngineHost): Promise<boolean> =>
  Promise.race([
    get(`http://${address}:${PORT}/`).then(({ status }) => status === 200),
    new Promise<boolean>((resolve) => setTimeout(resolve, 3000, false).unref()),
  ]).catch(() => false);

/** Returns all that this machine has of the network that an address is of. */
function traces(address: string): string[] {
  const name = `bghosts${address.split(".")[2]}`;
  return globSync([`/sys/class/net/${name}`, `/sys/fs/cgroup/${name}`, `/sys/fs/cgroup/*/${name}`]);
}

test("three hosts with an engine each", async (t) => {
  const hosts = await EngineHosts.start(t);
  if (typeof hosts === "string") return t.skip(hosts);
  const [one, two, three] = hosts.all;
  assert.ok(one && two && three);

  await t.test("are three engines, which know the images and none of the machine's containers", async () => {
    const ids = await Promise.all(hosts.all.map((host) => host.docker("info", "--format", "{{.ID}} {{.Name}}")));
    assert.equal(new Set([...ids, await must("docker", ["info", "--format", "{{.ID}} {{.Name}}"])]).size, 4);
    assert.deepEqual(
      ids.map((id) => id.trim().split(" ")[1]),
      ["host1", "host2", "host3"],
    );
    for (const host of hosts.all) {
      await host.docker("image", "inspect", ...Object.values(baseImages()));
      assert.equal(await host.docker("ps", "--all", "--quiet"), "");
    }
  });

  await t.test("answer for what a container publishes, each at its own address", async () => {
    for (const host of hosts.all) {
      assert.equal(await answers(host), false);
      await host.docker("run", "--detach", "--init", "--name", "web", "--publish", `${PORT}:${PORT}`, IMAGE, ...SERVER);
      await until(`${host.name} answers`, () => answers(host), 20);
    }
  });

  await t.test("lose one whose cable is pulled, until it is mended", async () => {
    await hosts.cut(two);
    assert.deepEqual(await Promise.all(hosts.all.map(answers)), [true, false, true]);
    const asked = [
      "exec",
      "web",
      "python3",
      "-c",
      "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)",
    ];
    await one.docker(...asked, `http://${three.address}:${PORT}/`);
    await assert.rejects(one.docker(...asked, `http://${two.address}:${PORT}/`), /timed out|No route to host/);
    await two.docker("version"); // by its socket, which is no network
    await hosts.mend(two);
    await until("host2 answers again", () => answers(two), 10);
  });

  await t.test("keep their containers when an engine is killed, and have it again after a restart", async () => {
    await hosts.kill(two);
    await assert.rejects(two.docker("version"), /Cannot connect to the Docker daemon/);
    await one.docker("version");
    await hosts.restart(two);
    await two.docker("start", "web");
    await until("host2 answers again", () => answers(two), 20);
  });

  await t.test("leave the machine's own engine and its rules alone", async () => {
    assert.doesNotMatch(await must("iptables-save", []), new RegExp(`--dport ${PORT}\\b`));
    assert.doesNotMatch(await must("docker", ["ps", "--all", "--no-trunc"]), /http\.server/);
  });

  await t.test("are a swarm, whose overlay network reaches from each to each", async () => {
    await hosts.joinSwarm(2);
    const roles = await one.docker("node", "ls", "--format", "{{.Hostname}}:{{.ManagerStatus}}");
    assert.deepEqual(roles.trim().split("\n").sort(), ["host1:Leader", "host2:Reachable", "host3:"]);
    await one.docker("network", "create", "--driver", "overlay", "--attachable", "across");
    const where = ["--mode", "global", "--endpoint-mode", "dnsrr", "--network", "across", "--no-resolve-image"];
    await one.docker("service", "create", "--quiet", "--name", "web", ...where, IMAGE, ...SERVER);
    const script =
      "import socket, urllib.request as u; found = {a[4][0] for a in socket.getaddrinfo('tasks.web', 80)}\n" +
      `for a in found: u.urlopen(f'http://{a}:${PORT}/', timeout=5)\n` +
      "print(len(found))";
    for (const host of hosts.all)
      await until(
        `a container on ${host.name} reaches the service's tasks on all three`,
        async () =>
          (await host.docker("run", "--rm", "--network", "across", IMAGE, "python3", "-c", script)).trim() === "3",
        30,
      );
  });

  await t.test("are gone after stop, with all that they had", async () => {
    assert.ok(traces(one.address).length > 1);
    await hosts.stop();
    assert.deepEqual(traces(one.address), []);
    assert.deepEqual(globSync(join(tmpdir(), `blue-green-hosts-${process.pid}-*`)), []);
    await assert.rejects(one.docker("version"));
  });
});

/** Starts a host, says where it is, and waits to be killed. */
const CRASHING = `
const { EngineHosts } = require("./test/e2e/engineHosts");
EngineHosts.start({ after() {} }, 1, []).then((hosts) => {
  const { address, directory } = hosts.all?.[0] ?? {};
  console.log(JSON.stringify(typeof hosts === "string" ? { reason: hosts } : { address, directory }));
  setInterval(() => {}, 1000);
});`;

test("hosts of a test that was killed end with it, and the next start removes what they left", async (t) => {
  const child = spawn(process.execPath, ["--import", "tsx", "--eval", CRASHING], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { reason, address, directory } = JSON.parse(line) as Record<"reason" | "address" | "directory", string>;
  if (reason !== undefined) {
    child.kill();
    return t.skip(reason);
  }
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  await until("its engine has ended", async () => {
    await assert.rejects(must("docker", ["--host", `unix://${directory}/docker.sock`, "version"]));
    return true;
  });
  const hosts = await EngineHosts.start(t, 0);
  assert.ok(typeof hosts !== "string");
  assert.ok(!existsSync(directory));
  assert.deepEqual(traces(address), []);
  await hosts.stop();
});
