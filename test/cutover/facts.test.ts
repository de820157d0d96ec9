import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, type TestContext, test } from "node:test";
import type { Order } from "../../cutover/order";
import { readScript } from "../../stacks/engine/scripts";
import type { Color } from "../../stacks/service/color";
import { CUTOVER_METRICS } from "../../stacks/service/metrics";
import { LABEL, PROXY_DIRECTORY } from "../../stacks/service/names";
import { generationOf } from "../../stacks/service/serving";
import type { Inspected } from "../../stacks/service/world";
import { type Page, readPage, sumOf } from "../prometheus";
import { configurationFor, containerOf, dead, orderTo } from "./order.sample";
import { onBlue, type StubProxy } from "./proxy.stub";

/** A configuration of a color with the log that is counted. */
const watched = (color: Color): string => configurationFor(color, "    access_log requests.log;\n");

const watchedOrder = (target: Color): Order => {
  const configuration = watched(target);
  return orderTo(target, { monitored: true, configuration, generation: generationOf(configuration) });
};

/** A proxy on blue that is watched. */
const onWatched = (t: TestContext): StubProxy => onBlue(t).serves("blue", watched("blue"));

const pageOf = (proxy: StubProxy): Page => readPage(proxy.read("cutover.prom") ?? "");

/** The results that were counted, each with how often. */
const counted = (page: Page) =>
  Object.fromEntries(
    page.series
      .filter(({ name, value }) => name === "blue_green_cutovers_total" && value > 0)
      .map(({ labels, value }) => [labels.result, value]),
  );

const is = (page: Page, name: string, labels: Record<string, string> = {}) => sumOf(page, `blue_green_${name}`, labels);

/** Who is asked for, pending, stable and open for the way back, in a word each. */
const facts = (page: Page) => ({
  asked: is(page, "asked", { color: "green" }) === 1 ? "green" : "blue",
  pending: is(page, "switch_pending"),
  stable: [is(page, "stable", { color: "blue" }), is(page, "stable", { color: "green" })],
  open: is(page, "way_back_open"),
});

async function greenIll(t: TestContext): Promise<StubProxy> {
  const proxy = onWatched(t);
  proxy.answersHealth = async () => 500;
  await proxy.fails(watchedOrder("green"));
  return proxy;
}

