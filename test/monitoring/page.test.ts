import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, type TestContext, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { NO_BROWSER, startBrowser } from "../browser";
import { cutover, PageServer, prometheusOf, type Situation } from "./page.sample";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** More than the page waits between two readings, on a busy machine too. */
const NEXT_READING_MS = 20_000;

let browser: Promise<Browser> | undefined;
after(async () => (await browser)?.close());

interface Opened {
  page: Page;
  server: PageServer;
  /** What the browser complained of. */
  complaints: string[];
}

/** Opens the page of a situation, and waits until it has read it. */
async function open(
  t: TestContext,
  situation: Partial<Situation> = {},
  options: BrowserContextOptions = {},
): Promise<Opened> {
  browser ??= startBrowser();
  const server = await PageServer.start(t, situation);
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  await page.goto(server.url);
  // A page that is hidden reads nothing.
  await page.bringToFront();
  await says(page, "#fresh", "As of").catch(async (error) => {
    const seen = await page.evaluate(() => `hidden: ${document.hidden}, ${document.readyState}`);
    assert.fail([error.message, ...complaints, ...server.asked, seen].join("\n"));
  });
  return { page, server, complaints };
}

const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).innerText()).replace(/\s+/g, " ").trim();

const findingsOf = (page: Page): Promise<string[]> => page.locator("#findings li").allInnerTexts();

/** Waits until a part of the page says this. */
async function says(page: Page, selector: string, text: string, timeout = NEXT_READING_MS): Promise<void> {
  await page
    .locator(selector)
    .filter({ hasText: text })
    .first()
    .waitFor({ timeout })
    .catch(async () => assert.fail(`${selector} does not say ${text}: ${await textOf(page, selector)}`));
}

/** Holds that axe finds nothing against WCAG 2.2 AA, contrast included. */
async function assertAccessible(page: Page, what: string): Promise<void> {
  // Past the page's own policy, as the browser's tools are.
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Runtime.evaluate", { expression: AXE });
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const run = `axe.run({ runOnly: ${JSON.stringify(tags)} }).then((found) => JSON.stringify({
    violations: found.violations.map(({ id, nodes }) => id + ": " + nodes.map((node) => node.html.slice(0, 200)).join(" | ")),
    passes: found.passes.map(({ id }) => id),
  }))`;
  const { result } = await cdp.send("Runtime.evaluate", { expression: run, awaitPromise: true });
  const { violations, passes } = JSON.parse(String(result.value)) as Record<string, string[]>;
  assert.deepEqual(violations, [], what);
  assert.ok(passes?.includes("color-contrast"), what);
}

