import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { stringify } from "yaml";
import { DASHBOARD_FILE, dashboard, dashboardText } from "../../monitoring/dashboards/dashboard";
import { CHECKOUT } from "../program";
import { assertKnown } from "./known";

/** The widest that Grafana's grid is. */
const COLUMNS = 24;

const panels = dashboard().panels ?? [];
const queries = [
  ...panels.flatMap((panel) =>
    ("targets" in panel ? (panel.targets ?? []) : []).map((target) => ({
      where: String(panel.title),
      expr: String((target as { expr?: string }).expr),
    })),
  ),
  ...(dashboard().annotations?.list ?? []).map(({ name, expr }) => ({ where: name, expr: String(expr) })),
];

/** Returns a query as Prometheus is asked it, with a value for each of Grafana's variables. */
const asked = (expr: string): string => expr.replaceAll("$__rate_interval", "1m").replace(/\$\w+/g, "x");

describe("the dashboard", () => {
  test("is in its file what its program makes", () => {
    assert.ok(readFileSync(DASHBOARD_FILE, "utf8") === dashboardText(), "next: npm run dashboard");
  });

  test("asks for metrics and labels that there are, of the project, the stack and the service that were chosen", () => {
    assert.ok(queries.length >= panels.filter(({ type }) => type !== "row").length, `${queries.length} queries`);
    for (const { where, expr } of queries) {
      assertKnown(expr, where);
      const selectors = [...expr.matchAll(/(?:blue_green_\w+|ALERTS)(\{[^}]*\})?/g)];
      assert.ok(selectors.length > 0, where);
      for (const [, chosen = ""] of selectors) {
        for (const label of ["project", "stack", "service"])
          assert.ok(chosen.includes(`$${label}"`), `${where}: ${label}`);
      }
    }
  });

  test("asks what Prometheus understands", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "blue-green-dashboard-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const rules = queries.map(({ expr }, at) => ({ record: `query_${at}`, expr: asked(expr) }));
    writeFileSync(join(folder, "queries.yml"), stringify({ groups: [{ name: "queries", rules }] }));
    const promtool = execFileSync(join(CHECKOUT, "setup", "promtool"), { encoding: "utf8" }).trim();
    const { status, stdout, stderr } = spawnSync(promtool, ["check", "rules", join(folder, "queries.yml")], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`SUCCESS: ${queries.length} rules found`));
  });

  test("names each panel once, and has none upon another one or beyond the edge", () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos !== undefined, String(title));
      const { x, y, w, h } = gridPos;
      assert.ok(x + w <= COLUMNS, `${title} ends at ${x + w}`);
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          const cell = `${column} ${line}`;
          assert.ok(!taken.has(cell), `${title} is upon another one`);
          taken.add(cell);
        }
      }
    }
  });

  test("lets one choose the data source, the project, the stack and the service", () => {
    const names = dashboard().templating.list?.map(({ name }) => name);
    assert.deepEqual(names, ["datasource", "project", "stack", "service"]);
    for (const panel of panels.filter(({ type }) => type !== "row")) {
      assert.deepEqual("datasource" in panel && panel.datasource, { type: "prometheus", uid: "$datasource" });
    }
  });
});
