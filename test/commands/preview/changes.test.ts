import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configurationLines, containerChanges, cutoverChanges } from "../../../commands/preview/changes";
import { LABEL } from "../../../stacks/service/names";
import { container, cutover, slotInputs } from "./said.sample";

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };

const slot = (
  before: [Record<string, unknown>, unknown[]?],
  after: [Record<string, unknown>, unknown[]?],
  differs: string[] = [],
) =>
  containerChanges(
    container("green", "replace", {
      old: slotInputs("green", ...before),
      new: slotInputs("green", ...after),
      differs,
    }),
  );

describe("the changes in a preview", () => {
  test("a color's settings are told as old -> new, and of its environment the names alone", () => {
    assert.deepEqual(
      slot(
        [{ version: "1.0.0", memoryMb: 256, environment: ["A", "B"] }, ["A=1", "B=hidden=value"]],
        [{ version: "1.1.0", memoryMb: 512, environment: ["A", "B", "C"] }, ["A=1", "B=another", "C=3"]],
      ),
      ["greenVersion 1.0.0 -> 1.1.0", "memoryMb 256 -> 512", "environment.B", "environment.C"],
    );
  });

  test("a secret's value is not in the events; that it has changed is told by where it stands", () => {
    const made = { version: "1.0.0", secretEnvironment: ["TOKEN"] };
    assert.deepEqual(slot([made, [SECRET]], [made, [SECRET]], ["envs[0]"]), ["secretEnvironment (a value)"]);
    assert.deepEqual(slot([made, [SECRET]], [made, [SECRET]], ["healthcheck.interval"]), []);
    assert.deepEqual(slot([{ ...made, secretEnvironment: [] }, []], [made, [SECRET]], ["envs[0]"]), [
      "secretEnvironment.TOKEN",
    ]);
  });

  test("a container that does not say what it was made from has no settings to compare", () => {
    const old = {
      labels: [{ label: LABEL.color, value: "green" }, { label: LABEL.slot, value: "{" }, null, 7],
      envs: "x",
    };
    assert.deepEqual(containerChanges(container("green", "replace", { old, new: slotInputs("green", {}) })), []);
    assert.deepEqual(containerChanges(container("green", "replace", { old: {}, new: {} })), []);
    assert.deepEqual(
      containerChanges(container("green", "replace", { old: { labels: "x" }, new: { labels: {} } })),
      [],
    );
  });

  test("the proxy's settings are told from its label", () => {
    const inputs = (made: object) => ({ labels: [{ label: LABEL.proxy, value: JSON.stringify(made) }] });
    assert.deepEqual(
      containerChanges(
        container("proxy", "replace", {
          old: inputs({ httpPort: 8080, nginxImage: "nginx:1", definition: "a" }),
          new: inputs({ httpPort: 9090, nginxImage: "nginx:1", httpsPort: 8443, definition: "b" }),
        }),
      ),
      ["httpPort 8080 -> 9090", "how this program makes the proxy", "httpsPort (none) -> 8443"],
    );
  });

  test("a secret of the switch that was set anew is told, though both look the same here", () => {
    const same = cutover([{ FILE_TESTER: SECRET }, { FILE_TESTER: SECRET }]);
    assert.deepEqual(cutoverChanges(same), []);
    assert.deepEqual(cutoverChanges({ ...same, differs: ["environment.FILE_TESTER", "stdin"] }), ["testerToken"]);
  });

  test("the switch's settings are told by their names, and long ones and secrets by the name alone", () => {
    assert.deepEqual(
      cutoverChanges(
        cutover([
          { BAKE_SECONDS: "10", MAX_P95_SECONDS: "0", GATE_COMMAND: "", SMOKE_TESTS: "[]", PROXY: "a", MEND: "x" },
          {
            BAKE_SECONDS: "30",
            MAX_P95_SECONDS: "0.5",
            GATE_COMMAND: "make 'e2e'\n# \u001b[2J",
            SMOKE_TESTS: "[{}]",
            FILE_TESTER: SECRET,
            FILE_TLSCERTIFICATE: "x",
            NOTIFY: '{"kind":"json","url":"https://hooks.example/planted"}',
            DOCKER_HOST: "ssh://deploy@shop.example",
            PROXY: "b",
          },
        ]),
      ),
      [
        "bakeSeconds 10 -> 30",
        "docker:host (none) -> ssh://deploy@shop.example",
        "gateCommand (none) -> \"make 'e2e'\\n# \\u001b[2J\"",
        "maxP95Seconds 0 -> 0.5",
        "notifyUrl, its kind or its secret",
        "smokeTests",
        "testerToken",
        "tlsCertificate",
      ],
    );
  });

  test("nginx's configuration is told by the lines that go and come, in their order", () => {
    const lines = (before: unknown, after: unknown) => configurationLines(cutover([{}, {}], [before, after]));
    assert.deepEqual(lines("a\n  default blue;\nb", "a\n  default green;\nb"), ["- default blue;", "+ default green;"]);
    assert.deepEqual(lines("a\nb\nc", "a\nb\nc"), []);
    assert.deepEqual(lines("a\nb\nc\nd", "x\na\nc\nd\ne"), ["+ x", "- b", "+ e"]);
    assert.deepEqual(lines("a", "a\na"), ["+ a"]);
    assert.deepEqual(lines("", "a\nb"), ["+ a", "+ b"]);
    assert.deepEqual(lines("a\n\n\nb", "a\nb"), [], "empty lines are no news");
  });

  test("a configuration that is secret, or out of all proportion, is not compared", () => {
    assert.equal(configurationLines(cutover([{}, {}], [SECRET, SECRET])), undefined);
    const long = (word: string) => Array.from({ length: 10_000 }, (_, at) => `${word}${at}`).join("\n");
    assert.equal(configurationLines(cutover([{}, {}], [long("a"), long("b")])), undefined);
  });

  test("a release of this program that calls the cutover's variables otherwise is no change of a setting", () => {
    const before = { BAKE_SECONDS: "10", PROXY: "a", FILE_TESTER: SECRET, BLUE_GREEN_SERVICE: "shop" };
    const now = {
      ...{
        BLUE_GREEN_BAKE_SECONDS: "10",
        BLUE_GREEN_PROXY: "a",
        BLUE_GREEN_FILE_TESTER: SECRET,
        BLUE_GREEN_FILE_TLSKEY: "",
      },
      ...{ BLUE_GREEN_SERVICE: "shop", BLUE_GREEN_MEND: "" },
    };
    const differs = [...Object.keys(before), ...Object.keys(now)].map((name) => `environment.${name}`);
    assert.deepEqual(cutoverChanges({ ...cutover([before, now]), differs }), []);
    const secret = { BLUE_GREEN_FILE_TESTER: SECRET };
    assert.deepEqual(
      cutoverChanges({ ...cutover([secret, secret]), differs: ["environment.BLUE_GREEN_FILE_TESTER"] }),
      ["testerToken"],
    );
    assert.deepEqual(cutoverChanges(cutover([{ BAKE_SECONDS: "10" }, { BLUE_GREEN_BAKE_SECONDS: "30" }])), [
      "bakeSeconds 10 -> 30",
    ]);
  });
});
