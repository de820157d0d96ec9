import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { type Color, other } from "../../stacks/service/color";
import {
  colorOf,
  endRun,
  fails,
  failureSettings,
  history,
  masterOf,
  processesWith,
  RunningUp,
  row,
  says,
  until,
  whole,
} from "./failures";
import { run, TestStack } from "./stack";

let settings: Record<string, string>;

before(async () => {
  settings = await failureSettings();
});

test("failures before and during the switch", async (t) => {
  const stack = await TestStack.make(t, settings);
  await stack.up();
  await t.test("those before it leave the public where it was", (t) => beforeTheSwitch(t, stack));
  await t.test("those during it leave one whole configuration, and the next up finishes the work", (t) =>
    duringTheSwitch(t, stack),
  );
});

async function beforeTheSwitch(t: TestContext, stack: TestStack): Promise<void> {
  const output = async (name: string) => (await stack.pulumi("stack", "output", name)).trim();
  const stays = async () => {
    assert.equal(await colorOf(stack), "blue");
    assert.equal(await whole(stack), "blue");
    assert.equal(await output("activeColor"), "blue", "outputs say what is, whatever was asked for");
  };

  await row(t, stack, "bad image", async () => {
    await stack.set("greenImage", "blue-green-test/no-such-image:1");
    await fails(stack, "no-such-image");
    const { result, to, reason } = (await history(stack)).at(-1) ?? {};
    assert.deepEqual([result, to], ["unready", "green"]);
    assert.match(String(reason), /no-such-image/);
    await stays();
    await stack.set("greenImage", settings.greenImage ?? "");
    await stack.up();
  });

  await row(t, stack, "container exits at start", async () => {
    await stack.set("environment.EXIT_AT_START", "yes", "--path");
    const { output } = await fails(
      stack,
      /green: the container blue-green-test-\w+-green ended with exit code 1\./,
      "EXIT_AT_START is set: no service today",
      "The public is on blue.",
    );
    const { result, to, reason, who } = (await history(stack)).at(-1) ?? {};
    assert.deepEqual([result, to], ["unready", "green"]);
    assert.match(String(reason), /^the container blue-green-test-\w+-green ended with exit code 1$/);
    assert.ok((who as Record<string, string>).host);
    says(output, /blue is live and keeps what it runs\. It takes environment\.EXIT_AT_START on the first/);
    await stays();
    // The run after it doesn't fail again for the same container.
    await stack.up();
    await stack.pulumi("config", "rm", "--path", "environment.EXIT_AT_START");
    await stack.up();
  });

  await row(t, stack, "healthy but wrong version", async () => {
    await stack.set("greenVersion", "3.0.0");
    await stack.set("activeColor", "green");
    await fails(
      stack,
      'green was not switched to: the smoke test "says its color and version" failed.',
      /Expected: .*"3\.0\.0"/,
      /Came: .*"2\.0\.0"/,
      "Nothing was changed: the public is on blue.",
      "Next: put a mended release there: pulumi config set greenImage <image> && pulumi config set greenVersion <version> && pulumi up",
    );
    await stays();
    await stack.set("greenVersion", "2.0.0");
  });

  await row(t, stack, "smoke test fails", async () => {
    await stack.set("smokeTests[0].name", "takes orders", "--path");
    await stack.set("smokeTests[0].path", "/status/503?from={color}", "--path");
    await stack.set("smokeTests[0].contains", "order", "--path");
    await fails(
      stack,
      'the smoke test "takes orders" failed.',
      "GET http://green:5000/status/503?from=green",
      "Expected: ",
      "503",
      "Nothing was changed: the public is on blue.",
    );
    await stays();
    assert.deepEqual(
      (({ result, from, to, reason }) => ({ result, from, to, reason }))((await history(stack)).at(-1) ?? {}),
      { result: "refused", from: "blue", to: "green", reason: 'the smoke test "takes orders" failed' },
    );
    await stack.pulumi("config", "rm", "smokeTests");
  });

  await row(t, stack, "answer with too large a header", async () => {
    await stack.set("smokeTests[0].name", "has a long cookie", "--path");
    await stack.set("smokeTests[0].path", "/status/200?headerKb=40", "--path");
    await fails(
      stack,
      'the smoke test "has a long cookie" failed.',
      "nginx got an answer whose header is larger than maxHeaderKb (32 KiB)",
      "Nothing was changed: the public is on blue.",
    );
    await stays();
    await stack.pulumi("config", "rm", "smokeTests");
  });

  await row(t, stack, "gate command fails", async () => {
    await stack.set(
      "gateCommand",
      'echo "asked $TARGET_URL for $TARGET_COLOR $TARGET_VERSION"; curl -s $TARGET_URL/healthz; exit 3',
    );
    await fails(
      stack,
      `gate: asked http://127.0.0.1:${stack.ports.green} for green 2.0.0`,
      'gate: {"status": "ok", "color": "green", "version": "2.0.0"}',
      "green was not switched to: the gate command exited with 3.",
      "Nothing was changed: the public is on blue.",
    );
    await stays();
  });

  await row(t, stack, "gate command hangs", async () => {
    await stack.set("gateCommand", "trap '' TERM; sleep 4242 & sleep 4242");
    await stack.set("gateTimeoutSeconds", "2");
    await fails(stack, /the gate command did not end within 2 s/, "Nothing was changed: the public is on blue.");
    await stays();
    const left = await run("pgrep", ["-f", "sleep 4242"]);
    assert.equal(left.output, "", "its whole process group is gone");
    await stack.pulumi("config", "rm", "gateCommand");
  });

  await row(t, stack, "invalid nginx template", async () => {
    const template = join(stack.directory, "nginx", "nginx.conf.mustache");
    const good = readFileSync(template, "utf8");
    writeFileSync(template, good.replace("server_tokens off;", "server_tokens maybe;"));
    await fails(stack, 'invalid value "maybe"', "Nothing was changed", "Next: mend nginx/nginx.conf.mustache");
    await stays();
    writeFileSync(template, good);
  });

  await row(t, stack, "two `up` at once", async () => {
    const [first, second] = await Promise.all(
      [0, 1].map(async (i) => {
        // Some time between the two: Pulumi's own lock is a file, and looks before it writes.
        await new Promise((resolve) => setTimeout(resolve, i * 1500));
        return stack.tryPulumi("up", "--yes", "--skip-preview");
      }),
    );
    assert.equal(first?.code, 0, first?.output);
    assert.notEqual(second?.code, 0);
    assert.match(second?.output ?? "", /the stack is currently locked/);
    assert.equal(await whole(stack), "green");
    await stack.switchTo("blue");
  });

  await row(t, stack, "another program switches in the same proxy", async () => {
    const proxy = await stack.container("proxy");
    const holder = stack.docker(
      ...["exec", proxy.Id, "sh", "-c"],
      "cd /var/lib/blue-green && echo somebody >holder && flock lock sleep 15; rm -f holder",
    );
    await until("the lock is held", async () => {
      const tried = await run("docker", ["exec", proxy.Id, "flock", "-n", "/var/lib/blue-green/lock", "true"]);
      return tried.code !== 0;
    });
    const output = await stack.switchTo("green");
    says(output, "nother cutover runs in this proxy (somebody); waiting for its end");
    await holder;
    assert.equal(await whole(stack), "green");
    await stack.switchTo("blue");
  });
}

