import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** One alert of monitoring/alerts.yml. */
export interface Alert {
  alert: string;
  expr: string;
  /** How long it must be so; absent where at once. */
  for?: string;
  labels: { severity: "page" | "ticket" };
  annotations: { summary: string; command: string; runbook: string };
}

/** What Prometheus computes for the alerts beforehand. */
export interface Recording {
  record: string;
  expr: string;
}

/** An alert that fires in one of promtool's tests, as Prometheus has it. */
export interface Firing {
  alert: string;
  exp_labels: Record<string, string>;
  exp_annotations: Alert["annotations"];
}

/** Returns the rules of monitoring/alerts.yml. */
export function readRules(root: string): { alerts: Alert[]; recordings: Recording[] } {
  const { groups } = parse(readFileSync(join(root, "monitoring", "alerts.yml"), "utf8")) as {
    groups: { rules: (Alert | Recording)[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  return {
    alerts: rules.filter((rule) => "alert" in rule),
    recordings: rules.filter((rule) => "record" in rule),
  };
}

/** Returns the paths of promtool's tests. */
export const ruleTests = (root: string): string[] => globSync(join(root, "monitoring", "*.test.yml")).sort();

/** Returns the alerts that fire in promtool's tests, and the names of those of which a test says that they don't. */
export function readFirings(root: string): { firings: Firing[]; silent: string[] } {
  const checks = ruleTests(root).flatMap((path) => {
    const { tests } = parse(readFileSync(path, "utf8")) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts?: Omit<Firing, "alert">[] }[] }[];
    };
    return tests.flatMap((each) => each.alert_rule_test);
  });
  return {
    firings: checks.flatMap(({ alertname, exp_alerts = [] }) =>
      exp_alerts.map((each) => ({ alert: alertname, ...each })),
    ),
    silent: checks.filter(({ exp_alerts = [] }) => exp_alerts.length === 0).map(({ alertname }) => alertname),
  };
}

/**
 * Returns the rows of the table of alerts: each rule, with what it says where it fires in one of promtool's tests, of the stack prod if it
 * can be, and in other words than the rows before.
 */
export function alertRows(root: string): string[][] {
  const { firings } = readFirings(root);
  const said = new Set<string>();
  return readRules(root).alerts.map(({ alert, for: after = "at once", labels: { severity } }) => {
    const all = firings.filter((each) => each.alert === alert && each.exp_labels.severity === severity);
    const fresh = all.filter(({ exp_annotations: { summary } }) => !said.has(summary));
    const example = fresh.find(({ exp_labels }) => exp_labels.stack === "prod") ?? fresh[0] ?? all[0];
    if (example === undefined) throw new Error(`${alert} (${severity}) fires in none of monitoring/*.test.yml`);
    const { summary, command } = example.exp_annotations;
    said.add(summary);
    return [`[${alert}](#${alert.toLowerCase()})`, severity, after, summary, `\`${command}\``];
  });
}
