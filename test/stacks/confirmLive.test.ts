import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { confirmLive, illLive } from "../../stacks/confirmLive";
import type { Docker } from "../../stacks/engine/docker";
import { Refusal } from "../../stacks/refusal";
import { READ } from "../../stacks/service/serving";
import type { ContainerState, SlotContainer, World } from "../../stacks/service/world";
import { stubDocker } from "./engine/docker.stub";

const GENERATION = "0123456789abcdef";

const expected = { proxyId: "p", active: "blue", generation: GENERATION, containers: "blue-green-dev-" } as const;

/** What the proxy prints of itself when all is well; another line of the same name wins. */
const WELL = [
  `answer ${GENERATION} blue`,
  `file ${GENERATION} blue`,
  `declared ${GENERATION}`,
  'record {"stable":{"blue":["b1"]}}',
  "health blue well 200",
  "health green ill 503",
];

/** A proxy that says this; keeps what it is told to write. */
function proxyThat(...says: string[]): { docker: Docker; written: string[]; asked: string[][] } {
  const written: string[] = [];
  const asked: string[][] = [];
  const ask = async (...args: string[]) => {
    asked.push(args);
    if (args.includes(READ)) return `${says.join("\n")}\n`;
    written.push(args.at(-1) ?? "");
    return "";
  };
  return { docker: stubDocker({ ask }), written, asked };
}

/** No warning is expected. */
const warn = (line: string) => assert.fail(line);

const rejected = async (docker: Docker): Promise<string> => {
  const error = await confirmLive(docker, expected, warn).then(
    () => assert.fail("confirmed"),
    (error: Error) => error,
  );
  assert.ok(error instanceof Refusal, String(error));
  return error.message;
};

const state = (Status: string): ContainerState => ({
  ...{ Running: true, Status: "running", StartedAt: "", ExitCode: 0, OOMKilled: false },
  Health: { Status, Log: [{ Output: "no curl for hunter2\n" }] },
});

const containerIn = (Status: string, id = "b1"): SlotContainer => ({
  ...{ id, name: `blue-green-dev-${id}`, replica: 1, imageId: "i", restarts: 0, version: "1.0.0" },
  ...{ state: state(Status), made: { secretEnvironment: ["TOKEN"] }, environment: { TOKEN: "hunter2" } },
});

