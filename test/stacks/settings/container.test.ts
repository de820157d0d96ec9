import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { OTHER_SETTINGS } from "../../../stacks/settings/container/container";
import { type ContainerKey, DECIDED, KEYS } from "../../../stacks/settings/container/keys";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings, type Settings } from "../../../stacks/settings/settings";
import { FIT, HOSTILE_TEXTS } from "../text/hostile.sample";
import { raw, refused, secrets } from "./settings.raw";

const folder = mkdtempSync(join(tmpdir(), "blue-green-container-"));

after(() => rmSync(folder, { recursive: true, force: true }));

/** Returns the path of a file with variables. */
function fileOf(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const A_ENV = fileOf("a.env", "A=1\nB=a\n");

const B_ENV = fileOf("b.env", "B=b\n");

const read = (container: unknown, values: Record<string, unknown> = {}): Settings =>
  parseSettings(raw({ container: JSON.stringify(container), ...values }), new Set());

/** The error's text. */
const refusedBy = (container: unknown, values: Record<string, unknown> = {}) =>
  refused(raw({ container: JSON.stringify(container), ...values }));

/** Returns what a key came to: its own value, or that of the setting that it is a part of. */
const cameTo = (name: ContainerKey, settings: Settings): unknown =>
  name in OTHER_SETTINGS
    ? settings[OTHER_SETTINGS[name as keyof typeof OTHER_SETTINGS]]
    : settings.container?.[name as Exclude<ContainerKey, keyof typeof OTHER_SETTINGS>];

/** What JSON can spell but an object literal can't. */
const withProto = (value: unknown) => JSON.parse(`{"__proto__":${JSON.stringify(value)}}`) as Record<string, unknown>;

const many = (value: unknown): unknown[] => Array(201).fill(value);

const manyNames = (value: unknown) => Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`a${at}`, value]));

const TEXT = "must be a text";
const LIST = "must be a list";
const MAP = "must be a map of names";
const MOST_ITEMS = "must have at most 200 items";
const MOST_NAMES = "must have at most 200 names";
const TRUE = "must be true or false";
const PAIR = "must be a name and a value, such as name=value";
const NO_NAME = "is not possible as a name";
const COMMAND = "must be a text or a list";
const WORD = "must have at least one word";
const USER = "must be a user, or a user and a group, such as 1000:1000";
const GROUP = "must be a group's name or number";
const PATH = "must be an absolute path in the container, without : and , and without . or .. in it";
const VARIABLE = "must have a name of A-Z a-z 0-9 _, no digit first, at most 128 characters";
const VOLUME =
  "must be a volume's name (A-Z a-z 0-9 _ . -, at most 60 characters) or an absolute path of the engine's host";
const TMPFS = "must be a path and its options, such as /run:size=64m,mode=1777";
const CAPABILITY = "must be a capability, such as NET_BIND_SERVICE";
const OPTION = "must be an option such as no-new-privileges";
const HOST = "must be a host's name";
const ADDRESS = "must be an IP address";
const MEMORY = "must be an amount of whole MiB, such as 512m or 1g";
const DEVICE = "must be a device, such as /dev/dri:/dev/dri:rwm";
const CPUS = "must be a number of CPUs, such as 0.5";
const SIGNAL = "must be a signal, such as SIGQUIT";
const DURATION = "must be a duration, such as 90s or 1m30s";
const PROCESSES = "must be a whole number from -1 to 4194304";
const LIMIT = "must be a whole number from -1 to 9007199254740991";
const NETWORK = "must be a network's name";
const PARAMETER = "must be a kernel parameter's name";
const PLATFORM = "must be a platform, such as linux/arm64";
const DRIVER = "must be a log driver's name";
const NO_FILE = `there is no such file beside the program (${process.cwd()})`;

const filledIn = (found: string) =>
  `has ${found}, which Compose fills in from the shell or .env: write the value itself here (a dollar sign is $$)`;

/** A text that no key takes, with the reason. */
const NO_TEXTS: [value: unknown, rule: string][] = [
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Compose's variable.
  ["${VAR}", filledIn("${VAR}")],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Compose's variable.
  ["a${VAR:-\nx}", filledIn("${VAR:- x}")],
  ["$VAR", filledIn("$VAR")],
  ["$", filledIn("$")],
  ["a\0b", "must not contain a NUL character"],
  ["a".repeat(32 * 1024 + 1), "must be at most 32 KiB"],
  [2 ** 60, "is too large for a number and would be rounded; must be in quotes"],
];

/** Puts a text into a key's value, at a place within. */
type Wrap = [wrap: (value: unknown) => unknown, place: string];

interface Row {
  /** Absent where no text belongs in it. */
  text?: Wrap;
  valid: [given: unknown, read: unknown][];
  hostile: [rule: string, place: string, ...given: unknown[]][];
}

const items: Wrap = [(value) => [value], "[0]"];

const alone: Wrap = [(value) => value, ""];

const named = (name: string): Wrap => [(value) => ({ [name]: value }), `.${name}`];

const wordsRow: Row = {
  text: items,
  valid: [
    ["serve --port 80 'a b' \"$$HOME\" ü", ["serve", "--port", "80", "a b", "$HOME", "ü"]],
    [
      ["serve", 80, true, "", "a\nb"],
      ["serve", "80", "true", "", "a\nb"],
    ],
  ],
  hostile: [
    [COMMAND, "", 5, null, true, {}],
    [WORD, "", "", " ", []],
    ["can't be split into words: Got EOF while in a quoted string", "", "a 'b\n\u001b[2J"],
    [TEXT, "[1]", ["a", null], ["a", []], ["a", {}]],
    [MOST_ITEMS, "", many("a")],
  ],
};

const memoryRow = (name: string): Pick<Row, "text" | "hostile"> => ({
  text: alone,
  hostile: [
    [MEMORY, "", "", "m", "-1m", 0, -1, 1, "1.5", "512x", "1e9", "512 m ", "512m\n", "２m", "1g1m", [], {}, null],
    [MEMORY, "", "1048577m", "9".repeat(400), `${name}m`],
  ],
});

