import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type * as cog from "@grafana/grafana-foundation-sdk/cog";
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  ReduceDataOptionsBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  type ValueMapping,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimelineBuilder } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** The file that Grafana imports. */
export const DASHBOARD_FILE = join(__dirname, "blue-green.json");

const DATASOURCE = { type: "prometheus", uid: "$datasource" };

/** Chooses the series of what the variables name; a program with one service has no label `service`. */
const CHOSEN = 'project="$project",stack="$stack",service=~"$service"';
const VISITORS = `${CHOSEN},visitor=~"active|canary|sticky"`;

const COLORS = { blue: "#3274D9", green: "#37872D", well: "green", bad: "red", quiet: "text" };

/** A panel, as all of these builders have it. */
type AnyBuilder = StatBuilder | TimelineBuilder | TimeseriesBuilder;

const query = (expr: string, legend: string, refId = "A") =>
  new DataqueryBuilder().datasource(DATASOURCE).expr(expr).legendFormat(legend).refId(refId);

/** Gives a series whose name begins with a color that color. */
const inColors = <Builder extends AnyBuilder>(panel: Builder): Builder => {
  for (const color of ["blue", "green"] as const) {
    panel.overrideByRegexp(`/^${color}/`, [{ id: "color", value: { mode: "fixed", fixedColor: COLORS[color] } }]);
  }
  return panel;
};

/** Shows 1 and 0 as words. */
const worded = (one: string, zero: string, oneColor: string, zeroColor: string): ValueMapping[] => [
  {
    type: "value" as ValueMapping["type"],
    options: { "1": { text: one, color: oneColor, index: 0 }, "0": { text: zero, color: zeroColor, index: 1 } },
  } as ValueMapping,
];

const stat = (title: string, what: string) =>
  new StatBuilder()
    .title(title)
    .description(what)
    .height(4)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .noValue("-");

/** A color and what it runs, in large letters. */
const release = (title: string, what: string, live: 0 | 1) =>
  inColors(
    stat(title, what).span(6).colorMode(BigValueColorMode.Background).textMode(BigValueTextMode.Name),
  ).withTarget(
    query(
      `max by (color, version) (blue_green_color_info{${CHOSEN}}) and on (color) max by (color) (blue_green_live{${CHOSEN}}) == ${live}`,
      "{{color}} {{version}}",
    ).instant(),
  );

const flag = (title: string, what: string, metric: string, words: ValueMapping[]) =>
  stat(title, what)
    .span(4)
    .colorMode(BigValueColorMode.Value)
    .textMode(BigValueTextMode.Value)
    .mappings(words)
    .withTarget(query(`max(${metric}{${CHOSEN}})`, title).instant());

const series = (title: string, what: string, unit: string) =>
  new TimeseriesBuilder()
    .title(title)
    .description(what)
    .span(8)
    .height(8)
    .unit(unit)
    .min(0)
    .lineWidth(2)
    .fillOpacity(10)
    .showPoints(VisibilityMode.Never)
    .axisPlacement(AxisPlacement.Left)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));

const timeline = (title: string, what: string, words: ValueMapping[]) =>
  new TimelineBuilder()
    .title(title)
    .description(what)
    .span(12)
    .height(5)
    .mappings(words)
    .showValue(VisibilityMode.Auto);

/** Who is live, with what, and what is not as it was asked for. */
const now = (): AnyBuilder[] => [
  release("Live", "The color that the public sees, and the release that it runs.", 1),
  release("Idle", "The other color, and the release that it runs.", 0),
  flag(
    "Way back",
    "Open: the latest cutover left the idle color running and stable, so that the way back is at once.",
    "blue_green_way_back_open",
    worded("open", "closed", COLORS.well, COLORS.bad),
  ),
  flag(
    "Switch",
    "Pending: the latest cutover was to make another color live than it left live.",
    "blue_green_switch_pending",
    worded("pending", "as asked", COLORS.bad, COLORS.well),
  ),
  flag(
    "Maintenance",
    "On: everybody but testers gets the maintenance page.",
    "blue_green_maintenance",
    worded("on", "off", COLORS.bad, COLORS.well),
  ),
];

/** What visitors get, by the color that answered. */
const visitors = (): AnyBuilder[] => [
  inColors(series("Requests", "Visitors' requests a second, by color.", "reqps")).withTarget(
    query(`sum by (color) (rate(blue_green_http_requests_total{${VISITORS}}[$__rate_interval]))`, "{{color}}"),
  ),
  inColors(series("Errors", "The share of them that was answered with 5xx.", "percentunit")).withTarget(
    query(
      `sum by (color) (rate(blue_green_http_requests_total{${VISITORS},status=~"5.."}[$__rate_interval])) / sum by (color) (rate(blue_green_http_requests_total{${VISITORS}}[$__rate_interval]))`,
      "{{color}}",
    ),
  ),
  inColors(series("Time of 95 %", "95 of 100 requests took less than that.", "s")).withTarget(
    query(
      `histogram_quantile(0.95, sum by (color, le) (rate(blue_green_http_request_duration_seconds_bucket{${VISITORS}}[$__rate_interval])))`,
      "{{color}}",
    ),
  ),
];

