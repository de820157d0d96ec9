import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { before, type TestContext, test } from "node:test";
import {
  colorOf,
  fails,
  failureSettings,
  faults,
  history,
  killMaster,
  masterOf,
  RunningUp,
  row,
  says,
  until,
  whole,
} from "./failures";
import { must, TestStack } from "./stack";

let settings: Record<string, string>;

before(async () => {
  settings = await failureSettings();
});

test("failures after the switch, and what hands do beside Pulumi", async (t) => {
  const stack = await TestStack.make(t, settings);
  await stack.up();
  await t.test("failures after the switch are taken back", (t) => afterTheSwitch(t, stack));
  await t.test("what hands do beside Pulumi", (t) => byHand(t, stack));
});

async function afterTheSwitch(t: TestContext, stack: TestStack): Promise<void> {
  const pending = async () => {
    assert.equal(await colorOf(stack), "blue");
    assert.match(await stack.pulumi("preview", "--diff"), /\+ +default green;/);
  };

  await row(
    t,
    stack,
    "5% errors after the switch",
    async () => {
      await faults(stack, "green", { errorPercent: 5 });
      await stack.set("activeColor", "green");
      await fails(
        stack,
        /watch \d\/4 s, \d+ ok, \d+ bad/,
        /green was switched to and taken back: \d+ answers, \d+ of them 5xx \([\d.]+ %\), 95 % within [\d.]+ s \(maxErrorPercent 1\)\./,
        "The public is back on blue, after",
        "Next: accept blue: pulumi config set activeColor blue && pulumi up; or try green again",
      );
      await pending();
      assert.equal((await history(stack)).at(-1)?.result, "reverted");
    },
    { only: /^status 500$/, within: 5 },
  );

  await row(t, stack, "latency collapse after it", async () => {
    await faults(stack, "green", { delaySeconds: 1.5 });
    await stack.set("maxP95Seconds", "1");
    await stack.set("minRequests", "5");
    await fails(stack, /95 % within [12]\.\d+ s \(maxP95Seconds 1\)/, "The public is back on blue, after");
    await pending();
    await stack.pulumi("config", "rm", "maxP95Seconds");
    await stack.pulumi("config", "rm", "minRequests");
  });

  await row(t, stack, "unhealthy after the switch", async () => {
    await faults(stack, "green", {});
    const up = new RunningUp(stack);
    await up.says(/watch \d+\/\d+ s/);
    await faults(stack, "green", { healthStatus: 503 });
    const { code, output } = await up.ended;
    assert.notEqual(code, 0);
    says(output, "its health path was not answered well 3 times in a row (503)");
    await pending();
    await faults(stack, "green", {});
  });

  await row(
    t,
    stack,
    "container restarts after the switch",
    async () => {
      const up = new RunningUp(stack);
      await up.says(/watch \d+\/\d+ s/);
      await killMaster(stack, "green");
      const { code, output } = await up.ended;
      assert.notEqual(code, 0);
      says(
        output,
        /its container ((ended and )?was started again|ended with exit code \d+)|health path was not answered/,
      );
      await pending();
    },
    { only: /^status 50[24]$|reset|lost/, within: 10 },
  );

  await t.test("without traffic the smoke tests are repeated through the front", async () => {
    await faults(stack, "green", {});
    says(await stack.up(), "no visitor has tried green yet: smoke tests again through the front");
    assert.equal(await colorOf(stack), "green");
    assert.deepEqual(
      (await history(stack)).map(({ result }) => result),
      ["first", "reverted", "reverted", "reverted", "reverted", "switched"],
    );
  });

  await row(t, stack, "idle broken then way back", async () => {
    // The way back from a release that breaks later: nothing of it is asked.
    await faults(stack, "green", { errorPercent: 0, healthStatus: 500 });
    await stack.docker("stop", "--time", "0", (await stack.container("blue")).Id);
    await stack.docker("start", (await stack.container("blue")).Id);
    await until("blue answers", async () => {
      const answer = await fetch(`http://127.0.0.1:${stack.ports.blue}/healthz`);
      return answer.ok;
    });
    const output = await stack.switchTo("blue");
    says(output, "blue was stable and its container is the same: going back at once");
    assert.equal(await colorOf(stack), "blue");
    // Idle, broken and gone: it holds up neither a preview nor an up.
    await stack.docker("rm", "--force", (await stack.container("green")).Id);
    says(
      await stack.pulumi("preview"),
      "green is idle and has no container: it is no way back. This run makes it again.",
    );
    await stack.up();
    await stack.switchTo("green");
    await stack.switchTo("blue");
  });

  await row(
    t,
    stack,
    "live container killed",
    async () => {
      const { Id } = await stack.container("blue");
      await stack.docker("kill", Id);
      // An engine takes that for meant, and does not start it again.
      says(
        await stack.pulumi("preview"),
        "blue is live, but its container is exited: the public gets errors. This run starts it; " +
          "or: pulumi config set activeColor green && pulumi up, which moves the public",
      );
      await stack.switchTo("green");
      assert.equal(await colorOf(stack), "green");
      says(await stack.switchTo("blue"), "blue is stopped: it is started");
    },
    { only: /^status 50[24]$|reset|lost/, within: 30 },
  );

  await row(t, stack, "hand-edited configuration", async () => {
    const proxy = await stack.container("proxy");
    const edit = (what: string) =>
      stack.docker(
        "exec",
        proxy.Id,
        "sh",
        "-c",
        `cd /var/lib/blue-green && sed '${what}' nginx.conf >x && mv x nginx.conf && nginx -s reload -c "$PWD/nginx.conf"`,
      );
    await edit("s/default blue;/default green;/");
    await until("green serves", async () => (await colorOf(stack)) === "green");
    says(await stack.pulumi("preview"), "changed by hand", "this run puts it right");
    says(await stack.up(), "changed by hand");
    assert.equal(await whole(stack), "blue");
    await edit("s/client_max_body_size 10m/client_max_body_size 11m/");
    says(await stack.up(), "changed by hand");
    assert.equal(await whole(stack), "blue");
    await stack.pulumi("preview", "--expect-no-changes");
  });
}

