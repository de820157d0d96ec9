import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { JOB_MOMENTS } from "../../../stacks/service/moments";
import { DECIDED_IN } from "../../../stacks/settings/container/decided";
import { type ContainerKey, DECIDED, KEYS } from "../../../stacks/settings/container/keys";
import { accessorySpec } from "../../../stacks/settings/container/named";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings, type Settings } from "../../../stacks/settings/settings";
import { FIT, HOSTILE_TEXTS } from "../text/hostile.sample";
import { raw, refused, secrets } from "./settings.raw";

const NAMED = ["workers", "jobs", "accessories"] as const;
type Named = (typeof NAMED)[number];

/** The least that a block of each kind has. */
const LEAST = {
  workers: { command: "serve" },
  jobs: { command: "migrate", at: "before-gate" },
  accessories: { image: "postgres:17" },
} as const;

/** Settings as Pulumi hands them over: objects as JSON text. */
const given = (values: object) =>
  raw(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)])));

const read = (values: object): Settings => parseSettings(given(values), new Set());

/** A block called `one`, with these keys beside those that it must have. */
const block = (setting: Named, keys: object) => ({ [setting]: { one: { ...LEAST[setting], ...keys } } });

const blockOf = (setting: Named, keys: object): unknown => read(block(setting, keys))[setting]?.one;

const refusedBy = (values: object): string => refused(given(values));

/** Where the one problem is, what is allowed and what mends it; how the value is shown is another test's. */
function problemIn(values: object): [place: string, rule: string, mend: string] {
  const [line = "", mend = "", ...more] = refusedBy(values).split("\n");
  assert.deepEqual(more, [], "one problem");
  assert.match(line, FIT);
  const [place = "", rest = ""] = line.split(/ = (.*)/s);
  // The value is JSON, and no rule here has such an end in it.
  const rule = rest.replace(/^(?:"(?:[^"\\]|\\.)*"|[^:"]*|.*?[}\])])(?:\.\.\. \(\d+ characters\))?: /s, "");
  return [place, rule, mend.trim()];
}

const NAME =
  "must be called with a-z 0-9 and single dashes, each word with a letter first, at most 30 characters, without the words blue, green, " +
  "proxy and gateway";
const IMAGE = "must be an image by tag or digest, such as postgres:17";
const MOMENT = "must be before-gate or after-switch or after-watch or after-way-back";
const REPLICAS = "must be a whole number from 1 to 20";
const SECONDS = "must be a whole number from 1 to 86400";
const DURATION = "must be a duration, such as 90s or 1m30s";
const BLOCK = "must be an object: a block of keys";

/** Each key that only a kind has: what it takes, and what it refuses with which rule. */
const OWN: [Named, key: string, valid: [given: unknown, read: unknown][], hostile: [rule: string, ...unknown[]][]][] = [
  [
    "workers",
    "replicas",
    [
      [1, 1],
      ["20", 20],
    ],
    [[REPLICAS, 0, 21, -1, 1.5, "1e1", " 2", "", null, true, [2], {}]],
  ],
  [
    "workers",
    "follow",
    [
      ["live", "live"],
      ["both", "both"],
    ],
    [["must be live or both", "", "Live", "none", "idle", 1, null, true, ["live"], {}]],
  ],
  [
    "workers",
    "start",
    [
      ["after-switch", "after-switch"],
      ["after-watch", "after-watch"],
    ],
    [["must be after-switch or after-watch", "", "before-gate", "after_switch", 0, null, false, [], {}]],
  ],
  [
    "jobs",
    "at",
    JOB_MOMENTS.map((moment) => [moment, moment]),
    [[MOMENT, "", "before", "Before-Gate", 0, null, true, ["before-gate"], {}]],
  ],
  [
    "jobs",
    "timeoutSeconds",
    [
      [1, 1],
      ["900", 900],
      ["15m", 900],
      ["1500ms", 2],
      [86_400, 86_400],
      ["24h", 86_400],
    ],
    [
      [SECONDS, 0, -1, 86_401, "24h1s", 1.5, null, true, [1], {}],
      [DURATION, "", "90 s", "1.", "-1s", "1d", "soon"],
    ],
  ],
  [
    "accessories",
    "image",
    [
      ["postgres:17", "postgres:17"],
      [`db@sha256:${"ab".repeat(32)}`, `db@sha256:${"ab".repeat(32)}`],
    ],
    [[IMAGE, "", "a b", "-x", "Postgres:17", "a\n", null, [], {}]],
  ],
];