describe("the proxy's last word", () => {
  test("a proxy that serves the active color, which is well, is confirmed with one question and nothing is written", async () => {
    const { docker, asked, written } = proxyThat(...WELL);
    await confirmLive(docker, expected, warn);
    assert.deepEqual(asked, [["exec", "-e", "HISTORY=20", "-e", "HEALTH=5", "p", "sh", "-c", READ]]);
    assert.deepEqual(written, []);
  });

  test("what Pulumi's state holds by now is noted beside the configuration, and nothing else", async () => {
    for (const declared of ["declared fedcba9876543210", "declared "]) {
      const { docker, written } = proxyThat(...WELL, declared);
      await confirmLive(docker, expected, warn);
      assert.deepEqual(written, [GENERATION]);
    }
  });

  test("one that serves the other color fails the run, says the next one puts it right, and notes what that one needs", async () => {
    const { docker, written } = proxyThat(...WELL, "answer fedcba9876543210 green", "declared ");
    assert.equal(
      await rejected(docker),
      "The proxy serves green (configuration fedcba9876543210), although activeColor is blue (configuration " +
        "0123456789abcdef) and Pulumi's state says the same: an earlier run was interrupted, or somebody changed the proxy by " +
        "hand. The next run puts it right: pulumi up",
    );
    assert.deepEqual(written, [GENERATION]);
  });

  test("one that serves the active color with another configuration fails the run too", async () => {
    const { docker } = proxyThat(...WELL, "answer fedcba9876543210 blue");
    assert.match(
      await rejected(docker),
      /^The proxy serves blue \(configuration fedcba9876543210\), although activeColor is blue /,
    );
  });

  test("a live color that is not well fails the run, with what was seen and the commands that help", async () => {
    const message = (seen: string) =>
      `blue is live, but does not answer its health path: ${seen}. Next: docker logs --tail 30 blue-green-dev-blue; ` +
      "if it does not run: docker start blue-green-dev-blue; or move the public: " +
      "pulumi config set activeColor <the other color> && pulumi up";
    assert.equal(await rejected(proxyThat(...WELL, "health blue ill 503").docker), message("503"));
    assert.equal(
      await rejected(proxyThat(...WELL, "health blue ill 000 Operation timed out").docker),
      message("Operation timed out"),
    );
    assert.equal(
      await rejected(proxyThat(...WELL, "health blue ill 302, to https://login.example/").docker),
      message("302, to https://login.example/"),
    );
    const unasked = WELL.filter((line) => !line.startsWith("health"));
    assert.equal(await rejected(proxyThat(...unasked).docker), message("not asked"));
  });

  test("a live color is confirmed as long as one of its containers is well", async () => {
    const one = proxyThat(...WELL, "health blue ill 503", "health blue-2 ill 000 ", "health blue-3 well 204");
    await confirmLive(one.docker, expected, warn);
    const none = proxyThat(...WELL, "health blue ill 000 ", "health blue-2 ill 503");
    assert.match(await rejected(none.docker), /^blue is live, but does not answer its health path: no answer\./);
  });

  test("an nginx that does not answer fails the run, even where its file names the active color", async () => {
    const message =
      "nginx in blue-green-dev-proxy does not say which color it serves; its configuration is in /var/lib/blue-green. " +
      "Next: docker logs --tail 30 blue-green-dev-proxy";
    for (const says of [[...WELL, "answer "], [], ["answer <html>"]]) {
      const { docker, written } = proxyThat(...says);
      assert.equal(await rejected(docker), message);
      assert.deepEqual(written, []);
    }
  });

  test("a proxy that can't be asked fails the run with the client's words", async () => {
    const docker = stubDocker({ ask: () => Promise.reject(new Error("container p is not running")) });
    assert.equal(
      await rejected(docker),
      "The proxy does not say which color it serves: container p is not running. Next: docker start blue-green-dev-proxy && pulumi up",
    );
  });

  test("a proxy that is gone fails the run with the one command that makes it again", async () => {
    const docker = stubDocker({ ask: () => Promise.reject(new Error("Error: No such container: p")) });
    assert.match(
      await rejected(docker),
      /^The public gets no answer: the container blue-green-dev-proxy is gone, .*: pulumi up --refresh$/,
    );
  });

  test("a full disk is warned of, and does not make a run that went well a failed one", async () => {
    const ask = async (...args: string[]) => {
      if (args.includes(READ)) return `${[...WELL, "declared "].join("\n")}\n`;
      throw new Error("No space left on device");
    };
    const warned: string[] = [];
    await confirmLive(stubDocker({ ask }), expected, (line) => warned.push(line));
    assert.match(warned.join(), /could not be written .*No space left on device.*Next: make room/);
  });

  test("only a color that was live and stays it, with all of its containers unhealthy, is asked once more at the end of a run", () => {
    const of = (live: "blue" | "green", ...blue: SlotContainer[]) =>
      illLive({ serving: { color: live }, slots: { blue, green: [] } } as unknown as World, "blue").length;
    assert.equal(of("blue", containerIn("unhealthy"), containerIn("unhealthy", "b2")), 2);
    assert.equal(of("blue", containerIn("unhealthy"), containerIn("healthy", "b2")), 0, "the others serve");
    assert.equal(of("blue", containerIn("starting")), 0);
    assert.equal(of("green", containerIn("unhealthy")), 0, "a way back to it is not held up");
    assert.equal(of("blue"), 0);
  });

  test("a live color whose image's own health check fails ends each run that changes nothing with the same message, until it is well", async () => {
    const ill = [containerIn("unhealthy")];
    const asks = (now: string) => {
      const { docker } = proxyThat(...WELL);
      const { ask } = docker;
      docker.ask = async (...args) =>
        args[0] === "container"
          ? JSON.stringify([{ Id: "b1", State: state(now), Config: { Labels: null } }])
          : ask(...args);
      return docker;
    };
    const message = async () =>
      (await confirmLive(asks("unhealthy"), { ...expected, ill }, warn).catch((error: Error) => error))?.message;
    const first = await message();
    assert.equal(
      first,
      "blue is live and answers through nginx, but it is not well: the container blue-green-dev-b1 is unhealthy; its image's health check says: " +
        "no curl for [secret]. The public stays on it. Next: docker logs --tail 30 blue-green-dev-blue; then put a mended release on the " +
        "other color and move the public there: pulumi up",
    );
    assert.equal(await message(), first);
    for (const now of ["healthy", "starting"]) await confirmLive(asks(now), { ...expected, ill }, warn);
  });
});
