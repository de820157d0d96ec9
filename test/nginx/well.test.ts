import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { readNginx } from "../../stacks/engine/scripts";
import { type ConfigurationSettings, renderConfiguration } from "../../stacks/proxy/nginxConfiguration";
import { COLORS } from "../../stacks/service/color";
import { healthIn } from "../../stacks/service/configuration";
import { sampleSettings } from "../stacks/settings/settings.sample";

/** The shells that the official images run these scripts with: dash on Debian, and busybox, by the options of which bash comes nearest. */
const SHELLS = [["dash"], ["bash", "--posix"]];

/** Runs well.sh and what follows it, in each shell; returns what all of them print alike. */
function inShells(script: string, args: string[] = []): string {
  const printed = SHELLS.map(([shell = "", ...options]) => {
    const text = `set -eu\n${readNginx("well.sh")}\n${script}`;
    const { stdout, stderr } = spawnSync(shell, [...options, "-c", text, "sh", ...args], { encoding: "utf8" });
    assert.equal(stderr, "", shell);
    return stdout;
  });
  assert.equal(new Set(printed).size, 1, printed.join(" | "));
  return printed[0] ?? "";
}

/** Whether answers are well, each given by its status, where it redirects to, the host that was asked for and the statuses that are. */
const verdicts = (answers: readonly (readonly [string, string, string, string])[]): boolean[] =>
  inShells(
    'while [ $# -gt 0 ]; do host=$3; statuses=$4; if well "$1" "$2"; then echo well; else echo ill; fi; shift 4; done',
    answers.flat(),
  )
    .trim()
    .split("\n")
    .map((word) => word === "well");

/** Checks answers that are well, and those that are not. */
function check(well: readonly string[][], ill: readonly string[][]): void {
  const all = [...well, ...ill] as unknown as [string, string, string, string][];
  const found = verdicts(all);
  for (const [at, answer] of all.entries()) assert.equal(found[at], at < well.length, answer.join(" "));
}

const configurationOf = (change: Partial<ConfigurationSettings> = {}) =>
  renderConfiguration(readNginx("nginx.conf.mustache"), {
    ...sampleSettings,
    slots: {
      blue: { appPort: 5001, healthPath: "/", replicas: 1 },
      green: { appPort: 80, healthPath: "/up/now", image: "ghost:5", replicas: 3 },
    },
    files: {},
    ...change,
  });

/** What the shell reads of a configuration about a color. */
function readByShell(t: TestContext, configuration: string, color: string): Record<string, string> {
  const directory = mkdtempSync(join(tmpdir(), "blue-green-well-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "nginx.conf");
  writeFileSync(file, configuration);
  const lines = inShells('standard "$1" "$2"; printf "%s\\n" "$port" "$path" "$host" "$scheme" "$statuses"', [
    color,
    file,
  ]);
  const [port = "", path = "", host = "", scheme = "", statuses = ""] = lines.split("\n");
  return { port, path, host, scheme, statuses };
}

describe("which answer to a health path is well", () => {
  test("a status is well where it is among those that are, alone or in a range", () => {
    const is = (status: string, statuses: string) => [status, "", "blue", statuses];
    check(
      [
        is("200", "200-299"),
        is("299", "200-299"),
        is("204", "204"),
        is("401", "200-299,401"),
        is("500", "200,500-599"),
      ],
      [
        is("199", "200-299"),
        is("300", "200-299"),
        is("205", "204"),
        is("402", "200-299,401"),
        is("404", "200,500-599"),
      ],
    );
  });

  test("no answer, and what is no status, is never well", () => {
    check(
      [],
      ["", "000", "2", "20x", "2000", "-200", "$(id)"].map((status) => [status, "", "blue", "200-599"]),
    );
  });

  test("a redirect is well where it stays on the host that was asked for, in whatever form it is written", () => {
    const to = (location: string, host = "shop.example") => ["302", location, host, "200-399"];
    check(
      [
        to(""),
        to("/login"),
        to("login?next=/"),
        to("?to=https:&x=1"),
        to("/login?next=https://sso.example/"),
        to("login?next=https://sso.example/"),
        to("/a//b"),
        to("https://shop.example"),
        to("https://SHOP.example:8443/login"),
        to("//shop.example/"),
        to("http://blue/", "blue"),
      ],
      [
        to("https://sso.example/"),
        to("//sso.example/"),
        to("https://shop.example.evil.example/"),
        to("https://evil.example/shop.example"),
        to("https://shop.example@evil.example/"),
        to("https://evil.example?shop.example"),
        to("https://evil.example#shop.example"),
        to("http://*/"),
        to("https:////evil.example"),
      ],
    );
  });

  test("a location that is not followed says nothing: of other statuses the status alone counts", () => {
    check([["201", "https://elsewhere.example/1", "blue", "200-299"]], [["302", "/", "blue", "200-299"]]);
  });
});

describe("how a color is asked for its health", () => {
  test("the shell and the program read the same of every rendered configuration", (t) => {
    for (const change of [
      {},
      { healthHost: "shop.example", healthStatus: "200-204,401" },
      { files: { tlsCertificate: "tls-0123.crt", tlsKey: "tls-0123.key" } },
      { canaryPercent: 5, stickySessions: "cookie" } as const,
    ]) {
      const configuration = configurationOf(change);
      for (const color of COLORS) {
        const { port, ...request } = healthIn(configuration, color) ?? { port: 0 };
        assert.deepEqual(readByShell(t, configuration, color), { port: String(port), ...request });
      }
    }
    assert.deepEqual(healthIn(configurationOf(), "green"), {
      ...{ port: 80, path: "/up/now", host: "green", scheme: "http", statuses: "200-399" },
    });
  });

  test("a configuration from before 2026-12 is asked as that was", (t) => {
    const old =
      "http {\n    upstream green {\n        zone green 256k;\n        server green:5000 resolve;\n        keepalive 64;\n    }\n" +
      "    server {\n        location = /green {\n            proxy_pass http://green/healthz;\n        }\n    }\n}\n";
    const request = { path: "/healthz", host: "green", scheme: "http", statuses: "200-299" };
    assert.deepEqual(healthIn(old, "green"), { port: 5000, ...request });
    assert.deepEqual(readByShell(t, old, "green"), { port: "5000", ...request });
  });

  test("a color to which nobody is sent is not asked", (t) => {
    const slots = {
      blue: { appPort: 5000, healthPath: "/", replicas: 1 },
      green: { appPort: 5000, healthPath: "/", replicas: 0 },
    };
    const configuration = configurationOf({ slots });
    assert.equal(healthIn(configuration, "green"), undefined);
    assert.equal(readByShell(t, configuration, "green").port, "");
  });
});