describe("workers, jobs and accessories", () => {
  test("what is left out is what the documentation says", () => {
    assert.deepEqual(blockOf("workers", {}), {
      ...{ command: ["serve"], replicas: 1, follow: "live", start: "after-switch" },
    });
    assert.deepEqual(blockOf("jobs", {}), { command: ["migrate"], at: "before-gate", timeoutSeconds: 600 });
    assert.deepEqual(blockOf("accessories", {}), { image: "postgres:17" });
    for (const setting of NAMED) assert.equal(setting in read({ [setting]: {} }), false, setting);
    assert.deepEqual(read({}).allowAccessoryReplace, []);
  });

  test("each key that a kind has of its own takes what it should, and refuses all else with its rule", () => {
    for (const [setting, key, valid, hostile] of OWN) {
      for (const [value, expected] of valid)
        assert.deepEqual((blockOf(setting, { [key]: value }) as Record<string, unknown>)[key], expected);
      const mend = `pulumi config set --path ${setting}.one.${key} '<value>'`;
      for (const [rule, ...values] of hostile)
        for (const value of values)
          assert.deepEqual(
            problemIn(block(setting, { [key]: value })),
            [`${setting}.one.${key}`, rule, mend],
            `${setting}.${key}: ${JSON.stringify(value)}`,
          );
    }
  });

  test("each key of a container is one of theirs, in the same forms, but for env_file", () => {
    for (const name of Object.keys(KEYS).filter((name): name is ContainerKey => name !== "env_file")) {
      const example = parse(KEYS[name].example) as Record<string, unknown>;
      for (const setting of NAMED)
        assert.deepEqual(
          (blockOf(setting, example) as Record<string, unknown>)[name],
          KEYS[name].read(example[name]),
          `${setting}: ${name}`,
        );
      assert.deepEqual(problemIn(block("workers", { [name]: { "a b": [[null]] } })).slice(2), [
        `edit workers in the stack's Pulumi.<stack>.yaml, as in: ${KEYS[name].example}`,
      ]);
    }
    const instead = {
      workers: "can't be had here: the color's environment and secretEnvironment are the worker's too",
      jobs: "can't be had here: the color's environment and secretEnvironment are the job's too",
      accessories: "can't be had here: set each variable in environment, one that is secret with --secret",
    };
    for (const setting of NAMED)
      assert.deepEqual(problemIn(block(setting, { env_file: "/etc/passwd" })), [
        ...[`${setting}.one.env_file`, instead[setting], `pulumi config rm --path ${setting}.one.env_file`],
      ]);
  });

  test("a worker or a job without a command, a job without its moment and an accessory without an image are refused", () => {
    const set = (path: string) => `pulumi config set --path ${path} '<value>'`;
    const command = "must have a command, or it would be a second web process";
    const missing: [object, string, string, string][] = [
      [{ workers: { mail: {} } }, "workers.mail", command, set("workers.mail.command")],
      [{ jobs: { "db-up": { at: "after-watch" } } }, 'jobs["db-up"]', command, set("jobs.db-up.command")],
      [{ jobs: { up: { command: "x" } } }, "jobs.up", `must have at, which ${MOMENT}`, set("jobs.up.at")],
      [{ accessories: { db: {} } }, "accessories.db", `must have image, which ${IMAGE}`, set("accessories.db.image")],
    ];
    for (const [values, place, rule, mend] of missing) assert.deepEqual(problemIn(values), [place, rule, mend]);
    assert.partialDeepStrictEqual(read({ workers: { mail: { entrypoint: "serve" } } }).workers, {
      mail: { entrypoint: ["serve"] },
    });
    assert.equal(refusedBy({ jobs: { a: {}, b: 5 } }).split("\n").length, 2 * 3, "each mistake is in the error");
  });

  test("a key that is decided elsewhere says what decides it for such a block, and an unknown one what was meant", () => {
    for (const setting of NAMED) {
      const decided: Record<string, string> = { ...DECIDED, ...DECIDED_IN[setting] };
      for (const [key, instead] of Object.entries(decided)) {
        if (setting === "accessories" && key === "image") continue;
        assert.deepEqual(problemIn(block(setting, { [key]: "x" })), [
          `${setting}.one.${key}`,
          `is not a key here: ${instead}`,
          `pulumi config rm --path ${setting}.one.${key}`,
        ]);
      }
      // None of the colors' settings decides anything of an accessory.
      if (setting === "accessories")
        for (const instead of Object.values(decided))
          assert.doesNotMatch(instead, /httpPort|appPort|secretEnvironment|healthPath|container\./);
    }
    const meant = (setting: Named, key: string) => problemIn(block(setting, { [key]: 1 }))[1];
    assert.equal(meant("workers", "replica"), "there is no such key here; replicas was meant?");
    assert.equal(meant("workers", "follows"), "there is no such key here; follow was meant?");
    assert.equal(meant("jobs", "timeout_seconds"), "there is no such key here; timeoutSeconds was meant?");
    assert.equal(meant("accessories", "imge"), "there is no such key here; image was meant?");
    assert.equal(meant("accessories", "Volume"), "there is no such key here; volumes was meant?");
    for (const key of ["constructor", "toString", "hasOwnProperty", "\u001b[2J\n", "x".repeat(5000)])
      assert.equal(
        meant("workers", key),
        "there is no such key here; docs/workers.md and docs/container.md list those that there are",
      );
  });

  test("variables of an accessory are its own alone, and the program's own may not be set for a color's containers", () => {
    const environment = { PORT: "5432", COLOR: "red", DRAIN_SECONDS: "1", A: 5 };
    assert.partialDeepStrictEqual(read({ ...block("accessories", { environment }), environment: { A: "x" } }), {
      accessories: { one: { environment: { PORT: "5432", COLOR: "red", DRAIN_SECONDS: "1", A: "5" } } },
    });
    for (const setting of ["workers", "jobs"] as const) {
      assert.equal(problemIn(block(setting, { environment: { PORT: "1" } }))[1], "is set by the program itself");
      assert.partialDeepStrictEqual(blockOf(setting, { environment: ["A=1"] }), { environment: { A: "1" } });
    }
    assert.match(problemIn(block("accessories", { environment: { "a b": "1" } }))[1], /^must have a name of A-Z/);
  });

  test("a volume of an accessory is of no color", () => {
    const volumes = [{ type: "volume", source: "db", target: "/data", "x-per-color": true }];
    assert.deepEqual(problemIn(block("accessories", { volumes })), [
      ...["accessories.one.volumes", "can't have x-per-color: both colors have the one accessory"],
      "pulumi config rm --path accessories.one.volumes",
    ]);
    for (const setting of ["workers", "jobs"] as const) read(block(setting, { volumes }));
  });

  test("what keeps more memory than it may have is refused, also where a worker has either of them from the color", () => {
    const reserve = (setting: Named) => [
      ...[`${setting}.one.mem_reservation`, "must be at most the memory limit, which is 64 MiB"],
      `pulumi config set --path ${setting}.one.mem_reservation 64m`,
    ];
    for (const setting of NAMED)
      assert.deepEqual(
        problemIn(block(setting, { mem_limit: "64m", mem_reservation: "65m" })),
        reserve(setting),
        setting,
      );
    const container = { mem_reservation: "65m" };
    for (const setting of ["workers", "jobs"] as const) {
      assert.deepEqual(problemIn({ container, ...block(setting, { mem_limit: "64m" }) }), reserve(setting));
      assert.match(problemIn(block(setting, { mem_reservation: "257m" }))[1], /, which is 256 MiB$/);
    }
    read({ container, ...block("accessories", { mem_limit: "64m" }) });
    read(block("accessories", { mem_reservation: "8g" }));
  });

  test("the label of an accessory has the names of its variables and no value", () => {
    const [accessory] = Object.values(
      read(block("accessories", { environment: { B: "hunter2", A: "x" } })).accessories ?? {},
    );
    assert.ok(accessory !== undefined);
    assert.deepEqual(accessorySpec(accessory), { image: "postgres:17", environment: ["A", "B"], processes: 4096 });
    assert.deepEqual(accessorySpec({ image: "a", pids_limit: 100 }), { image: "a", pids_limit: 100, processes: 100 });
  });
});

