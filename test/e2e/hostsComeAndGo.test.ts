import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { assertNoFailures, freshGets, keepAliveGets, LIGHT, type Load } from "../load";
import { backendImages } from "./backend";
import type { EngineHost } from "./engineHost";
import { EngineHosts } from "./engineHosts";
import { fails, says, until } from "./failures";
import { baseImages, get, TestStack } from "./stack";

test("a service moves over from one host to another one, and back", async (t) => {
  const { nginxImage = "" } = baseImages();
  const backends = await backendImages();
  const images = [nginxImage, backends.blueImage ?? "", backends.greenImage ?? ""];
  const hosts = await EngineHosts.start(t, 2, images);
  if (typeof hosts === "string") return t.skip(hosts);
  await t.test("without downtime", (t) => comeAndGo(t, hosts, backends));
});

async function comeAndGo(t: TestContext, hosts: EngineHosts, images: Record<string, string>): Promise<void> {
  const [a, b] = hosts.all as [EngineHost, EngineHost];
  const stack = await TestStack.make(t, { ...images, bindAddress: "0.0.0.0", drainSeconds: "15" }, a.env);
  const urlOf = ({ address }: EngineHost) => `http://${address}:${stack.ports.http}/`;
  const colorOn = async (host: EngineHost) => (await get(urlOf(host))).headers["x-color"];
  const idsOn = async (host: EngineHost, kind = "container") => {
    const all = kind === "container" ? ["--all", "--no-trunc"] : [];
    const listed = await host.docker(kind, "ls", ...all, "--quiet", "--filter", `label=blue-green.stack=${stack.name}`);
    return listed.split("\n").filter(Boolean).sort();
  };
  const load = (host: EngineHost): Load[] => {
    const options = { ...LIGHT, url: urlOf(host), requestTimeoutMs: 10_000, maxSeconds: 300 };
    return [keepAliveGets({ ...options, connections: 6 }), freshGets({ ...options, connections: 2 })];
  };
  const setHosts = (value: Record<string, string>) => stack.setObject("hosts", value);
  const both = { a: "own", b: b.env.DOCKER_HOST };
  const endWell = async (loads: Load[]) => {
    for (const each of loads) assertNoFailures(await each.stop());
  };

  await stack.up();
  const before = await idsOn(a);
  assert.equal(before.length, 3);

  await t.test("to name the stack's own engine as a host changes nothing that serves", async () => {
    const loads = load(a);
    await setHosts({ a: "own" });
    await stack.up();
    assert.deepEqual(await idsOn(a), before);
    await stack.pulumi("preview", "--expect-no-changes");
    await endWell(loads);
  });

  await t.test("a second host gets the live color, and nothing on the first one changes", async () => {
    const loads = load(a);
    await setHosts(both);
    says(await stack.pulumi("preview"), "create", "unchanged");
    await stack.up();
    assert.deepEqual(await idsOn(a), before);
    assert.deepEqual([await colorOn(a), await colorOn(b)], ["blue", "blue"]);
    await stack.pulumi("preview", "--expect-no-changes");
    await endWell(loads);
  });

  await t.test("one host under two names is refused, and so is one whose address is another engine's", async () => {
    await setHosts({ a: "own", b: a.env.DOCKER_HOST });
    await fails(stack, "The hosts a and b are one engine");
    await setHosts({ a: "own", c: b.env.DOCKER_HOST });
    await fails(stack, "The host c is the host b in Pulumi's state");
    await setHosts({ a: a.env.DOCKER_HOST, b: b.env.DOCKER_HOST });
    await fails(stack, "The host a is the stack's own engine in Pulumi's state", "hosts.a own");
    await setHosts(both);
  });

  await t.test("what one host would not survive happens on none", async () => {
    await stack.set("httpPort", String(stack.ports.https));
    await fails(stack, "This would replace the nginx container");
    await stack.set("httpPort", String(stack.ports.http));
    await hosts.kill(b);
    await stack.set("activeColor", "green");
    await fails(
      stack,
      "b: No Docker Engine answered",
      "Nothing was touched, on no host.",
      `DOCKER_HOST=${b.env.DOCKER_HOST} docker version`,
    );
    says(await stack.pulumi("preview"), "b: No Docker Engine answered");
    assert.deepEqual([await colorOn(a), await colorOn(b)], ["blue", "blue"]);
    await stack.set("activeColor", "blue");
    await hosts.restart(b);
    await b.docker("start", ...(await idsOn(b)));
    await until("b serves again", async () => (await colorOn(b).catch(() => undefined)) === "blue", 30);
  });

  await t.test("the host that is left answers what it has begun, and the other one goes on", async () => {
    await stack.up();
    const loads = load(a);
    const slow = get(`${urlOf(b)}slow?seconds=5`);
    await setHosts({ a: "own" });
    const output = await stack.up();
    says(output, "the host b is no longer in hosts");
    assert.equal((await slow).status, 200);
    for (const kind of ["container", "network", "volume"]) assert.deepEqual(await idsOn(b, kind), [], kind);
    assert.deepEqual(await idsOn(a), before);
    await stack.pulumi("preview", "--expect-no-changes");
    await endWell(loads);
  });

  await t.test("to replace all hosts at once is refused", async () => {
    await setHosts({ b: b.env.DOCKER_HOST });
    await fails(stack, "This run would take away what serves now, on the stack's own engine");
    assert.deepEqual(await idsOn(a), before);
  });

  await t.test("the move itself: the other host first, then without the first one", async () => {
    await setHosts(both);
    await stack.up();
    const loads = load(b);
    await setHosts({ b: b.env.DOCKER_HOST });
    await stack.up();
    assert.equal(await colorOn(b), "blue");
    for (const kind of ["container", "network", "volume"]) assert.deepEqual(await idsOn(a, kind), [], kind);
    await stack.pulumi("preview", "--expect-no-changes");
    await endWell(loads);
  });

  await t.test("one whose engine is gone for good is forgotten, and the others keep what they have", async () => {
    await setHosts(both);
    await stack.up();
    const kept = await idsOn(a);
    const loads = load(a);
    await hosts.kill(b);
    await setHosts({ a: "own" });
    // All else of the run is done by then.
    await fails(stack, "the host b is no longer in hosts", "Cannot connect to the Docker daemon");
    const urn = `urn:pulumi:${stack.name}::blue-green::blue-green:index:BlueGreen$blue-green:index:Host::service-b`;
    await stack.pulumi("state", "delete", "--yes", "--target-dependents", urn);
    await stack.up();
    assert.deepEqual(await idsOn(a), kept);
    await stack.pulumi("preview", "--expect-no-changes");
    await endWell(loads);
  });
}
