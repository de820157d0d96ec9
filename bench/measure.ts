import { request } from "node:https";
import type { Color } from "../stacks/service/color";
import { other } from "../stacks/service/color";
import { get } from "../test/e2e/stack";
import { assertForwarded, type Load, load, origin } from "./client";
import { interruption } from "./command";
import type { Contender } from "./place";

/** How long after a switch a new connection may still meet the old color before the figures are worth nothing. */
const SWITCHED_WITHIN_SECONDS = 5;

/** How long a proxy may take to serve after its start. */
const STARTED_WITHIN_SECONDS = 20;

/** One proxy under load once. */
export interface Measurement extends Load {
  /** How long the act of each switch took. */
  switchMilliseconds: number[];
  /** How long it took each time to prepare it, where that is needed. */
  preparedMilliseconds: number[];
  /** Switches that ended after the load: the machine was too busy for the figures to be worth much. */
  late: number;
}

/** A load that was started. */
export interface Loading<Counted extends Load> {
  /** It may never be, where `ended` fails. */
  begun: Promise<void>;
  ended: Promise<Counted>;
}

/** Switches a proxy that serves blue while it is under load, at even distances, an even number of times: back to blue. */
export async function measure<Counted extends Load>(
  proxy: Contender,
  duration: number,
  switches: number,
  loading: Loading<Counted>,
): Promise<Counted & Measurement> {
  const [counted, switched] = await Promise.all([
    loading.ended,
    loading.begun.then(() => switching(proxy, duration, switches)),
  ]);
  return { ...counted, ...switched };
}

/** The load of wrk, over HTTP/1.1. */
export const wrk = (proxy: Contender, duration: number): Loading<Load> => ({
  begun: Promise.resolve(),
  ended: load(proxy, duration),
});

async function switching(proxy: Contender, duration: number, switches: number): Promise<Omit<Measurement, keyof Load>> {
  const every = (duration * 1000) / Math.max(switches, 1);
  const began = performance.now();
  const until = (at: number) => pause(Math.max(0, began + at - performance.now()));
  const switchMilliseconds: number[] = [];
  const preparedMilliseconds: number[] = [];
  let late = 0;
  let color: Color = "blue";

  await until(every / 4);
  assertForwarded(proxy.port);
  for (let i = 0; i < switches; i++) {
    await until(every * (i + 0.5));
    let started = performance.now();
    if (proxy.prepare !== undefined) {
      await proxy.prepare();
      preparedMilliseconds.push(performance.now() - started);
      started = performance.now();
    }
    color = other(color);
    await proxy.switchTo(color);
    switchMilliseconds.push(performance.now() - started);
    if (performance.now() - began > duration * 1000) late++;
    // Not at once: a signal to reload is not yet a reload. A new connection, and not one of those that are counted.
    await until(every * (i + 0.9));
    await assertServes(proxy, color);
  }
  return { switchMilliseconds, preparedMilliseconds, late };
}

/** Waits until a proxy that was just started serves blue. */
export async function startsToServe(proxy: Contender): Promise<void> {
  const deadline = performance.now() + STARTED_WITHIN_SECONDS * 1000;
  for (;;) {
    try {
      return await assertServes(proxy, "blue");
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(200);
    }
  }
}

/** Makes sure that a new connection meets a color: a switch that moves nothing would cost nothing. */
export async function assertServes(proxy: Contender, color: Color): Promise<void> {
  const deadline = performance.now() + SWITCHED_WITHIN_SECONDS * 1000;
  for (;;) {
    const answer = await (proxy.tls ? getOverTls(origin(proxy)) : get(origin(proxy)));
    if (answer.body.trim() === color) return;
    if (performance.now() > deadline) {
      throw new Error(
        `${proxy.name} was switched to ${color} and answers '${answer.status} ${answer.body.trim()}' ${SWITCHED_WITHIN_SECONDS} s later`,
      );
    }
    await pause(100);
  }
}

/** One request over HTTP/1.1 and TLS on a connection of its own, whoever signed the certificate. */
const getOverTls = (url: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    request(url, { agent: false, rejectUnauthorized: false, timeout: 10_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body })).on("error", reject);
    })
      .on("timeout", function (this: { destroy(error: Error): void }) {
        this.destroy(new Error("no answer within 10 s"));
      })
      .on("error", reject)
      .end();
  });

/** Waits, unless the user interrupts. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const { signal } = interruption;
    signal.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