describe("names of workers, jobs and accessories", () => {
  const GOOD = ["a", "mail", "mail-out", "a1-b2", "constructor", "bluebird", "evergreen", "a".repeat(30)];
  const BAD = [
    ...[
      "",
      "-",
      "Mail",
      "mail-",
      "-mail",
      "mail--out",
      "mail_out",
      "mail.out",
      "1mail",
      "mail-2",
      "mail-2nd",
      "a b",
      "é",
    ],
    ...["blue", "green", "proxy", "gateway", "blue-mail", "mail-green", "a-proxy-b", "gateway-x", "a".repeat(31)],
    ...["hasOwnProperty", "a\n", "a\0", "\u001b[2J", "\u202e", "a/b", "../a", "$a", "a".repeat(5000)],
  ];

  test("a name that a container can't be told by is refused with the rule, and shown in a way that is fit for a terminal", () => {
    for (const setting of NAMED) {
      const called = (name: string) => ({ [setting]: { [name]: LEAST[setting] } });
      for (const name of GOOD) assert.deepEqual(Object.keys(read(called(name))[setting] ?? {}), [name]);
      for (const name of BAD) {
        const [place, rule, mend] = problemIn(called(name));
        assert.deepEqual([place.split(/[.[]/)[0], rule], [setting, NAME], JSON.stringify(name));
        assert.match(mend, /^(?:pulumi config rm --path |edit the stack's)/);
      }
    }
    for (const name of GOOD) assert.deepEqual(read({ allowAccessoryReplace: [name] }).allowAccessoryReplace, [name]);
    for (const name of [...BAD, 1, null, {}, ["db"]])
      assert.deepEqual(problemIn({ allowAccessoryReplace: ["db", name] }), [
        ...["allowAccessoryReplace[1]", NAME, "pulumi config rm --path 'allowAccessoryReplace[1]'"],
      ]);
  });

  test("a name that JSON alone can spell changes nothing but itself", () => {
    const { workers } = JSON.parse('{"workers":{"__proto__":{"command":"x","polluted":1}}}') as object & {
      workers: object;
    };
    assert.deepEqual(problemIn({ workers }).slice(0, 2), ["workers.__proto__", NAME]);
    const within = JSON.parse('{"command":"x","__proto__":{"at":"before-gate"}}') as object;
    assert.match(refusedBy({ workers: { mail: within } }), /^workers\.mail\.__proto__ = .*: there is no such key here/);
    const job = refusedBy({ jobs: { migrate: within } });
    assert.match(job, /must have at/, "no key comes from a prototype");
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  test("ten thousand names are refused at once, and twenty are not", () => {
    const named = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`a${at}`, { command: "x" }]));
    assert.equal(Object.keys(read({ workers: named(20) }).workers ?? {}).length, 20);
    for (const count of [21, 10_000])
      assert.deepEqual(problemIn({ workers: named(count) }), [
        ...["workers", "must have at most 20 names", "pulumi config rm --path 'workers.<name>'"],
      ]);
  });
});

describe("what is no block at all", () => {
  test("anything but an object of objects is refused by its place", () => {
    for (const setting of NAMED) {
      for (const text of ["", "[]", "null", "5", "{", "mail: {}"])
        assert.equal(
          refused(raw({ [setting]: text })),
          `${setting} = ${JSON.stringify(text)}: must be an object: a block of keys by name\n    pulumi config rm ${setting}`,
        );
      for (const value of ["x", 5, null, true, [], [{ command: "x" }]])
        assert.deepEqual(problemIn({ [setting]: { one: value } }), [
          ...[`${setting}.one`, BLOCK, `pulumi config rm --path ${setting}.one`],
        ]);
    }
    for (const text of ["", "{}", "null", "db", '"db"'])
      assert.equal(
        refused(raw({ allowAccessoryReplace: text })),
        `allowAccessoryReplace = ${JSON.stringify(text)}: must be a list of names\n    pulumi config rm allowAccessoryReplace`,
      );
  });

  test("a value that is nested without an end is refused, and ends nothing but this run", () => {
    const deep = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
    for (const setting of NAMED)
      for (const text of [deep, `{"one":${deep}}`, `{"one":{"command":"x","labels":${deep}}}`])
        for (const line of refused(raw({ [setting]: text })).split("\n")) assert.match(line, FIT);
  });
});

describe("images of accessories, by digest", () => {
  test("imagesByDigest takes an accessory's image by its digest alone, and says how it is named so", () => {
    const digest = `@sha256:${"ab".repeat(32)}`;
    const images = { blueImage: `shop${digest}`, greenImage: `shop${digest}`, nginxImage: `nginx${digest}` };
    const byDigest = (image: string, name = "db") =>
      raw({ imagesByDigest: "true", ...images, accessories: JSON.stringify({ [name]: { image } }) });
    assert.equal(parseSettings(byDigest(`postgres:17${digest}`), new Set()).imagesByDigest, true);
    assert.equal(
      refused(byDigest("postgres:17", "my-db")),
      'accessories["my-db"].image = "postgres:17": must be named by its digest, since imagesByDigest is true\n' +
        "    docker pull postgres:17 && pulumi config set --path accessories.my-db.image " +
        "\"$(docker image inspect --format '{{index .RepoDigests 0}}' postgres:17)\"",
    );
    assert.doesNotMatch(refused(byDigest("hunter2"), secrets("accessories")), /hunter2/);
    assert.doesNotMatch(refused(byDigest("a b")), /by its digest/, "what is no image at all is said once");
    for (const accessories of ["", "null", '{"db":null}', '{"db":{}}'])
      assert.doesNotMatch(refused(raw({ imagesByDigest: "true", ...images, accessories })), /by its digest/);
  });
});

describe("what is set with --secret", () => {
  test("accessories may be set so, and are the same", () => {
    const accessories = { db: { image: "postgres:17", environment: { POSTGRES_PASSWORD: "hunter2" } } };
    assert.deepEqual(parseSettings(given({ accessories }), secrets("accessories")).accessories, accessories);
  });

  test("what is wrong with them is said at its place all the same, and no value is shown", () => {
    const wrong: [object, place: string, rule: string][] = [
      [{ image: "hunter2 hunter2" }, ".image", IMAGE],
      [
        { environment: { P: "hunter2$hunter2" } },
        ".environment.P",
        "has a variable, which Compose fills in from the shell or .env: write the value itself here (a dollar sign is $$)",
      ],
      [{ environment: { P: ["hunter2"] } }, ".environment.P", "must be a text"],
      [{ command: "a 'hunter2" }, ".command", "can't be split into words: Got EOF while in a quoted string"],
      [
        { volumes: ["/hunter2"] },
        ".volumes[0]",
        "is an anonymous volume: each color would get one of its own, and what it holds would be gone at a switch. Give it a name",
      ],
      [{ volumes: ["a:/hunter2", "b:/hunter2"] }, ".volumes", "mounts something twice"],
      [
        { volumes: ["a:/a:hunter2"] },
        ".volumes[0]",
        "has a mode which can't be had here; possible are ro, rw, z and Z",
      ],
      [
        { volumes: ["./hunter2:/a"] },
        ".volumes[0]",
        "mounts a path beside a compose file: the engine may be on another host, so it must be an absolute path there",
      ],
      [{ volumes: ["a:/hunter2"], tmpfs: "/hunter2" }, ".tmpfs", "mounts something twice"],
      [{ mem_limit: "64m", mem_reservation: "65m" }, ".mem_reservation", "must be at most the memory limit"],
      [{ ports: ["hunter2"] }, ".ports", `is not a key here: ${DECIDED_IN.accessories.ports}`],
    ];
    for (const [keys, place, rule] of wrong) {
      const error = refused(given({ accessories: { db: { image: "a", ...keys } } }), secrets("accessories"));
      const [line = "", mend = "", ...more] = error.split("\n");
      assert.deepEqual([line, ...more], [`accessories.db${place} = [secret]: ${rule}`]);
      assert.doesNotMatch(mend, /hunter2|6[45]m$/);
    }
    assert.match(
      refused(given({ accessories: "hunter2" }), secrets("accessories")),
      /^accessories = \[secret\]: must be/,
    );
  });

  test("workers and jobs can't be kept secret: the way out is the color's own secrets, and nothing of them is shown", () => {
    for (const setting of ["workers", "jobs"] as const)
      for (const value of [block(setting, { environment: { TOKEN: "hunter2" } })[setting], { hunter2: 5 }, "hunter2"])
        assert.equal(
          refused(given({ [setting]: value }), secrets(setting)),
          `${setting} = [secret]: can't be kept secret; what was set with --secret belongs in secretEnvironment\n` +
            `    pulumi config rm --path '${setting}.<name>.<key>' && pulumi config set --secret --path 'secretEnvironment.<NAME>'`,
        );
  });
});

describe("any block at all", () => {
  const text = fc.oneof(
    fc.constantFrom(
      ...HOSTILE_TEXTS.map((hostile) => hostile.slice(0, 500)),
      "a:/b",
      "a=b",
      "$",
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
  const keys = [...Object.keys(KEYS), "replicas", "follow", "start", "at", "timeoutSeconds", "image", "ports"];
  const anyBlock = fc.tuple(
    fc.constantFrom(...NAMED),
    fc.oneof(fc.constantFrom("db", "mail", "constructor", "mail-2"), text),
    fc.dictionary(fc.oneof(fc.constantFrom(...keys), text), value, { maxKeys: 4 }),
  );

  test("parseSettings throws nothing but SettingsError, in lines that are fit for a terminal", () => {
    fc.assert(
      fc.property(anyBlock, ([setting, name, some]) => {
        try {
          const found = read({ [setting]: { [name]: { ...LEAST[setting], ...some } } })[setting];
          assert.deepEqual(Object.keys(found ?? {}), [name]);
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

  test("no value of accessories that were set with --secret shows in an error", () => {
    const secret = "Qzxyq";
    const around = (text: string) =>
      fc.constantFrom("", "/", "./", "$", "a:/", "'", " ", ":x", "=", "\n").map((some) => text + some);
    const planted = fc.oneof(
      around(secret),
      fc.constantFrom("", "/", "./", "$", "a:/", "'", "a=", "a:/b:").map((some) => some + secret),
    );
    const values = fc.oneof(
      planted,
      fc.array(planted, { minLength: 1, maxLength: 2 }),
      fc.dictionary(fc.constantFrom("test", "source", "target", "type", "NAME", "x", "driver"), planted, {
        maxKeys: 3,
      }),
      fc.dictionary(fc.constantFrom("a", "b"), fc.array(planted), { maxKeys: 2 }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), values, { minKeys: 1, maxKeys: 4 }), (some) => {
        try {
          parseSettings(given({ accessories: { db: { image: "a", ...some } } }), secrets("accessories"));
        } catch (error) {
          if (!(error instanceof SettingsError)) throw error;
          assert.ok(error.problems.length > 0, "it says what is wrong");
          assert.ok(!error.message.includes(secret), error.message);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
