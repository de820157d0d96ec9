import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  ASKED_METRICS,
  CONTAINER_METRICS,
  CUTOVER_METRICS,
  type Metric,
  PROXY_METRICS,
  REQUEST_METRICS,
} from "../../stacks/service/metrics";
import { NO_BROWSER, startBrowser } from "../browser";
import { assertNoFailures, freshGets, keepAliveGets, LIGHT, type LoadReport } from "../load";
import { type Page, readPage, sumOf } from "../prometheus";
import { backendImages } from "./backend";
import { row, says, until } from "./failures";
import { freePorts, get, TestStack } from "./stack";

const TOKEN = "a-token-of-this-test-0123456789";
const REQUESTS = "blue_green_http_requests_total";
const CONTAINER_INFO = "blue_green_container_info";

const LOG = "/var/lib/blue-green/requests.log";

const MEBIBYTE = 1024 * 1024;

/** What `docker stats` prints of an amount, in bytes. */
function bytesIn(text: string): number {
  const [, amount = "", unit = ""] = /^([0-9.]+)(B|KiB|MiB|GiB)$/.exec(text) ?? [];
  return Number(amount) * 1024 ** ["B", "KiB", "MiB", "GiB"].indexOf(unit);
}

/** Requests of each kind that the test sends itself. */
const TESTERS = 17;

/** A stack that is watched, and the address of its page. */
async function watched(t: TestContext): Promise<{ stack: TestStack; url: string }> {
  const [port = 0] = await freePorts(1);
  const settings = { monitoring: "metrics", metricsPort: String(port), keepAliveSeconds: "3" };
  const stack = await TestStack.make(t, { ...(await backendImages()), ...settings, drainSeconds: "5" });
  await stack.set("testerToken", TOKEN, "--secret");
  return { stack, url: `http://127.0.0.1:${port}/metrics` };
}

/** Scrapes as Prometheus does, which would take it compressed and in a newer format. */
async function scrape(url: string): Promise<Page> {
  const { status, headers, body } = await get(url, {
    accept: "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
    "accept-encoding": "gzip",
  });
  assert.equal(status, 200);
  assert.match(String(headers["content-type"]), /^text\/plain; version=0\.0\.4/);
  return readPage(body);
}

/** Waits until the page says something. */
async function pageWith(url: string, what: string, is: (page: Page) => boolean): Promise<Page> {
  let page: Page | undefined;
  let problem: unknown;
  await until(
    what,
    async () => {
      // nginx there may not listen yet.
      page = await scrape(url).catch((error) => {
        problem = error;
        return undefined;
      });
      return page !== undefined && is(page);
    },
    40,
  ).catch((error) => {
    throw problem ?? error;
  });
  return page as Page;
}

const colorsIn = (page: Page, visitor: string) => ({
  blue: sumOf(page, REQUESTS, { visitor, color: "blue" }),
  green: sumOf(page, REQUESTS, { visitor, color: "green" }),
});

const added = (reports: readonly LoadReport[]) => ({
  blue: reports.reduce((sum, { colors }) => sum + (colors.blue ?? 0), 0),
  green: reports.reduce((sum, { colors }) => sum + (colors.green ?? 0), 0),
});

