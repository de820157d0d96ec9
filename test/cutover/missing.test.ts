import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { COLORS } from "../../stacks/service/color";
import { LABEL } from "../../stacks/service/names";
import type { Inspected } from "../../stacks/service/world";
import { containerOf, jobOf, orderTo, orderToShare, stopped, workerOf } from "./order.sample";
import { onBlue, StubProxy } from "./proxy.stub";

/** A color's container that says which worker and jobs it was made with. */
function madeWith(...[color, change]: Parameters<typeof containerOf>): Inspected {
  const { Config, ...more } = containerOf(color, change);
  const blocks = { workers: { mail: { replicas: 1 } }, jobs: { migrate: {}, undo: {} } };
  const made = { ...JSON.parse(Config.Labels?.[LABEL.slot] ?? "{}"), ...blocks };
  return { ...more, Config: { ...Config, Labels: { ...Config.Labels, [LABEL.slot]: JSON.stringify(made) } } };
}

/** A proxy on blue whose colors were made with a worker and two jobs, without these containers. */
function without(proxy: StubProxy, ...gone: string[]): StubProxy {
  const all = COLORS.flatMap((color) => [
    ...[madeWith(color), workerOf(color, "mail")],
    ...[jobOf(color, "migrate", "before-gate"), jobOf(color, "undo", "after-way-back")],
  ]);
  proxy.containers = all.filter(({ Id }) => !gone.includes(Id));
  return proxy;
}

const acts = ({ events }: StubProxy): string[] => events.filter((event) => /^(move|back|stop|start|run) ?/.test(event));

const JOB = "the container blue-green-dev-green-job-migrate of the job migrate is gone";
const WORKER = "the container blue-green-dev-green-worker-mail of the worker mail is gone";

describe("a switch to a color whose worker or job is gone", { concurrency: true }, () => {
  const refused = async (proxy: StubProxy, order = orderTo("green")) => {
    const { result, reason, message } = await proxy.fails(order);
    assert.equal(result, "refused");
    assert.deepEqual(acts(proxy), [], "no job ran, and nothing moved");
    return { reason, message };
  };

  test("is refused before anything moves, whichever is gone, with what makes it again", async (t) => {
    const { reason, message } = await refused(without(onBlue(t), "green-job-migrate"));
    assert.equal(reason, JOB);
    assert.equal(
      message,
      `green was not switched to: ${JOB}.\nNothing was changed: the public is on blue.\nNext: pulumi up, which makes again what is gone`,
    );
    assert.equal((await refused(without(onBlue(t), "green-worker-mail"))).reason, WORKER);
    assert.match(
      (await refused(without(onBlue(t), "green-worker-mail", "green-job-undo"))).reason,
      /^the containers blue-green-dev-green-worker-mail, blue-green-dev-green-job-undo are gone$/,
    );
  });

  test("so are a canary and the first run, and what the color that is left lacks holds up none", async (t) => {
    const { message } = await refused(without(onBlue(t), "green-job-migrate"), orderToShare(5));
    assert.match(message, /^green did not get 5 % of the new visitors: the container /);
    await refused(without(new StubProxy(t), "green-job-migrate"));
    const left = without(onBlue(t), "blue-worker-mail", "blue-job-migrate");
    assert.equal(await left.carriesOut(orderTo("green")), undefined);
    assert.equal(left.live, "green");
  });

  test("a color that doesn't say what it was made with goes on as before", async (t) => {
    const proxy = without(onBlue(t), "green-job-migrate");
    proxy.containers = proxy.containers.map((each) => (each.Id === "green-1" ? containerOf("green") : each));
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
  });
});

describe("a way back to a color whose worker or job is gone", { concurrency: true }, () => {
  const stable = (t: TestContext, ...gone: string[]) =>
    without(onBlue(t), ...gone).remembers({ stable: { blue: ["blue-1"], green: ["green-1"] } });

  test("goes on at once, and says it in the last line and in the history", async (t) => {
    const proxy = stable(t, "green-worker-mail");
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(proxy.live, "green");
    assert.match(proxy.said.at(-1) ?? "", new RegExp(`^green is live, .*; ${WORKER}$`));
    assert.deepEqual([proxy.history[0]?.result, proxy.history[0]?.reason], ["instant", WORKER]);
  });

  test("so does one to a stable color that was stopped in between", async (t) => {
    const proxy = stable(t, "green-worker-mail");
    proxy.containers = proxy.containers.map((each) =>
      each.Id === "green-1" ? madeWith("green", { State: stopped }) : each,
    );
    assert.equal(await proxy.carriesOut(orderTo("green")), undefined);
    assert.equal(proxy.live, "green");
    assert.match(proxy.said.at(-1) ?? "", new RegExp(`; ${WORKER}$`));
  });

  test("a reload says it of the live color too", async (t) => {
    const proxy = stable(t, "blue-worker-mail");
    assert.equal(await proxy.carriesOut(orderTo("blue")), undefined);
    assert.match(
      proxy.said.at(-1) ?? "",
      /; the container blue-green-dev-blue-worker-mail of the worker mail is gone$/,
    );
  });
});
