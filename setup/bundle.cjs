// Runs TypeScript: `node --require ./setup/bundle.cjs ENTRY.ts`. The entry and all that it imports are one file, made by esbuild,
// which is kept in .state/bundles until one of them changes. The packages of Pulumi stay outside of it: they must be loaded once.
// Types are not checked here: `npm test` does that.
// @ts-check
const { createHash } = require("node:crypto");
const { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } = require("node:fs");
const { dirname, join, relative } = require("node:path");

const CHECKOUT = dirname(__dirname);
// Two folders deep, as the sources that look for the checkout's files are (stacks/engine/checkout.ts).
const BUNDLES = join(CHECKOUT, ".state", "bundles");

/** A file of a package, wherever the packages are. */
const PACKAGE = /(?:^|\/)node_modules\//;

/** Begins the line of a bundle that lists its sources. */
const MADE_FROM = "\n//! ";

/**
 * Returns the folders of a source, since a new file there may take its place. The checkout itself is left out: every `pulumi config
 * set` writes there.
 * @param {string} file
 * @returns {string[]}
 */
const foldersOf = (file) =>
  file.startsWith("../") || dirname(file) === "." ? [] : [dirname(file), ...foldersOf(dirname(file))];

/**
 * Returns a hash over something of each file, and of the folders that it is in.
 * @param {string[]} files
 * @param {(path: string) => (string | number)[]} of
 */
function hashOf(files, of) {
  const hash = createHash("sha256").update(process.version);
  for (const path of new Set(files.flatMap((file) => [file, ...foldersOf(file)])))
    hash.update(`${[path, ...of(join(CHECKOUT, path))].join("\0")}\0`);
  return hash.digest("hex");
}

/**
 * Returns a hash that changes with the files: writing a file changes its ctime, and adding a file changes the ctime of its folder.
 * @param {string[]} files
 */
const stampOf = (files) =>
  hashOf(files, (path) => {
    const { ctimeMs, size } = statSync(path);
    return [ctimeMs, size];
  });

/**
 * Returns a hash that is the same in each copy of the files, as in a checkout that was made again, and takes longer.
 * @param {string[]} files
 */
const contentOf = (files) =>
  hashOf(files, (path) =>
    statSync(path).isDirectory() ? readdirSync(path).sort() : [readFileSync(path).toString("latin1")],
  );

/** @typedef {{ stamp: string, content: string, files: string[] }} MadeFrom what a bundle was made from; no hash is "" */

/**
 * Returns the bundle that a file holds; undefined where its sources have changed since.
 * @param {string} file
 */
function kept(file) {
  try {
    const code = readFileSync(file, "utf8");
    const from = code.slice(code.lastIndexOf(MADE_FROM) + MADE_FROM.length).split("\n", 1)[0];
    /** @type {MadeFrom} */
    const { stamp, content, files } = JSON.parse(from);
    // Before the files are read: one that is written meanwhile is seen by the next run.
    const now = stampOf(files);
    if (stamp === now) return code;
    if (content !== contentOf(files)) return undefined;
    keep(file, code.replace(from, () => JSON.stringify({ stamp: now, content, files })));
    return code;
  } catch {
    return undefined; // there is none, or a source of it is gone
  }
}

/**
 * Bundles an entry, and keeps the result in a file for the next run.
 * @param {string} entry
 * @param {string} file
 */
function made(entry, file) {
  const started = Date.now();
  const { outputFiles, metafile } = require("esbuild").buildSync({
    absWorkingDir: CHECKOUT,
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: "node",
    target: `node${process.versions.node}`,
    external: ["@pulumi/*"],
    sourcemap: "linked",
    sourcesContent: false,
    metafile: true,
    write: false,
  });
  const [map, script] = outputFiles;
  // The lockfile stands for the packages.
  const files = [...Object.keys(metafile.inputs).filter((path) => !PACKAGE.test(path)), "package-lock.json"];
  let from = { stamp: stampOf(files), content: contentOf(files), files };
  // A source that was edited meanwhile may be in it as it was before: the next run bundles again.
  if (files.some((path) => statSync(join(CHECKOUT, path)).ctimeMs >= started)) from = { stamp: "", content: "", files };
  const line = `${MADE_FROM}${JSON.stringify(from)}\n//# sourceMappingURL`;
  const code = script.text.replace("\n//# sourceMappingURL", () => line);
  keep(map.path, map.text);
  keep(file, code);
  return code;
}

/**
 * Keeps a text in a file for the next run. Where this user may not write (another user's checkout), each run bundles again.
 * @param {string} file
 * @param {string} content
 */
function keep(file, content) {
  try {
    mkdirSync(BUNDLES, { recursive: true });
    put(file, content);
  } catch {}
}

/**
 * Has the runner map no stack trace of an error without a message, before the program says which it maps: the runner takes one for each
 * promise, and the first one had the source maps of Pulumi's SDK read.
 */
function mapFewTraces() {
  try {
    require(require.resolve("source-map-support/register", { paths: [require.resolve("@pulumi/pulumi")] }));
  } catch {
    return; // Pulumi's SDK says what it lacks
  }
  const mapped = Error.prepareStackTrace;
  Error.prepareStackTrace = (error, frames) =>
    error.message === "" || !mapped ? [error, ...frames].join("\n    at ") : mapped(error, frames);
}

/**
 * Writes a file whole or not at all, since other runs read it meanwhile.
 * @param {string} file
 * @param {string} content
 */
function put(file, content) {
  writeFileSync(`${file}.${process.pid}`, content);
  renameSync(`${file}.${process.pid}`, file);
}

// Pulumi's own runner is what runs this program: it maps stack traces (see stacks/stackTraces.ts).
const isPulumi = /[\\/]@pulumi[\\/]pulumi[\\/]cmd[\\/]/.test(process.argv[1] ?? "");
if (isPulumi) {
  require("./sdk.cjs");
  mapFewTraces();
}

/**
 * Returns an entry's bundle and its file, made where there is none of these sources yet.
 * @param {string} entry
 */
function bundleOf(entry) {
  const name = relative(CHECKOUT, entry)
    .replace(/\.ts$/, "")
    .replace(/[^\w-]+/g, "-");
  const file = join(BUNDLES, `${name}.js`);
  return { code: kept(file) ?? made(entry, file), file };
}

module.exports = { bundleOf };

require.extensions[".ts"] = (module, entry) => {
  const { code, file } = bundleOf(entry);
  // Elsewhere Node maps them, which costs reading the map of each file that is loaded from here on.
  if (!isPulumi) process.setSourceMapsEnabled(true);
  /** @type {any} */ (module)._compile(code, file);
};