/** Whether the public could go back, and where it was. */
const back = (): AnyBuilder[] => [
  timeline(
    "Answers its health path",
    "Each color, asked every 15 s.",
    worded("well", "not well", COLORS.well, COLORS.bad),
  ).withTarget(query(`max by (color) (blue_green_ready{${CHOSEN}})`, "{{color}}")),
  timeline("Live", "Where the public was.", worded("live", "idle", COLORS.well, COLORS.quiet)).withTarget(
    query(`max by (color) (blue_green_live{${CHOSEN}})`, "{{color}}"),
  ),
];

/** What the containers take. */
const containers = (): AnyBuilder[] => [
  series("Processor", "Of one core, by container.", "percentunit").withTarget(
    query(
      `sum by (container) (rate(blue_green_container_cpu_seconds_total{${CHOSEN}}[$__rate_interval]))`,
      "{{container}}",
    ),
  ),
  series("Memory", "By container, as docker stats has it.", "bytes").withTarget(
    query(`max by (container) (blue_green_container_memory_bytes{${CHOSEN}})`, "{{container}}"),
  ),
  series("Memory of its limit", "The share of its limit that a container uses.", "percentunit")
    .max(1)
    .withTarget(
      query(
        `max by (container) (blue_green_container_memory_bytes{${CHOSEN}} / blue_green_container_memory_limit_bytes{${CHOSEN}})`,
        "{{container}}",
      ),
    ),
];

/** Which alerts have fired, and when. */
const alerts = (): AnyBuilder[] => [
  timeline("Alerts", "docs/on-call.md has a section for each.", worded("fires", "", COLORS.bad, COLORS.quiet))
    .span(24)
    .withTarget(
      query(`max by (alertname, severity) (ALERTS{${CHOSEN},alertstate="firing"})`, "{{alertname}} ({{severity}})"),
    ),
];

const ROWS: Readonly<Record<string, () => AnyBuilder[]>> = {
  Now: now,
  Visitors: visitors,
  "Way back": back,
  Containers: containers,
  Alerts: alerts,
};

const variable = (name: string, chosen: string) =>
  new QueryVariableBuilder(name)
    .datasource(DATASOURCE)
    .query(`label_values(blue_green_live${chosen}, ${name})`)
    .refresh(VariableRefresh.OnTimeRangeChanged);

/** Marks each cutover at the time at which it began: that is what the metric's value is. */
const cutovers = () =>
  new AnnotationQueryBuilder()
    .name("Cutovers")
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor("purple")
    .expr(`1000 * max by (stack, service) (blue_green_cutover_timestamp_seconds{${CHOSEN}})`)
    .titleFormat("cutover")
    .textFormat("{{stack}} {{service}}")
    .useValueForTime(true);

/** Returns the dashboard of a service as blue and green, as Grafana takes it. */
export function dashboard(): Dashboard {
  const builder = new DashboardBuilder("Blue and green")
    .uid("blue-green")
    .description(
      "A service as blue and green: made by `npm run dashboard`, so change monitoring/dashboards/dashboard.ts.",
    )
    .tags(["blue-green"])
    .time({ from: "now-3h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .annotation(cutovers())
    .withVariable(new DatasourceVariableBuilder("datasource").label("data source").type("prometheus"))
    .withVariable(variable("project", ""))
    .withVariable(variable("stack", '{project="$project"}'))
    .withVariable(
      variable("service", '{project="$project",stack="$stack"}').includeAll(true).allValue(".*").current(ALL),
    );
  let id = 0;
  for (const [title, panels] of Object.entries(ROWS)) {
    id += 1;
    builder.withRow(new RowBuilder(title).id(id));
    for (const panel of panels()) {
      id += 1;
      builder.withPanel(panel.id(id).datasource(DATASOURCE) as cog.Builder<Panel>);
    }
  }
  return builder.build();
}

/** Every service of the stack, and the one of a program that has one without a name. */
const ALL = { text: "All", value: "$__all", selected: true };

/** Returns a dashboard as it stands in its file. */
export const dashboardText = (): string => `${JSON.stringify(dashboard(), null, 2)}\n`;

if (require.main === module) {
  writeFileSync(DASHBOARD_FILE, dashboardText());
  console.log("monitoring/dashboards/blue-green.json: written");
}