test("disk full in the volume", async (t) => {
  const stack = await TestStack.make(t, settings);
  // A volume of one megabyte; a volume that is there already is taken as it is.
  await stack.docker(
    ...["volume", "create", "--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m"],
    ...["--label", `blue-green.stack=${stack.name}`, `blue-green-${stack.name}-proxy`],
  );
  await stack.up();
  await row(t, stack, "disk full in the volume", async () => {
    const proxy = await stack.container("proxy");
    const inside = (script: string) => stack.docker("exec", proxy.Id, "sh", "-c", script);
    await inside("dd if=/dev/zero of=/var/lib/blue-green/fill bs=1k count=2000 2>/dev/null || true");
    await stack.set("activeColor", "green");
    await fails(stack, /can't be written|No space left/, /the public is on blue/, "Next: ");
    assert.equal(await whole(stack), "blue");
    await inside("rm /var/lib/blue-green/fill");
    await stack.up();
    assert.equal(await whole(stack), "green");
  });
});

test("failures of one container of several leave the others serving", async (t) => {
  const stack = await TestStack.make(t, { ...settings, replicas: "2", proxyTimeoutSeconds: "3" });
  await stack.up();
  const second = `blue-green-${stack.name}-blue-2`;
  const healthy = () => until("it is healthy again", () => stack.isWell("blue-2"));

  await row(t, stack, "one container of several killed", async () => {
    await stack.docker("kill", second);
    says(
      await stack.pulumi("preview"),
      `blue-2 of its 2 containers is exited: the others serve the public. This run starts it`,
    );
    const status = await stack.command("npm", "run", "--silent", "status");
    says(status.output, "1 of 2 healthy", `docker start ${second}`);
    says(await stack.up(), `${second} is stopped: it is started`);
    await healthy();
  });

  await row(t, stack, "one container of several hangs", async () => {
    await stack.docker("pause", second);
    await new Promise((resolve) => setTimeout(resolve, 6000));
    await stack.docker("unpause", second);
    await healthy();
  });

  await row(t, stack, "one container of several gone", async () => {
    await stack.docker("rm", "--force", second);
    says(
      await stack.pulumi("preview"),
      "blue-2 of its 2 containers is gone: the others serve the public. This run makes it again",
    );
    says(await stack.up(), "gate ok: healthy", "blue is live");
    await healthy();
    await stack.pulumi("preview", "--expect-no-changes");
  });
});

test("failures of a canary and of an idle color that was stopped", async (t) => {
  const stack = await TestStack.make(t, { ...settings, canaryPercent: "0", idle: "stopped", idleAfterMinutes: "0" });
  await stack.up();

  await row(t, stack, "engine's DNS silent as a stopped color comes up", async () => {
    says(await stack.up(), "green is stopped; it comes up again with");
    const pid = String(await masterOf(stack, "proxy"));
    // Of nginx's workers alone: what root asks in the container is answered.
    const rule = ["OUTPUT", "-p", "udp", "-d", "127.0.0.11", "-m", "owner", "!", "--uid-owner", "0", "-j", "DROP"];
    const dns = (what: "-I" | "-D") => must("nsenter", ["--target", pid, "--net", "iptables", what, ...rule]);
    await stack.set("activeColor", "green");
    await stack.set("healthTimeoutSeconds", "5");
    await dns("-I");
    await fails(
      stack,
      "green was stopped: it is started",
      /its health path says: .*, though asked directly it answers 200/,
      "the public is on blue",
    );
    assert.equal(await whole(stack), "blue");
    await dns("-D");
    await stack.set("healthTimeoutSeconds", "60");
    says(await stack.up(), "green is live");
    await stack.switchTo("blue");
  });

  await row(t, stack, "stopped color does not start", async () => {
    says(await stack.up(), "green is stopped; it comes up again with");
    const taken = createServer().listen(stack.ports.green, "127.0.0.1");
    await once(taken, "listening");
    await stack.set("activeColor", "green");
    await fails(
      stack,
      "green was stopped: it is started",
      "green was not switched to",
      "the public is on blue",
      "Next: ",
    );
    assert.equal(await whole(stack), "blue");
    await new Promise((resolve) => taken.close(resolve));
    says(await stack.up(), "green was stopped: it is started");
    assert.equal(await whole(stack), "green");
  });

  await row(t, stack, "stopped color started by hand", async () => {
    says(await stack.up(), "blue is stopped");
    await stack.docker("start", (await stack.container("blue")).Id);
    says(await stack.pulumi("preview"), "blue was stopped and runs again: this run stops it.");
    says(await stack.up(), "blue is stopped");
    assert.equal((await stack.container("blue")).State.Status, "exited");
    await stack.set("idle", "running");
    await stack.switchTo("blue");
  });

  await row(t, stack, "canary's container killed", async () => {
    await stack.set("canaryPercent", "40");
    says(await stack.up(), "and green has 40 % of the new visitors");
    await killMaster(stack, "green");
    await until("green is healthy", () => stack.isWell("green"));
  });

  await row(
    t,
    stack,
    "errors of a canary",
    async () => {
      await stack.set("canaryPercent", "0");
      await stack.up();
      await faults(stack, "green", { errorPercent: 50 });
      await stack.set("canaryPercent", "40");
      await fails(stack, "green got 40 % of the new visitors and was not well", "The public is on blue, all of it.");
      await faults(stack, "green", {});
    },
    { only: /^status 500$/, within: 6 },
  );
});

async function byHand(t: TestContext, stack: TestStack): Promise<void> {
  await stack.switchTo("green");
  const network = `blue-green-${stack.name}`;
  const [blue, green, proxy, debug] = ["blue", "green", "proxy", "debug"].map((part) => `${network}-${part}`) as [
    ...[string, string, string, string],
  ];

  await row(t, stack, "container left over from the stack's own image", async () => {
    const labels = Object.entries({
      project: "blue-green",
      stack: stack.name,
      role: "slot",
      color: "blue",
      version: "9",
    });
    const image = (
      await stack.docker(
        "commit",
        ...labels.flatMap(([label, value]) => ["--change", `LABEL blue-green.${label}=${value}`]),
        blue,
        debug,
      )
    ).trim();
    await stack.docker("run", "--name", debug, "--entrypoint", "true", image);
    says(await stack.switchTo("blue"), "blue was stable and its container is the same: going back at once");
    const { output } = await stack.command("npm", "run", "--silent", "status");
    assert.ok(!output.includes(debug), output);
    await stack.docker("rm", debug);
    await stack.docker("image", "rm", debug);
  });

  await row(t, stack, "idle color once killed for memory", async () => {
    const greedy = stack.docker("exec", green, "python3", "-c", 'len(b"x" * (900 << 20))');
    await assert.rejects(greedy, /exit code 137/);
    await stack.docker("restart", "--time", "1", green);
    await until("it is healthy", () => stack.isWell("green"));
    await stack.switchTo("green");
    assert.equal(await whole(stack), "green");
    await stack.switchTo("blue");
  });

  await row(t, stack, "idle container stopped by hand", async () => {
    await stack.docker("stop", green);
    says(
      await stack.pulumi("preview"),
      `green is idle and is exited: it is no way back at once, a switch starts it first. Next: docker start ${green}`,
    );
    await stack.set("activeColor", "green");
    says(await stack.pulumi("preview"), "; it is stopped and is started first.");
    says(await stack.up(), "green is stopped: it is started", "gate ok: healthy");
    assert.equal(await whole(stack), "green");
  });

  await row(t, stack, "destroy with somebody's container on the network", async () => {
    await stack.docker(
      "run",
      "--detach",
      "--name",
      debug,
      "--network",
      network,
      "--entrypoint",
      "sleep",
      settings.blueImage ?? "",
      "300",
    );
    const { code, output } = await stack.tryPulumi("destroy", "--yes", "--skip-preview");
    assert.notEqual(code, 0, output);
    says(output, `and this stack did not make them: ${debug}`, `docker network disconnect --force ${network} ${debug}`);
    assert.equal(await whole(stack), "green");
    await stack.docker("rm", "--force", debug);
    await stack.up();
  });

  await row(
    t,
    stack,
    "proxy, colors and network removed by hand",
    async () => {
      await stack.docker("rm", "--force", blue, green, proxy);
      await stack.docker("network", "rm", network);
      await stack.set("blueVersion", "1.0.1");
      // What Pulumi makes again without the network is left as it was created.
      await fails(stack, /container is gone and its volume is there\. .*: pulumi up --refresh/);
      await stack.pulumi("up", "--yes", "--skip-preview", "--refresh");
      assert.equal(await whole(stack), "green");
      for (const name of [blue, green, proxy])
        assert.equal(
          (await stack.docker("container", "inspect", "--format", "{{.State.Status}}", name)).trim(),
          "running",
        );
    },
    { only: /./, within: 180 },
  );
}
