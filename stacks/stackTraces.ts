// Pulumi's runner maps each stack trace to its sources, and takes one, of an error without a message, for each promise that it makes:
// mapping all of those was a sixth of a run with 20 services. Only errors that say something, and have a source that could be
// mapped in their trace, are mapped from here on. Imported for its effect.

const { prepareStackTrace } = Error;
const isPulumi = /[\\/]@pulumi[\\/]pulumi[\\/]cmd[\\/]/.test(process.argv[1] ?? "");

if (isPulumi && prepareStackTrace !== undefined) {
  Error.prepareStackTrace = (error, frames) =>
    error.message !== "" && frames.some((frame) => isSource(frame.getFileName() ?? "node:"))
      ? prepareStackTrace(error, frames)
      : [error, ...frames].join("\n    at ");
}

/** Whether a file is none of Node and of a package. */
function isSource(file: string): boolean {
  return !file.startsWith("node:") && !/[\\/]node_modules[\\/]/.test(file);
}
