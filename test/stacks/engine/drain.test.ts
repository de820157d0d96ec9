import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { DockerError, type Ended } from "../../../stacks/engine/docker";
import { connectionsTo, type Draining, readConnections, waitDrained } from "../../../stacks/engine/drain";
import { shell } from "../../../stacks/engine/scripts";
import { stubDocker } from "./docker.stub";

const TCP_HEADER =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n";

const TCP6_HEADER =
  "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/** A proxy at 172.18.0.2: it listens, and has blue at 172.18.0.3 and green at 172.18.0.4, port 5000. */
const TCP = `${TCP_HEADER}\
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 90133 1 0000000000000000 100 0 0 10 0                     \n\
   1: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 90134 1 0000000000000000 100 0 0 10 0                     \n\
   2: 020012AC:9C40 030012AC:1388 01 00000000:00000000 00:00000000 00000000   101        0 95811 1 0000000000000000 20 4 30 10 -1                    \n\
   3: 020012AC:9C42 030012AC:1388 06 00000000:00000000 03:000016BB 00000000     0        0 0 3 0000000000000000                                      \n\
   4: 020012AC:9C44 040012AC:1388 01 000000F2:00000000 01:00000014 00000000   101        0 95813 2 0000000000000000 20 4 30 10 -1                    \n\
   5: 020012AC:9C46 040012AC:1388 08 00000000:00000001 00:00000000 00000000   101        0 95814 1 0000000000000000 20 4 30 10 -1                    \n\
   6: 020012AC:1F90 010012AC:D432 01 00000000:00000000 00:00000000 00000000   101        0 95815 1 0000000000000000 20 4 30 10 -1                    \n`;

/** The same proxy at fd00::2 and 172.18.0.2, with blue at fd00::3 and, by its mapped address, green. */
const TCP6 = `${TCP6_HEADER}\
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 90135 1 0000000000000000 100 0 0 10 0\n\
   1: 000000FD000000000000000002000000:9C50 000000FD000000000000000003000000:1388 01 00000000:00000000 00:00000000 00000000   101        0 95816 1 0000000000000000 20 4 30 10 -1\n\
   2: 0000000000000000FFFF0000020012AC:9C52 0000000000000000FFFF0000040012AC:1388 01 00000000:00000000 00:00000000 00000000   101        0 95817 1 0000000000000000 20 4 30 10 -1\n`;

/** The states by their number in the kernel, of which these let something still come from one end or the other. */
const STATES = ["01", "02", "03", "04", "05", "06", "07", "08", "09", "0A", "0B", "0C"];

const OPEN = ["01", "02", "04", "05", "08"];

const hex = (number: number, digits: number) => number.toString(16).toUpperCase().padStart(digits, "0");

/** Bytes as a little-endian processor prints them: each word of four the other way round. */
const words = (bytes: number[]): string =>
  bytes.length === 0
    ? ""
    : bytes
        .slice(0, 4)
        .reverse()
        .map((byte) => hex(byte, 2))
        .join("") + words(bytes.slice(4));

const groups = (bytes: number[]) =>
  Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16)).join(":");

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

const bytes = (length: number) => fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length });

const port = fc.integer({ min: 0, max: 65_535 });

/** A remote end: as `docker inspect` writes the address, and as the kernel does. */
const remote = fc.oneof(
  bytes(4).map((ip) => ({ text: ip.join("."), printed: words(ip) })),
  bytes(4).map((ip) => ({ text: ip.join("."), printed: words([...MAPPED, ...ip]) })),
  // Not one that is a mapped address by chance.
  bytes(15).map((ip) => ({ text: groups([0xfd, ...ip]), printed: words([0xfd, ...ip]) })),
);

const row = fc.record({
  remote,
  local: bytes(16),
  ports: fc.tuple(port, port),
  state: fc.constantFrom(...STATES),
  wanted: fc.boolean(),
});

const tables = ["/proc/net/tcp", "/proc/net/tcp6"].filter((path) => existsSync(path));

/** Asks until it is so: the other end's part of a close comes a moment later. */
async function eventually(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo() && tries < 200; tries++) await pause(10);
  assert.ok(isSo());
}

const ended = (stdout: string, code = 0, stderr = ""): Ended => ({ code, stdout, stderr });

/** Of what `docker inspect` prints, the part that is read. */
const container = (...addresses: [IPAddress: string, GlobalIPv6Address?: string][]) => ({
  NetworkSettings: {
    Networks: Object.fromEntries(
      addresses.map(([IPAddress, GlobalIPv6Address = ""], i) => [`n${i}`, { IPAddress, GlobalIPv6Address }]),
    ),
  },
});

