// Pulumi's SDK takes a stack trace for each promise that it makes, thousands of them for 20 services, and its runner maps each trace to
// its sources. Nobody reads them but who looks for a promise that is never kept (PULUMI_DEBUG_PROMISE_LEAKS). Mapping them was a sixth
// of a run with 20 services, and taking them a tenth of what was left of its user time. From here on a promise has no trace, and only
// errors that say something, and have a source that could be mapped in their trace, are mapped. Imported for its effect.
import debuggable = require("@pulumi/pulumi/runtime/debuggable");

/** The SDK's own function that watches over a promise until it is kept. */
interface Watcher {
  debuggablePromise?: (promise: Promise<unknown>, context: unknown) => Promise<unknown>;
}

const { prepareStackTrace } = Error;
const isPulumi = /[\\/]@pulumi[\\/]pulumi[\\/]cmd[\\/]/.test(process.argv[1] ?? "");

if (isPulumi && prepareStackTrace !== undefined) {
  Error.prepareStackTrace = (error, frames) =>
    error.message !== "" && frames.some((frame) => isSource(frame.getFileName() ?? "node:"))
      ? prepareStackTrace(error, frames)
      : [error, ...frames].join("\n    at ");
}

const watcher: Watcher = debuggable;
const { debuggablePromise: watch } = watcher;
if (isPulumi && watch !== undefined && !process.env.PULUMI_DEBUG_PROMISE_LEAKS) {
  watcher.debuggablePromise = (promise, context) => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return watch(promise, context);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
}

/** Whether a file is none of Node and of a package. */
function isSource(file: string): boolean {
  return !file.startsWith("node:") && !/[\\/]node_modules[\\/]/.test(file);
}
