import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings } from "../../../stacks/settings/settings";
import { raw } from "./settings.raw";

const CHECKOUT = join(__dirname, "..", "..", "..");

const DIGEST = `@sha256:${"0123456789abcdef".repeat(4)}`;

const images = { blueImage: `shop${DIGEST}`, greenImage: `shop${DIGEST}`, nginxImage: `nginx${DIGEST}` };

/** What a stack's file sets, by bare names, as Pulumi hands it over. */
function setIn(stack: string): Record<string, string> {
  const { config } = parse(readFileSync(join(CHECKOUT, `Pulumi.${stack}.yaml`), "utf8")) as {
    config: Record<string, unknown>;
  };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      assert.match(key, /^blue-green:/, "a stack in the repository names no host of anybody");
      return [key.slice("blue-green:".length), String(value)];
    }),
  );
}

const settingsOf = (stack: string, change: Record<string, string> = {}) =>
  parseSettings(raw({ ...setIn(stack), ...change }), new Set());

describe("the stacks' files", () => {
  test("there are three stacks, and each is a whole configuration once its images are named", () => {
    const stacks = readdirSync(CHECKOUT).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.slice(1) ?? []);
    assert.deepEqual(stacks.sort(), ["dev", "prod", "staging"]);
    settingsOf("dev");
    for (const stack of ["staging", "prod"]) settingsOf(stack, images);
  });

  test("staging and prod take images by digest alone: nothing is built there", () => {
    for (const stack of ["staging", "prod"]) {
      for (const change of [{}, { blueImage: "shop:1.2", greenImage: "shop:1.2" }]) {
        assert.throws(
          () => settingsOf(stack, change),
          (error: SettingsError) => {
            assert.ok(error instanceof SettingsError);
            assert.deepEqual(
              error.problems.map(({ setting }) => setting),
              ["blueImage", "greenImage", "nginxImage"],
            );
            return true;
          },
        );
      }
    }
  });

  test("staging and prod are judged by the policy pack, dev is not", () => {
    assert.equal(settingsOf("dev").policies, false);
    for (const stack of ["staging", "prod"]) assert.equal(settingsOf(stack, images).policies, true);
  });

  test("all of them fit on one engine: no port of one is another one's", () => {
    const ports = ["dev", "staging", "prod"].flatMap((stack) => {
      const { httpPort, httpsPort, slots } = settingsOf(stack, stack === "dev" ? {} : images);
      return [httpPort, httpsPort, slots.blue.port, slots.green.port];
    });
    assert.deepEqual([...new Set(ports)], ports);
  });

  test("prod serves the web's ports on all addresses, more slowly and with a canary first", () => {
    const [dev, prod] = [settingsOf("dev"), settingsOf("prod", images)];
    assert.deepEqual([prod.bindAddress, prod.httpPort, prod.httpsPort], ["0.0.0.0", 80, 443]);
    assert.equal(prod.canaryFirst, true);
    assert.ok(prod.replicas > 1);
    assert.ok(prod.bakeSeconds > dev.bakeSeconds);
    assert.ok(prod.drainSeconds > dev.drainSeconds);
  });

  test("the table in the docs says what the files say", () => {
    const docs = readFileSync(join(CHECKOUT, "docs", "stacks.md"), "utf8");
    const row = (begins: string) => {
      const line = docs.split("\n").find((each) => each.startsWith(`| ${begins}`));
      return (line ?? "")
        .split("|")
        .slice(2, -1)
        .map((cell) => cell.trim());
    };
    const [dev, staging, prod] = [
      settingsOf("dev"),
      settingsOf("staging", images),
      settingsOf("prod", images),
    ] as const;
    const all = [dev, staging, prod];
    const ports = ({ slots }: typeof dev) => `${slots.blue.port}, ${slots.green.port}`;
    assert.deepEqual(row("blue and green"), all.map(ports));
    assert.deepEqual(
      row("containers of each"),
      all.map(({ replicas }) => String(replicas)),
    );
    assert.deepEqual(
      row("watched after"),
      all.map(({ bakeSeconds }) => `${bakeSeconds} s`),
    );
    assert.deepEqual(
      row("what is in flight"),
      all.map(({ drainSeconds }) => `${drainSeconds} s`),
    );
    assert.deepEqual(
      row("reached at").slice(0, 2),
      [dev, staging].map(({ bindAddress, httpPort }) => `${bindAddress}:${httpPort}`),
    );
  });
});
