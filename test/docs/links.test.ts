import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";

const root = join(__dirname, "..", "..");

const NOT_OURS = ["node_modules", "dist", ".git", ".state", ".pytest_cache"];

/** Returns the Markdown files below a folder. */
function pagesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.includes(entry.name) ? [] : pagesIn(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

/** Returns a page's text without its fences and comments. */
const proseOf = (text: string): string =>
  text.replace(/^ *(```|~~~)[\s\S]*?^ *\1 *$/gm, "").replace(/<!--[\s\S]*?-->/g, "");

const withoutCode = (text: string): string => text.replace(/(`+)[\s\S]*?\1/g, "");

/** Returns the anchors of a page's headings, as GitHub makes them. */
function anchorsIn(text: string): Set<string> {
  const seen = new Map<string, number>();
  const slugs = [...proseOf(text).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading = ""]) => {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = words.replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
  return new Set(slugs);
}

/** Returns the links of a page that lead nowhere. */
function brokenIn(page: string, text: string): string[] {
  const targets = [...withoutCode(proseOf(text)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = "", anchor] = target.split("#");
    if (path === "") return !anchorsIn(text).has(anchor ?? "");
    const file = join(dirname(page), path);
    if (!existsSync(file)) return true;
    if (anchor === undefined) return false;
    return statSync(file).isDirectory() || !anchorsIn(readFileSync(file, "utf8")).has(anchor);
  });
}

describe("links in the documentation", () => {
  test("each relative link and anchor in the project's pages leads somewhere", () => {
    const pages = pagesIn(root);
    assert.ok(pages.includes(join(root, "README.md")));
    const broken = pages.flatMap((page) =>
      brokenIn(page, readFileSync(page, "utf8")).map((target) => `${relative(root, page)}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  test("a missing file, a missing anchor and a folder's anchor are found; code and other hosts are left alone", () => {
    const text = [
      "# A `b`, c!",
      "# A b c",
      "[fine](#a-b-c), [the second](#a-b-c-1), [out](https://example.invalid/x.md), `[code](no.md)`",
      "```\n[fence](no.md)\n# fence\n```",
      "[anchor](#fence), [file](docs/no.md), [folder](docs#x), [other page](LICENSE#x)",
    ].join("\n");
    assert.deepEqual(brokenIn(join(root, "README.md"), text), ["#fence", "docs/no.md", "docs#x", "LICENSE#x"]);
  });
});
