import assert from "node:assert/strict";
import { readRules } from "../../docs/alerts";
import * as ours from "../../stacks/service/metrics";
import { CHECKOUT } from "../program";
import { askedBy } from "./promql";

/** What Prometheus gives every series of a service. */
const TARGET = ["project", "stack", "service", "job", "instance"];

/** Those of Prometheus itself and of blackbox exporter. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  up: [],
  probe_success: [],
  probe_http_status_code: [],
  probe_ssl_earliest_cert_expiry: [],
  ALERTS: ["alertname", "alertstate", "severity"],
};

const TABLES: Readonly<Record<string, ours.Metric>> = Object.assign(
  {},
  ...Object.entries(ours).flatMap(([name, table]) => (name.endsWith("_METRICS") ? [table] : [])),
);

/** The labels of each metric that there is, as Prometheus has it. */
const KNOWN = new Map<string, readonly string[]>([
  ...Object.entries(OTHERS),
  ...Object.entries(TABLES).flatMap(([name, { type, labels }]): [string, readonly string[]][] =>
    type === "histogram"
      ? [
          [`${name}_bucket`, [...labels, "le"]],
          [`${name}_count`, labels],
          [`${name}_sum`, labels],
        ]
      : [[name, labels]],
  ),
  ...readRules(CHECKOUT).recordings.map(({ record }): [string, readonly string[]] => [record, []]),
]);

/** Fails where a query names a metric or a label that nobody writes: it would find nothing, for ever. */
export function assertKnown(query: string, where: string): void {
  const { metrics, groups } = askedBy(query);
  assert.ok(metrics.size > 0, `${where}: no metric is found in ${query}`);
  for (const [metric, labels] of metrics) {
    const known = KNOWN.get(metric);
    assert.ok(known !== undefined, `${where}: no metric is called ${metric}`);
    for (const label of labels) {
      assert.ok([...known, ...TARGET].includes(label), `${where}: ${metric} has no label ${label}`);
    }
  }
  const all = [...TARGET, ...[...metrics.keys()].flatMap((metric) => KNOWN.get(metric) ?? [])];
  for (const label of groups) assert.ok(all.includes(label), `${where}: none of its metrics has a label ${label}`);
}
