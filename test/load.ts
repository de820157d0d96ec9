/**
 * Load clients that prove, or disprove, that a switch drops nothing. They record every failed, reset, late or wrong answer and
 * repeat nothing. All of them run in the process of the test, beside what is tested, and end by themselves.
 *
 *     const load = keepAliveGets({ url: "http://127.0.0.1:8080/", connections: 32, pauseMs: 10, maxSeconds: 60 });
 *     ... the switch ...
 *     const report = await load.stop();
 *     console.log(summarize(report));
 *     assertNoFailures(report);
 */
export { blindReuse, freshGets, keepAliveGets, type PausedLoadOptions, posts, slowRequests } from "./load/http";
export { assertNoFailures, type Failure, type LoadReport, summarize } from "./load/report";
export type { Load, LoadOptions } from "./load/run";
export { type SlowLoris, type SlowLorisOptions, type SlowLorisReport, slowLoris } from "./load/slowLoris";
export { makeVisitors, moves, type VisitOptions, type Visitor, type VisitReport, visit } from "./load/visitors";
export {
  type Close,
  type WebSocketLoad,
  type WebSocketLoadOptions,
  type WebSocketReport,
  webSockets,
} from "./load/webSockets";

/**
 * How often each client of a load asks where its rate is not what is measured: a failed moment shows, and the tests beside it have the
 * machine. At a pause of 50 ms, the loads of two tests took half of two cores.
 */
export const LIGHT = { pauseMs: 200 };