const GREEN = ended(JSON.stringify([container(["172.18.0.4"])]));

/** An engine whose proxy has these tables, and what it was asked. */
function engine({ tables = ended(TCP), inspected = GREEN } = {}) {
  const asked: string[][] = [];
  const docker = stubDocker({
    run: async (args) => {
      asked.push(args);
      return args[0] === "container" ? inspected : tables;
    },
  });
  return { docker, asked };
}

const NOT_RUNNING = [
  `Error response from daemon: container ${"a1".repeat(32)} is not running\n`,
  `Error response from daemon: Container ${"a1".repeat(32)} is not running\n`,
  `Error response from daemon: Container ${"a1".repeat(32)} is restarting, wait until the container is running\n`,
  "Error response from daemon: No such container: proxy\n",
  "Error: No such container: proxy\n",
];

/** That the engine can't be reached, even where it says so in words that sound like the proxy's end, says nothing of the proxy. */
const UNANSWERED = [
  ended("", 1, "Cannot connect to the Docker daemon at tcp://engine:2376. Is the docker daemon running?\n"),
  ended("", 1, "error during connect: this error may indicate that the docker daemon is not running\n"),
  ended("", 1, "Error response from daemon: Container proxy is paused, unpause the container before exec\n"),
  ended("", 126, "OCI runtime exec failed: exec failed: cannot exec in a stopped container\n"),
  ended("", 255, "ssh: connect to host engine port 22: Connection timed out\n"),
];

/** What one look finds: connections, retired workers, no answer, or no proxy. */
type Look = number | { retired: number } | "fails" | "gone";

/** An engine that shows these looks one by one, the last of them for ever. */
function looks(...found: Look[]) {
  const seen = { looks: 0 };
  const row = (i: number) => `   ${i}: 020012AC:9C40 040012AC:1388 01 00000000:00000000 00:00000000 00000000\n`;
  const docker = stubDocker({
    run: async (args) => {
      if (args[0] === "container") return GREEN;
      seen.looks++;
      const now = (found.length > 1 ? found.shift() : found[0]) as Look;
      if (now === "fails") throw new DockerError("`docker exec` had no answer within 20 s");
      if (now === "gone") return ended("", 1, NOT_RUNNING[0]);
      const [count, retired] = typeof now === "object" ? [0, now.retired] : [now, 0];
      const workers = Array.from({ length: retired }, (_, i) => `/proc/3${i}/cmdline\n`).join("");
      return ended(workers + TCP_HEADER + Array.from({ length: count }, (_, i) => row(i)).join(""));
    },
  });
  return { docker, seen };
}

/** Waits for green, in no time; answers what came of it, what was said, and after how many milliseconds. */
async function drain(t: TestContext, { docker }: ReturnType<typeof looks>, change: Partial<Draining> = {}) {
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  let milliseconds = 0;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(performance, "now", () => milliseconds);
  let result: Awaited<ReturnType<typeof waitDrained>> | undefined;
  const done = waitDrained(docker, "proxy", ["g"], {
    what: "green",
    seconds: 60,
    quietSeconds: 0,
    say,
    ...change,
  }).then((value) => {
    result = value;
  });
  for (let tick = 0; tick < 10_000; tick++) {
    // A look is two turns and more.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    if (result !== undefined) break;
    milliseconds += 100;
    t.mock.timers.tick(100);
  }
  await done;
  t.mock.timers.reset();
  t.mock.restoreAll();
  return { result, said, milliseconds };
}

