import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { CHECK, GATEWAY_ENDS, ownNames, SERVICE_ENDS, serviceEnds } from "../../stacks/networkCheck";
import { settingsOf, worldOf } from "./plan/beside.sample";

/** How the check ends where the client says this of the network, in a shell whose seconds take no time. */
function checked(t: TestContext, docker: string | undefined, OWN: string) {
  const bin = mkdtempSync(join(tmpdir(), "network-check-"));
  t.after(() => rmSync(bin, { recursive: true }));
  const command = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  command("sleep", `echo "$1" >>'${bin}/slept'`);
  if (docker !== undefined) command("docker", `cd '${bin}' && ${docker}`);
  // The folders of the system without its own client.
  for (const name of ["grep"]) command(name, `PATH=/usr/bin:/bin exec ${name} "$@"`);
  const { status, stderr } = spawnSync("/bin/sh", ["-c", CHECK], {
    encoding: "utf8",
    env: { PATH: bin, NETWORK: "blue-green-dev", OWN },
  });
  return { status, stderr };
}

const says = (...names: string[]) => `printf '%s\\n' ${names.map((name) => `'${name}'`).join(" ")} ''`;

const own = ownNames({ begins: "blue-green-dev-", ends: SERVICE_ENDS });

describe("the end of a network", () => {
  test("a network with the stack's own containers on it, or none, may go", (t) => {
    for (const names of [[], ["blue-green-dev-blue", "blue-green-dev-green-12", "blue-green-dev-proxy"]]) {
      assert.deepEqual(checked(t, says(...names), own), { status: 0, stderr: "" });
    }
    const gateway = ownNames({ begins: "shop-dev-", ends: GATEWAY_ENDS });
    assert.equal(checked(t, says("shop-dev-gateway", "shop-dev-api-proxy"), gateway).status, 0);
    assert.equal(checked(t, says("shop-dev-api-blue"), gateway).status, 1);
  });

  test("each of somebody else's containers on it is named, with the command that takes it off", (t) => {
    const others = [
      "debug",
      "x-blue-green-dev-blue",
      "blue-green-dev-blue-debug",
      "blue-green-dev-red",
      "blue-green-devxblue",
    ];
    const { status, stderr } = checked(t, says("blue-green-dev-blue", ...others), own);
    assert.equal(status, 1);
    assert.equal(
      stderr,
      [
        `The network blue-green-dev can't be removed: these containers are on it, and this stack did not make them: ${others.join(" ")}`,
        "Nothing was touched. Next:",
        ...others.map((name) => `  docker network disconnect --force blue-green-dev ${name}`),
        "  pulumi destroy",
        "",
      ].join("\n"),
    );
    // Neither is one that is the stack's and not the service's.
    const also = ["shop-dev-monitoring-prometheus", "a.b-dev-monitoring-blackbox"];
    const watched = ownNames({ begins: "shop-dev-api-", ends: SERVICE_ENDS, also });
    assert.equal(checked(t, says("shop-dev-api-blue", ...also), watched).status, 0);
    for (const name of ["shop-dev-monitoring-prometheus-2", "axb-dev-monitoring-blackbox", "x-shop-dev-api-blue"])
      assert.equal(checked(t, says(name), watched).status, 1, name);
    // A point of a name stands for itself.
    assert.equal(checked(t, says("axb-dev-blue"), ownNames({ begins: "a.b-dev-", ends: SERVICE_ENDS })).status, 1);
  });

  test("a worker or a job that the live color keeps is no stranger, although the settings don't name it any more", (t) => {
    const workers = settingsOf({ workers: { mail: { command: "x" } } });
    const none = settingsOf();
    const names = says("blue-green-dev-blue", "blue-green-dev-blue-worker-mail-2", "blue-green-dev-green-job-migrate");
    const status = (ends: string) => checked(t, names, ownNames({ begins: "blue-green-dev-", ends })).status;
    assert.equal(status(serviceEnds(none, worldOf(workers))), 0);
    assert.equal(status(serviceEnds(workers, { unknown: true, reason: "" })), 0);
    for (const world of [worldOf(none), { unknown: true, reason: "" } as const])
      assert.equal(serviceEnds(none, world), SERVICE_ENDS, "the check of a stack without them stays what it was");
    assert.equal(status(SERVICE_ENDS), 1);
  });

  test("one that leaves within some seconds, an engine that does not answer and a missing client hold nothing up", (t) => {
    const leaves = `if [ "$(grep -c 1 slept 2>/dev/null)" = 3 ]; then echo; else echo mine; fi`;
    assert.deepEqual(checked(t, leaves, own), { status: 0, stderr: "" });
    assert.deepEqual(checked(t, "echo 'Cannot connect' >&2; exit 1", own), { status: 0, stderr: "" });
    assert.equal(checked(t, undefined, own).status, 0);
  });
});