const capabilitiesRow: Row = {
  text: items,
  valid: [
    [
      ["CHOWN", "CAP_NET_BIND_SERVICE", "ALL"],
      ["CHOWN", "NET_BIND_SERVICE", "ALL"],
    ],
  ],
  hostile: [
    [LIST, "", "CHOWN", { CHOWN: true }, null],
    [CAPABILITY, "[0]", [""], ["chown"], ["CHOWN\n"], ["NET ADMIN"], ["../X"], ["A".repeat(50)], [5], [null], [["A"]]],
    [MOST_ITEMS, "", many("CHOWN")],
  ],
};

const booleanRow: Row = {
  valid: [
    ...[true, "true"].map((given): [unknown, unknown] => [given, true]),
    ...[false, "false"].map((given): [unknown, unknown] => [given, false]),
  ],
  hostile: [[TRUE, "", "", "yes", "True", "true\n", 1, 0, null, [], {}, [true], ...NO_TEXTS.map(([value]) => value)]],
};

/** Of every key what it takes, in each of Compose's forms, and what it refuses. */
const TABLE: Record<ContainerKey, Row> = {
  command: wordsRow,
  entrypoint: wordsRow,
  user: {
    text: alone,
    valid: [
      ["app", "app"],
      [1000, "1000"],
      ["1000:1000", "1000:1000"],
      ["app:www-data", "app:www-data"],
    ],
    hostile: [
      [USER, "", "", " ", "a b", "a:b:c", ":a", "a:", "root\n", "root\nuid", "-a", "../a", "ü", "a".repeat(65)],
      [USER, "", null, [], {}, ["app"]],
    ],
  },
  group_add: {
    text: items,
    valid: [
      [
        ["999", 1000, "video"],
        ["999", "1000", "video"],
      ],
    ],
    hostile: [
      [LIST, "", "999", 999, { a: 1 }, null],
      [GROUP, "[0]", [""], ["a b"], ["a\n"], ["../a"], ["-1"], ["ü"], ["a".repeat(65)], [null], [{}]],
      [MOST_ITEMS, "", many("1")],
    ],
  },
  working_dir: {
    text: alone,
    valid: [
      ["/srv/app", "/srv/app"],
      ["/srv/größe//", "/srv/größe"],
      ["/", "/"],
    ],
    hostile: [
      [PATH, "", "", "srv", "../srv", "/..", "/a/../b", "/./a", "/a//b", "//", "/a:b", "/a,b", "/a\nb", "/a\u001b[2J"],
      [PATH, "", null, [], {}],
    ],
  },
  environment: {
    text: named("A"),
    valid: [
      [
        { A: "1", B: 2, C: true, D: "$$x", constructor: "c", E: "a\nb", F: "" },
        { A: "1", B: "2", C: "true", D: "$x", constructor: "c", E: "a\nb", F: "" },
      ],
      [["A=1", "B=", "C=a=b", "D=$$x"], { A: "1", B: "", C: "a=b", D: "$x" }],
    ],
    hostile: [
      [MAP, "", "A=1", 5, null],
      ["takes its value from the shell in Compose: write NAME=value here", "[1]", ["A=1", "B"]],
      ["takes its value from the shell in Compose: write it here", ".A", { A: null }],
      [TEXT, ".A", { A: [] }, { A: {} }],
      [TEXT, "[0]", [[]], [{ A: "1" }], [null]],
      [PAIR, "[0]", ["=1"]],
      ["names A a second time", "[1]", ["A=1", "A=2"]],
      ["is set by the program itself", ".PORT", { PORT: "1" }, ["PORT=1"]],
      [VARIABLE, '["a b"]', { "a b": "1" }, ["a b=1"]],
      [VARIABLE, '["A\\n"]', { "A\n": "1" }],
      [VARIABLE, '["../A"]', { "../A": "1" }],
      [VARIABLE, '["\\u{1f600}"]', { "\u{1f600}": "1" }],
      [NO_NAME, '[""]', { "": "1" }],
      [NO_NAME, ".__proto__", withProto("1")],
      [NO_NAME, "[0]", ["__proto__=1"]],
      [MOST_NAMES, "", manyNames("1")],
      [MOST_ITEMS, "", many("A=1")],
    ],
  },
  env_file: {
    text: alone,
    valid: [
      [A_ENV, { A: "1", B: "a" }],
      [[A_ENV, B_ENV], { A: "1", B: "b" }],
      [[B_ENV, { path: A_ENV, required: true }], { A: "1", B: "a" }],
      [{ path: join(folder, "none"), required: false }, {}],
    ],
    hostile: [
      ["must be a file's path", "", "", null],
      ["must be a file's path", "[0]", [[]], [null], ["", A_ENV]],
      ["must be a file's path", ".path", { path: "" }, { required: false }, { path: {} }],
      [TRUE, ".required", { path: A_ENV, required: "no" }, { path: A_ENV, required: null }],
      ["can't be had here; possible are path, required", ".format", { path: A_ENV, format: "raw" }],
      ["can't be had here; possible are path, required", ".__proto__", withProto(A_ENV)],
      [`names ../no/such/file, which can't be read: ${NO_FILE}`, "", "../no/such/file"],
      [`names 5, which can't be read: ${NO_FILE}`, "", 5],
      [`names no such\\u{1b}file, which can't be read: ${NO_FILE}`, "", "no\nsuch\u001bfile"],
      [MOST_ITEMS, "", many(A_ENV)],
    ],
  },
  volumes: {
    text: items,
    valid: [
      [
        ["data:/a", "logs:/b/:ro", "/srv/a:/c", "/:/host:ro,z", "my.data_1-x:/d:rw,Z", "//srv/./b/:/e:cached"],
        {
          volumes: [
            { type: "volume", source: "data", target: "/a" },
            { type: "volume", source: "logs", target: "/b", readOnly: true },
            { type: "bind", source: "/srv/a", target: "/c" },
            { type: "bind", source: "/", target: "/host", readOnly: true, selinux: "z" },
            { type: "volume", source: "my.data_1-x", target: "/d", selinux: "Z" },
            { type: "bind", source: "/srv/b", target: "/e" },
          ],
          tmpfs: {},
        },
      ],
      [
        [
          { type: "volume", source: "data", target: "/a", read_only: true, volume: { nocopy: false } },
          { type: "volume", source: "own", target: "/b", "x-per-color": true },
          { type: "volume", source: "shop_data", target: "/c", "x-external": "true" },
          { type: "bind", source: "/srv/a/", target: "/d/", bind: { create_host_path: true } },
          { type: "tmpfs", target: "/e", tmpfs: { size: "64m", mode: 0o1777 } },
          { type: "tmpfs", target: "/__proto__" },
        ],
        {
          volumes: [
            { type: "volume", source: "data", target: "/a", readOnly: true },
            { type: "volume", source: "own", target: "/b", perColor: true },
            { type: "volume", source: "shop_data", target: "/c", external: true },
            { type: "bind", source: "/srv/a", target: "/d" },
          ],
          tmpfs: { "/e": "size=64m,mode=1777", "/__proto__": "" },
        },
      ],
    ],
    hostile: [
      [LIST, "", "data:/a", { data: "/a" }, null],
      [PATH, "[0]", [""], ["data"], ["data:"], ["data:a"], ["data:/"], ["data:/../a"], ["data:/a/../../b"]],
      [PATH, "[0]", ["data:/a\n"], ["C:\\a:/b"], ["data:/a,b"]],
      [VOLUME, "[0]", [":/a"], ["a b:/a"], ["-a:/a"], ["a\n:/a"], ["ü:/a"], ["a/b:/a"], [`${"a".repeat(61)}:/a`]],
      [VOLUME, "[0]", ["/srv/../etc:/a"], ["/..:/a"], ["/srv\u001b[2J:/a"]],
      [
        "mounts ./a b, a path beside a compose file: the engine may be on another host, so it must be an absolute path there",
        "[0]",
        ["./a\nb:/a"],
      ],
      [
        "is an anonymous volume: each color would get one of its own, and what it holds would be gone at a switch. " +
          "Give it a name (data:/a), or list /a in ephemeralVolumes",
        "[0]",
        ["/a"],
      ],
      ["must be source:target or source:target:mode", "[0]", ["data:/a:ro:z"]],
      ["has the mode nocopy, which can't be had here; possible are ro, rw, z and Z", "[0]", ["data:/a:nocopy"]],
      [
        "has the mode \\u{1b}[2J x, which can't be had here; possible are ro, rw, z and Z",
        "[0]",
        ["data:/a:\u001b[2J\nx"],
      ],
      [TEXT, "[0]", [null], [["data:/a"]]],
      [
        "can't be had here; possible are type, source, target, read_only, bind, volume, tmpfs, x-per-color, x-external",
        "[0].consistency",
        [{ type: "volume", source: "a", target: "/a", consistency: "cached" }],
      ],
      [PATH, "[0].target", [{ type: "volume", source: "a" }], [{ type: "tmpfs", target: "/" }], [{}]],
      [TEXT, "[0].type", [{ source: "a", target: "/a" }], [{ type: null, target: "/a" }]],
      ["must be volume, bind or tmpfs", "[0].type", [{ type: "npipe", source: "a", target: "/a" }]],
      [TEXT, "[0].source", [{ type: "volume", target: "/a" }], [{ type: "bind", source: {}, target: "/a" }]],
      [VOLUME, "[0].source", [{ type: "volume", source: "/a", target: "/a", "x-external": true }]],
      [`does not fit the type bind: ${VOLUME}`, "[0].source", [{ type: "bind", source: "a", target: "/a" }]],
      [`does not fit the type volume: ${VOLUME}`, "[0].source", [{ type: "volume", source: "/a", target: "/a" }]],
      [
        "is for a volume that the program makes",
        '[0]["x-per-color"]',
        [{ type: "bind", source: "/a", target: "/a", "x-per-color": true }],
        [{ type: "volume", source: "a", target: "/a", "x-per-color": true, "x-external": true }],
      ],
      [TRUE, "[0].read_only", [{ type: "volume", source: "a", target: "/a", read_only: "yes" }]],
      [TRUE, '[0]["x-external"]', [{ type: "volume", source: "a", target: "/a", "x-external": { name: "b" } }]],
      [
        "must be true: the engine makes the folder where it isn't there",
        "[0].bind.create_host_path",
        [{ type: "bind", source: "/a", target: "/a", bind: { create_host_path: false } }],
      ],
      [
        "must be false: the provider can't set it",
        "[0].volume.nocopy",
        [{ type: "volume", source: "a", target: "/a", volume: { nocopy: true } }],
      ],
      [MEMORY, "[0].tmpfs.size", [{ type: "tmpfs", target: "/a", tmpfs: { size: "1k" } }]],
      [
        "must be a whole number from 0 to 4095",
        "[0].tmpfs.mode",
        ...[4096, -1, null, []].map((mode) => [{ type: "tmpfs", target: "/a", tmpfs: { mode } }]),
      ],
      ["mounts /a twice", "", ["a:/a", "b:/a/"], ["a:/a", { type: "tmpfs", target: "/a" }]],
      [MOST_ITEMS, "", many("data:/a")],
    ],
  },
  networks: {
    text: items,
    valid: [
      [
        ["shop_default", "a.b-c"],
        ["shop_default", "a.b-c"],
      ],
      [{ shop_default: null, constructor: {} }, ["shop_default", "constructor"]],
    ],
    hostile: [
      [MAP, "", "shop_default", 5, null],
      [NETWORK, "[0]", [""], ["a b"], ["../a"], ["-a"], ["a\n"], ["ü"], ["a".repeat(129)], [null], [{}]],
      [NETWORK, ".__proto__", withProto(null)],
      [NETWORK, '["a\\n"]', { "a\n": null }],
      ...["host", "none", "bridge"].map((name): Row["hostile"][number] => [
        `can't be ${name}: there a container has no name by which the proxy finds it`,
        "[0]",
        [name],
      ]),
      ["can't be host: there a container has no name by which the proxy finds it", ".host", { host: null }],
      [
        "is the network of a compose file's own project: its name on the engine is <project>_default",
        "[0]",
        ["default"],
      ],
      [
        "takes no options: an alias would lead to both colors. Who wants the live one asks the proxy",
        ".a",
        { a: { aliases: ["x"] } },
      ],
      [MAP, ".a", { a: "b" }, { a: [] }],
      [MOST_ITEMS, "", many("a")],
      [MOST_NAMES, "", manyNames(null)],
    ],
  },
  tmpfs: {
    text: items,
    valid: [
      ["/run", { "/run": "" }],
      ["/run:size=64m,mode=1777", { "/run": "size=64m,mode=1777" }],
      [["/run:size=50%", "/__proto__/"], { "/run": "size=50%", "/__proto__": "" }],
    ],
    hostile: [
      [PATH, "", "", "run", "../run", "/run/../etc", "/", "/run\n", ":size=1m", 5],
      [TMPFS, "", "/run:size=1m:x", "/run:a b", "/run:size=1m\nx", "/run:\u001b[2J", "/run:size=ü"],
      [TEXT, "", null, { "/run": "" }],
      [TEXT, "[1]", ["/run", null], ["/run", ["/a"]]],
      ["mounts /run twice", "", ["/run", "/run:size=1m"]],
      [MOST_ITEMS, "", many("/run")],
    ],
  },
  read_only: booleanRow,
  cap_add: capabilitiesRow,
  cap_drop: capabilitiesRow,
  security_opt: {
    text: items,
    valid: [
      [
        ["no-new-privileges", "no-new-privileges:false", "seccomp=unconfined", "label:type:t_x"],
        ["no-new-privileges", "no-new-privileges:false", "seccomp=unconfined", "label:type:t_x"],
      ],
    ],
    hostile: [
      [LIST, "", "no-new-privileges", { seccomp: "unconfined" }, null],
      [OPTION, "[0]", [""], ["seccomp="], ["SECCOMP=a"], ["a b"], ["a=b\nc"], ["seccomp=\u001b[2J"], [5], [null], [[]]],
      [MOST_ITEMS, "", many("no-new-privileges")],
    ],
  },
  extra_hosts: {
    text: named("a"),
    valid: [
      [
        ["a=10.0.0.1", "b:10.0.0.2", "c:::1", "d=::1", "e=[::1]", "host.docker.internal:host-gateway"],
        { a: "10.0.0.1", b: "10.0.0.2", c: "::1", d: "::1", e: "::1", "host.docker.internal": "host-gateway" },
      ],
      [
        { a: "10.0.0.1", constructor: "host-gateway" },
        { a: "10.0.0.1", constructor: "host-gateway" },
      ],
    ],
    hostile: [
      [MAP, "", "a=10.0.0.1", 5, null],
      [PAIR, "[0]", ["a"], ["=10.0.0.1"], [""]],
      [
        `${ADDRESS} or host-gateway`,
        ".a",
        ...[
          "",
          "b",
          "999.1.1.1",
          "10.0.0.1\n",
          "10.0.0.1 b",
          ":",
          "fe80::1%eth0",
          "１.1.1.1",
          5,
          null,
          [],
          ["::1"],
        ].map((address) => ({ a: address })),
      ],
      [HOST, '["a b"]', { "a b": "10.0.0.1" }],
      [HOST, '["a\\n10.0.0.2 b"]', { "a\n10.0.0.2 b": "10.0.0.1" }],
      [HOST, '["-a"]', { "-a": "10.0.0.1" }],
      [NO_NAME, '[""]', { "": "10.0.0.1" }],
      [NO_NAME, ".__proto__", withProto("10.0.0.1")],
      ["names a a second time", "[1]", ["a=10.0.0.1", "a:10.0.0.2"]],
      [MOST_ITEMS, "", many("a=::1")],
      [MOST_NAMES, "", manyNames("::1")],
    ],
  },
  dns: {
    text: items,
    valid: [
      ["10.0.0.2", ["10.0.0.2"]],
      [
        ["10.0.0.2", "[2001:db8::1]"],
        ["10.0.0.2", "2001:db8::1"],
      ],
    ],
    hostile: [
      [ADDRESS, "", "", "dns.example", "10.0.0", "256.0.0.1", "10.0.0.2:53", ":", "10.0.0.2\n", 5, null, {}],
      [ADDRESS, "[1]", ["10.0.0.2", ""], ["10.0.0.2", null], ["10.0.0.2", "fe80::1%eth0"]],
      [MOST_ITEMS, "", many("10.0.0.2")],
    ],
  },
  hostname: {
    text: alone,
    valid: [
      ["app", "app"],
      ["app-1.example", "app-1.example"],
      [5, "5"],
    ],
    hostile: [[HOST, "", "", "a b", "-a", "a-", "a.", "../a", "a\n", "ü", "a".repeat(255), "\u202ea", null, [], {}]],
  },
  init: booleanRow,
  shm_size: {
    ...memoryRow("shm_size"),
    valid: [
      ["64m", 64],
      ["1.5gb", 1536],
      [67_108_864, 64],
      ["2048 KB", 2],
    ],
  },
  ulimits: {
    text: named("nofile"),
    valid: [
      [{ nofile: 65535 }, { nofile: { soft: 65535, hard: 65535 } }],
      [
        { nofile: { soft: 1024, hard: "2048" }, memlock: -1 },
        { nofile: { soft: 1024, hard: 2048 }, memlock: { soft: -1, hard: -1 } },
      ],
    ],
    hostile: [
      [MAP, "", 5, "nofile", null],
      [LIMIT, ".nofile", { nofile: "" }, { nofile: -2 }, { nofile: 0.5 }, { nofile: "1e3" }, { nofile: "5\n" }],
      [LIMIT, ".nofile", { nofile: "９" }, { nofile: true }, { nofile: "9007199254740993" }],
      [MAP, ".nofile", { nofile: null }, { nofile: [5] }],
      [LIMIT, ".nofile.hard", { nofile: { soft: 5 } }, { nofile: { soft: 5, hard: null } }],
      ["can't be had here; possible are soft, hard", ".nofile.max", { nofile: { soft: 5, hard: 5, max: 5 } }],
      ["must be a limit's name, such as nofile", ".NOFILE", { NOFILE: 5 }],
      ["must be a limit's name, such as nofile", '["a\\n"]', { "a\n": 5 }],
      [NO_NAME, ".__proto__", withProto(5)],
      [MOST_NAMES, "", manyNames(5)],
    ],
  },
  sysctls: {
    text: [(value) => ({ "net.a": value }), '["net.a"]'],
    valid: [
      [{ "net.core.somaxconn": 1024 }, { "net.core.somaxconn": "1024" }],
      [["net.core.somaxconn=1024", "net.ipv4.x=1 2"], { "net.core.somaxconn": "1024", "net.ipv4.x": "1 2" }],
    ],
    hostile: [
      [MAP, "", 5, "net.a=1", null],
      [PAIR, "[0]", ["net.a"], ["=1"]],
      [PARAMETER, ".a", { a: 1 }],
      [PARAMETER, ".constructor", { constructor: 1 }],
      [PARAMETER, '["net/a"]', { "net/a": 1 }],
      [PARAMETER, '["../a"]', { "../a": 1 }],
      [PARAMETER, '["net.a\\nnet.b"]', { "net.a\nnet.b": 1 }],
      [PARAMETER, '["net.\\u{1f600}"]', { "net.\u{1f600}": 1 }],
      [TEXT, '["net.a"]', { "net.a": null }, { "net.a": [] }],
      [NO_NAME, ".__proto__", withProto(1)],
      [MOST_NAMES, "", manyNames(1)],
      [MOST_ITEMS, "", many("net.a=1")],
    ],
  },
  devices: {
    text: items,
    valid: [
      [
        ["/dev/kvm", "/dev/dri:/dev/gpu", "/dev/sda:/dev/xvda:r"],
        [
          { hostPath: "/dev/kvm", containerPath: "/dev/kvm", permissions: "rwm" },
          { hostPath: "/dev/dri", containerPath: "/dev/gpu", permissions: "rwm" },
          { hostPath: "/dev/sda", containerPath: "/dev/xvda", permissions: "r" },
        ],
      ],
      [
        [{ source: "/dev/dri", target: "/dev/gpu", permissions: "r" }, { source: "/dev/kvm" }],
        [
          { hostPath: "/dev/dri", containerPath: "/dev/gpu", permissions: "r" },
          { hostPath: "/dev/kvm", containerPath: "/dev/kvm", permissions: "rwm" },
        ],
      ],
    ],
    hostile: [
      [LIST, "", "/dev/kvm", { "/dev/kvm": "" }, null],
      [DEVICE, "[0]", [""], ["/etc/shadow"], ["/dev/"], ["/dev/../etc/shadow:/dev/x"], ["/dev/a\n"], ["dev/kvm"]],
      [DEVICE, "[0]", ["/dev/a:/dev/a:x"], ["/dev/a:/dev/a:"], ["/dev/a:/dev/a:r:w"], ["vendor/gpu=all"], [5]],
      [PATH, "[0]", ["/dev/a:b"], ["/dev/a:"], ["/dev/a:/dev/../b"], ["/dev/a:/dev/b\nc"]],
      [TEXT, "[0]", [null], [{}]],
      [DEVICE, "[0]", [{ source: "/etc/shadow" }], [{ source: "/dev/a", permissions: "x" }]],
      [MOST_ITEMS, "", many("/dev/a")],
    ],
  },
  cpus: {
    text: alone,
    valid: [
      [0.5, "0.5"],
      ["1.50", "1.5"],
      [2, "2"],
      ["0.010", "0.01"],
    ],
    hostile: [
      [CPUS, "", "", "-1", -1, ".5", "1.", "1e3", 1e-7, "0x1", "1,5", "1\n", "1000", "１", null, [], {}],
      ["must be at least 0.01", "", 0, "0", "0.0000001"],
    ],
  },
  mem_limit: {
    ...memoryRow("mem_limit"),
    valid: [
      ["512m", 512],
      ["1gb", 1024],
      [536_870_912, 512],
      ["6291456b", 6],
    ],
    hostile: [...memoryRow("mem_limit").hostile, ["must be at least 6m", "", "5m", 1_048_576]],
  },
  mem_reservation: {
    ...memoryRow("mem_reservation"),
    valid: [
      ["128m", 128],
      [134_217_728, 128],
    ],
  },
  pids_limit: {
    text: alone,
    valid: [
      [200, 200],
      ["200", 200],
      [-1, -1],
    ],
    hostile: [
      ["must be above 0, or -1 for no limit", "", 0, "0"],
      [PROCESSES, "", "", -2, 0.5, "1e3", "2 ", "2\n", "２", 4_194_305, "9007199254740993", true, null, [], {}],
    ],
  },
  stop_signal: {
    text: alone,
    valid: [
      ["SIGQUIT", "SIGQUIT"],
      ["USR1", "USR1"],
      [9, "9"],
      ["SIGRTMIN+3", "SIGRTMIN+3"],
    ],
    hostile: [[SIGNAL, "", "", "sigquit", "SIG QUIT", "SIGQUIT\n", "../A", "Ü", "A".repeat(20), null, [], {}]],
  },
  stop_grace_period: {
    text: alone,
    valid: [
      ["90s", 90],
      ["1m30s", 90],
      ["1500ms", 2],
      ["0.5h", 1800],
    ],
    hostile: [
      [DURATION, "", "", 30, "30", "-1s", "1 s", "1s\n", "1d", "1e3s", "1s".repeat(11), "９s", null, [], {}],
      ["must be from 1s to 3600s", "", "0s", "3601s", "999999999999999h"],
    ],
  },
  healthcheck: {
    text: [(value) => ({ test: ["CMD", value] }), ".test[1]"],
    valid: [
      [{ test: "curl -f http://localhost" }, { tests: ["CMD-SHELL", "curl -f http://localhost"] }],
      [
        {
          ...{ test: ["CMD", "curl", "$$URL"], interval: "1m30s", timeout: "500ms", retries: "3" },
          ...{ start_period: "0s", start_interval: "5s", disable: false },
        },
        {
          ...{ tests: ["CMD", "curl", "$URL"], interval: "90s", timeout: "0.5s", retries: 3 },
          ...{ startPeriod: "0s", startInterval: "5s" },
        },
      ],
      [{ test: ["NONE"] }, { tests: ["NONE"] }],
      [{ disable: "true" }, { tests: ["NONE"] }],
    ],
    hostile: [
      [MAP, "", "curl", [], null, 5],
      ["must be there: the image's own check is used otherwise", ".test", {}, { interval: "5s" }],
      ["must be a command", ".test", { test: "" }, { test: " " }],
      ["must begin with NONE, CMD or CMD-SHELL", ".test", { test: [] }, { test: ["curl"] }, { test: ["cmd", "a"] }],
      ["must have a command after CMD", ".test", { test: ["CMD"] }, { test: ["CMD", ""] }],
      [LIST, ".test", { test: 5 }, { test: null }, { test: {} }],
      [DURATION, ".interval", ...[5, "5", "-5s", "5s\n", "", null].map((interval) => ({ test: "a", interval }))],
      ["must be at least 1ms", ".timeout", { test: "a", timeout: "0.01us" }],
      [
        "must be a whole number from 1 to 1000",
        ".retries",
        ...[0, -1, 1001, 0.5, "x", null].map((retries) => ({ test: "a", retries })),
      ],
      [TRUE, ".disable", { disable: "yes" }, { disable: 1 }],
      [
        "can't be had here; possible are test, interval, timeout, retries, start_period, start_interval, disable",
        ".constructor",
        { test: "a", constructor: 1 },
      ],
      [MOST_ITEMS, ".test", { test: many("CMD") }],
    ],
  },
  labels: {
    text: named("a"),
    valid: [
      [
        { team: "shop", "a b": 5, constructor: true, empty: null },
        { team: "shop", "a b": "5", constructor: "true", empty: "" },
      ],
      [["team=shop", "a=b=c", "d="], { team: "shop", a: "b=c", d: "" }],
    ],
    hostile: [
      [MAP, "", "team=shop", 5, null],
      [PAIR, "[0]", ["=a"], [""]],
      [TEXT, ".a", { a: [] }, { a: {} }],
      ["is a label of the program's own", '["blue-green.color"]', { "blue-green.color": "red" }],
      ["is a label of the program's own", "[0]", ["blue-green.color=red"]],
      ["names a a second time", "[1]", ["a=1", "a=2"]],
      [NO_NAME, '[""]', { "": "1" }],
      [NO_NAME, ".__proto__", withProto("1")],
      [MOST_ITEMS, "", many("a=1")],
      [MOST_NAMES, "", manyNames("1")],
    ],
  },
  logging: {
    text: [(value) => ({ options: { a: value } }), ".options.a"],
    valid: [
      [
        { driver: "json-file", options: { "max-size": "10m", "max-file": 3, labels: "a,b" } },
        { driver: "json-file", options: { "max-size": "10m", "max-file": "3", labels: "a,b" } },
      ],
      [{ driver: "grafana/loki:latest" }, { driver: "grafana/loki:latest", options: {} }],
      [{}, { driver: "local", options: {} }],
    ],
    hostile: [
      [MAP, "", "local", [], null],
      [DRIVER, ".driver", ...["", "a b", "-a", "../a", "a\n", "ü", null, []].map((driver) => ({ driver }))],
      [MAP, ".options", { options: "a=1" }, { options: null }],
      [TEXT, ".options.a", { options: { a: null } }, { options: { a: [] } }],
      [NO_NAME, ".options.__proto__", { options: withProto("1") }],
      ["can't be had here; possible are driver, options", ".constructor", { constructor: "a" }],
      [MOST_NAMES, ".options", { options: manyNames("1") }],
    ],
  },
  platform: {
    text: alone,
    valid: [
      ["linux/amd64", "linux/amd64"],
      ["linux/arm/v7", "linux/arm/v7"],
      ["linux", "linux"],
    ],
    hostile: [[PLATFORM, "", "", "Linux", "linux/", "/linux", "../linux", "a/b/c/d", "linux\n", "ü", null, [], {}]],
  },
};