describe("draining", () => {
  test("the connections whose remote end is one of the addresses are counted, IPv4, IPv6 and mapped, and no others", () => {
    assert.equal(connectionsTo(TCP, ["172.18.0.3"]), 1);
    assert.equal(connectionsTo(TCP, ["172.18.0.4"]), 2);
    assert.equal(connectionsTo(TCP, ["172.18.0.3", "172.18.0.4", "172.18.0.4"]), 3);
    assert.equal(connectionsTo(TCP, ["172.18.0.2"]), 0, "the proxy's own end");
    assert.equal(connectionsTo(TCP, ["3.0.18.172"]), 0, "the other byte order");
    assert.equal(connectionsTo(TCP6, ["fd00::3"]), 1);
    assert.equal(connectionsTo(TCP6, ["fd00:0:0:0::3"]), 1);
    assert.equal(connectionsTo(TCP6, ["172.18.0.4"]), 1);
    assert.equal(connectionsTo(TCP + TCP6, ["172.18.0.4", "fd00::3"]), 4);
  });

  test("a connection counts while something may still come over it, and not when it is closed or was never open", () => {
    const counted = STATES.filter(
      (state) => connectionsTo(TCP.replace("030012AC:1388 01", `030012AC:1388 ${state}`), ["172.18.0.3"]) === 1,
    );
    assert.deepEqual(counted, OPEN);
  });

  test("without an address, with empty ones and in what is no table nothing is counted", () => {
    assert.equal(connectionsTo(TCP, []), 0);
    assert.equal(connectionsTo(TCP, ["", "green", "0.0.0.0"]), 0);
    const garbage = [
      "",
      "cat: /proc/net/tcp6: No such file or directory",
      "   2: 020012AC:9C40 030012AC:1388 ",
      "   2: 020012AC:9C40 030012AC:1388 011 ",
      "   2: 020012AC:9C40 030012AC00:1388 01 ",
      "   x: 020012AC:9C40 030012AC:1388 01 ",
      "   2: 020012AC:9C40 03001ZAC:1388 01 ",
    ];
    assert.equal(connectionsTo(garbage.join("\n"), ["172.18.0.3"]), 0);
    assert.equal(connectionsTo([...garbage, TCP, ...garbage].join("\n"), ["172.18.0.3"]), 1);
    fc.assert(fc.property(fc.string(), (text) => connectionsTo(text, ["172.18.0.3"]) === 0));
  });

  test("whatever the addresses, ports and states are, the count is right", () => {
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const lines = rows.map(({ remote: { printed }, local, ports, state }, i) => {
          const own = words(local.slice(0, printed.length / 2));
          return `${String(i).padStart(4)}: ${own}:${hex(ports[0], 4)} ${printed}:${hex(ports[1], 4)} ${state} 00000000:00000000 00:00000000`;
        });
        const addresses = rows.filter(({ wanted }) => wanted).map(({ remote: { text } }) => text);
        const right = rows.filter(({ remote: { text }, state }) => addresses.includes(text) && OPEN.includes(state));
        assert.equal(connectionsTo(TCP_HEADER + lines.join("\n"), addresses), right.length);
      }),
    );
  });

  test("a real connection is counted by this machine's own kernel, until it is closed", {
    skip: tables.length === 0 && "there is no /proc/net/tcp here",
  }, async () => {
    const here = () => tables.map((path) => readFileSync(path, "latin1")).join("");
    // An address of its own on the loopback, so that nobody else's connections are in the count.
    const address = `127.${80 + (process.pid % 100)}.67.89`;
    const server = createServer((socket) => socket.on("end", () => socket.end()).resume());
    await once(server.listen(0, address), "listening");
    try {
      assert.equal(connectionsTo(here(), [address]), 0);
      const open = () =>
        connect({ host: address, localAddress: "127.0.0.1", port: (server.address() as AddressInfo).port });
      const clients = [open(), open()];
      for (const client of clients) await once(client, "connect");
      assert.equal(connectionsTo(here(), [address]), 2);
      assert.equal(connectionsTo(here(), [address.split(".").reverse().join(".")]), 0);
      clients[0]?.resume().end();
      await eventually(() => connectionsTo(here(), [address]) === 1);
      clients[1]?.resume().end();
      await eventually(() => connectionsTo(here(), [address]) === 0);
    } finally {
      server.close();
    }
  });

  test("one question goes to the proxy and one to the engine, about all of the containers", async () => {
    const inspected = ended(JSON.stringify([container(["172.18.0.3"], ["10.0.0.9"]), container(["172.18.0.4"])]));
    const { docker, asked } = engine({ inspected });
    assert.equal(await readConnections(docker, "proxy", ["b", "g"]), 3);
    assert.deepEqual(asked, [
      ["exec", "proxy", ...shell("draining")],
      ["container", "inspect", "b", "g"],
    ]);
  });

  test("without containers nothing is asked", async () => {
    assert.equal(await readConnections(stubDocker({}), "proxy", []), 0);
  });

  test("a container is found by its address in each of its networks, IPv4 and IPv6", async () => {
    const inspected = ended(JSON.stringify([container(["10.0.0.9"], ["172.18.0.4", "fd00::3"])]));
    const { docker } = engine({ tables: ended(TCP + TCP6), inspected });
    assert.equal(await readConnections(docker, "proxy", ["g"]), 4);
  });

  test("an engine without IPv6 has only one table, which is no error", async () => {
    for (const said of [
      "cat: /proc/net/tcp6: No such file or directory\n",
      "Warning: Permanently added the host.\ncat: can't open '/proc/net/tcp6': No such file or directory\n",
    ]) {
      assert.equal(await readConnections(engine({ tables: ended(TCP, 1, said) }).docker, "proxy", ["g"]), 2);
    }
  });

  test("a container that does not run, is in no network or is not there has no connection", async () => {
    for (const stopped of [container(["", ""]), container(), { NetworkSettings: {} }, {}]) {
      const inspected = ended(JSON.stringify([stopped]));
      assert.equal(await readConnections(engine({ inspected }).docker, "proxy", ["g"]), 0);
    }
    for (const said of [
      "Error response from daemon: No such container: ",
      "Error: No such container: ",
      "error: no such object: ",
    ]) {
      const gone = ended("[]\n", 1, `${said}g\n`);
      assert.equal(await readConnections(engine({ inspected: gone }).docker, "proxy", ["g"]), 0);
      const oneIsGone = ended(GREEN.stdout, 1, `${said}b\n`);
      assert.equal(await readConnections(engine({ inspected: oneIsGone }).docker, "proxy", ["b", "g"]), 2);
    }
  });

  test("a proxy that does not run has no connection and no workers", async () => {
    for (const said of NOT_RUNNING) {
      const { docker } = engine({ tables: ended("", 1, said) });
      assert.equal(await readConnections(docker, "proxy", ["g"]), 0, said);
    }
  });

  test("an engine that does not answer is an error with its words, and never means that nothing is connected", async () => {
    for (const answer of UNANSWERED) {
      const expected = { name: "DockerError", message: answer.stderr.trim() };
      await assert.rejects(readConnections(engine({ tables: answer }).docker, "proxy", ["g"]), expected);
      await assert.rejects(readConnections(engine({ inspected: answer }).docker, "proxy", ["g"]), expected);
    }
  });

  test("nor does an answer that was cut off", async () => {
    for (const tables of [ended(""), ended("", 1), ended(TCP, 137), { code: null, stdout: TCP, stderr: "" }]) {
      await assert.rejects(readConnections(engine({ tables }).docker, "proxy", ["g"]), DockerError);
    }
    for (const inspected of [
      ended(""),
      ended("["),
      ended("{}"),
      ended("[]"),
      ended("[]", 1, "Error: No such container: b"),
    ]) {
      await assert.rejects(readConnections(engine({ inspected }).docker, "proxy", ["b", "g"]), DockerError);
    }
  });

  test("the workers that a reload has retired are told by their title, beside the tables", {
    skip: tables.length === 0,
  }, (t) => {
    const retired = spawn("sleep", ["60"], { argv0: "nginx: worker process is shutting down" });
    const serving = spawn("sleep", ["60"], { argv0: "nginx: worker process" });
    t.after(() => [retired, serving].map((worker) => worker.kill()));
    const [command = "", ...args] = shell("draining");
    const told = spawnSync(command, args, { encoding: "utf8" }).stdout;
    assert.match(told, new RegExp(`^/proc/${retired.pid}/cmdline$`, "m"));
    assert.doesNotMatch(told, new RegExp(`^/proc/${serving.pid}/cmdline$`, "m"));
    assert.match(told, /^ *sl +local_address /m);
  });

  test("containers are drained when two looks in a row find no connection, and nothing is said where it was so at once", async (t) => {
    const found = looks(0);
    const { result, said, milliseconds } = await drain(t, found);
    assert.deepEqual(result, { drained: true, left: 0, retired: 0 });
    assert.deepEqual(said, []);
    assert.equal(milliseconds, 500);
    assert.deepEqual(found.seen, { looks: 2 });
  });

  test("a connection that comes in between begins the two looks anew", async (t) => {
    const found = looks(2, 0, 1, 0, 0, 7);
    const { result, milliseconds } = await drain(t, found);
    assert.deepEqual(result, { drained: true, left: 0, retired: 0 });
    assert.equal(milliseconds, 2000);
    assert.equal(found.seen.looks, 5);
  });

  test("how it stands is said at first and every 5 s, and after `seconds` it is not drained", async (t) => {
    const { result, said, milliseconds } = await drain(t, looks(3, 3, 1), { seconds: 12 });
    assert.deepEqual(result, { drained: false, left: 1, retired: 0 });
    assert.equal(milliseconds, 12_000);
    assert.deepEqual(said, [
      "drain 0/12 s, 3 connections to green",
      "drain 5/12 s, 1 connection to green",
      "drain 10/12 s, 1 connection to green",
    ]);
  });

  test("within `quietSeconds` nothing is drained, since an open connection of a client's may ask once more", async (t) => {
    const { result, said, milliseconds } = await drain(t, looks(0), { quietSeconds: 10, seconds: 10 });
    assert.deepEqual(result, { drained: true, left: 0, retired: 0 });
    assert.equal(milliseconds, 10_000);
    assert.deepEqual(said, [
      "drain 0/10 s at least, none left (a client's open connection may ask green once more)",
      "drain 5/10 s at least, none left (a client's open connection may ask green once more)",
    ]);
  });

  test("a question that fails is asked again, counts as no look, and is said", async (t) => {
    const { result, said, milliseconds } = await drain(t, looks("fails", 0, "fails", 0, 0));
    assert.deepEqual(result, { drained: true, left: 0, retired: 0 });
    assert.equal(milliseconds, 2000);
    assert.deepEqual(said, [
      "drain 0/60 s, the proxy can't be asked: `docker exec` had no answer within 20 s; green is stopped when they are over",
    ]);
  });

  test("what never answers is waited for `seconds` and not longer; what it told last is what is left", async (t) => {
    const never = await drain(t, looks("fails"), { seconds: 3 });
    assert.deepEqual(never.result, { drained: false, left: 0, retired: 0 });
    assert.equal(never.milliseconds, 3000);
    const noMore = await drain(t, looks(4, "fails"), { seconds: 3 });
    assert.deepEqual(noMore.result, { drained: false, left: 4, retired: 0 });
  });

  test("a proxy that does not run, from the beginning or later, leaves nothing to wait for", async (t) => {
    const { result, said, milliseconds } = await drain(t, looks("gone"), { quietSeconds: 10 });
    assert.deepEqual(result, { drained: true, left: 0, retired: 0 });
    assert.equal(milliseconds, 0);
    assert.deepEqual(said, []);
    const later = await drain(t, looks(3, "gone"));
    assert.deepEqual(later.result, { drained: true, left: 0, retired: 0 });
    assert.equal(later.milliseconds, 500);
  });

  test("where it is asked for, the workers that a reload has retired are waited for too", async (t) => {
    const found = looks(1, { retired: 2 }, { retired: 1 }, 0);
    const { result, said, milliseconds } = await drain(t, found, { retired: true });
    assert.deepEqual(result, { drained: true, left: 0, retired: 0 });
    assert.equal(milliseconds, 2000);
    assert.deepEqual(found.seen, { looks: 5 });
    assert.equal(said.length, 1);

    const staying = await drain(t, looks({ retired: 2 }), { retired: true, seconds: 3 });
    assert.deepEqual(staying.result, { drained: false, left: 0, retired: 2 });
    assert.deepEqual(staying.said, ["drain 0/3 s, clients from before the switch are left that may ask green"]);
  });

  test("without containers there is nothing to wait for, and nothing is asked", async () => {
    const say = () => assert.fail("nothing is said");
    assert.deepEqual(
      await waitDrained(stubDocker({}), "proxy", [], { what: "green", seconds: 60, quietSeconds: 10, say }),
      {
        ...{ drained: true, left: 0, retired: 0 },
      },
    );
  });

  test("once the run is cancelled nothing is waited for any longer", async (t) => {
    // The time stands still.
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const cancel = new AbortController();
    const found = looks(3);
    const say = () => setImmediate(() => cancel.abort());
    const draining = { what: "green", seconds: 60, quietSeconds: 0, say, signal: cancel.signal };
    assert.deepEqual(await waitDrained(found.docker, "proxy", ["g"], draining), {
      drained: false,
      left: 3,
      retired: 0,
    });
    assert.equal(found.seen.looks, 1);
    // One that was cancelled before looks once, and does not wait.
    assert.deepEqual(await waitDrained(found.docker, "proxy", ["g"], draining), {
      drained: false,
      left: 3,
      retired: 0,
    });
    assert.equal(found.seen.looks, 2);
  });

  test("a clock that is set meanwhile neither ends the wait nor prolongs it", async (t) => {
    let day = 0;
    t.mock.method(Date, "now", () => (day++ % 2 === 0 ? 1 : -1) * 86_400_000);
    const { milliseconds } = await drain(t, looks(1), { seconds: 5 });
    assert.equal(milliseconds, 5000);
  });
});
