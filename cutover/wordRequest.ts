import { createHmac } from "node:crypto";
import { type Receiver, signingKey } from "../stacks/service/receiver";
import type { Word } from "./word";

/** An HTTP request with the word of a cutover. */
export interface WordRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** What a log record's severity is called and numbered in OpenTelemetry. */
const SEVERITIES = { Normal: { number: 9, text: "INFO" }, Warning: { number: 13, text: "WARN" } } as const;

/** Returns the request of one attempt: the word as this kind of receiver takes it, signed or let in where there is a secret. */
export function wordRequest(receiver: Receiver, word: Word, now: Date): WordRequest {
  const { kind, secret } = receiver;
  const body = JSON.stringify(contentOf(receiver, word));
  return {
    url: addressOf(receiver),
    headers: {
      "Content-Type": "application/json",
      "Content-Length": String(Buffer.byteLength(body)),
      "User-Agent": "blue-green",
      ...(kind === "json" && signatureOf(word.id, body, secret, now)),
      ...((kind === "grafana" || kind === "otlp") && secret !== undefined && { Authorization: `Bearer ${secret}` }),
    },
    body,
  };
}

/** Where the request goes: of Grafana and of OpenTelemetry the setting names the server, and each has one path for it. */
function addressOf({ kind, url }: Receiver): string {
  const path = { grafana: "/api/annotations", otlp: "/v1/logs", json: "", slack: "" }[kind];
  if (path === "") return url;
  const address = new URL(url);
  const base = address.pathname.replace(/\/+$/, "");
  address.pathname = base.endsWith(path) ? base : base + path;
  return address.href;
}

/** Returns the headers of Standard Webhooks: the same id with each attempt, and the time of this one. */
export function signatureOf(id: string, body: string, secret: string | undefined, now: Date): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const key = secret === undefined ? undefined : signingKey(secret);
  const signed = key && createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    ...(signed !== undefined && { "webhook-signature": `v1,${signed}` }),
  };
}

function contentOf({ kind }: Receiver, word: Word): unknown {
  switch (kind) {
    case "json":
      return word;
    case "slack":
      return { text: asText(`${placeOf(word)}: ${word.metadata.eventMessage}`) };
    case "grafana":
      return annotationOf(word);
    case "otlp":
      return logRecordOf(word);
  }
}

/** Which service, for whoever hears of several. */
const placeOf = ({ name, namespace }: Word): string => `${name}/${namespace}`;

/** What would be a link, a mention or a tag there is text. */
const asText = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A region from the beginning to the end of the cutover, over all dashboards. */
const annotationOf = (word: Word) => ({
  time: Date.parse(word.cutover.time),
  timeEnd: Number(word.metadata.timestamp),
  tags: ["blue-green", word.name, word.namespace, word.phase],
  text: asText(`${placeOf(word)}: ${word.metadata.eventMessage}`),
});

/** A log record in OTLP's JSON: its names in lowerCamelCase, 64-bit numbers as text. */
function logRecordOf(word: Word) {
  const { eventMessage, eventType, timestamp } = word.metadata;
  const { from, to, versions, reason, requests, canaryPercent, who } = word.cutover;
  const nanoseconds = `${timestamp}000000`;
  return {
    resourceLogs: [
      {
        resource: {
          attributes: attributesOf({
            "service.name": word.name,
            "service.namespace": word.project,
            "deployment.environment.name": word.namespace,
          }),
        },
        scopeLogs: [
          {
            scope: { name: "blue-green" },
            logRecords: [
              {
                ...{ timeUnixNano: nanoseconds, observedTimeUnixNano: nanoseconds },
                severityNumber: SEVERITIES[eventType].number,
                severityText: SEVERITIES[eventType].text,
                eventName: "blue_green.cutover",
                body: { stringValue: eventMessage },
                attributes: attributesOf({
                  ...{ "cutover.id": word.id, "cutover.result": word.phase, "cutover.reason": reason },
                  ...{ "cutover.from": from, "cutover.from.version": from && versions[from] },
                  ...{ "cutover.to": to, "cutover.to.version": versions[to] },
                  ...{ "cutover.requests": requests, "cutover.canary_percent": canaryPercent },
                  ...{ "cutover.user": who?.user, "cutover.host": who?.host, "cutover.run": who?.run },
                }),
              },
            ],
          },
        ],
      },
    ],
  };
}

/** Attributes as OTLP has them; without those that there is no value for. */
const attributesOf = (values: Record<string, string | number | undefined>) =>
  Object.entries(values).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [{ key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } }],
  );