async function duringTheSwitch(t: TestContext, stack: TestStack): Promise<void> {
  await stack.pulumi("config", "rm", "gateTimeoutSeconds");
  await stack.set("bakeSeconds", "2");
  await stack.set("gateCommand", "sleep 1");

  /** Who is live, and who each row goes to: the next one goes the other way. */
  let live: Color = "blue";
  const switchUnderWay = async () => {
    await stack.set("activeColor", other(live));
    return new RunningUp(stack);
  };

  /** The record of what was stable is taken away, so that each switch is a whole one. */
  const forget = async () => {
    const proxy = await stack.container("proxy");
    await stack.docker("exec", proxy.Id, "sh", "-c", "cd /var/lib/blue-green && rm -f cutover.json");
  };
  await forget();
  const finish = async () => {
    await until(
      "the cutover that was cut off has ended",
      () => processesWith(`BLUE_GREEN_STACK=${stack.name}`).length === 0,
    );
    await stack.pulumi("cancel", "--yes");
    const output = await stack.up();
    live = other(live);
    assert.equal(await whole(stack), live);
    await forget();
    return output;
  };

  const killedWhen = (seen: RegExp) => async () => {
    const up = await switchUnderWay();
    await up.says(seen);
    up.child.kill("SIGKILL");
    assert.equal((await up.ended).code, null);
    // The cutover goes on by itself: between the file and the reload is a moment in which the two differ.
    await until("one whole configuration serves", async () => ["blue", "green"].includes(await whole(stack)));
    await finish();
  };
  await row(t, stack, "CLI killed (SIGKILL) before the gate", killedWhen(/cutover updating/));
  await row(t, stack, "CLI killed (SIGKILL) in the gate", killedWhen(/gate command runs/));
  await row(t, stack, "CLI killed (SIGKILL) at the reload", killedWhen(/gate command passed/));
  await row(t, stack, "CLI killed (SIGKILL) right after the reload", killedWhen(/(?:blue|green) is live: it answers/));
  await row(t, stack, "CLI killed (SIGKILL) in the watch", killedWhen(/watch \d+\/\d+ s/));

  await row(t, stack, "CLI interrupted (SIGINT) in the watch", async () => {
    const up = await switchUnderWay();
    await up.says(/watch \d+\/\d+ s/);
    up.child.kill("SIGINT");
    const { code } = await up.ended;
    assert.notEqual(code, 0);
    await until("the cutover has ended", () => processesWith(`BLUE_GREEN_STACK=${stack.name}`).length === 0);
    assert.equal(await whole(stack), live, "what was not watched to its end is taken back");
    await finish();
  });

  await row(t, stack, "CLI interrupted twice (SIGINT) in the watch", async () => {
    const up = await switchUnderWay();
    await up.says(/watch \d+\/\d+ s/);
    up.child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 300));
    up.child.kill("SIGINT");
    assert.notEqual((await up.ended).code, 0);
    await until("the cutover has ended", () => processesWith(`BLUE_GREEN_STACK=${stack.name}`).length === 0);
    const { result, from, to, who } = (await history(stack)).at(-1) ?? {};
    assert.match(String(result), /^(?:interrupted|reverted|failed)$/, "the move is in the history");
    assert.deepEqual([from, to, typeof (who as Record<string, string>).host], [live, other(live), "string"]);
    await finish();
  });

  await row(t, stack, "everything of the run killed (SIGKILL) at the reload", async () => {
    const up = await switchUnderWay();
    const proxy = (await stack.container("proxy")).Id;
    let inside: number[] = [];
    await until("the script runs", () => {
      inside = processesWith("STEP=move", proxy);
      return inside.length > 0;
    });
    await endRun(stack, up, ...inside);
    assert.ok(["blue", "green"].includes(String(await colorOf(stack))));
    says(await finish(), /an earlier cutover was cut off \(.*, process \d+, since .*\); going on from what it left/);
  });

  await row(t, stack, "everything of the run killed (SIGKILL) in the watch", async () => {
    const up = await switchUnderWay();
    await up.says(/watch \d+\/\d+ s/);
    await endRun(stack, up);
    assert.equal(await whole(stack), other(live));
    const { result, from, to } = (await history(stack)).at(-1) ?? {};
    assert.deepEqual([result, from, to], ["interrupted", live, other(live)], "the move is in the history all the same");
    says(await finish(), /(?:blue|green) is live, but was not watched to the end after its switch: that is done now/);
  });

  await row(
    t,
    stack,
    "nginx master killed during the switch",
    async () => {
      await stack.set("activeColor", other(live));
      // Known before: asking for it takes longer than a switch.
      const master = await masterOf(stack, "proxy");
      const up = stack.tryPulumi("up", "--yes", "--skip-preview");
      const proxy = (await stack.container("proxy")).Id;
      await until("the script runs", () => processesWith("STEP=move", proxy).length > 0);
      process.kill(master, "SIGKILL");
      const { code, output } = await up;
      assert.notEqual(code, 0);
      says(
        output,
        /(?:blue|green) was not switched to|taken back/,
        new RegExp(`the public is (back )?on ${live}`, "i"),
        "Next: ",
      );
      assert.equal(await whole(stack), live);
      await finish();
    },
    { only: /./, within: 20 },
  );
}
