import assert from "node:assert/strict";
import { test } from "node:test";
import { verdict, type Waited, waitHealthy } from "../stacks/health";

const running = { Running: true, ExitCode: 0, OOMKilled: false };

test("a container is healthy, starting, or failed with the reason", () => {
  assert.equal(verdict({ ...running, Health: { Status: "healthy" } }, 0), "healthy");
  assert.equal(verdict({ ...running, Health: { Status: "starting" } }, 0), "starting");
  assert.deepEqual(verdict({ ...running, Health: { Status: "unhealthy", Log: [{ Output: "refused\n" }] } }, 0), {
    failed: "is unhealthy; its health check says: refused",
  });
  assert.deepEqual(verdict({ ...running, Running: false, ExitCode: 3 }, 0), { failed: "ended with exit code 3" });
  assert.deepEqual(verdict({ ...running, OOMKilled: true, Running: false, ExitCode: 137 }, 0), {
    failed: "was killed for want of memory (setting memoryMb)",
  });
});

test("a container that was restarted has failed, even where it happens to run at this moment", () => {
  assert.deepEqual(verdict({ ...running, ExitCode: 1, Health: { Status: "starting" } }, 1), {
    failed: "ended with exit code 1",
  });
});

test("the error shows what was seen, the end of the log without the secrets, and the next command", async () => {
  const docker = {
    ask: async () =>
      JSON.stringify([{ Name: "/blue-green-dev-green", RestartCount: 2, State: { ...running, ExitCode: 3 } }]),
    log: async (container: string, lines: number) =>
      `the last ${lines} lines of ${container}\nno route to postgres://u:hunter2@db\n`,
  };
  const waited: Waited = { color: "green", isActive: true, secrets: ["hunter2", "no"] };
  await assert.rejects(waitHealthy(docker, "id", waited), {
    message:
      "green: the new container blue-green-dev-green ended with exit code 3. The public was not moved.\n" +
      "The last lines of its log:\n  the last 30 lines of id\n  no route to postgres://u:[secret]@db\n" +
      "Next: docker logs blue-green-dev-green; then set another greenVersion or mend the settings, and: pulumi up",
  });
});

test("of the idle color the error says where the public is", async () => {
  const docker = {
    ask: async () => JSON.stringify([{ Name: "/n", RestartCount: 1, State: running }]),
    log: async () => "",
  };
  const waited: Waited = { color: "blue", isActive: false, secrets: [] };
  await assert.rejects(waitHealthy(docker, "id", waited), /exit code 0\. The public is on green\.\n/);
});
