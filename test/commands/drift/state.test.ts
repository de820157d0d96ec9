import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { declaredIn as declaredServices } from "../../../commands/drift/state";
import { CONFIGURATION, OWNER, SECRET, slotResource, urnOf } from "./facts.sample";

const MARK = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

const secret = (value: string) => ({ ...MARK, plaintext: JSON.stringify(value) });

const command = (environment: object) => ({
  urn: urnOf("command:local:Command", "cutover"),
  type: "command:local:Command",
  inputs: {
    stdin: CONFIGURATION,
    environment: { PROXY: "p", DRAIN_SECONDS: "60", KEEP_ALIVE_SECONDS: "10", ...environment },
  },
});

const exported = (resources: unknown[], more: object = {}) =>
  JSON.stringify({ version: 3, deployment: { resources, ...more } });

/** What is declared of a service alone, without a name. */
const declaredIn = (state: string, owner: typeof OWNER) => declaredServices(state, owner).get(undefined);

describe("what Pulumi's state declares", () => {
  test("a volume of the monitoring's is not the proxy's, and what it has seen is looked for as what users save", () => {
    const volume = (name: string, role?: string) => ({
      urn: urnOf("docker:index/volume:Volume", name),
      type: "docker:index/volume:Volume",
      id: name,
      inputs: {
        name,
        labels: [
          { label: "blue-green.project", value: OWNER.project },
          { label: "blue-green.stack", value: OWNER.stack },
          ...(role === undefined ? [] : [{ label: "blue-green.role", value: role }]),
        ],
      },
    });
    const volumes = [volume("seen", "monitoring"), volume("saved", "data"), volume("proxy")];
    const declared = declaredIn(exported([slotResource("green"), ...volumes]), OWNER);
    assert.equal(declared?.volume?.name, "proxy");
    assert.deepEqual(
      declared?.data?.map(({ name }) => name),
      ["seen", "saved"],
    );
  });

  test("containers, the cutover and the secrets, in clear", () => {
    const tester = 'map $x $y {\n    "~^to\\.ken-12345$" 1;\n}\n';
    const declared = declaredIn(
      exported([
        slotResource("green"),
        command({
          FILE_TESTER: secret(`tester-1.conf\n${tester}`),
          FILE_TLSKEY: secret("tls-1.key\n-----BEGIN\nMIIE\n"),
          BLUE_GREEN_NOTIFY: secret('{"kind":"grafana","url":"https://g.example/a","secret":"glsa_of-grafana"}'),
        }),
      ]),
      OWNER,
    );
    assert.ok(declared !== undefined);
    const [container] = declared.containers;
    assert.equal(container?.color, "green");
    assert.deepEqual(container?.inputs.envs, ["COLOR=green", "PORT=5000", "SHOP=plain", `TOKEN=${SECRET}`]);
    assert.deepEqual(declared.cutover, {
      urn: urnOf("command:local:Command", "cutover"),
      configuration: CONFIGURATION,
      files: { "tester-1.conf": tester, "tls-1.key": "-----BEGIN\nMIIE\n" },
      drainSeconds: 60,
      keepAliveSeconds: 10,
    });
    assert.deepEqual(declared.secrets, [
      ...[SECRET, "to\\.ken-12345", "to.ken-12345", "tls-1.key", "-----BEGIN", "MIIE"],
      ...["https://g.example/a", "glsa_of-grafana"],
    ]);
  });

  test("the cutover's variables are read under the names of today and of releases before", () => {
    const file = secret("tls-1.key\nMIIE\n");
    const today = declaredIn(
      exported([
        slotResource("green"),
        {
          ...command({}),
          inputs: {
            stdin: CONFIGURATION,
            environment: {
              BLUE_GREEN_PROXY: "p",
              BLUE_GREEN_DRAIN_SECONDS: "60",
              BLUE_GREEN_KEEP_ALIVE_SECONDS: "10",
              BLUE_GREEN_FILE_TLSKEY: file,
              BLUE_GREEN_FILE_TESTER: "",
            },
          },
        },
      ]),
      OWNER,
    );
    const before = declaredIn(exported([slotResource("green"), command({ FILE_TLSKEY: file })]), OWNER);
    assert.deepEqual(today?.cutover, before?.cutover);
    assert.deepEqual(today?.cutover?.files, { "tls-1.key": "MIIE\n" });
    assert.deepEqual(today?.secrets, before?.secrets);
  });

  test("what is only waiting to be deleted, and what is another stack's, is not declared", () => {
    assert.equal(declaredIn(exported([{ ...slotResource("green"), delete: true }]), OWNER), undefined);
    assert.equal(declaredIn(exported([slotResource("green")]), { ...OWNER, stack: "prod" }), undefined);
    assert.equal(declaredIn(exported([]), OWNER), undefined);
  });

  test("what a run that was cut off was about to do", () => {
    const pending_operations = [{ type: "creating", resource: { urn: urnOf("t", "blue") } }];
    assert.deepEqual(declaredIn(exported([slotResource("green")], { pending_operations }), OWNER)?.unfinished, [
      "creating blue",
    ]);
  });

  test("a state that is none is said without a word of it, and a spoilt one makes nothing fail", () => {
    for (const text of ["", `{"deployment": "${SECRET}"`, "[]", "null", '{"deployment": null}']) {
      assert.throws(() => declaredIn(text, OWNER), { message: "`pulumi stack export` printed no state" });
    }
    assert.equal(
      declaredIn(exported([null, 1, {}, { type: "docker:index/container:Container", inputs: [] }]), OWNER),
      undefined,
    );
    const odd = slotResource("green", { envs: { ...MARK, plaintext: "{" }, ports: "x", networksAdvanced: [null] });
    assert.equal(declaredIn(exported([odd]), OWNER)?.containers[0]?.inputs.envs, undefined);
  });

  test("each service of a stack has what is its own, and the gateway what is nobody's", () => {
    const labelled = (service: string | undefined, role: string, color?: string) =>
      Object.entries({
        ...{ "blue-green.project": OWNER.project, "blue-green.stack": OWNER.stack, "blue-green.role": role },
        ...(service && { "blue-green.service": service }),
        ...(color && { "blue-green.color": color }),
      }).map(([label, value]) => ({ label, value }));
    const resource = (type: string, name: string, inputs: object) => ({
      urn: urnOf(type, name),
      type,
      id: name,
      inputs,
    });
    const container = (name: string, labels: object) =>
      resource("docker:index/container:Container", name, { name: `blue-green-dev-${name}`, labels });
    const image = (name: string) => resource("docker:index/remoteImage:RemoteImage", name, { name: `${name}:1` });
    const network = (name: string, labels: object) => resource("docker:index/network:Network", name, { name, labels });
    const cutover = (service: string) => ({
      ...command({ SERVICE: service }),
      urn: urnOf("command:local:Command", `${service}-cutover`),
    });
    const routes = {
      ...command({}),
      urn: urnOf("command:local:Command", "gateway"),
      inputs: { stdin: "routes", environment: { GATEWAY: "g" } },
    };
    const found = declaredServices(
      exported([
        container("shop-proxy", labelled("shop", "proxy")),
        container("shop-admin-blue", labelled("shop-admin", "slot", "blue")),
        container("shop-blue", labelled("shop", "slot", "blue")),
        container("gateway", labelled(undefined, "gateway")),
        ...["gateway", "shop-proxy", "shop-blue", "shop-admin-blue"].map(image),
        network("gateway", labelled(undefined, "gateway")),
        network("shop-network", labelled("shop", "proxy")),
        ...[cutover("shop-admin"), routes, cutover("shop")],
      ]),
      OWNER,
    );
    assert.deepEqual(
      [...found].map(([service, { containers, images, network, cutover, routes }]) => [
        service,
        containers.map(({ name, role }) => `${name.replace("blue-green-dev-", "")} ${role}`),
        images.map(({ part }) => part),
        [network?.name, cutover?.urn.split("::").at(-1), routes?.configuration],
      ]),
      [
        [
          "shop",
          ["shop-proxy proxy", "shop-blue slot"],
          ["shop-proxy", "shop-blue"],
          ["shop-network", "shop-cutover", undefined],
        ],
        ["shop-admin", ["shop-admin-blue slot"], ["shop-admin-blue"], [undefined, "shop-admin-cutover", undefined]],
        [undefined, ["gateway gateway"], ["gateway"], ["gateway", undefined, "routes"]],
      ],
    );
  });
});
