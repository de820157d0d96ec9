import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { before, test } from "node:test";
import { backendImages } from "./backend";
import { until } from "./failures";
import { type Ended, get, TestStack } from "./stack";

let images: Record<string, string>;

before(async () => {
  images = await backendImages();
});

const words = (name: string, args: string[]) => [
  "--require",
  "./setup/bundle.cjs",
  `commands/${name}/main.ts`,
  ...args,
];

const command = (stack: TestStack, name: string, ...args: string[]): Promise<Ended> =>
  stack.command("node", ...words(name, args));

/** Has a container's first process write a line, as its app would. */
const write = (stack: TestStack, part: string, line: string): Promise<string> =>
  stack.docker("exec", `blue-green-${stack.name}-${part}`, "sh", "-c", `echo "$1" >/proc/1/fd/1`, "sh", line);

/** A command that goes on, and what it has printed so far. */
const start = (stack: TestStack, name: string, ...args: string[]) => stack.start("node", ...words(name, args));

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  child.kill(signal);
  const [code] = await once(child, "close");
  return code;
}

test("npm run logs and npm run exec on a stack of three containers a color", async (t) => {
  const stack = await TestStack.make(t, { ...images, replicas: "3" });
  await stack.pulumi("config", "set", "--path", "--secret", "secretEnvironment.KEY", "--", "first line\nsecond line");
  const says = (word: string) => ["python3", "-uc", `print(${JSON.stringify(word)}); import signal; signal.pause()`];
  await stack.setObject("workers", { mail: { command: says("sends mail"), init: true } });
  await stack.setObject("accessories", {
    cache: { image: images.blueImage, command: says("is a cache"), init: true },
  });
  await stack.up();
  const name = (part: string) => `blue-green-${stack.name}-${part}`;

  await t.test("the lines of three containers come in the order in which they were written", async () => {
    const parts = ["blue", "blue-2", "blue-3"];
    const lines = Array.from({ length: 9 }, (_, at) => [parts[at % 3] ?? "", `line ${at} Grüße \u001b[2J`] as const);
    for (const [part, line] of lines) await write(stack, part, line);
    await get(`${stack.url}/`);
    const log = () => command(stack, "logs");
    await until("the proxy has written its line", async () => /^proxy +\| \{/m.test((await log()).output));
    const { code, output } = await log();
    assert.equal(code, 0, output);
    assert.deepEqual(
      output.split("\n").filter((line) => / line \d/.test(line)),
      lines.map(([part], at) => `${part.padEnd(7)} | line ${at} Grüße `),
    );
    assert.ok(!output.includes("\u001b"));
    const last = (await command(stack, "logs", "--color", "blue", "--tail", "2")).output;
    assert.equal(last, "blue-2 | line 7 Grüße \nblue-3 | line 8 Grüße \n");
  });

  await t.test("a line longer than the engine's pieces is whole", async () => {
    const script = `import sys; open("/proc/1/fd/1", "w").write("long " + "x" * 50_000 + "\\n")`;
    await stack.docker("exec", name("green"), "python3", "-c", script);
    const { output } = await command(stack, "logs", "--color", "green");
    assert.match(output, /^green +\| long x{50000}$/m);
  });

  await t.test("of the proxy's log the answers with a status", async () => {
    for (const status of [503, 200, 404, 502]) await get(`${stack.url}/status/${status}`);
    const log = async (...args: string[]) => (await command(stack, "logs", ...args)).output.split("\n").filter(Boolean);
    await until("all are written", async () => (await log("--status", "5xx")).length === 2);
    const shown = (lines: string[]) => lines.map((line) => JSON.parse(line.replace(/^proxy \| /, "")).status);
    assert.deepEqual(shown(await log("--status", "5xx")), [503, 502]);
    assert.deepEqual(shown(await log("--status", "404", "--color", "blue")), [404]);
    assert.deepEqual(await log("--status", "5xx", "--color", "green"), []);
  });

  await t.test("a request is found by its id, in the proxy and in the color that wrote of it", async () => {
    const { body } = await get(`${stack.url}/headers`);
    const [id] = JSON.parse(body)["x-request-id"];
    await write(stack, "blue-2", `{"trace":"${id}"}`);
    const log = () => command(stack, "logs", "--request", id);
    await until("the proxy has written its line", async () => /^proxy /m.test((await log()).output));
    const { code, output } = await log();
    assert.equal(code, 0);
    const [proxy = "", blue, ...others] = output.split("\n").filter(Boolean).sort().reverse();
    assert.deepEqual(
      [JSON.parse(proxy.replace(/^proxy +\| /, "")).requestId, blue, others],
      [id, `blue-2  | {"trace":"${id}"}`, []],
    );
    const missing = await command(stack, "logs", "--request", id.replace(/^./, "x"));
    assert.equal(missing.code, 1);
    assert.match(
      missing.output,
      /^No line tells of the request x.*: blue, blue-2, blue-3, green, .*, proxy; the last 10m\.$/m,
    );
  });

  await t.test("followed, a container that is started again or gone is said", async () => {
    const { child, seen } = start(stack, "logs", "--color", "green", "--since", "1s", "--follow");
    // What it shows first may be nothing.
    await until("a line is shown", async () => {
      await write(stack, "green-2", "ping");
      return /^green-2 \| ping$/m.test(seen());
    });
    await stack.docker("restart", name("green-2"));
    await until("the start is said", async () => /^green-2 ! its container was started again$/m.test(seen()));
    await write(stack, "green-2", "after the start");
    await until("its line is shown", async () => /^green-2 \| after the start$/m.test(seen()));
    await stack.docker("rm", "--force", name("green-3"));
    await until("it is said", async () => /^green-3 ! its container is gone$/m.test(seen()));
    await stack.pulumi("up", "--yes", "--skip-preview", "--refresh");
    await until("the new one is said", async () => /^green-3 ! a new container: \S+-green-3$/m.test(seen()));
    await write(stack, "green-3", "of the new one");
    await until("its line is shown", async () => /^green-3 \| of the new one$/m.test(seen()));
    assert.equal(await ended(child, "SIGINT"), 0);
    assert.equal(seen().match(/after the start/g)?.length, 1, "no line is shown twice");
  });

  await t.test("a command runs in the live color or in another one, with its own exit code and input", async () => {
    const live = await command(stack, "exec", "--", "sh", "-c", 'echo "$COLOR"; exit 7');
    assert.deepEqual(live, { code: 7, output: "blue\n" });
    const green = await command(stack, "exec", "--color", "green", "--", "sh", "-c", 'echo "$COLOR"');
    assert.deepEqual(green, { code: 0, output: "green\n" });
    const piped = await stack.command("sh", "-c", 'echo typed | node "$@"', "sh", ...words("exec", ["--", "cat"]));
    assert.deepEqual(piped, { code: 0, output: "typed\n" });
    const missing = await command(stack, "exec", "--", "nosuch");
    assert.ok([126, 127].includes(missing.code), missing.output);
    assert.match(missing.output, /^12[67]: .*"nosuch"/m);
    const worker = await command(stack, "exec", "--worker", "sms", "--", "ls");
    assert.equal(worker.code, 125);
    assert.match(worker.output, /There is no worker "sms" in blue; it has mail/);
  });

  await t.test("workers and accessories have logs and run commands", async () => {
    const logs = (await command(stack, "logs", "--worker", "mail", "--accessory", "cache")).output.split("\n");
    assert.deepEqual(logs.filter(Boolean).sort(), ["blue worker mail  | sends mail", "cache             | is a cache"]);
    const cache = await command(stack, "exec", "--accessory", "cache", "--", "cat", "/proc/1/cmdline");
    assert.equal(cache.code, 0, cache.output);
    const mail = await command(stack, "exec", "--worker", "mail", "--", "sh", "-c", 'echo "$COLOR"');
    assert.deepEqual(mail, { code: 0, output: "blue\n" });
    const beside = await command(stack, "exec", "--worker", "mail", "--new", "--", "sh", "-c", 'echo "$COLOR"; exit 4');
    assert.deepEqual(beside, { code: 4, output: "blue\n" });
    const idle = await command(stack, "exec", "--worker", "mail", "--color", "green", "--", "ls");
    assert.equal(idle.code, 125);
    assert.match(idle.output, /^Refused: green worker mail does not run: /);
  });

  await t.test("npm hands on what stands behind the second --", async () => {
    const { code, output } = await stack.command("npm", "run", "--silent", "exec", "--", "--", "sh", "-c", "exit 9");
    assert.equal(code, 9, output);
    const swallowed = await stack.command("npm", "run", "--silent", "exec", "--", "ls", "-l");
    assert.equal(swallowed.code, 125);
    assert.match(swallowed.output, /Next, to run it: npm run exec -- -- ls -l\n/);
  });

  await t.test("a signal reaches the command in the container", async () => {
    const script =
      "import signal, sys; signal.signal(15, lambda *_: sys.exit(11)); print('up', flush=True); signal.pause()";
    const { child, seen } = start(stack, "exec", "--", "python3", "-c", script);
    await until("it runs", async () => /up/.test(seen()));
    assert.equal(await ended(child, "SIGTERM"), 11, seen());
    assert.doesNotMatch(await stack.docker("top", name("blue")), /signal\.pause/);
  });

  await t.test(
    "a container of its own has the color's environment, user and networks, and is no part of it",
    async () => {
      const script =
        "import json, os, signal, socket, sys; signal.signal(15, lambda *_: sys.exit(12)); " +
        "print(json.dumps([os.environ['COLOR'], os.environ['KEY'], os.getuid(), socket.gethostbyname('blue')]), flush=True); " +
        "signal.pause()";
      const { child, seen } = start(stack, "exec", "--new", "--", "python3", "-c", script);
      await until("it runs", async () => /\]\n/.test(seen()));
      const [color, key, user, blue] = JSON.parse(seen());
      assert.deepEqual([color, key, user], ["blue", "first line\nsecond line", 10001]);

      const filter = ["--filter", `label=blue-green.stack=${stack.name}`, "--filter", "label=blue-green.role=exec"];
      const id = (await stack.docker("container", "ls", "--quiet", ...filter)).trim();
      const [one, like] = JSON.parse(await stack.docker("container", "inspect", id, name("blue")));
      assert.match(one.Name, new RegExp(`^/${name("blue")}-exec-[0-9a-f]{8}$`));
      const bounds = ({ HostConfig: host, Config, Image }: typeof one) => [
        ...[Image, Config.User, host.Memory, host.PidsLimit, host.ReadonlyRootfs, host.SecurityOpt, host.CapDrop],
        ...[host.Tmpfs, host.Binds],
      ];
      assert.deepEqual(bounds(one), bounds(like));
      assert.deepEqual(one.HostConfig.PortBindings, {});
      const [network] = Object.keys(like.NetworkSettings.Networks);
      assert.deepEqual(Object.keys(one.NetworkSettings.Networks), [network]);
      assert.equal(
        like.NetworkSettings.Networks[network ?? ""].IPAddress,
        blue,
        "the color's name is the color's alone",
      );

      assert.equal((await command(stack, "status")).code, 0);
      const listed = (await command(stack, "logs", "--color", "blue")).output;
      assert.doesNotMatch(listed, /exec/);
      assert.equal(await ended(child, "SIGTERM"), 12, seen());
      const left = () => stack.docker("container", "ls", "--all", "--quiet", ...filter);
      await until("it is gone", async () => (await left()) === "");
    },
  );

  await t.test("its exit codes are the command's own, and those of a command that is not there", async () => {
    const exit = (await command(stack, "exec", "--new", "--color", "green", "--", "sh", "-c", "exit 5")).code;
    assert.equal(exit, 5);
    assert.equal((await command(stack, "exec", "--new", "--", "false")).code, 1);
    const missing = await command(stack, "exec", "--new", "--", "nosuch");
    assert.equal(missing.code, 127, missing.output);
    await stack.pulumi("preview", "--expect-no-changes");
  });
});
