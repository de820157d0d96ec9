import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { readScript } from "../../stacks/engine/scripts";
import { CONTAINER_METRICS } from "../../stacks/service/metrics";
import { type Page, readPage, sumOf } from "../prometheus";

/** The script without its last part, which goes on for ever. */
const FUNCTIONS = readScript("metrics").split("printf '%s\\n' \"$CONF\"")[0] ?? "";

const MEBIBYTE = 1024 * 1024;

/** A container's id, which begins with this letter. */
const idOf = (letter: string): string => letter.repeat(64);

/** Where an engine has its containers' cgroups, and what each of them is called. */
interface Layout {
  version: 1 | 2;
  folder: string;
  name: (id: string) => string;
}

const SCOPE = (id: string): string => `docker-${id}.scope`;

const LAYOUTS: Readonly<Record<string, Layout>> = {
  "version 1, cgroupfs": { version: 1, folder: "docker", name: (id) => id },
  "version 1, systemd": { version: 1, folder: "system.slice", name: SCOPE },
  "version 1, an engine in a container": { version: 1, folder: `docker/${idOf("9")}/docker`, name: (id) => id },
  "version 2, cgroupfs": { version: 2, folder: "docker", name: (id) => id },
  "version 2, systemd": { version: 2, folder: "system.slice", name: SCOPE },
  "version 2, rootless": {
    version: 2,
    folder: "user.slice/user-1000.slice/user@1000.service/user.slice",
    name: SCOPE,
  },
};

/** What the kernel says of a container. */
interface Figures {
  used: number;
  inactive: number;
  limit?: number;
  kills: number;
  cpuSeconds: number;
}

const FIGURES: Figures = {
  used: 100 * MEBIBYTE,
  inactive: 40 * MEBIBYTE,
  limit: 256 * MEBIBYTE,
  kills: 2,
  cpuSeconds: 1.5,
};

/** The books of a host, the volume, and the engine's name server. */
class Host {
  readonly place: string;
  readonly volume: string;
  private readonly books: string;
  /** By short id or address, what `getent hosts` prints. */
  private readonly names: Record<string, string> = {};

  constructor(
    t: TestContext,
    readonly layout: Layout,
  ) {
    this.place = mkdtempSync(join(tmpdir(), "containers-"));
    t.after(() => rmSync(this.place, { recursive: true }));
    this.books = join(this.place, "books");
    this.volume = join(this.place, "volume");
    for (const folder of [this.books, this.volume, join(this.place, "bin"), join(this.place, "tmp")]) mkdirSync(folder);
    writeFileSync(join(this.place, "hostname"), `${idOf("a").slice(0, 12)}\n`);
    writeFileSync(join(this.place, "boot"), "boot-1\n");
    if (layout.version === 1) {
      for (const book of ["memory", "cpu,cpuacct"]) mkdirSync(join(this.books, book));
      symlinkSync("cpu,cpuacct", join(this.books, "cpuacct"));
    } else writeFileSync(join(this.books, "cgroup.controllers"), "cpu memory\n");
    this.starts("a", "monitoring-metrics");
  }

  private folder(book: string, letter: string): string {
    const { version, folder, name } = this.layout;
    return join(this.books, ...(version === 1 ? [book] : []), folder, name(idOf(letter)));
  }

  /** Makes a container's cgroup; the name server knows it where it has a name. */
  starts(letter: string, name?: string, figures: Figures = FIGURES): void {
    const { used, inactive, limit, kills, cpuSeconds } = figures;
    const write = (book: string, file: string, text: string) => {
      mkdirSync(this.folder(book, letter), { recursive: true });
      writeFileSync(join(this.folder(book, letter), file), `${text}\n`);
    };
    if (this.layout.version === 1) {
      write("memory", "memory.usage_in_bytes", String(used));
      write("memory", "memory.stat", `cache 1\ninactive_file 7\ntotal_cache 5\ntotal_inactive_file ${inactive}`);
      write("memory", "memory.limit_in_bytes", String(limit ?? "9223372036854771712"));
      write("memory", "memory.oom_control", `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}`);
      write("cpu,cpuacct", "cpuacct.usage", String(cpuSeconds * 1e9));
    } else {
      write("", "memory.current", String(used));
      write("", "memory.stat", `anon 1\ninactive_anon 9\ninactive_file ${inactive}\nactive_file 3`);
      write("", "memory.max", String(limit ?? "max"));
      write("", "memory.events", `low 0\noom 5\noom_kill ${kills}\noom_group_kill 0`);
      write("", "cpu.stat", `usage_usec ${cpuSeconds * 1e6}\nuser_usec 1\nsystem_usec 2`);
    }
    if (name === undefined) return;
    const address = `172.18.0.${letter.charCodeAt(0)}`;
    this.names[idOf(letter).slice(0, 12)] = `${address}      ${idOf(letter).slice(0, 12)}`;
    this.names[address] = `${address}      shop-prod-${name}.shop-prod other`;
  }