describe("the page in a browser", { skip: NO_BROWSER, concurrency: 3 }, () => {
  test("says who is live, since when, both versions, the way back, what to type, and the history", async (t) => {
    const { page, server, complaints } = await open(t);
    assert.equal(await textOf(page, "#verdict"), "✓ Well ● green is live");
    assert.match(await textOf(page, "#since"), /^version 1\.1\.0 since .+, for 3 h$/);
    assert.deepEqual(await findingsOf(page), []);
    assert.match(
      await textOf(page, "#green"),
      /^● green LIVE version 1\.1\.0 health well answers .* in 12 ms share 100 % of new visitors/,
    );
    assert.match(await textOf(page, "#blue"), /^■ blue idle version 1\.0\.0 health well .* share 0 % .* stable/);
    assert.match(await textOf(page, "#way-back"), /The way back to blue is open/);
    assert.deepEqual(await page.locator("#commands code").allInnerTexts(), [
      "npm run rollback -- prod",
      "pulumi config set activeColor blue --stack prod && pulumi up --stack prod",
      "npm run status -- prod",
    ]);
    const rows = await page.locator("#history tbody tr").allInnerTexts();
    assert.equal(rows.length, 3);
    assert.match(rows[0]?.replace(/\s+/g, " ") ?? "", /switched ■ blue 1\.0\.0 → ● green 1\.1\.0 12 s ann@build-7 –/);
    assert.match(rows[1] ?? "", /reverted[\s\S]*green answered 12 of 140 requests with 5xx/);
    assert.match(await textOf(page, "#source"), /There are no curves/);
    assert.equal(await page.title(), "prod – blue-green");
    await says(page, "#green", "requests, 0 % errors, p95");
    assert.match(await textOf(page, "#green"), /(?:2|3)\.\d\/s requests, 0 % errors, p95 \d\d ms$/);
    await assertAccessible(page, "well");
    assert.deepEqual(complaints, []);
    assert.deepEqual([...new Set(server.asked.map((line) => line.split(" ")[0]))], ["GET"]);
  });

  test("without figures it invents none", async (t) => {
    const { page, complaints } = await open(t, { live: null, silent: ["proxy", "requests"], history: [] });
    assert.equal(await textOf(page, "#verdict"), "✕ Down No color is known to be live");
    assert.match((await findingsOf(page))[0] ?? "", /The proxy does not answer: visitors may get no answer either/);
    assert.match(await textOf(page, "#history"), /No cutover has happened yet/);
    assert.deepEqual(await page.locator("#commands code").allInnerTexts(), ["npm run status -- prod"]);
    await assertAccessible(page, "none");
    assert.deepEqual(complaints, []);
  });

  test("a switch shows by itself, is told to who listens, and its watch is no fault", async (t) => {
    const { page, server } = await open(t, { live: "blue", stable: { blue: true, green: false }, history: [] });
    assert.equal(await textOf(page, "#verdict"), "✓ Well ■ blue is live");
    server.situation = { ...server.situation, live: "green", history: [cutover(0, { result: "interrupted" })] };
    await says(page, "#verdict", "green is live");
    assert.equal(await textOf(page, "#verdict"), "✓ Well ● green is live");
    assert.match(await textOf(page, "#announcer"), /Well: green is live/);
    assert.match((await findingsOf(page)).join("\n"), /A cutover to green has moved the public and is not at its end/);
    assert.match(await textOf(page, "#way-back"), /A cutover is under way/);
    await assertAccessible(page, "in a switch");
  });

  test("a live color that is broken is down, and an idle one closes the way back", async (t) => {
    const { page, server } = await open(t, { why: { blue: "", green: "status 500" } });
    assert.match(await textOf(page, "#verdict"), /Down/);
    assert.match((await findingsOf(page))[0] ?? "", /green is live and does not answer its health path: status 500/);
    assert.equal(await page.locator("#commands code").first().innerText(), "npm run rollback -- prod");
    await assertAccessible(page, "live is broken");
    server.situation = { ...server.situation, why: { blue: "no answer", green: "" } };
    await says(page, "#verdict", "Degraded");
    assert.match(await textOf(page, "#way-back"), /not open: blue does not answer its health path: no answer/);
    await assertAccessible(page, "idle is broken");
  });

  test("errors of the live color are down, as the settings count them", async (t) => {
    const { page } = await open(t, { perSecond: 20, errorsPerSecond: 4 });
    await says(page, "#findings", "requests with 5xx in the last minute");
    assert.match(await textOf(page, "#verdict"), /Down/);
  });

  test("maintenance is down, with the command that ends it", async (t) => {
    const { page } = await open(t, { maintenance: true });
    assert.match(
      (await findingsOf(page))[0] ?? "",
      /Maintenance is on[\s\S]*pulumi config set maintenance false --stack prod/,
    );
    assert.match(await textOf(page, "#green"), /none but testers/);
    await assertAccessible(page, "maintenance");
  });

  test("hostile texts are text, bounded, and change nothing else", async (t) => {
    const html = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    const marks = "\u202e\u2066live\u0007";
    const long = "x".repeat(10_000);
    const escaped = `${html} ${marks}`.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
    const { page, complaints } = await open(t, {
      versions: { blue: escaped, green: long },
      why: { blue: html, green: "" },
      more: `blue_green_live{color="${html}"} 1\nblue_green_live{ 1\n__proto__{} 1\n${long}\n`,
      history: [
        "{",
        '{"time":1}',
        '{"result":"switched","to":"purple"}',
        '{"result":{"a":1},"to":"blue"}',
        "null",
        long,
        cutover(2, { result: html, reason: `${html}${marks}${long}`, who: { user: html, host: marks, run: long } }),
        cutover(1, { versions: { blue: { toString: 1 }, green: ["x"] }, seconds: "x", time: html, reason: 7 }),
      ],
    });
    assert.equal(await textOf(page, "#verdict").then((text) => text.slice(-13)), "green is live");
    assert.equal(await page.locator("img, #history script, main script").count(), 0);
    const shown = await page.locator("body").innerText();
    assert.ok(shown.includes("<img src=x onerror"), "it is shown as what it is");
    for (const mark of ["\u202e", "\u2066", "\u0007"]) assert.ok(!shown.includes(mark));
    assert.ok(shown.length < 8000, `${shown.length} characters`);
    assert.equal(await page.locator("#history tbody tr").count(), 2);
    assert.deepEqual(complaints, []);
    await assertAccessible(page, "hostile");
    await page.setViewportSize({ width: 360, height: 740 });
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
  });

  test("on a phone nothing runs out of the screen, and both schemes have enough contrast", async (t) => {
    const prometheus = prometheusOf();
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await open(t, { prometheus }, { colorScheme, viewport: { width: 360, height: 740 } });
      await page.locator("#requests canvas").waitFor();
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, colorScheme);
      await assertAccessible(page, colorScheme);
      await page.setViewportSize({ width: 1280, height: 900 });
      // As wide as their places, which they get when they are drawn again.
      await page.waitForFunction(() =>
        ["requests", "errors", "p95"].every((id) => {
          const [place, canvas] = [`#${id}`, `#${id} canvas`].map(
            (each) => document.querySelector(each)?.clientWidth ?? -9,
          );
          return Math.abs((place ?? 0) - (canvas ?? 9)) < 4;
        }),
      );
      await assertAccessible(page, `${colorScheme}, wide`);
    }
  });

  test("with Prometheus it has curves, a table behind each, the alerts, and another range", async (t) => {
    const alerts = [{ alertname: "IdleNotReady", severity: "ticket", color: "blue" }];
    const { page, server, complaints } = await open(t, { prometheus: prometheusOf(alerts) });
    await page.locator("#p95 canvas").waitFor();
    await says(page, "#findings", "The alert IdleNotReady (blue) fires");
    assert.match(
      (await page.locator("#requests .plot").getAttribute("aria-label")) ?? "",
      /^Requests a second: blue is at .*; green is at .*, at most 4\.\d\/s\.$/,
    );
    await page.locator("#requests summary").click();
    assert.match(
      (await page.locator("#requests tbody tr").first().innerText()).replace(/\s+/g, " "),
      /^\d\d:\d\d:\d\d 0\.\d+\/s \d\.\d\/s$/,
    );
    await page.getByRole("button", { name: "Last day" }).click();
    await says(page, "#source", "the last day");
    server.situation = { ...server.situation, prometheus: () => undefined };
    await page.getByRole("button", { name: "Last hour" }).click();
    await says(page, "#source", "Prometheus does not answer");
    assert.match(await textOf(page, "#verdict"), /green is live/);
    assert.deepEqual(
      complaints.filter((text) => !text.includes("502")),
      [],
    );
  });

  test("a lost connection is said at once, nothing old looks new, and it goes on by itself", async (t) => {
    const { page, server } = await open(t);
    await server.stop();
    await says(page, "#fresh", "Connection lost");
    assert.match(
      await textOf(page, "#fresh"),
      /Everything below is as it was at \d\d:\d\d:\d\d, .* Next: npm run status -- prod/,
    );
    assert.match(await textOf(page, "#announcer"), /Connection lost/);
    assert.equal(await textOf(page, "#verdict"), "? Can't tell ● green was live");
    await assertAccessible(page, "lost");
    await server.listen();
    await says(page, "#fresh", "As of");
    assert.equal(await textOf(page, "#verdict"), "✓ Well ● green is live");
  });

  test("figures that nobody renews are old, and a hidden tab asks nothing", async (t) => {
    const { page, server } = await open(t, { askedAgo: 300 });
    assert.match((await findingsOf(page)).join(), /Nobody has asked the colors for their health since/);
    assert.match(await textOf(page, "#green"), /was asked 5 min ago the last time/);
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    const before = server.asked.length;
    await page.waitForTimeout(6000);
    assert.equal(server.asked.length, before);
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: false });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await page.waitForTimeout(500);
    assert.ok(server.asked.length > before, "and at once when it is seen again");
  });

  test("the keyboard copies a command, and it is told", async (t) => {
    const { page } = await open(t, {}, { permissions: ["clipboard-read", "clipboard-write"] });
    await page.keyboard.press("Tab");
    assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /^Copy: Go back to blue/);
    await page.keyboard.press("Enter");
    await says(page, "#copied", "Copied: npm run rollback -- prod");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "npm run rollback -- prod");
    assert.match(await textOf(page, "#announcer"), /^Copied/);
  });
});
