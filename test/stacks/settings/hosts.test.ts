import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings } from "../../../stacks/settings/settings";
import { FIT, HOSTILE_TEXTS } from "../text/hostile.sample";
import { raw, refused, secrets } from "./settings.raw";

const ADDRESS_RULE =
  "must be ssh://[user@]host[:port], tcp://host:port, unix:///path, or own for the stack's own engine";
const NAME_RULE =
  "must be called with a-z 0-9, a letter first, at most 20 characters, and not blue, green, proxy, gateway, accessory, monitoring, " +
  "worker, job, cutover or network";
const USER_RULE =
  "must have no password and no other user than one of A-Z a-z 0-9 . _ -: every run would show it. SSH takes a key";

const configuration = (hosts: unknown, values: Record<string, string> = {}) =>
  raw({ hosts: JSON.stringify(hosts), ...values });

const accepted = (hosts: unknown) => parseSettings(configuration(hosts), new Set()).hosts;

describe("hosts", () => {
  test("none is the default, and is in no setting then", () => {
    assert.equal("hosts" in parseSettings(raw(), new Set()), false);
    assert.equal(accepted({}), undefined);
  });

  test("the stack's own engine comes first and the others by name, in whatever order they are written", () => {
    const found = accepted({ web: "own", b: "ssh://deploy@b.example", a: "unix:///run/a.sock" });
    assert.deepEqual(found, [
      { name: "web" },
      { name: "a", address: "unix:///run/a.sock" },
      { name: "b", address: "ssh://deploy@b.example" },
    ]);
    assert.deepEqual(accepted({ only: "own" }), [{ name: "only" }]);
    assert.equal(
      accepted(Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`h${at}`, `ssh://h${at}`])))?.length,
      10,
    );
  });

  test("an address is one that Docker's client takes", () => {
    for (const address of [
      ...["ssh://b", "ssh://b.example", "ssh://deploy@b.example:2222", "ssh://10.0.0.7", "ssh://root@[2001:db8::1]:22"],
      ...[
        "tcp://b.example:2376",
        "tcp://10.0.0.7:2376",
        "tcp://[::1]:2375",
        "unix:///var/run/docker.sock",
        "ssh://localhost",
      ],
    ])
      assert.deepEqual(accepted({ b: address }), [{ name: "b", address }]);
  });

  test("a name that isn't plain, or is another part's, is refused with the command that removes it", () => {
    const long = "a".repeat(21);
    for (const name of [
      "web-1",
      "Web",
      "1a",
      "",
      "é",
      "b.c",
      "b c",
      "-b",
      "b_c",
      long,
      "blue",
      "proxy",
      "cutover",
      "job",
      "toString",
    ])
      assert.match(
        refused(configuration({ [name]: "ssh://b.example" })),
        new RegExp(`^hosts.* = "ssh://b.example": ${NAME_RULE}\n`),
      );
    assert.equal(
      refused(configuration({ "web-1": "ssh://b.example" })),
      `hosts["web-1"] = "ssh://b.example": ${NAME_RULE}\n    pulumi config rm --path 'hosts["web-1"]'`,
    );
    assert.match(
      refused(configuration({ "b\n": "own" })),
      /\n {4}edit the stack's Pulumi.<stack>.yaml: this name can't be typed/,
    );
  });

  test("what is no engine's address is refused with the command that sets another one", () => {
    for (const address of [
      ...[
        "",
        " ",
        "b.example",
        "http://b.example:2375",
        "https://b.example",
        "npipe:////./pipe/docker",
        "fd://",
        "ssh:/b",
        "ssh://",
      ],
      ...[
        "ssh://b.example/run/docker.sock",
        "ssh://b.example:0",
        "ssh://b.example:65536",
        "ssh://b.example:",
        "ssh://-oProxyCommand=x",
      ],
      ...[
        "ssh:// b",
        "ssh://b ",
        "ssh://b\n",
        "\nssh://b",
        "ssh://b\nHost: c",
        "SSH://b",
        "ssh://é.example",
        "ssh://[fe80::1%25eth0]",
      ],
      ...[
        "tcp://b.example",
        "tcp://deploy@b.example:2376",
        "tcp://:2375",
        "tcp://b.example:2375/x",
        "ssh://b?x=1",
        "ssh://b#x",
      ],
      ...[
        "unix://var/run/docker.sock",
        "unix:///",
        "unix:///run/../x.sock",
        "unix:///a//b",
        "unix:///a b",
        `unix:///${"a".repeat(107)}`,
      ],
      ...["Own", "own ", "OWN", "{{own}}", "$HOST", ...[1, true, null, [], ["own"], { address: "own" }]],
    ]) {
      const said = refused(configuration({ b: address }));
      assert.ok(said.startsWith("hosts.b = "), said);
      assert.ok(said.endsWith(`: ${ADDRESS_RULE}\n    pulumi config set --path hosts.b '<address>'`), said);
    }
  });

  test("an address with a password, or with what may be one, is refused and shown nowhere", () => {
    for (const address of [
      ...[
        "ssh://deploy:planted@b.example",
        "ssh://:planted@b.example",
        "tcp://u:planted@b.example:2376",
        "deploy:planted@b.example",
      ],
      ...[
        "http://deploy:planted@b.example",
        "ssh://deploy:pla@nted@b.example",
        "ssh://deploy%3Aplanted@b.example",
        "ssh://planted@x@b",
      ],
      ...["ssh://pl anted@b", "ssh://planted\n:x@b", ...HOSTILE_TEXTS.map((text) => `ssh://planted:${text}@b`)],
    ])
      assert.equal(
        refused(configuration({ b: address })),
        `hosts.b = [secret]: ${USER_RULE}\n    pulumi config set --path hosts.b '<address>'`,
      );
    assert.match(
      refused(configuration({ "B-1": "ssh://deploy:planted@b.example" })),
      /^hosts\["B-1"\] = \[secret\]: must be called/,
    );
  });

  test("an engine that two hosts name is refused at the second one, however its address is written", () => {
    const twice = (hosts: Record<string, string>) => refused(configuration(hosts));
    const at = (name: string, given: string, holder: string) =>
      `hosts.${name} = "${given}": must be another engine than ${holder}, which has this address\n    pulumi config rm --path hosts.${name}`;
    assert.equal(twice({ a: "own", b: "own" }), at("b", "own", "a"));
    assert.equal(twice({ a: "ssh://b", b: "ssh://b" }), at("b", "ssh://b", "a"));
    assert.equal(
      twice({ a: "ssh://deploy@b.example", b: "ssh://deploy@B.example:22" }),
      at("b", "ssh://deploy@B.example:22", "a"),
    );
    assert.equal(accepted({ a: "ssh://b:22", b: "ssh://b:2222" })?.length, 2);
  });

  test("what is no object, and too many hosts, is refused as a whole", () => {
    assert.equal(
      refused(configuration(["own", "ssh://b"])),
      'hosts = "[\\"own\\",\\"ssh://b\\"]": must be an object: an address by name, no list\n    pulumi config rm hosts',
    );
    for (const json of ["", "own", "ssh://b.example", "null", "{", "1"])
      assert.match(
        refused(raw({ hosts: json })),
        /: must be an object: an address by name\n {4}pulumi config rm hosts$/,
      );
    assert.match(
      refused(configuration(Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`h${at}`, `ssh://h${at}`])))),
      /: must have at most 10 hosts\n {4}pulumi config rm --path 'hosts.<name>'$/,
    );
  });

  test("set as a secret it is refused, and not shown", () => {
    assert.equal(
      refused(configuration({ b: "ssh://planted" }), secrets("hosts")),
      "hosts = [secret]: can't be kept secret; must be set without --secret\n" +
        "    pulumi config rm hosts && pulumi config set --path 'hosts.<name>' '<address>'",
    );
  });

  test("what hosts can't share is refused beside them, each with the reason and what to do", () => {
    const hosts = { a: "own", b: "ssh://b" };
    const accessories = JSON.stringify({ db: { image: "postgres:17" }, cache: { image: "redis:8" } });
    assert.match(
      refused(configuration(hosts, { accessories })),
      /^hosts = .*: can't be had with accessories \(db, cache\): each host has a network and volumes of its own.*\n {4}pulumi config rm hosts$/,
    );
    assert.doesNotMatch(refused(configuration(hosts, { accessories }), secrets("accessories")), /\bdb\b|postgres/);
    assert.match(
      refused(configuration(hosts, { monitoring: "on" })),
      /^monitoring = "on": must be metrics or off while hosts is set: .*\n {4}pulumi config set monitoring metrics$/,
    );
    assert.match(
      refused(configuration(hosts, { sharedWhileSwitching: "false" })),
      /^sharedWhileSwitching = "false": must be true while hosts is set: .*\n {4}pulumi config rm hosts$/,
    );
    assert.equal(parseSettings(configuration(hosts, { monitoring: "metrics" }), new Set()).monitoring, "metrics");
    for (const values of [{ accessories }, { monitoring: "on" }, { sharedWhileSwitching: "false" }])
      assert.equal(parseSettings(raw(values), new Set()).hosts, undefined);
  });

  test("as many may be missing as leave one that answers, and none where there are no hosts", () => {
    const hosts = { a: "own", b: "ssh://b", c: "ssh://c" };
    const allowed = (given: string) =>
      parseSettings(configuration(hosts, { allowMissingHosts: given }), new Set()).allowMissingHosts;
    assert.equal(parseSettings(raw(), new Set()).allowMissingHosts, 0);
    for (const given of ["0", "1", "2"]) assert.equal(allowed(given), Number(given));
    assert.equal(
      refused(configuration(hosts, { allowMissingHosts: "3" })),
      'allowMissingHosts = "3": must be less than the number of hosts, which is 3: one at least has to answer\n' +
        "    pulumi config set allowMissingHosts 2",
    );
    for (const given of [{}, { a: "own" }])
      assert.match(
        refused(configuration(given, { allowMissingHosts: "1" })),
        /^allowMissingHosts = "1": must be .*\n {4}pulumi config rm allowMissingHosts$/,
      );
    for (const hostile of ["10", "-1", "1.5", "all", " 1", "1e0", "0x1", "$(id)"])
      assert.match(refused(configuration(hosts, { allowMissingHosts: hostile })), /must be a whole number from 0 to 9/);
    assert.doesNotMatch(refused(configuration(["own"], { allowMissingHosts: "1" })), /^allowMissingHosts/m);
  });

  test("whatever is accepted is a plain text with a scheme, and whatever is refused is fit for a terminal", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "ssh://",
        "tcp://",
        "unix://",
        "own",
        "deploy",
        "@",
        ":",
        "/",
        "b.example",
        "22",
        "2376",
        "[::1]",
        " ",
        "\n",
        "é",
        "-",
        "%",
      ),
      fc.string({ maxLength: 3 }),
    );
    const scheme = fc.constantFrom("ssh://", "tcp://", "unix:///", "");
    const address = fc.tuple(scheme, fc.array(piece, { maxLength: 4 })).map(([first, rest]) => first + rest.join(""));
    let count = 0;
    fc.assert(
      fc.property(fc.string({ maxLength: 2 }), address, (name, address) => {
        try {
          for (const host of accepted({ [`b${name}`]: address }) ?? []) {
            count += 1;
            assert.match(host.name, /^[a-z][a-z0-9]*$/);
            assert.match(host.address ?? "unix:///x", /^(?:ssh|tcp|unix):\/\/[A-Za-z0-9._~@+:[\]/-]+$/);
          }
        } catch (error) {
          if (!(error instanceof SettingsError)) throw error;
          for (const line of error.message.split("\n")) assert.match(line, FIT);
        }
      }),
      { numRuns: 2000 },
    );
    assert.ok(count > 50, String(count));
  });
});
