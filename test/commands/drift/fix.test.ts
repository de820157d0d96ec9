import assert from "node:assert/strict";
import { test } from "node:test";
import { carryOut } from "../../../commands/drift/fix";
import type { Mending } from "../../../commands/drift/mending";
import { readScript } from "../../../stacks/engine/scripts";
import { READ } from "../../../stacks/service/serving";
import { stubDocker } from "../../stacks/engine/docker.stub";
import { CONFIGURATION, declared, facts, idOf, runningSlot, SECRET } from "./facts.sample";

/** How green is asked, as the configuration that Pulumi's state holds has it. */
const ASKED = `
upstream green {
    server green:5055 resolve;
}
location = /green {
    proxy_set_header Host shop.example;
    proxy_set_header X-Forwarded-Proto https;
    add_header X-Health-Status 200-399 always;
    proxy_pass http://green/ready;
}
`;

/** Carries out what starts these containers, on an engine where green answers like this; returns what was asked and said. */
async function started(starts: string[], answer: string, configuration = CONFIGURATION + ASKED) {
  const { cutover } = declared();
  assert.ok(cutover !== undefined);
  const mending: Mending = {
    ...{ remove: [], docker: starts.map((id) => ["start", id]), starts, up: undefined, left: [] },
  };
  const asked: string[][] = [];
  const said: string[] = [];
  const { State } = runningSlot("green");
  const docker = stubDocker({
    run: async (args) => {
      asked.push(args);
      return { code: 0, stdout: "", stderr: "" };
    },
    ask: async (...args) => {
      asked.push(args);
      if (args[0] === "container")
        return JSON.stringify([{ Name: "/blue-green-dev-green", RestartCount: 0, State: { ...State, ExitCode: 1 } }]);
      return args.includes(READ) ? "answer 0123456789abcdef blue\nfile 0123456789abcdef blue\n" : `${answer}\n`;
    },
    log: async () => `refused ${SECRET}\n`,
  });
  const service = facts({ declared: declared({ cutover: { ...cutover, configuration } }) });
  await carryOut(mending, [service], { docker, stack: "dev", say: (line) => said.push(line), to: "stderr" });
  return { asked, said };
}

test("what was started is waited for: the proxy first, which then asks the others as the configuration has it", async () => {
  const { asked, said } = await started([idOf("green"), idOf("proxy")], "well 204");
  assert.deepEqual(
    asked.map((args) => args.map((word) => (word === READ ? "READ" : word)).slice(0, 3)),
    [
      ["start", idOf("green")],
      ["start", idOf("proxy")],
      ["exec", "-e", "HISTORY=20"],
      ["container", "inspect", idOf("green")],
      ["exec", "blue-green-dev-proxy", "sh"],
    ],
  );
  assert.deepEqual(asked.at(-1)?.slice(4), [
    ...[readScript("health"), "sh", "1", "green", "5055", "/ready", "shop.example", "https", "200-399"],
  ]);
  assert.deepEqual(said, []);
});

test("a container to which the configuration sends nobody is not asked", async () => {
  const { asked, said } = await started([idOf("green")], "ill 503", CONFIGURATION);
  assert.deepEqual([asked, said], [[["start", idOf("green")]], []]);
});

test("where the proxy can't be asked it is said, with the end of the log and no secret", async () => {
  const { said } = await started([idOf("green")], `what is ${SECRET}`);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /^the container blue-green-dev-green can't be asked for its health by the proxy: /);
  assert.match(said[0] ?? "", /\n {2}refused \[secret\]$/m);
  assert.ok(!said[0]?.includes(SECRET));
});
