import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cantTell } from "../../../commands/outcome";
import { overviewOf } from "../../../commands/status/overview";
import { screenOf } from "../../../commands/status/screen";
import { isAbsent, readServices } from "../../../commands/status/services";
import { asTyped, commandsFor } from "../../../commands/typed";
import type { Docker } from "../../../stacks/engine/docker";

const ALL = { project: "shops", stack: "prod" };
const AT = { ...ALL, time: "2026-11-29T09:00:00Z" };
const commands = (service?: string) => commandsFor("prod", undefined, service);

describe("the services of a stack", () => {
  /** An engine whose list of containers is this. */
  const engine = (...rows: string[]) =>
    ({ ask: async () => rows.map((row) => `${row}\n`).join("") }) as unknown as Docker;

  test("are read from the containers, by names that a service can have", async () => {
    const found = await readServices(
      engine(
        "shops-prod-shop-proxy\trunning\tshop",
        "shops-prod-api-blue\trunning\tapi",
        "shops-prod-api-green\texited\tapi",
        "shops-prod-gateway\texited\t",
        "left-over\trunning\t../\u001b[2J",
        "named\trunning\tblue",
      ),
      ALL,
    );
    assert.deepEqual(found, { services: ["api", "shop"], gateway: { name: "shops-prod-gateway", running: false } });
    assert.deepEqual(await readServices(engine(), ALL), { services: [], gateway: null });
  });

  test("one of which the engine has nothing is absent; one that can't be asked is not", () => {
    const slots = { blue: [], green: [] };
    assert.equal(isAbsent({ slots, built: { blue: [], green: [] } }), true);
    assert.equal(isAbsent({ slots, built: { blue: [], green: [] }, proxyGone: true }), false);
    assert.equal(isAbsent({ unknown: true, reason: "no engine" }), false);
  });
});

describe("the screen of all services", () => {
  const silent = cantTell("shops-prod-api-proxy runs, but can't be asked \u001b[2Jwhich color is live: no answer");

  test("says which one can't be told, and what to type for it", () => {
    const overview = overviewOf(AT, { name: "shops-prod-gateway", running: true }, { api: silent }, commands);
    assert.deepEqual([overview.exit, overview.level], [3, "unknown"]);
    const screen = screenOf(overview);
    assert.match(screen, /^shops, stack prod: unknown/);
    assert.match(screen, /^! api: can't tell: shops-prod-api-proxy runs/m);
    assert.match(screen, /^ {2}see all of api {2}npm run status -- prod --service api$/m);
    assert.ok(!screen.includes("\u001b"), "a container's word moves no cursor");
    for (const columns of [60, 80, 120])
      for (const line of screenOf(overview, { columns }).split("\n")) assert.ok(line.length <= columns, line);
  });

  test("a gateway that does not run is worse than a service that can't be told", () => {
    const overview = overviewOf(AT, { name: "shops-prod-gateway", running: false }, { api: silent }, commands);
    assert.deepEqual([overview.exit, overview.level], [2, "down"]);
    assert.equal(overview.next[0]?.command, "docker start shops-prod-gateway");
  });
});

describe("commands for one of several services", () => {
  test("say what to change in the program, where its settings stand", () => {
    const { activate, upWith, status } = commandsFor(undefined, undefined, "shop");
    assert.equal(activate("green"), "pulumi up # once the program gives shop activeColor green");
    assert.equal(
      upWith(["greenImage", "<image>"], ["greenVersion", "<version>"]),
      "pulumi up # once the program gives shop greenImage <image> and greenVersion <version>",
    );
    assert.equal(status(), "npm run status -- --service shop");
    assert.equal(asTyped(status()), status(), "in a checkout it stays");
  });
});
