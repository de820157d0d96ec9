import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { hostsNamed, hostsOf, tooManyHosts } from "../../commands/hosts";
import { findStack, readStack, whereIs } from "../../commands/stack";

/** A stack `dev` whose file has these lines. */
async function found(t: TestContext, lines: string) {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-hosts-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "Pulumi.yaml"), "name: p\n");
  writeFileSync(join(directory, "Pulumi.dev.yaml"), `config:\n  p:activeColor: blue\n${lines}`);
  return findStack(directory, "dev", (stack) => `npm run x -- ${stack}`);
}

const HOSTS = "  p:hosts:\n    c: ssh://deploy@c.example\n    b: tcp://b.example:2376\n    a: own\n";

const places = (hosts: ReturnType<typeof hostsOf>) => hosts.map(({ name, host }) => [name, host]);

/** A stand-in for `docker` that prints the engine's address, after so many seconds. */
function standIn(t: TestContext, seconds = 0): void {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-docker-"));
  const { PATH, DOCKER_HOST } = process.env;
  t.after(() => {
    rmSync(directory, { recursive: true });
    Object.assign(process.env, { PATH });
    if (DOCKER_HOST === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = DOCKER_HOST;
  });
  const text = `#!/bin/sh\n[ ${seconds} = 0 ] || exec sleep ${seconds}\nprintf %s "$DOCKER_HOST"\n`;
  writeFileSync(join(directory, "docker"), text);
  chmodSync(join(directory, "docker"), 0o755);
  Object.assign(process.env, { PATH: `${directory}${delimiter}${PATH}`, DOCKER_HOST: "tcp://environment:1" });
}

describe("a stack's hosts", () => {
  test("without the setting it is on one engine, which has no name", async (t) => {
    for (const lines of ["", "  p:hosts: {}\n", '  p:hosts: ""\n']) {
      const stack = readStack(await found(t, lines));
      assert.deepEqual([stack.hosts, places(hostsOf(stack))], [undefined, [[undefined, undefined]]], lines);
    }
    const stack = readStack(await found(t, "  docker:host: tcp://shop:1\n"));
    assert.deepEqual(places(hostsOf(stack)), [[undefined, "tcp://shop:1"]]);
  });

  test("the stack's own engine is the lead, then the others by name, each on its own engine", async (t) => {
    standIn(t);
    const hosts = hostsOf(readStack(await found(t, HOSTS)));
    assert.deepEqual(places(hosts), [
      ["a", undefined],
      ["b", "tcp://b.example:2376"],
      ["c", "ssh://deploy@c.example"],
    ]);
    const asked = await Promise.all(hosts.map(({ docker }) => docker.ask("version")));
    assert.deepEqual(asked, ["tcp://environment:1", "tcp://b.example:2376", "ssh://deploy@c.example"]);
    const own = hostsOf(readStack(await found(t, `${HOSTS}  docker:host: tcp://shop:1\n`)));
    assert.deepEqual(places(own)[0], ["a", "tcp://shop:1"]);
    assert.equal(await own[0].docker.ask("version"), "tcp://shop:1");
  });

  test("as JSON in one text it is the same, as `pulumi config set hosts` would leave it", async (t) => {
    const stack = readStack(await found(t, `  p:hosts: '{"b":"ssh://b.example","a":"own"}'\n`));
    assert.deepEqual(stack.hosts, [{ name: "a" }, { name: "b", address: "ssh://b.example" }]);
  });

  test("one of several that does not answer is given up after so many seconds, and one alone is not", async (t) => {
    standIn(t, 1);
    const [, b] = hostsOf(readStack(await found(t, HOSTS)), 0.2);
    await assert.rejects(b?.docker.ask("version") ?? Promise.resolve(), /had no answer within 0\.2 s$/);
    const [alone] = hostsOf({ host: "tcp://shop:1" }, 0.2);
    assert.equal(await alone.docker.run(["version"]).then(({ code }) => code), 0);
  });

  test("what can't be hosts is refused with the command that mends it, and shows no address", async (t) => {
    const set = "pulumi config set --path 'hosts.<name>' '<address>'";
    const wrong: [lines: string, message: RegExp][] = [
      ["  p:hosts: [a, b]\n", /^hosts in Pulumi\.dev\.yaml is no list of engines' addresses by name$/],
      ["  p:hosts: 7\n", /is no list of engines' addresses by name$/],
      ["  p:hosts: '{'\n", /is no list of engines' addresses by name$/],
      ["  p:hosts:\n    secure: v1:abc\n", /is a secret, and commands need it$/],
      ["  p:hosts:\n    A-1: own\n", /has "A-1", which is no host's name$/],
      [`  p:hosts:\n    "\\u202e\\e[2J": own\n`, /has "\\u\{202e\}[ -~]*, which is no host's name$/],
      ["  p:hosts:\n    b: ftp//root:hunter2@x\n", /^[^@]*has no engine's address for b$/],
      ['  p:hosts:\n    b: "ssh://x y"\n', /has no engine's address for b$/],
      ['  p:hosts:\n    b: "ssh://x\\n--help"\n', /has no engine's address for b$/],
      ["  p:hosts:\n    b:\n      secure: v1:abc\n", /has no engine's address for b$/],
    ];
    for (const [lines, message] of wrong) {
      const stack = await found(t, lines);
      assert.throws(() => readStack(stack), { message, exit: 3, next: [{ purpose: "mend it", command: set }] }, lines);
    }
  });

  test("a file that can't be read holds up nobody who acts: it is said, and the engine is this machine's", async (t) => {
    const said: string[] = [];
    const stack = await found(t, "  p:hosts: 7\n");
    assert.deepEqual(places(hostsOf(whereIs(stack, (line) => said.push(line)))), [[undefined, undefined]]);
    assert.deepEqual(said, [
      "hosts in Pulumi.dev.yaml is no list of engines' addresses by name: the engine is that of DOCKER_HOST, or this machine's",
    ]);
    const well = whereIs(await found(t, HOSTS), () => assert.fail("nothing is to be said"));
    assert.deepEqual(
      hostsOf(well).map(({ name }) => name),
      ["a", "b", "c"],
    );
  });

  test("one of them is chosen by its name", async (t) => {
    const hosts = hostsOf(readStack(await found(t, HOSTS)));
    const retype = (host: string) => `npm run logs -- --host ${host}`;
    assert.equal(hostsNamed(hosts, undefined, retype), hosts);
    assert.deepEqual(places(hostsNamed(hosts, "c", retype)), [["c", "ssh://deploy@c.example"]]);
    assert.throws(() => hostsNamed(hosts, "x\u001b[2J", retype), {
      message: 'There is no host "x\\u001b[2J" in this stack; it has a, b, c',
      next: ["a", "b", "c"].map((name) => ({ purpose: "name the host", command: `npm run logs -- --host ${name}` })),
    });
    assert.throws(() => hostsNamed(hostsOf({}), "b", retype), {
      message: 'There is no host "b" in this stack; its file sets no hosts',
      next: [],
    });
  });

  test("a command that knows one engine alone says so, unless that is the only one", () => {
    const words = "Not with hosts yet: npm run drift knows one engine alone, and the stack's hosts are a, b";
    const b = { name: "b", address: "ssh://b" };
    assert.equal(tooManyHosts({ hosts: [{ name: "a" }, b] }, "npm run drift"), words);
    assert.match(tooManyHosts({ hosts: [b] }, "npm run drift") ?? "", /hosts are b$/);
    for (const hosts of [undefined, [], [{ name: "a" }]])
      assert.equal(tooManyHosts({ ...(hosts && { hosts }) }, "npm run drift"), undefined);
  });
});
