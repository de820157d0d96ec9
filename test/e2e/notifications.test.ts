import assert from "node:assert/strict";
import { test } from "node:test";
import { DELIVERY_SECONDS } from "../../cutover/delivery";
import { isSigned, SIGNING_KEY, TestReceiver } from "../cutover/receiver.sample";
import { keepAliveGets, LIGHT } from "../load";
import { fails, failureSettings, faults, history, row, says, whole } from "./failures";
import { TestStack } from "./stack";

const PLANTED = "planted-in-the-address";

test("word of each cutover", async (t) => {
  const stack = await TestStack.make(t, { ...(await failureSettings()), bakeSeconds: "2" });
  const receiver = await TestReceiver.listen(t);
  const shown: string[] = [];
  const show = (output: string) => {
    shown.push(output);
    return output;
  };
  const rollback = (to: string) => stack.command("npm", "run", "--silent", "rollback", "--", "--to", to);
  const phases = () => receiver.words.map(({ phase }) => phase);

  await stack.set("notifyUrl", `${receiver.url}/${PLANTED}`, "--secret");
  await stack.set("notifySecret", SIGNING_KEY, "--secret");
  show(await stack.pulumi("preview", "--diff"));
  assert.deepEqual(phases(), [], "a preview tells nobody");

  await t.test(
    "comes once, signed, for the first color, a refusal, a switch that is taken back, a switch and the ways back",
    async () => {
      show(await stack.up());
      await stack.set("gateCommand", "exit 3");
      await stack.set("activeColor", "green");
      show((await fails(stack, "green was not switched to: the gate command")).output);
      await stack.pulumi("config", "rm", "gateCommand");

      await faults(stack, "green", { errorPercent: 60 });
      const load = keepAliveGets({ ...LIGHT, url: `${stack.url}/`, connections: 8, maxSeconds: 300 });
      show((await fails(stack, "green was switched to and taken back")).output);
      await load.stop();
      await faults(stack, "green", {});

      show(await stack.up());
      show(await stack.switchTo("blue"));
      const { code, output } = await rollback("green");
      assert.equal(code, 0, show(output));
      assert.deepEqual(phases(), ["first", "refused", "reverted", "switched", "instant", "instant"]);
      assert.ok(receiver.received.every((request) => isSigned(request, SIGNING_KEY)));
      assert.ok(receiver.received.every(({ method, path }) => method === "POST" && path === `/${PLANTED}`));

      const lines = await history(stack);
      assert.deepEqual(
        receiver.words.map(({ cutover: { time, from, to, reason, who } }) => ({ time, from, to, reason, who })),
        lines.map(({ time, from, to, reason, who }) => ({ time, from, to, reason, who })),
        "as the history has it",
      );
      const { name, namespace, metadata, cutover } = receiver.words.at(-1);
      assert.deepEqual(
        [name, namespace, cutover.reason],
        ["blue-green", stack.name, "put back by hand (npm run rollback)"],
      );
      assert.match(metadata.eventMessage, /^The public went back from blue 1\.0\.0 to green 2\.0\.0: put back by hand/);
    },
  );

  await t.test("a receiver that refuses it is a warning, and the switch is as good as any", async () => {
    await stack.switchTo("green");
    receiver.answer = (response) => response.writeHead(403).end(PLANTED);
    const output = show(await stack.switchTo("blue"));
    // Behind the table, where what a command said while it ran is gone.
    const diagnostics = output.slice(output.indexOf("Diagnostics:"));
    says(diagnostics, "blue is live, from green", /warning: notifyUrl: it got no word .* since it answered 403/);
    assert.equal(await whole(stack), "blue");
  });

  await row(t, stack, "receiver of word hangs", async () => {
    receiver.answer = () => {};
    const before = receiver.received.length;
    const started = performance.now();
    const { code, output } = await rollback("green");
    const seconds = (performance.now() - started) / 1000;
    assert.equal(code, 0, show(output));
    says(
      output,
      "green is live, from blue",
      "notifyUrl: it got no word of this cutover, since it gave no answer within",
    );
    assert.ok(receiver.received.length > before);
    assert.ok(seconds < DELIVERY_SECONDS + 8, `the whole command took ${seconds} s`);
    // The public did not wait for it: it moved before the receiver was asked.
    assert.equal(await whole(stack), "green");
    receiver.answer = (response) => response.writeHead(204).end();
  });

  await t.test("its address and key are on the proxy's volume for root alone, and go with the setting", async () => {
    const inProxy = (script: string) => stack.docker("exec", `blue-green-${stack.name}-proxy`, "sh", "-c", script);
    const file = "/var/lib/blue-green/notify.json";
    assert.equal((await inProxy(`stat -c '%U %a' ${file}`)).trim(), "root 600");
    assert.ok((await inProxy(`cat ${file}`)).includes(PLANTED));
    await stack.switchTo("green");
    await stack.pulumi("config", "rm", "notifySecret");
    await stack.pulumi("config", "rm", "notifyUrl");
    const preview = await stack.command("npm", "run", "--silent", "preview");
    assert.match(show(preview.output), /notifyUrl/);
    show(await stack.up());
    assert.equal((await inProxy(`ls ${file} 2>/dev/null || echo gone`)).trim(), "gone");
    const count = receiver.received.length;
    assert.equal((await rollback("blue")).code, 0);
    assert.equal(receiver.received.length, count);
  });

  for (const output of shown) assert.doesNotMatch(output, new RegExp(`${PLANTED}|whsec_`));
});