const edit = (name: ContainerKey) =>
  `    edit container in the stack's Pulumi.<stack>.yaml, as in: ${KEYS[name].example}`;

/** Holds that a key's value is refused in one line, at its place, for this reason, and with an example of what is right. */
function assertRefused(name: ContainerKey, given: unknown, place: string, rule: string): void {
  const what = `${name}: ${JSON.stringify(given).slice(0, 200)}`;
  const [line = "", ...rest] = refusedBy({ [name]: given }).split("\n");
  assert.match(line, FIT, what);
  assert.ok(line.startsWith(`container.${name}${place} = `), `${what} -> ${line}`);
  assert.ok(line.endsWith(`: ${rule}`), `${what} -> ${line}`);
  assert.deepEqual(rest, [edit(name)], what);
}

describe("the setting container", () => {
  test("every key has values that are right and values that are hostile", () => {
    assert.deepEqual(Object.keys(TABLE).sort(), Object.keys(KEYS).sort());
    for (const [name, { valid, hostile }] of Object.entries(TABLE)) {
      assert.ok(valid.length > 0, name);
      assert.ok(hostile.flatMap(([, , ...given]) => given).length >= 10, name);
    }
  });

  for (const name of Object.keys(KEYS) as ContainerKey[]) {
    test(`${name} takes each of Compose's forms, and refuses what is hostile with the reason, at its place`, () => {
      const { text, valid, hostile } = TABLE[name];
      for (const [given, expected] of valid) {
        assert.deepEqual(cameTo(name, read({ [name]: given })), expected, JSON.stringify(given));
      }
      for (const [rule, place, ...values] of hostile) {
        for (const given of values) assertRefused(name, given, place, rule);
      }
      if (text === undefined) return;
      const [wrap, place] = text;
      for (const [value, rule] of NO_TEXTS) assertRefused(name, wrap(value), place, rule);
    });

    test(`the example of ${name} is right as it stands`, () => {
      const example = parse(KEYS[name].example) as Record<string, unknown>;
      assert.deepEqual(Object.keys(example), [name]);
      if (name === "env_file") return assert.match(refusedBy(example), /names production\.env, which can't be read/);
      assert.notEqual(cameTo(name, read(example)), undefined);
    });
  }

  test("with no key, container is left out, and anything but an object is refused", () => {
    assert.equal("container" in read({}), false);
    for (const container of ["", "[]", "null", "5", "{", "command: a"]) {
      assert.equal(
        refused(raw({ container })),
        `container = ${JSON.stringify(container)}: must be an object: a service's keys, as a compose file has them\n` +
          "    pulumi config rm container",
      );
    }
  });

  test("each key that the program decides is refused with what decides it here", () => {
    for (const [name, instead] of Object.entries(DECIDED)) {
      assert.equal(name in KEYS, false, name);
      assert.equal(
        refusedBy({ [name]: "x" }),
        `container.${name} = "x": is not a key here: ${instead}\n    pulumi config rm --path container.${name}`,
      );
    }
  });

  test("a key that does not exist is refused with the one that was meant", () => {
    assert.equal(
      refusedBy({ cap_ad: ["CHOWN"] }),
      'container.cap_ad = ["CHOWN"]: there is no such key here; cap_add was meant?\n' +
        "    pulumi config rm --path container.cap_ad",
    );
    for (const [name, meant] of Object.entries({
      "Read-Only": "read_only",
      volume: "volumes",
      "mem limit": "mem_limit",
    }))
      assert.match(refusedBy({ [name]: 1 }), new RegExp(` there is no such key here; ${meant} was meant\\?\n`));
    for (const name of ["constructor", "toString", "\u001b[2J\n", "x".repeat(5000)])
      assert.match(
        refusedBy({ [name]: 1 }),
        / = 1: there is no such key here; docs\/container\.md lists those that there are\n/,
      );
    assert.match(refusedBy(withProto({})), /^container\.__proto__ = \{\}: there is no such key here;/);
  });

  test("every mistake is in the error", () => {
    const [first, , second, , third] = refusedBy({ user: "", cap_add: ["CHOWN", "x"], ports: [80] }).split("\n");
    assert.deepEqual(
      [first, second, third],
      [
        `container.user = "": ${USER}`,
        `container.cap_add[1] = "x": ${CAPABILITY}`,
        `container.ports = [80]: is not a key here: ${DECIDED.ports}`,
      ],
    );
  });

  test("a path can't be both in volumes and in tmpfs", () => {
    assert.equal(
      refusedBy({ volumes: ["data:/a"], tmpfs: "/a/:size=1m" }),
      `container.tmpfs = "/a/:size=1m": mounts /a twice\n${edit("tmpfs")}`,
    );
    const { container } = read({ volumes: ["data:/a"], tmpfs: "/a/b" });
    assert.deepEqual(container?.tmpfs, { "/a/b": "" });
  });

  test("whatever container is, parseSettings throws nothing but SettingsError, in lines that are fit for a terminal", () => {
    const text = fc.oneof(
      fc.constantFrom(
        ...HOSTILE_TEXTS.map((hostile) => hostile.slice(0, 500)),
        "a:/b",
        "a=b",
        "$",
        "$$",
        "1m",
        "__proto__",
        "../x",
      ),
      fc.string({ unit: fc.constantFrom(..."a0/:=,.$ '\"\n\u001b\u202e\0") }),
    );
    const value = fc.oneof(
      text,
      fc.array(text, { maxLength: 3 }),
      fc.dictionary(text, fc.oneof(text, fc.jsonValue()), { maxKeys: 3 }),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(KEYS) as ContainerKey[])), value, (name, given) => {
        try {
          read({ [name]: given });
        } catch (error) {
          if (!(error instanceof SettingsError)) throw error;
          const lines = error.message.split("\n");
          assert.equal(lines.length, 1 + 2 * error.problems.length, "no text ends a line");
          for (const line of lines) assert.match(line, FIT);
        }
        assert.equal(({} as Record<string, unknown>).polluted, undefined);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("env_file", () => {
  const secretsOf = (content: string) => read({ env_file: fileOf("some.env", content) }).secretEnvironment;

  test("comments, empty lines, quotes and a byte order mark are read as Compose reads them", () => {
    const content =
      "\ufeff# of the shop\n\nA=1\nexport B=two words # not this\nC='single # \\n'\nD=\"double\\nline\"\nE=\n F = f\r\nconstructor=c\n";
    assert.deepEqual(secretsOf(content), {
      ...{ A: "1", B: "two words", C: "single # \\n", D: "double\nline", E: "", F: "f", constructor: "c" },
    });
    assert.deepEqual(secretsOf(""), {});
    assert.deepEqual(secretsOf("A=a#b\nB='it # is'\nC=\"a\nb # c\"  # not this\nD= # nothing\nE=c\\$d\n"), {
      ...{ A: "a#b", B: "it # is", C: "a\nb # c", D: "", E: "c$d" },
    });
    assert.deepEqual(secretsOf("A=1\nA=2\n"), { A: "2" });
  });

  test("a variable that can't be one is refused by its name, and no value is shown", () => {
    const bad: [content: string, name: string, rule: string][] = [
      ["PORT=hunter2", "PORT", "is set by the program itself"],
      ["1A=hunter2", "1A", VARIABLE],
      ["A\u001b[2J=hunter2", "A\\u{1b}[2J", VARIABLE],
      ["A=hunter2\0", "A", "must not contain a NUL character"],
      [`A=hunter2${"x".repeat(32 * 1024)}`, "A", "must be at most 32 KiB"],
    ];
    for (const [content, name, rule] of bad) {
      const env_file = fileOf("bad.env", content);
      assert.equal(
        refusedBy({ env_file }),
        `container.env_file = "${env_file}": names ${env_file}, in which ${name} ${rule}\n${edit("env_file")}`,
      );
    }
  });

  test("what Compose would take from elsewhere is refused, and so is what is no variable", () => {
    const elsewhere = (line: number) =>
      `names another variable in A (line ${line}): write the value itself, or in single quotes`;
    const bad: [content: string, rule: string][] = [
      ["A", "takes A (line 1) from the shell in Compose: write its value there"],
      ["# a\n\nA=$HOME", elsewhere(3)],
      [`B="b\nc"\nA="\${HOST:-x}"`, elsewhere(3)],
      ["A='one", "has a quote without its end in line 1"],
      ["=a", "has no NAME=value in line 1"],
    ];
    for (const [content, rule] of bad) {
      const env_file = fileOf("elsewhere.env", content);
      assert.equal(
        refusedBy({ env_file }),
        `container.env_file = "${env_file}": names ${env_file}, which ${rule}\n${edit("env_file")}`,
      );
    }
    assert.deepEqual(secretsOf("A='$HOME'\n"), { A: "$HOME" });
  });

  test("a file that is missing, a folder, a device or too large is refused with the reason, and one may be missing on purpose", () => {
    const none = join(folder, "none.env");
    const subfolder = join(folder, "folder.env");
    mkdirSync(subfolder);
    const huge = fileOf("huge.env", `A=${"x".repeat(512 * 1024)}`);
    const reasons = [
      [none, NO_FILE],
      [subfolder, "it is no file"],
      ["/dev/zero", "it is no file"],
      [huge, "it is larger than 512 KiB"],
    ];
    for (const [path, why] of reasons) {
      assert.match(refusedBy({ env_file: path }), new RegExp(`^container\\.env_file = ".*": names ${path}, `));
      assert.ok(refusedBy({ env_file: path }).includes(`which can't be read: ${why}\n`), path);
    }
    assert.deepEqual(read({ env_file: [{ path: none, required: false }, A_ENV] }).secretEnvironment, {
      A: "1",
      B: "a",
    });
    assert.match(refusedBy({ env_file: { path: subfolder, required: false } }), /it is no file/);
  });

  test("a relative path is one beside the program", () => {
    assert.deepEqual(read({ env_file: relative(process.cwd(), B_ENV) }).secretEnvironment, { B: "b" });
  });

  test("what stands in environment, or in the setting secretEnvironment, wins over a file", () => {
    const env_file = fileOf("over.env", "A=file\nB=file\nC=file\nD=file\n");
    const settings = parseSettings(
      raw({
        container: JSON.stringify({ env_file, environment: { A: "container" } }),
        environment: '{"B":"setting"}',
        secretEnvironment: '{"C":"secret"}',
      }),
      secrets("secretEnvironment"),
    );
    assert.deepEqual(settings.environment, { A: "container", B: "setting" });
    assert.deepEqual(settings.secretEnvironment, { C: "secret", D: "file" });
  });
});

describe("container beside other settings", () => {
  test("a key that is another setting's value is in that one alone", () => {
    const settings = read({ mem_limit: "512m", stop_grace_period: "1m", environment: { A: "1" }, env_file: B_ENV });
    assert.equal("container" in settings, false);
    assert.partialDeepStrictEqual(settings, {
      ...{ memoryMb: 512, stopGraceSeconds: 60, environment: { A: "1" }, secretEnvironment: { B: "b" } },
    });
    assert.deepEqual(read({ mem_limit: "1g", init: true }).container, { init: true });
  });

  test("what is said twice must be said alike", () => {
    const same = { memoryMb: "512", stopGraceSeconds: "60", environment: '{"A":"1"}' };
    const container = { mem_limit: "512m", stop_grace_period: "60s", environment: { A: "1" } };
    assert.partialDeepStrictEqual(read(container, same), { memoryMb: 512, environment: { A: "1" } });
    assert.equal(
      refusedBy(container, { memoryMb: "300", stopGraceSeconds: "5", environment: '{"A":"2"}' }),
      [
        'container.environment.A = "1": is in environment too, with another value; must be in one of them only',
        "    pulumi config rm --path container.environment.A",
        'memoryMb = "300": is 512 MiB in container.mem_limit; must be in one of them only',
        "    pulumi config rm memoryMb",
        'stopGraceSeconds = "5": is 60 s in container.stop_grace_period; must be in one of them only',
        "    pulumi config rm stopGraceSeconds",
      ].join("\n"),
    );
    assert.match(
      refused(
        raw({ container: JSON.stringify(container), secretEnvironment: '{"A":"hunter2"}' }),
        secrets("secretEnvironment"),
      ),
      /^container\.environment\.A = \[secret\]: is in secretEnvironment too; must be in one of them only\n {4}pulumi config rm --path container\.environment\.A$/,
    );
  });

  test("container can't be kept secret, and nothing of one that was set so is shown", () => {
    for (const container of [
      { environment: { TOKEN: "hunter2" } },
      { environment: { TOKEN: ["hunter2"] }, hunter2: "hunter2", image: "hunter2" },
      { command: "hunter2 'hunter2" },
      "hunter2",
    ]) {
      assert.equal(
        refused(raw({ container: JSON.stringify(container) }), secrets("container")),
        "container = [secret]: can't be kept secret; what was set with --secret belongs in secretEnvironment\n" +
          "    pulumi config rm --path 'container.<key>' && pulumi config set --secret --path 'secretEnvironment.<NAME>'",
      );
    }
  });
});

describe("the settings beside container", () => {
  test("hardened is true, false, or what fits the image", () => {
    const hardened = (value: string) => parseSettings(raw({ hardened: value }), new Set()).hardened;
    assert.deepEqual([hardened("true"), hardened("false"), hardened("")], [true, false, undefined]);
    for (const value of ["yes", "True", "true\n", " ", "1", "$x"])
      assert.equal(
        refused(raw({ hardened: value })),
        `hardened = ${JSON.stringify(value)}: must be true or false, or empty\n    pulumi config set hardened '<true or false>'`,
      );
  });

  test("ephemeralVolumes are paths in the container", () => {
    const paths = (value: unknown) =>
      raw({ ephemeralVolumes: typeof value === "string" ? value : JSON.stringify(value) });
    assert.deepEqual(parseSettings(paths(["/cache", "/var/lib/a/"]), new Set()).ephemeralVolumes, [
      "/cache",
      "/var/lib/a",
    ]);
    for (const value of ["", "{}", "null", "/cache", '"/cache"'])
      assert.equal(
        refused(paths(value)),
        `ephemeralVolumes = ${JSON.stringify(value)}: must be a list of paths: one a time, with --path\n` +
          "    pulumi config rm ephemeralVolumes",
      );
    for (const value of ["", "cache", "../a", "/a/..", "/", "/a\n", "/a:b", null, {}, [], 5])
      assert.equal(
        refused(paths(["/a", value])),
        `ephemeralVolumes[1] = ${JSON.stringify(value)}: ${PATH}\n    pulumi config rm --path 'ephemeralVolumes[1]'`,
      );
  });

  test("deleteVolumes is true or false", () => {
    assert.equal(parseSettings(raw({ deleteVolumes: "true" }), new Set()).deleteVolumes, true);
    for (const value of ["", "yes", "TRUE", "1"])
      assert.match(refused(raw({ deleteVolumes: value })), /: must be true or false\n/);
  });
});