  ends(letter: string): void {
    for (const book of ["memory", "cpu,cpuacct"]) rmSync(this.folder(book, letter), { recursive: true, force: true });
  }

  /** Ends it and starts it again: its folder is another one then, in the place of the first. */
  restarts(letter: string): void {
    renameSync(this.folder("memory", letter), join(this.place, `old-${letter}`));
    this.starts(letter);
  }

  /** What the name server knows of an id, an address or anything. */
  says(asked: string, answer: string): void {
    this.names[asked] = answer;
  }

  /** Runs a call after the books were found; one host, as long as the metrics container runs. */
  run(call: string, prefix = "shop-prod-"): string {
    const cases = Object.entries(this.names).map(([asked, answer]) => `'${asked}') echo '${answer}' ;;`);
    const getent = `#!/bin/sh\necho "$2" >>'${this.place}/asked'\ncase $2 in\n${cases.join("\n")}\n*) exit 2 ;;\nesac\n`;
    writeFileSync(join(this.place, "bin", "getent"), getent);
    chmodSync(join(this.place, "bin", "getent"), 0o755);
    const find = join(this.place, "bin", "find");
    writeFileSync(find, `#!/bin/sh\necho found >>'${this.place}/walks'\nexec /usr/bin/find "$@"\n`);
    chmodSync(find, 0o755);
    const places = `books='${this.books}'; seen='${this.place}/tmp/cgroups'; kept='${this.volume}/cgroups'
boot_id='${this.place}/boot'; host_name='${this.place}/hostname'`;
    const script = `set -e\n${FUNCTIONS}\n${places}\nfind_cgroups\nrecall\n${call}`;
    const env = { PATH: `${join(this.place, "bin")}:${process.env.PATH}`, CONTAINERS: prefix };
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8", env });
    assert.deepEqual([status, stderr], [0, ""], stdout);
    return stdout;
  }

  page(call = "say_containers"): Page {
    return readPage(this.run(call));
  }

  /** How often something was written down: what the name server was asked, and walks over all cgroups. */
  counted(file: "asked" | "walks"): number {
    const path = join(this.place, file);
    const lines = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").length : 0;
    rmSync(path, { force: true });
    return lines;
  }
}

const of = (page: Page, name: string, container: string): number[] =>
  page.series
    .filter((each) => each.name === `blue_green_container_${name}` && each.labels.container === container)
    .map(({ value }) => value);

const containersIn = (page: Page): string[] =>
  page.series
    .filter(({ name }) => name === "blue_green_container_info")
    .map(({ labels }) => labels.container ?? "")
    .sort();

const CGROUPFS = LAYOUTS["version 2, cgroupfs"] as Layout;

