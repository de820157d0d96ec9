import { join } from "node:path";
import type { TestReceiver } from "../cutover/receiver.sample";
import { CHECKOUT } from "../program";
import { freePorts, must } from "./stack";

/** The official images by their settings, and what setup/monitoring-image calls each. */
const IMAGES = {
  prometheusImage: ["prometheus", "quay.io/prometheus/prometheus:v3.5.0"],
  alertmanagerImage: ["alertmanager", "quay.io/prometheus/alertmanager:v0.28.1"],
  blackboxImage: ["blackbox", "quay.io/prometheus/blackbox-exporter:v0.27.0"],
} as const;

/** The settings with images that this machine has, from their registries or as stand-ins. */
export async function monitoringImages(): Promise<Record<string, string>> {
  const images: [string, string][] = [];
  for (const [setting, [kind, image]] of Object.entries(IMAGES)) {
    const output = await must(join(CHECKOUT, "setup", "monitoring-image"), [kind, image]);
    images.push([setting, output.trim().split("\n").at(-1) ?? ""]);
  }
  return Object.fromEntries(images);
}

/** An address of this machine that containers reach. */
export const addressForContainers = async (): Promise<string> =>
  (await must("docker", ["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"])).trim();

/** One series of an answer of Prometheus'. */
export interface Series {
  labels: Record<string, string>;
  value: number;
}

/** A Prometheus on the loopback, and the ports that it and Alertmanager are given. */
export class TestPrometheus {
  private constructor(
    readonly port: number,
    readonly alertmanagerPort: number,
  ) {}

  static async make(): Promise<TestPrometheus> {
    const [port = 0, alertmanager = 0] = await freePorts(2);
    return new TestPrometheus(port, alertmanager);
  }

  /** Asks for what there is now. */
  async query(query: string): Promise<Series[]> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data } = (await answer.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return data.result.map(({ metric, value: [, text] }) => ({ labels: metric, value: Number(text) }));
  }

  /** The health of all that it asks, each with its job and its labels. */
  async targets(): Promise<{ health: string; labels: Record<string, string>; lastError: string }[]> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1/targets?state=active`);
    const { data } = (await answer.json()) as {
      data: { activeTargets: { health: string; labels: Record<string, string>; lastError: string }[] };
    };
    return data.activeTargets;
  }
}

/** What came of alerts: of each message its status and what it is about. */
export const toldBy = (receiver: TestReceiver): string[] =>
  receiver.words.map(({ status, groupLabels: { alertname, service } }) =>
    [status, alertname, ...(service === undefined ? [] : [service])].join(" "),
  );
