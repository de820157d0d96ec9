// Has Pulumi's SDK load less: `node --require ./setup/sdk.cjs`. What this program has no use for is loaded when it is used.
// @ts-check
const { Module } = require("node:module");

/**
 * Has a module loaded when something of it is used for the first time.
 * @param {string} name
 * @param {Record<string, unknown>} known what is answered without loading it.
 */
function postpone(name, known = {}) {
  let file = "";
  try {
    file = require.resolve(name);
  } catch {
    return; // Pulumi's SDK says what it lacks
  }
  if (require.cache[file]) return;
  const later = new Module(file);
  const loaded = () => {
    if (require.cache[file] === later) delete require.cache[file];
    return require(file);
  };
  later.filename = file;
  later.loaded = true;
  later.exports = new Proxy(
    {},
    {
      get: (_, key) => key === "__esModule" || (key in known ? known[String(key)] : loaded()[key]),
      has: (_, key) => key in loaded(),
    },
  );
  require.cache[file] = later;
}

/**
 * Returns a module of a package that Pulumi's SDK stands on.
 * @param {string} name
 */
const ofPulumi = (name) => require(require.resolve(name, { paths: [require.resolve("@pulumi/pulumi")] }));

/**
 * Begins a span that goes nowhere, as OpenTelemetry has it where nothing is traced.
 * @param {string} name
 */
const untracedSpan = (name) => ofPulumi("@opentelemetry/api").trace.getTracer("nodejs-runtime").startSpan(name);

// Pulumi's SDK loads all of this in each run: for functions that are to run in a cloud (which it reads by V8's debugger), for programs
// that start Pulumi, and for traces. This program has no use for them, and loading them took most of the time that loading everything took.
postpone("typescript");
postpone("@npmcli/arborist");
postpone("@pulumi/pulumi/runtime/closure/v8Hooks", { isInitializedAsync: async () => {} });
postpone("@pulumi/pulumi/automation");
const isTraced = process.env.TRACEPARENT !== undefined || process.argv.some((word) => word.startsWith("--tracing"));
if (!isTraced) postpone("@pulumi/pulumi/cmd/run/tracing", { newSpan: untracedSpan });