describe("what the containers take", () => {
  for (const [name, layout] of Object.entries(LAYOUTS)) {
    test(`is read from the kernel's books: ${name}`, (t) => {
      const host = new Host(t, layout);
      const { limit: _, ...unlimited } = FIGURES;
      host.starts("b", "blue");
      host.starts("c", "green-2", { ...unlimited, used: 5, inactive: 6, kills: 0, cpuSeconds: 0.25 });
      host.starts("d");
      const page = host.page();
      assert.deepEqual(containersIn(page), ["blue", "green-2", "monitoring-metrics"]);
      const figures = (container: string) =>
        ["memory_bytes", "memory_limit_bytes", "oom_kills_total", "cpu_seconds_total"].map((one) =>
          of(page, one, container),
        );
      assert.deepEqual(figures("blue"), [[60 * MEBIBYTE], [256 * MEBIBYTE], [2], [1.5]]);
      assert.deepEqual(figures("green-2"), [[5], [], [0], [0.25]], "no limit, and as docker stats: never below 0");
      assert.ok(page.series.some(({ labels }) => labels.container === "blue" && labels.id === idOf("b")));
      const [start = 0] = of(page, "start_timestamp_seconds", "blue");
      assert.ok(Math.abs(start - Date.now() / 1000) < 60, String(start));
    });
  }

  test("is in the tables' words: each metric with its type and help", (t) => {
    const text = new Host(t, CGROUPFS).run("say_containers");
    for (const [name, { type, help, labels }] of Object.entries(CONTAINER_METRICS)) {
      assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
      const series = readPage(text).series.filter((each) => each.name === name);
      assert.deepEqual(Object.keys(series[0]?.labels ?? {}).sort(), [...labels].sort(), name);
    }
  });

  test("has every part of a service, and nothing of another service or of nobody", (t) => {
    const host = new Host(t, CGROUPFS);
    const parts = [
      "proxy",
      "blue",
      "green-3",
      "blue-worker-mail-2",
      "green-job-migrate",
      "accessory-db",
      "monitoring-prometheus",
    ];
    for (const [at, part] of parts.entries()) host.starts("bcdef01"[at] ?? "", part);
    for (const [letter, part] of [
      ["2", "api-blue"],
      ["3", "green-exec-0a1b"],
      ["4", 'blue"} 1'],
      ["5", ""],
    ] as const)
      host.starts(letter, part);
    host.starts("6", "blue");
    host.says("172.18.0.54", "172.18.0.54  someone-else.shop-prod");
    host.starts("7");
    host.says(idOf("7").slice(0, 12), "$(reboot) x");
    assert.deepEqual(containersIn(host.page()), [...parts, "monitoring-metrics"].sort());
  });

  test("tells a restart, and what was removed and made again, by the start and the id", (t) => {
    const host = new Host(t, CGROUPFS);
    host.starts("b", "blue");
    const start = () => of(host.page(), "start_timestamp_seconds", "blue")[0] ?? 0;
    const first = start();
    assert.equal(start(), first, "it stays as it was seen first");
    const seen = readFileSync(join(host.volume, "cgroups"), "utf8").replaceAll(String(first), "1700000000");
    writeFileSync(join(host.volume, "cgroups"), seen);
    assert.equal(start(), 1700000000, "also when this container was started again");
    host.restarts("b");
    assert.ok(start() >= first);
    host.ends("b");
    assert.deepEqual(containersIn(host.page()), ["monitoring-metrics"]);
    host.starts("e", "blue");
    const page = host.page();
    assert.equal(sumOf(page, "blue_green_container_info", { container: "blue", id: idOf("e") }), 1);
  });

  test("forgets what it has seen when the host has started again, and what a hand has spoilt", (t) => {
    const host = new Host(t, CGROUPFS);
    host.starts("b", "blue");
    const [first = 0] = of(host.page(), "start_timestamp_seconds", "blue");
    const kept = join(host.volume, "cgroups");
    const old = readFileSync(kept, "utf8").replaceAll(String(first), "1700000000");
    writeFileSync(kept, old.replace("boot-1", "boot-0"));
    assert.deepEqual(of(host.page(), "start_timestamp_seconds", "blue"), [first]);
    for (const spoilt of ["x", "a b c d e f", `${idOf("b")} 1 2 3 blue"}`, `${idOf("b")} x y z blue`, "\0\n\n"]) {
      writeFileSync(kept, `boot-1\n${spoilt}\n`);
      assert.deepEqual(of(host.page(), "start_timestamp_seconds", "blue"), [first], spoilt);
    }
  });

  test("costs one walk over all cgroups, and a question or two for each container, however often it is looked at", (t) => {
    const host = new Host(t, CGROUPFS);
    for (const letter of ["b", "c", "d"]) host.starts(letter, "proxy");
    host.starts("e");
    host.run("for _ in 1 2 3 4 5 6 7 8 9 10; do see; done");
    assert.equal(host.counted("walks"), 1);
    assert.equal(host.counted("asked"), 3 * 2 + 3, "two for each of ours, three for what is nobody's");
    host.run("looks=239; see; see");
    assert.equal(host.counted("asked"), 1, "what is nobody's is asked for now and then");
  });

  test("comes late where the name server has no address yet", (t) => {
    const host = new Host(t, CGROUPFS);
    host.starts("b");
    assert.deepEqual(containersIn(host.page()), ["monitoring-metrics"]);
    host.starts("b", "blue");
    assert.deepEqual(containersIn(host.page()), ["blue", "monitoring-metrics"]);
  });

  test("is absent without the books, without our own cgroup in them, or a book of them, and nothing fails", (t) => {
    const host = new Host(t, LAYOUTS["version 1, cgroupfs"] as Layout);
    host.starts("b", "blue");
    writeFileSync(join(host.place, "hostname"), "my-machine\n");
    assert.equal(host.run("say_containers"), "");
    writeFileSync(join(host.place, "hostname"), "0123456789ab\n");
    assert.equal(host.run("say_containers"), "");
    writeFileSync(join(host.place, "hostname"), `${idOf("a").slice(0, 12)}\n`);
    rmSync(join(host.place, "books", "memory"), { recursive: true });
    const page = host.page();
    assert.deepEqual([of(page, "memory_bytes", "blue"), of(page, "cpu_seconds_total", "blue")], [[], [1.5]]);
    rmSync(join(host.place, "books"), { recursive: true });
    assert.equal(host.run("say_containers"), "");
  });

  test("is there also where the volume has no room, and of what ends between two looks", (t) => {
    const host = new Host(t, CGROUPFS);
    host.starts("b", "blue");
    rmSync(host.volume, { recursive: true });
    writeFileSync(host.volume, "");
    assert.deepEqual(containersIn(host.page()), ["blue", "monitoring-metrics"]);
    const page = host.page(`see() { printf '%s 1 2 0 blue\\n' ${idOf("f")} >"$seen"; }; say_containers`);
    assert.deepEqual([containersIn(page), of(page, "memory_bytes", "blue")], [["blue"], []]);
  });
});
