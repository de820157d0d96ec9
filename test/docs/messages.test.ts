import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(__dirname, "..", "..");

/** Where messages for people are written. */
const SOURCES = ["stacks", "cutover", "commands", "nginx"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(?:ts|sh)$/.test(file))
    .map((file) => readFileSync(join(root, folder, file), "utf8")),
);

/** The program's text, with the parts of a message that stands on several lines put together. */
const program = SOURCES.join("\n").replace(/["'`]\s*\+\s*["'`]/g, "");

/** Returns the messages that a page's tables quote in a column of such a name. */
function quotedIn(page: string): string[] {
  let quotes = false;
  return readFileSync(join(root, "docs", page), "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, first] = line.split("|");
      if (first === undefined) return [];
      if (/^ (?:(?:it|status) says|you see) $/.test(first)) quotes = true;
      else if (/^ [a-z ]+ $/.test(first)) quotes = false;
      return quotes ? [...first.matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message) : [];
    });
}

/** Returns the parts of a message that are the same in every run: no colors, numbers and names, nothing left out, no two put together. */
const fixedParts = (message: string): string[] =>
  message
    .split(/\.\.\.|blue-green-dev-\w+|\b(?:blue|green)\b|\d[\d.,/]*|[:;] /)
    .map((part) => part.replace(/^\W+|\W+$/g, ""))
    .filter((part) => part.split(/\s/).length > 2);

for (const [page, least] of [
  ["broken.md", 15],
  ["your-own-app.md", 4],
  ["releases.md", 5],
] as const) {
  test(`docs/${page} quotes messages as the program prints them`, () => {
    const parts = quotedIn(page).flatMap(fixedParts);
    assert.ok(parts.length >= least, `${parts.length} parts of messages were found`);
    assert.deepEqual(
      parts.filter((part) => !program.includes(part)),
      [],
    );
  });
}
