// Runs TypeScript: `node --require ./setup/bundle.cjs ENTRY.ts`. The entry and all that it imports are one file, made by esbuild,
// which is kept in .state/bundles until one of them changes. The packages of Pulumi stay outside of it: they must be loaded once.
// Types are not checked here: `npm test` does that.
// @ts-check
const { createHash } = require("node:crypto");
const { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } = require("node:fs");
const { basename, dirname, join, relative } = require("node:path");

const { prepareStackTrace: nodes } = Error;
const CHECKOUT = dirname(__dirname);
// Two folders deep, as the sources that look for the checkout's files are (stacks/engine/checkout.ts).
const BUNDLES = join(CHECKOUT, ".state", "bundles");

/**
 * The folders that a file of the checkout is in; not the checkout itself, into which every `pulumi config set` writes.
 * @param {string} file
 * @returns {string[]}
 */
const foldersOf = (file) => (dirname(file) === "." ? [] : [dirname(file), ...foldersOf(dirname(file))]);

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
  return stamp.digest("hex").slice(0, 16);
}

/**
 * The bundle that is kept for an entry, if it is still what the sources say.
 * @param {string} name
 */
function kept(name) {
  try {
    const files = JSON.parse(readFileSync(join(BUNDLES, `${name}.json`), "utf8"));
    const file = join(BUNDLES, `${name}.${stampOf(files)}.js`);
    return { file, code: readFileSync(file, "utf8") };
  } catch {
    return undefined; // there is none, or it is of other sources
  }
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

/**
 * @param {string} entry
 * @param {string} name
 */
function made(entry, name) {
  const started = Date.now();
  const { outputFiles, metafile } = require("esbuild").buildSync({
    absWorkingDir: CHECKOUT,
    entryPoints: [entry],
    outfile: join(BUNDLES, `${name}.js`),
    bundle: true,
    platform: "node",
    target: `node${process.versions.node}`,
    external: ["@pulumi/*"],
    sourcemap: "external",
    sourcesContent: false,
    metafile: true,
    write: false,
  });
  const [map, script] = outputFiles;
  const files = [...Object.keys(metafile.inputs), "package-lock.json"];
  const file = join(BUNDLES, `${name}.${stampOf(files)}.js`);
  const code = `${script.text}\n//# sourceMappingURL=${basename(file)}.map\n`;
  try {
    mkdirSync(BUNDLES, { recursive: true });
    put(`${file}.map`, map.text);
    put(file, code);
    // Who edits while it is made gets it made again the next time.
    const edited = files.some((path) => statSync(join(CHECKOUT, path)).ctimeMs >= started);
    if (!edited) put(join(BUNDLES, `${name}.json`), JSON.stringify(files));
    for (const other of readdirSync(BUNDLES))
      if (other.startsWith(`${name}.`) && /\.[0-9a-f]{16}\.js/.test(other) && !other.startsWith(basename(file)))
        rmSync(join(BUNDLES, other), { force: true });
  } catch {
    // Nobody may write here (another user's checkout): it runs from memory, and is made again the next time.
  }
  return { file, code };
}

require.extensions[".ts"] = (module, entry) => {
  const name = relative(CHECKOUT, entry)
    .replace(/\.ts$/, "")
    .replace(/[^\w-]+/g, "-");
  const { file, code } = kept(name) ?? made(entry, name);
  process.setSourceMapsEnabled(true);
  const { prepareStackTrace } = Error;
  // Pulumi keeps a stack trace for each promise, by an error without a message: mapping all of those to the sources took half a second.
  if (prepareStackTrace && prepareStackTrace !== nodes)
    Error.prepareStackTrace = (error, frames) => (error.message ? prepareStackTrace(error, frames) : String(error));
  /** @type {any} */ (module)._compile(code, file);
};
