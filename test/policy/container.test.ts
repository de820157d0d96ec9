import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostNetwork, memoryLimit, privileged, publishedPorts } from "../../policy/container";
import { type Inputs, UNKNOWN } from "../../policy/known";
import { SERVICE, type Workload, workloadOf } from "../../policy/workload";
import { container, labels, slotInputs } from "./container.sample";

const RULES = { privileged, hostNetwork, publishedPorts, memoryLimit };

const service = (inputs: Inputs): Workload => {
  const workload = workloadOf(SERVICE, "shop", inputs);
  assert.ok(workload);
  return workload;
};

const proxy = (change: Inputs = {}) =>
  container("proxy", {
    labels: labels({ "blue-green.role": "proxy" }),
    memory: 1024,
    ports: [{ internal: 8080, external: 80, ip: "0.0.0.0" }],
    ...change,
  });

describe("the policies of a container", () => {
  test("what the program makes passes, and so does what is not known before the run", () => {
    const unknown = Object.fromEntries(
      ["privileged", "networkMode", "networksAdvanced", "ports", "publishAllPorts", "memory", "capabilities"].map(
        (input) => [input, UNKNOWN],
      ),
    );
    for (const [name, rule] of Object.entries(RULES)) {
      for (const workload of [
        container("blue", slotInputs("blue")),
        container("blue", slotInputs("blue", unknown)),
        proxy(),
      ]) {
        assert.deepEqual(rule(workload), [], `${name}: ${workload.what}`);
      }
    }
  });

  test("other resources are nobody's business here", () => {
    assert.equal(workloadOf("docker:index/network:Network", "service", { privileged: true }), undefined);
  });

  test("a privileged container is refused, by that word or by all capabilities", () => {
    const message =
      "Container extra is privileged: it could do anything to the engine's host. Next: take that out of the program " +
      "(git grep -n privileged -- '*.ts'; git grep -n capabilities -- '*.ts'), then: pulumi preview";
    assert.deepEqual(privileged(container("extra", { privileged: true })), [message]);
    for (const all of ["ALL", "CAP_ALL", "all"])
      assert.deepEqual(privileged(container("extra", { capabilities: { adds: ["CAP_CHOWN", all] } })), [message]);
    assert.deepEqual(privileged(container("extra", { privileged: false, capabilities: { drops: ["ALL"] } })), []);
  });

  test("the host's network is refused, in both ways to name it", () => {
    const next = "Next: put it on a network of the stack's (git grep -n network -- '*.ts'), then: pulumi preview";
    const seen = "is on the host's network: it reaches every port of the host, its loopback too.";
    for (const inputs of [{ networkMode: "host" }, { networksAdvanced: [{ name: "host" }] }])
      assert.deepEqual(hostNetwork(container("extra", inputs)), [`Container extra ${seen} ${next}`]);
    assert.deepEqual(hostNetwork(service({ taskSpec: { networksAdvanceds: [{ name: "host" }] } })), [
      `Service shop ${seen} ${next}`,
    ]);
    for (const inputs of [{ networkMode: "bridge" }, { networksAdvanced: [{ name: "hostess" }] }, {}])
      assert.deepEqual(hostNetwork(container("extra", inputs)), []);
  });

  test("a port is published by the proxy, or on the loopback", () => {
    const next =
      "Next: publish it with ip \"127.0.0.1\", or not at all (git grep -n external -- '*.ts'), then: pulumi preview";
    const only = "only the proxy may be reached from elsewhere.";
    const published = (ip?: unknown, external: unknown = 9000) =>
      publishedPorts(container("extra", { ports: [{ internal: 80, external, ip }] }));
    for (const ip of ["127.0.0.1", "127.8.9.10", "::1", UNKNOWN]) assert.deepEqual(published(ip), [], String(ip));
    for (const ip of [undefined, ""])
      assert.deepEqual(published(ip), [`Container extra publishes port 9000 on all addresses: ${only} ${next}`]);
    for (const ip of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "localhost", "127", "1\n27.0.0.1"])
      assert.deepEqual(published(ip), [
        `Container extra publishes port 9000 on ${JSON.stringify(ip)}: ${only} ${next}`,
      ]);
    assert.deepEqual(published("::", UNKNOWN), [
      `Container extra publishes port (not known yet) on "::": ${only} ${next}`,
    ]);
    for (const workload of [container("extra", { publishAllPorts: true }), proxy({ publishAllPorts: true })])
      assert.deepEqual(publishedPorts(workload), [
        `${workload.what} publishes all ports of its image, on all addresses. ${next}`,
      ]);
    assert.deepEqual(publishedPorts(service({ endpointSpec: { ports: [{ targetPort: 80 }] } })), [
      `Service shop publishes port of the engine's choice on all addresses: ${only} ${next}`,
    ]);
  });

  test("a container has a memory limit", () => {
    const seen = "has no memory limit: a leak in it would take the proxy's memory too.";
    const find = "(git grep -n memory -- '*.ts'), then: pulumi preview";
    for (const memory of [undefined, 0, -1, "much"])
      assert.deepEqual(memoryLimit(container("extra", { memory })), [
        `Container extra ${seen} Next: give it one in the program ${find}`,
      ]);
    assert.deepEqual(memoryLimit(container("blue", slotInputs("blue", { memory: undefined }))), [
      `Container blue ${seen} Next: pulumi config set memoryMb 256, if the program still takes it ${find}`,
    ]);
    assert.deepEqual(memoryLimit(service({ taskSpec: { resources: { limits: { memoryBytes: 1e8 } } } })), []);
    assert.equal(memoryLimit(service({})).length, 1);
  });
});
