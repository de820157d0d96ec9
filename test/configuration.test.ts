import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type ConfigurationSettings, renderConfiguration } from "../stacks/configuration";
import { parseSettings, SettingsError } from "../stacks/settings";
import { raw } from "./settings.raw";

const template = readFileSync(join(__dirname, "..", "nginx", "nginx.conf.mustache"), "utf8");
const GOLDEN = join(__dirname, "nginx.conf.golden");

/** Each value differs from the others, so that one in another's place would show. */
const settings: ConfigurationSettings = {
  activeColor: "blue",
  slots: {
    blue: { appPort: 5001, healthPath: "/health/ready" },
    green: { appPort: 5002, healthPath: "/health/green" },
  },
  drainSeconds: 31,
  keepAliveSeconds: 11,
  maxBodyMb: 7,
  proxyTimeoutSeconds: 61,
};

test("the configuration is what the golden file says", () => {
  assert.equal(renderConfiguration(template, settings), readFileSync(GOLDEN, "utf8"));
});

test("a switch changes one line", () => {
  const blue = renderConfiguration(template, settings).split("\n");
  const green = renderConfiguration(template, { ...settings, activeColor: "green" }).split("\n");
  const different = blue.flatMap((line, at) => (line === green[at] ? [] : [[line.trim(), green[at]?.trim()]]));
  assert.equal(blue.length, green.length);
  assert.deepEqual(different, [["default blue;", "default green;"]]);
});

test("where a color is reached stands in two lines of its own, and nowhere else", () => {
  const before = renderConfiguration(template, settings).split("\n");
  const slots = { ...settings.slots, green: { appPort: 5099, healthPath: "/other" } };
  const after = renderConfiguration(template, { ...settings, slots }).split("\n");
  const different = before.flatMap((line, at) => (line === after[at] ? [] : [[line.trim(), after[at]?.trim()]]));
  assert.deepEqual(different, [
    ["server green:5002 resolve;", "server green:5099 resolve;"],
    ["proxy_pass http://green/health/green;", "proxy_pass http://green/other;"],
  ]);
});

test("a key that the settings do not have is an error, not an empty place", () => {
  assert.throws(() => renderConfiguration("listen {{nowhere}};", settings), {
    message: "nginx.conf.mustache asks for {{nowhere}}, which the settings do not have",
  });
});

test("sections and unescaped tags are refused, because their keys would go unchecked", () => {
  assert.throws(() => renderConfiguration("{{#appPort}}x{{/appPort}}", settings), /only \{\{name\}\} is used there/);
  assert.throws(() => renderConfiguration("{{{appPort}}}", settings), /only \{\{name\}\} is used there/);
});

test("slashes are written as they are", () => {
  assert.match(renderConfiguration(template, settings), /proxy_pass http:\/\/blue\/health\/ready;/);
});

/** What the configuration is made from with these values, the defaults for the rest; nothing where they are refused. */
function accepted(values: Record<string, string>): ConfigurationSettings | undefined {
  try {
    const parsed = parseSettings(raw(values), new Set());
    return { ...parsed, slots: { blue: parsed, green: parsed } };
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    return undefined;
  }
}

test("no accepted setting can change the structure of the configuration", () => {
  const reference = renderConfiguration(template, settings).split("\n");
  const nasty = fc.constantFrom(
    ";",
    "{",
    "}",
    " ",
    "\n",
    "\r",
    "\t",
    "$",
    '"',
    "'",
    "\\",
    "#",
    "%0a",
    "..",
    "\0",
    "{{x}}",
    "`id`",
  );
  const piece = fc.oneof(
    fc.constantFrom("/", "a", "healthz", "1", "5000", "30", "blue", "green", "-", "~", "."),
    nasty,
    fc.string(),
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
    fc.array(piece, { maxLength: 6 }).map((pieces) => `/${pieces.join("")}`),
    fc.integer({ min: -5, max: 70_000 }).map(String),
    fc.constantFrom("blue", "green"),
  );
  let rendered = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(
        "activeColor",
        "appPort",
        "healthPath",
        "drainSeconds",
        "keepAliveSeconds",
        "maxBodyMb",
        "proxyTimeoutSeconds",
      ),
      text,
      (name, value) => {
        const values = accepted({ [name]: value });
        if (values === undefined) return;
        rendered += 1;
        const lines = renderConfiguration(template, values).split("\n");
        assert.equal(lines.length, reference.length);
        for (const [at, line] of lines.entries()) {
          if (line === reference[at]) continue;
          // One directive with one plain word as its value, and the same directive as ever.
          const [, directive, word] =
            /^( *[a-z_]+ (?:[a-z]+:\/\/)?(?:blue:|green:|blue|green)?)([A-Za-z0-9._~/-]*)(?: resolve)?;$/.exec(line) ??
            [];
          assert.ok(directive !== undefined && word !== undefined, line);
          assert.equal(line.trim().split(" ")[0], reference[at]?.trim().split(" ")[0]);
        }
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(rendered > 100, `${rendered} of 3000 were accepted and so compared`);
});
