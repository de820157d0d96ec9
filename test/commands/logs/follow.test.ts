import assert from "node:assert/strict";
import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type Project, slot, until } from "../standIn";
import { at, project } from "./engine.sample";

describe("npm run logs -- --follow", () => {
  /** Starts it, waits until it follows, and ends it after the test's steps as Ctrl-C does. */
  async function follow(made: Project, args: string[], parts: string[], steps: (seen: () => string) => Promise<void>) {
    const { child, ended, seen } = made.start(["--follow", ...args]);
    for (const part of parts)
      await until(`${part} is followed`, () =>
        made.asked().some((line) => new RegExp(`--follow .*-${part}$`).test(line)),
      );
    await steps(() => seen.stdout + seen.stderr);
    child.kill("SIGINT");
    return ended;
  }

  const now = (text: string) => `${new Date().toISOString().replace("Z", "000000Z")} ${text}\n`;

  test("goes on behind the last line that was shown, in order, until Ctrl-C", async (t) => {
    const made = project(t, { blue: at(1, "one"), green: at(2, "two") });
    const { code, stdout, stderr } = await follow(made, [], ["blue", "green", "proxy"], async (seen) => {
      const [first, second] = [now("first"), now("second").replace(/\d{6}Z/, "999999Z")];
      appendFileSync(made.file("follow-green"), second);
      await new Promise((resolve) => setTimeout(resolve, 100));
      appendFileSync(made.file("follow-blue"), first);
      await until("both are shown", () => /second/.test(seen()));
    });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, "blue   | one\ngreen  | two\nblue   | first\ngreen  | second\n");
    const seconds = Date.parse("2026-11-24T03:12:00Z") / 1000;
    const asked = made.asked().filter((line) => line.includes("--follow"));
    const blue = `--since ${seconds + 1}.000000001 --follow id-of-blue-green-dev-blue`;
    assert.ok(
      asked.some((line) => line.includes(blue)),
      asked.join("\n"),
    );
    assert.ok(
      asked.some((line) => line.includes("--since 10m --follow id-of-blue-green-dev-proxy")),
      asked.join("\n"),
    );
  });

  test("says that a container was made anew, has ended, runs again or is gone, and follows it", async (t) => {
    const made = project(t, {}, [slot("blue"), slot("green")]);
    const happens = (containers: unknown[]) => {
      made.have(containers);
      appendFileSync(made.file("happened"), "something\n");
    };
    const { code, stdout, stderr } = await follow(made, [], ["blue", "green"], async (seen) => {
      appendFileSync(made.file("follow-blue"), now("old"));
      await until("a line", () => /old/.test(seen()));

      writeFileSync(made.file("end-blue"), "");
      happens([slot("green")]);
      await until("it is gone", () => /blue +! its container is gone/.test(seen()));
      writeFileSync(made.file("follow-anew"), now("of the new one"));
      const anew = slot("blue", 1, { Id: "id-of-blue-green-dev-anew" });
      happens([anew, slot("green")]);
      await until("the new one is followed", () => /blue +\| of the new one/.test(seen()));

      writeFileSync(made.file("end-green"), "");
      const ended = { Running: false, Status: "exited", ExitCode: 137 };
      happens([anew, slot("green", 1, { state: ended })]);
      await until("it has ended", () => /green +! its container has ended: exited, exit code 137/.test(seen()));
      rmSync(made.file("end-green"));
      writeFileSync(made.file("follow-green"), now("again"));
      happens([anew, slot("green", 1, { state: { StartedAt: "2026-11-24T05:00:00Z" } })]);
      await until("it runs again", () => /green +\| again/.test(seen()));
      assert.match(seen(), /green +! its container was started again/);

      const replaced = slot("green", 1, { Id: "id-of-blue-green-dev-other" });
      writeFileSync(made.file("follow-other"), now("other"));
      happens([anew, replaced]);
      await until("the other one is followed", () => /green +\| other/.test(seen()));
    });
    assert.equal(code, 0);
    assert.equal(stdout, "blue  | old\nblue  | of the new one\ngreen | again\ngreen | other\n");
    assert.match(stderr, /^blue {2}! a new container: blue-green-dev-blue$/m);
    assert.match(stderr, /^green ! another container was made: blue-green-dev-green$/m);
  });

  test("of one request: its lines alone, from the beginning without one, until Ctrl-C", async (t) => {
    const id = "3f0a9c1d2b4e5f60718293a4b5c6d7e8";
    const made = project(t, { blue: at(1, "one") });
    const { code, stdout, stderr } = await follow(made, ["--request", id], ["blue", "proxy"], async (seen) => {
      const answer = (requestId: string) => JSON.stringify({ requestId, path: `/${id}` });
      appendFileSync(made.file("follow-blue"), now("two") + now(`of ${id}`));
      appendFileSync(made.file("follow-proxy"), now(answer("0".repeat(32))) + now(answer(id)));
      await until("both are shown", () => /^proxy/m.test(seen()) && /^blue/m.test(seen()));
    });
    assert.deepEqual([code, stderr], [0, ""]);
    const lines = [`blue   | of ${id}`, `proxy  | {"requestId":"${id}","path":"/${id}"}`];
    assert.deepEqual(stdout.split("\n").filter(Boolean).sort(), lines);
  });

  test("an engine that does not answer is said once, and asked again", async (t) => {
    const made = project(t, {}, [slot("blue")]);
    const { stderr } = await follow(made, [], ["blue"], async (seen) => {
      renameSync(made.file("containers"), made.file("containers.kept"));
      appendFileSync(made.file("happened"), "something\n");
      await until("it is said", () => /engine ! it does not answer/.test(seen()));
      await new Promise((resolve) => setTimeout(resolve, 2500));
      renameSync(made.file("containers.kept"), made.file("containers"));
      await until("it answers", () => /engine ! it answers again/.test(seen()));
    });
    assert.equal(stderr.match(/does not answer/g)?.length, 1, stderr);
  });

  test("ends when nobody reads any more", async (t) => {
    const made = project(t, { blue: at(1, "one") }, [slot("blue")]);
    const { child, ended } = made.start(["--follow"]);
    await until("it is followed", () => made.asked().some((line) => line.includes("--follow")));
    child.stdout?.destroy();
    const feeding = setInterval(() => appendFileSync(made.file("follow-blue"), now("more")), 50);
    const { code } = await ended;
    clearInterval(feeding);
    assert.equal(code, 0);
  });
});