describe("what a cutover leaves for Prometheus", { concurrency: true }, () => {
  test("after a switch: every metric of the table, both stable, the way back open, and the steps with their times", async (t) => {
    const proxy = onWatched(t);
    assert.equal(await proxy.carriesOut(watchedOrder("green")), undefined);
    const page = pageOf(proxy);
    assert.deepEqual([...page.types.keys()], Object.keys(CUTOVER_METRICS));
    assert.deepEqual(facts(page), { asked: "green", pending: 0, stable: [1, 1], open: 1 });
    assert.deepEqual(counted(page), { switched: 1 });
    for (const step of ["gate", "switch", "watch"])
      assert.ok(
        page.series.some(({ labels }) => labels.step === step),
        step,
      );
    const began = Date.parse(proxy.history.at(-1)?.time ?? "") / 1000;
    assert.equal(is(page, "cutover_timestamp_seconds"), Math.floor(began));
    assert.ok(is(page, "live_since_timestamp_seconds") >= Math.floor(began));
  });

  test("what each color runs, by its image's name or its build, and nothing of one without containers", async (t) => {
    const of = (proxy: StubProxy) =>
      pageOf(proxy)
        .series.filter(({ name }) => name === "blue_green_color_info")
        .map(({ labels }) => Object.values(labels));
    const green = ["green", "2.0.0", "sha256:green"];
    const labelled = (labels: Record<string, string>) => ({
      Config: { Labels: { ...containerOf("blue").Config.Labels, ...labels } },
    });
    const run = async (change: Partial<Inspected>, order: Partial<Order> = {}) => {
      const proxy = onWatched(t);
      proxy.change("blue", change);
      assert.equal(await proxy.carriesOut({ ...watchedOrder("green"), ...order }), undefined);
      return of(proxy);
    };
    const image = { [LABEL.slot]: JSON.stringify({ definition: "d", image: 'shop:1"}\n' }) };
    assert.deepEqual(await run(labelled(image)), [["blue", "1.0.0", 'shop:1\\"}\\n'], green]);
    const built = labelled({ [LABEL.source]: "abc" });
    assert.deepEqual(await run(built), [["blue", "1.0.0", "blue-green-dev-blue:1.0.0-abc"], green]);
    const away = { replicas: { blue: 0, green: 1 }, drainSeconds: 0.1, keepAliveSeconds: 0.1 };
    assert.deepEqual((await run(built, { ...away, idle: "stopped" })).length, 2, "one that is stopped has a release");
    assert.deepEqual(await run(built, { ...away, idle: "removed" }), [green]);
    assert.deepEqual(of(await greenIll(t)).length, 2, "also after a refused one");
  });

  test("what a color runs since then replaces that, and nothing else, where there is any", (t) => {
    const proxy = onWatched(t);
    const shell = (text: string) => {
      const script = readScript("colors").replaceAll(PROXY_DIRECTORY, proxy.directory);
      return spawnSync("sh", ["-c", script, "sh", text], { encoding: "utf8" });
    };
    const info = (version: string) =>
      `# HELP blue_green_color_info x\n# TYPE blue_green_color_info gauge\nblue_green_color_info{version="${version}"} 1\n`;
    assert.deepEqual([shell(info("1")).status, proxy.read("cutover.prom")], [0, undefined]);
    const other = "# TYPE blue_green_asked gauge\nblue_green_asked 1\n";
    proxy.put("cutover.prom", `${info("1")}${other}`);
    for (const version of ["2", "3 $(reboot) %s \\n"]) {
      assert.equal(shell(info(version)).status, 0);
      assert.equal(proxy.read("cutover.prom"), `${other}${info(version)}`);
    }
    assert.equal(shell("").status, 0);
    assert.equal(proxy.read("cutover.prom"), other);
  });

  test("after a refused one: the switch is pending, and nobody is stable who wasn't", async (t) => {
    const page = pageOf(await greenIll(t));
    assert.deepEqual(facts(page), { asked: "green", pending: 1, stable: [1, 0], open: 0 });
    assert.deepEqual(counted(page), { refused: 1 });
  });

  test("cutovers add up, whatever their results", async (t) => {
    const proxy = await greenIll(t);
    await proxy.fails(watchedOrder("green"));
    proxy.answersHealth = async () => 200;
    assert.equal(await proxy.carriesOut(watchedOrder("green")), undefined);
    assert.equal(await proxy.carriesOut(watchedOrder("blue")), undefined);
    assert.deepEqual(counted(pageOf(proxy)), { refused: 2, switched: 1, instant: 1 });
  });

  test("a switch that the watch took back is pending", async (t) => {
    const proxy = onWatched(t);
    proxy.seen = { count: 100, errors: 100 };
    await proxy.fails(watchedOrder("green"));
    const page = pageOf(proxy);
    assert.deepEqual(facts(page), { asked: "green", pending: 1, stable: [1, 0], open: 0 });
    assert.deepEqual(counted(page), { reverted: 1 });
  });

  test("an idle color that has ended is no way back", async (t) => {
    const other = onWatched(t).remembers({ stable: { blue: ["blue-1"], green: ["green-1"] } });
    other.change("green", { State: dead });
    assert.equal(await other.carriesOut(watchedOrder("blue")), undefined);
    assert.deepEqual(facts(pageOf(other)), { asked: "blue", pending: 0, stable: [1, 1], open: 0 });
    assert.deepEqual(counted(pageOf(other)), {}, "a run that moved nothing is none that is counted");
  });

  test("a file that a hand has spoilt begins again, and without monitoring there is none", async (t) => {
    const proxy = onWatched(t).put(
      "cutover.prom",
      'blue_green_cutovers_total{result="switched"} x\n}{"\nblue_green_cutovers_total{',
    );
    assert.equal(await proxy.carriesOut(watchedOrder("green")), undefined);
    assert.deepEqual(counted(pageOf(proxy)), { switched: 1 });
    const off = onBlue(t);
    assert.equal(await off.carriesOut(orderTo("green")), undefined);
    assert.equal(off.read("cutover.prom"), undefined);
  });

  test("the log that nobody reads any more goes with the next cutover", async (t) => {
    const off = onBlue(t).put("requests.log", "blue active\n").put("requests.counts", "").put("cutover.prom", "");
    assert.equal(await off.carriesOut(orderTo("green")), undefined);
    assert.deepEqual(
      ["requests.log", "requests.counts", "cutover.prom"].filter((file) => off.read(file) !== undefined),
      [],
    );
  });
});
