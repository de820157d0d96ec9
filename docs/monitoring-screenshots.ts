/**
 * Makes the pictures of the monitoring's page in docs/images: light, dark and on a phone, of a stack that has just been switched.
 *
 *     npx tsx docs/monitoring-screenshots.ts
 *
 * They are of the page's own files with figures that the page's tests have too: a real hour would take an hour. Needs chromium.
 */
import { join, resolve } from "node:path";
import type { BrowserContextOptions } from "playwright-core";
import { startBrowser } from "../test/browser";
import { cutover, PageServer, prometheusOf, WELL } from "../test/monitoring/page.sample";

const IMAGES = resolve("docs", "images");

const PICTURES: Record<string, BrowserContextOptions> = {
  "monitoring-light": { colorScheme: "light", viewport: { width: 1280, height: 1000 } },
  "monitoring-dark": { colorScheme: "dark", viewport: { width: 1280, height: 1000 } },
  "monitoring-phone": { colorScheme: "light", viewport: { width: 360, height: 760 } },
};

/** So long the page reads until it knows how many requests come. */
const READ_MS = 7000;

/** Takes all of them. */
export async function photographMonitoring(): Promise<void> {
  const ends: (() => unknown)[] = [];
  const t = { after: (end: () => unknown) => void ends.push(end) };
  const server = await PageServer.start(t as Parameters<typeof PageServer.start>[0], {
    prometheus: prometheusOf(),
    history: [...WELL.history.slice(0, 2), cutover(0.5)],
    liveHours: 0.5,
  });
  const browser = await startBrowser();
  try {
    await Promise.all(
      Object.entries(PICTURES).map(async ([name, options]) => {
        const page = await (await browser.newContext({ ...options, deviceScaleFactor: 1 })).newPage();
        await page.goto(server.url);
        await page.waitForTimeout(READ_MS);
        await page.screenshot({ path: join(IMAGES, `${name}.png`), fullPage: true });
        console.log(`docs/images/${name}.png`);
      }),
    );
  } finally {
    await browser.close();
    for (const end of ends) await end();
  }
}

if (require.main === module) void photographMonitoring();
