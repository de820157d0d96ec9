import { COLORS } from "../service/color";
import { metricsText, PROXY_METRICS } from "../service/metrics";
import { GENERATION_PLACEHOLDER } from "../service/serving";

/** What of the settings the proxy says of itself. */
export interface ProxyFacts {
  canaryPercent: number;
  maintenance: boolean;
  /** When the certificate ends, in seconds since 1970; undefined without TLS. */
  certificateEnd: number | undefined;
}

/**
 * Returns what nginx answers to a scrape, as a text of its configuration: `$active` and the connections are nginx's own variables, so that
 * a switch changes nothing in it.
 */
export function proxyMetrics({ canaryPercent, maintenance, certificateEnd }: ProxyFacts): string {
  const states = ["active", "reading", "writing", "waiting"];
  const text = metricsText(PROXY_METRICS, {
    blue_green_live: COLORS.map((color) => ({ labels: [color], value: `$${color}_lives` })),
    blue_green_configuration_info: [{ labels: [GENERATION_PLACEHOLDER], value: 1 }],
    blue_green_canary_percent: [{ value: canaryPercent }],
    blue_green_maintenance: [{ value: maintenance ? 1 : 0 }],
    blue_green_connections: states.map((state) => ({ labels: [state], value: `$connections_${state}` })),
    blue_green_certificate_end_timestamp_seconds: certificateEnd === undefined ? [] : [{ value: certificateEnd }],
  });
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
}