test("metrics of both colors", async (t) => {
  const { stack, url } = await watched(t);
  const part = (name: string) => `blue-green-${stack.name}-${name}`;
  const ids = async () => {
    const names = ["proxy", "monitoring-metrics"].map(part);
    return (await stack.docker("inspect", "--format", "{{.Id}}", ...names)).trim().split("\n");
  };

  await t.test("come with the stack; status and drift know them, and a run without a change has none", async () => {
    says(await stack.up(), "blue is live");
    await pageWith(url, "all sources answer", (page) => sumOf(page, "blue_green_source_up") === 2);
    await stack.pulumi("preview", "--expect-no-changes");
    const status = await stack.command("npm", "run", "--silent", "status");
    assert.equal(status.code, 0, status.output);
    says(status.output, "metrics runs");
    const drift = await stack.command("npm", "run", "--silent", "drift");
    assert.equal(drift.code, 0, drift.output);
  });

  const made = await ids();
  await t.test("count each request through a switch once, by the color that answered it", async () => {
    const options = { ...LIGHT, url: `${stack.url}/`, maxSeconds: 60 };
    const loads = [keepAliveGets({ ...options, connections: 8 }), freshGets({ ...options, connections: 2 })];
    await stack.switchTo("green");
    const reports = await Promise.all(loads.map((load) => load.stop()));
    for (const report of reports) assertNoFailures(report);
    const sent = added(reports);
    assert.ok(sent.blue > 0 && sent.green > 0, JSON.stringify(sent));
    await pageWith(url, "all of it is counted", (page) => {
      const counted = colorsIn(page, "active");
      return counted.blue + counted.green >= sent.blue + sent.green;
    });
    const page = await scrape(url);
    assert.deepEqual(colorsIn(page, "active"), sent);
    const timed = sumOf(page, "blue_green_http_request_duration_seconds_count", { visitor: "active" });
    assert.equal(timed, sent.blue + sent.green);
    assert.ok(sumOf(page, REQUESTS, { visitor: "probe", color: "green" }) > 0, "the cutover's own are apart");
    assert.deepEqual(await ids(), made, "a switch touches none of the containers");
  });

  await t.test("have a page that says so, in a browser that has nothing against it", { skip: NO_BROWSER }, async () => {
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(new URL("/", url).href);
      await page.locator("#verdict", { hasText: "green is live" }).waitFor({ timeout: 20_000 });
      await page.locator("#way-back", { hasText: "The way back to blue is open" }).waitFor({ timeout: 20_000 });
      assert.match(await page.locator("#since").innerText(), /^version \S+ since \d\d:\d\d:\d\d, for \d+ (?:s|min)$/);
      const [latest = "", first = ""] = await page.locator("#history tbody tr").allInnerTexts();
      assert.match(latest, /switched[\s\S]*blue[\s\S]*green/);
      assert.match(first, /first/);
      const commands = await page.locator("#commands code").allInnerTexts();
      assert.equal(commands[0], `npm run rollback -- ${stack.name}`);
      assert.deepEqual(complaints, []);
      await stack.switchTo("blue");
      await page.locator("#verdict", { hasText: "blue is live" }).waitFor({ timeout: 20_000 });
      await stack.switchTo("green");
      await page.locator("#verdict", { hasText: "green is live" }).waitFor({ timeout: 20_000 });
    } finally {
      await browser.close();
    }
    assert.equal((await get(new URL("/", url).href, { host: "evil.example" })).status, 403);
  });

  await t.test("have testers apart, and nothing that a client makes up", async () => {
    const counted = colorsIn(await scrape(url), "active");
    for (let at = 0; at < TESTERS; at += 1) {
      const answer = await get(`${stack.url}/?secret=${TOKEN}`, {
        "x-blue-green-preview": TOKEN,
        "user-agent": 'x"} 1 blue_green_up{color="',
      });
      assert.equal(answer.headers["x-color"], "blue");
    }
    const page = await pageWith(url, "testers", (page) => colorsIn(page, "tester").blue >= TESTERS);
    assert.deepEqual(colorsIn(page, "tester"), { blue: TESTERS, green: 0 });
    assert.deepEqual(colorsIn(page, "active"), counted);
    assert.doesNotMatch(JSON.stringify(page.series), /secret|a-token|blue_green_up"/);
  });

  await t.test("are those of the tables, with the cutover's own facts", async () => {
    const page = await pageWith(url, "the latest look", (page) => sumOf(page, "blue_green_ready") === 2);
    const tables = { ...PROXY_METRICS, ...CUTOVER_METRICS, ...ASKED_METRICS, ...REQUEST_METRICS, ...CONTAINER_METRICS };
    const absent = ["blue_green_certificate_end_timestamp_seconds"];
    for (const [name, { type, labels }] of Object.entries<Metric>(tables)) {
      if (absent.includes(name)) continue;
      assert.equal(page.types.get(name), type, name);
      const series = page.series.filter((each) => each.name === (type === "histogram" ? `${name}_count` : name));
      assert.ok(series.length > 0, name);
      for (const each of series) assert.deepEqual(Object.keys(each.labels).sort(), [...labels].sort(), name);
    }
    const ours = [...page.types.keys()].filter((name) => name.startsWith("blue_green_"));
    assert.deepEqual(
      ours.filter((name) => !Object.hasOwn(tables, name)),
      [],
    );
    const is = (name: string, labels: Record<string, string>, value: number) =>
      assert.equal(sumOf(page, `blue_green_${name}`, labels), value, `${name} ${JSON.stringify(labels)}`);
    is("live", { color: "green" }, 1);
    is("live", { color: "blue" }, 0);
    is("asked", { color: "green" }, 1);
    is("switch_pending", {}, 0);
    is("stable", { color: "blue" }, 1);
    is("stable", { color: "green" }, 1);
    is("way_back_open", {}, 1);
    is("cutovers_total", { result: "first" }, 1);
    is("cutovers_total", { result: "switched" }, 1);
    is("cutovers_total", { result: "instant" }, NO_BROWSER ? 0 : 2);
    is("cutovers_total", {}, NO_BROWSER ? 2 : 4);
    is("configuration_edited", {}, 0);
    const { blueImage = "", greenImage = "" } = await backendImages();
    is("color_info", { color: "blue", version: "1.0.0", image: blueImage }, 1);
    is("color_info", { color: "green", version: "2.0.0", image: greenImage }, 1);
    const disk = (name: string) => sumOf(page, `blue_green_volume_${name}_bytes`);
    assert.ok(disk("free") > 0 && disk("free") <= disk("size"), `${disk("free")} of ${disk("size")}`);
  });

  await t.test("have what each container takes, as the engine has it", async () => {
    const names = ["blue", "green", "monitoring-metrics", "proxy"];
    const used = (page: Page, container: string) => sumOf(page, "blue_green_container_memory_bytes", { container });
    let told: string[] = [];
    await until("memory as docker stats has it", async () => {
      const format = ["--format", "{{.Name}} {{.MemUsage}}"];
      const listed = await stack.docker("stats", "--no-stream", ...format, ...names.map(part));
      const page = await scrape(url);
      const both = names.map((name) => {
        const engine = new RegExp(`^${part(name)} (\\S+)`, "m").exec(listed)?.[1] ?? "";
        return { name, page: used(page, name), engine: Math.round(bytesIn(engine)) };
      });
      told = both.map((each) => `${each.name}: ${each.page} bytes, docker stats ${each.engine}`);
      // Up to 15 s lie between the two.
      return both.every((each) => Math.abs(each.page - each.engine) < Math.max(2 * MEBIBYTE, each.engine / 10));
    });
    for (const line of told) t.diagnostic(line);
    const page = await pageWith(url, "all containers", (page) => sumOf(page, CONTAINER_INFO) === names.length);
    for (const name of names) {
      const of = (what: string) => sumOf(page, `blue_green_container_${what}`, { container: name });
      const [Id, limit, started] = (
        await stack.docker("inspect", "--format", "{{.Id}} {{.HostConfig.Memory}} {{.State.StartedAt}}", part(name))
      )
        .trim()
        .split(" ");
      assert.equal(sumOf(page, CONTAINER_INFO, { container: name, id: Id ?? "" }), 1, name);
      assert.equal(of("memory_limit_bytes"), Number(limit), name);
      t.diagnostic(`${name}: ${of("cpu_seconds_total")} s of a processor`);
      assert.ok(of("cpu_seconds_total") > 0, name);
      assert.equal(of("oom_kills_total"), 0, name);
      const late = of("start_timestamp_seconds") - Date.parse(started ?? "") / 1000;
      assert.ok(Math.abs(late) < 5, `${name} is seen to start ${late} s late`);
    }
  });

  await t.test(
    "count a container's work, its restart, and a process of it that is killed for want of memory",
    async () => {
      const of = (page: Page, what: string, container = "blue") =>
        sumOf(page, `blue_green_container_${what}`, { container });
      const first = await scrape(url);
      const busy = "import time\nend = time.process_time() + 2\nwhile time.process_time() < end: pass";
      await stack.docker("exec", part("blue"), "python3", "-c", busy);
      const greedy = stack.docker("exec", part("blue"), "python3", "-c", 'len(b"x" * (900 << 20))');
      await assert.rejects(greedy, /exit code 137/);
      const second = await pageWith(url, "the kill", (page) => of(page, "oom_kills_total") === 1);
      const took = of(second, "cpu_seconds_total") - of(first, "cpu_seconds_total");
      assert.ok(took >= 2 && took < 20, `${took} s`);
      assert.equal(of(second, "start_timestamp_seconds"), of(first, "start_timestamp_seconds"));
      await stack.docker("restart", part("blue"));
      const start = of(first, "start_timestamp_seconds");
      const third = await pageWith(url, "the restart", (page) => of(page, "start_timestamp_seconds") > start);
      const started = await stack.docker("inspect", "--format", "{{.State.StartedAt}}", part("blue"));
      const late = of(third, "start_timestamp_seconds") - Date.parse(started.trim()) / 1000;
      assert.ok(Math.abs(late) < 5, `${late} s`);
      assert.equal(of(third, "start_timestamp_seconds", "green"), of(first, "start_timestamp_seconds", "green"));
      await stack.docker("stop", part("blue"));
      await pageWith(url, "it does not run", (page) => sumOf(page, CONTAINER_INFO, { container: "blue" }) === 0);
      await stack.docker("start", part("blue"));
      // The container that watches has their starts on the volume.
      await stack.docker("restart", part("monitoring-metrics"));
      // Also well again: what follows looks for errors of nginx's that are not this start's.
      const last = await pageWith(
        url,
        "both again",
        (page) => sumOf(page, CONTAINER_INFO) === 4 && sumOf(page, "blue_green_ready") === 2,
      );
      assert.equal(of(last, "start_timestamp_seconds", "green"), of(first, "start_timestamp_seconds", "green"));
    },
  );

  const uncounted = async () => {
    const lines = await stack.docker("exec", part("proxy"), "sh", "-c", `wc -l <${LOG}`);
    const page = await scrape(url);
    return Number(lines) - sumOf(page, REQUESTS) - sumOf(page, "blue_green_http_lines_unread_total");
  };
  // Until what was asked before is counted.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const left = await uncounted();
  const since = String(Math.floor(Date.now() / 1000));
  await row(t, stack, "the metrics container killed while it counts", async () => {
    const metrics = part("monitoring-metrics");
    await stack.docker("kill", metrics);
    const status = await stack.command("npm", "run", "--silent", "status");
    says(
      status.output,
      `the container ${metrics} ended with exit code 137 (no metrics meanwhile; visitors don't notice)`,
    );
    await stack.docker("start", metrics);
    await pageWith(url, "it counts again", (page) => sumOf(page, REQUESTS, { visitor: "active" }) > 0);
    const errors = (await stack.docker("logs", "--since", since, part("proxy")))
      .split("\n")
      .filter((line) => /\[(?:warn|error|crit|alert)\]/.test(line));
    assert.deepEqual(errors, []);
  });
  await t.test("count each request once also where the container was killed meanwhile", async () => {
    await until("each is counted", async () => (await uncounted()) === left, 10);
  });

  await t.test("lack the requests, and say so, where their log is not read", async () => {
    const proxy = part("proxy");
    await stack.docker("exec", proxy, "mv", LOG, `${LOG}.away`);
    await pageWith(url, "it is missed", (page) => sumOf(page, "blue_green_source_up") === 1);
    const page = await scrape(url);
    assert.ok(!page.types.has(REQUESTS), "its part is left out");
    assert.equal(sumOf(page, "blue_green_live", { color: "green" }), 1, "and the others are there");
    await stack.docker("exec", proxy, "mv", `${LOG}.away`, LOG);
    await pageWith(url, "it is read again", (page) => sumOf(page, "blue_green_source_up") === 2);
    assert.equal(await uncounted(), left);
  });

  await t.test("are not written where nobody keeps their log short", async () => {
    const proxy = part("proxy");
    const size = async () => Number(await stack.docker("exec", proxy, "sh", "-c", `wc -c <${LOG}`));
    const ask = async () => {
      for (let at = 0; at < TESTERS; at += 1) assert.equal((await get(`${stack.url}/`)).status, 200);
      // Twice as long as nginx keeps a line to itself.
      await new Promise((resolve) => setTimeout(resolve, 1000));
    };
    await stack.docker("rm", "--force", part("monitoring-metrics"));
    const before = await size();
    await ask();
    assert.ok((await size()) > before, "for up to 200 s it is written");
    // As when these have passed.
    await stack.docker("exec", proxy, "rm", "-r", "/var/lib/blue-green/metered");
    // nginx looks again after a second.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await ask();
    const after = await size();
    await ask();
    assert.equal(await size(), after);
    await stack.pulumi("up", "--yes", "--skip-preview", "--refresh");
    await pageWith(url, "it is made again", (page) => sumOf(page, "blue_green_source_up") === 2);
  });

  await t.test("go as they came, and nothing of them stays", async () => {
    await stack.set("monitoring", "off");
    await stack.up();
    const names = await stack.docker(
      "ps",
      "--all",
      "--format",
      "{{.Names}}",
      "--filter",
      `label=blue-green.stack=${stack.name}`,
    );
    assert.doesNotMatch(names, /monitoring/);
    assert.equal((await ids().catch(() => [])).length, 0);
  });

  await t.test("come to a stack that runs without a failed request, with what the cutover knows already", async () => {
    const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8, maxSeconds: 60 });
    await stack.set("monitoring", "metrics");
    await stack.up();
    const page = await pageWith(url, "they are there", (page) => sumOf(page, REQUESTS, { color: "green" }) > 0);
    assertNoFailures(await load.stop());
    assert.equal(sumOf(page, "blue_green_way_back_open"), 1);
    // This run alone: what was counted before went with the metrics.
    assert.equal(sumOf(page, "blue_green_cutovers_total", { result: "reloaded" }), 1);
    assert.equal(sumOf(page, "blue_green_cutovers_total"), 1);
  });

  // `pulumi destroy` takes the stack away with them.
  await t.test("tell a release that the idle color has got, and a configuration that was changed by hand", async () => {
    await stack.set("blueVersion", "1.0.1");
    await stack.up();
    const { blueImage: image = "" } = await backendImages();
    const info = { color: "blue", version: "1.0.1", image };
    await pageWith(url, "the release", (page) => sumOf(page, "blue_green_color_info", info) === 1);
    assert.equal(sumOf(await scrape(url), "blue_green_color_info"), 2);
    const edit = "cd /var/lib/blue-green && { cat nginx.conf; echo '# by hand'; } >x && mv x nginx.conf";
    await stack.docker("exec", part("proxy"), "sh", "-c", edit);
    await pageWith(url, "the edit", (page) => sumOf(page, "blue_green_configuration_edited") === 1);
    await stack.up();
    const isMended = ({ series }: Page) =>
      series.some(({ name, value }) => name === "blue_green_configuration_edited" && value === 0);
    await pageWith(url, "it is put right", isMended);
  });
});
