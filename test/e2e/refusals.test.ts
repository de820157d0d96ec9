import assert from "node:assert/strict";
import { test } from "node:test";
import { freePorts, get, TestStack } from "./stack";

test("bad settings: one error with all of them, in preview and in up, and nothing is made", async (t) => {
  const stack = await TestStack.make(t, {
    activeColor: "purple",
    blueVersion: "1.0.0; return 200",
    healthPath: "/x;\n}",
    greenImage: "Not An Image",
    htpPort: "8080",
    drainSeconds: "5",
  });
  for (const command of [
    ["preview", "--diff"],
    ["up", "--yes"],
    ["up", "--yes", "--skip-preview"],
  ]) {
    const { code, output } = await stack.tryPulumi(...command);
    assert.notEqual(code, 0);
    assert.match(output, /6 problems in the settings; nothing was touched\./);
    for (const said of [
      'activeColor = "purple": must be blue or green',
      "pulumi config set activeColor '<blue or green>'",
      'blueVersion = "1.0.0; return 200": ',
      'healthPath = "/x;\\n}": ',
      'greenImage = "Not An Image": ',
      'htpPort = "8080": there is no such setting; httpPort was meant?',
      'drainSeconds = "5": must be at least keepAliveSeconds, which is 10',
    ]) {
      assert.ok(output.includes(said), `${said}\nis missing in\n${output}`);
    }
    assert.doesNotMatch(output, /\bat .*\.ts:\d+/, "no stack trace");
  }
  for (const kind of ["container", "network", "volume", "image"] as const) assert.deepEqual(await stack.ids(kind), []);
});

test("what replaces the proxy", async (t) => {
  const stack = await TestStack.make(t, { activeColor: "green" });
  await stack.up();
  const [other] = (await freePorts(1)) as [number];
  const before = (await stack.container("proxy")).Id;

  await t.test("is refused at preview and at up, with the way to do it on purpose", async () => {
    await stack.set("httpPort", String(other));
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, output } = await stack.tryPulumi(...command);
      assert.notEqual(code, 0);
      assert.ok(
        output.includes(`would replace the nginx container (httpPort ${stack.ports.http} -> ${other})`),
        output,
      );
      assert.ok(output.includes("pulumi config set allowProxyReplace true && pulumi up"), output);
    }
    assert.equal((await stack.container("proxy")).Id, before);
    assert.equal((await get(`${stack.url}/`)).headers["x-color"], "green");
  });

  await t.test("comes up with the live color by itself when it is meant, and the seconds are printed", async () => {
    await stack.set("allowProxyReplace", "true");
    const output = await stack.up();
    assert.match(output, /green is live already with this configuration; nothing to reload/);
    const [, seconds] = /The proxy was replaced; the public got no answer for (\d+\.\d) s\./.exec(output) ?? [];
    assert.ok(Number(seconds) > 0, output);
    const answer = await get(`http://127.0.0.1:${other}/`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-color"], "green");
    assert.notEqual((await stack.container("proxy")).Id, before);
  });

  await t.test("allowed and unchanged, nothing is replaced any more", async () => {
    await stack.pulumi("preview", "--expect-no-changes");
  });
});
