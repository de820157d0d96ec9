// Runs TypeScript: `node --require ./setup/bundle.cjs ENTRY.ts`. The entry and all that it imports are one file, made by esbuild,
// which is kept in .state/bundles until one of them changes. The packages of Pulumi stay outside of it: they must be loaded once.
// Types are not checked here: `npm test` does that.
// @ts-check
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } = require("node:fs");
const { dirname, join, relative } = require("node:path");

const { prepareStackTrace: nodes } = Error;
const CHECKOUT = dirname(__dirname);
// Two folders deep, as the sources that look for the checkout's files are (stacks/engine/checkout.ts).
const BUNDLES = join(CHECKOUT, ".state", "bundles");

/** What a bundle was made from stands in one of its last lines, behind this. */
const MADE_FROM = "\n//! ";

/**
 * The folders of a source, in which a new file may take its place. Not the checkout itself, into which every `pulumi config set`
 * writes, and none of the packages, for which the lockfile stands.
 * @param {string} file
 * @returns {string[]}
 */
const foldersOf = (file) =>
  /^(?:\.\.|node_modules)\//.test(file) || dirname(file) === "." ? [] : [dirname(file), ...foldersOf(dirname(file))];

/**
 * What tells one content of the files from another: whoever writes a file changes its ctime, and whoever adds one that of its folder.
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
 * The bundle that is kept in a file, if it is still what the sources say.
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
  // Who edits while it is made gets it made again the next time.
  const edited = files.some((path) => statSync(join(CHECKOUT, path)).ctimeMs >= started);
  const from = JSON.stringify({ stamp: edited ? "" : stampOf(files), files });
  const code = script.text.replace("\n//# sourceMappingURL", () => `${MADE_FROM}${from}\n//# sourceMappingURL`);
  try {
    mkdirSync(BUNDLES, { recursive: true });
    put(map.path, map.text);
    put(file, code);
  } catch {
    // Nobody may write here (another user's checkout): it runs from memory, and is made again the next time.
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

require.extensions[".ts"] = (module, entry) => {
  const name = relative(CHECKOUT, entry)
    .replace(/\.ts$/, "")
    .replace(/[^\w-]+/g, "-");
  const file = join(BUNDLES, `${name}.js`);
  const code = kept(file) ?? made(entry, file);
  process.setSourceMapsEnabled(true);
  const { prepareStackTrace } = Error;
  // Pulumi keeps a stack trace for each promise, by an error without a message: mapping all of those to the sources took half a second.
  if (prepareStackTrace && prepareStackTrace !== nodes)
    Error.prepareStackTrace = (error, frames) => (error.message ? prepareStackTrace(error, frames) : String(error));
  /** @type {any} */ (module)._compile(code, file);
};
