// Runs TypeScript: `node --require ./setup/bundle.cjs ENTRY.ts`. The entry and all that it imports are one file, made by esbuild,
// which is kept in .state/bundles until one of them changes. The packages of Pulumi stay outside of it: they must be loaded once.
// Types are not checked here: `npm test` does that.
// @ts-check
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } = require("node:fs");
const { dirname, join, relative } = require("node:path");

const CHECKOUT = dirname(__dirname);
// Two folders deep, as the sources that look for the checkout's files are (stacks/engine/checkout.ts).
const BUNDLES = join(CHECKOUT, ".state", "bundles");

/** Begins the line of a bundle that lists its sources. */
const MADE_FROM = "\n//! ";

/**
 * Returns the folders of a source, since a new file there may take its place. The checkout itself is left out: every `pulumi config
 * set` writes there. So are the packages: the lockfile stands for them.
 * @param {string} file
 * @returns {string[]}
 */
const foldersOf = (file) =>
  /^(?:\.\.|node_modules)\//.test(file) || dirname(file) === "." ? [] : [dirname(file), ...foldersOf(dirname(file))];

/**
 * Returns a hash that changes with the files: writing a file changes its ctime, and adding a file changes the ctime of its folder.
 * @param {string[]} files
 */
function stampOf(files) {
  const stamp = createHash("sha256").update(process.version);
  for (const path of new Set(files.flatMap((file) => [file, ...foldersOf(file)]))) {
    const { ctimeMs, size } = statSync(join(CHECKOUT, path));
    stamp.update(`${path}\0${ctimeMs}\0${size}\0`);
  }
  return stamp.digest("hex");
}

/**
 * Returns the bundle that a file holds; undefined where its sources have changed since.
 * @param {string} file
 */
function kept(file) {
  try {
    const code = readFileSync(file, "utf8");
    const { stamp, files } = JSON.parse(code.slice(code.lastIndexOf(MADE_FROM) + MADE_FROM.length).split("\n", 1)[0]);
    return stamp === stampOf(files) ? code : undefined;
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
  const files = [...Object.keys(metafile.inputs), "package-lock.json"];
  // A source that was edited meanwhile may be in it as it was before: the next run bundles again.
  const edited = files.some((path) => statSync(join(CHECKOUT, path)).ctimeMs >= started);
  const from = JSON.stringify({ stamp: edited ? "" : stampOf(files), files });
  const code = script.text.replace("\n//# sourceMappingURL", () => `${MADE_FROM}${from}\n//# sourceMappingURL`);
  try {
    mkdirSync(BUNDLES, { recursive: true });
    put(map.path, map.text);
    put(file, code);
  } catch {
    // This user may not write here (another user's checkout): run from memory, and bundle again the next time.
  }
  return code;
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
if (isPulumi) require("./sdk.cjs");

require.extensions[".ts"] = (module, entry) => {
  const name = relative(CHECKOUT, entry)
    .replace(/\.ts$/, "")
    .replace(/[^\w-]+/g, "-");
  const file = join(BUNDLES, `${name}.js`);
  const code = kept(file) ?? made(entry, file);
  // Elsewhere Node maps them, which costs reading the map of each file that is loaded from here on.
  if (!isPulumi) process.setSourceMapsEnabled(true);
  /** @type {any} */ (module)._compile(code, file);
};
