import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  hostAccess,
  hostNetwork,
  memoryLimit,
  openContainer,
  privileged,
  publishedPorts,
} from "../../policy/container";
import { type Inputs, UNKNOWN } from "../../policy/known";
import { SERVICE, type Workload, workloadOf } from "../../policy/workload";
import { container, labels, slotInputs } from "./container.sample";

const RULES = { privileged, hostNetwork, hostAccess, openContainer, publishedPorts, memoryLimit };

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
      [
        ...["privileged", "networkMode", "networksAdvanced", "ports", "publishAllPorts", "memory", "capabilities"],
        ...["volumes", "mounts", "devices", "securityOpts", "readOnly"],
      ].map((input) => [input, UNKNOWN]),
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

  test("what of the host is in a container is refused by its name: folders, its engine's socket, devices, powers", () => {
    const next = (key: string) =>
      `Next: take it out of container.${key}, or out of the program (git grep -n ${key} -- '*.ts'), then: pulumi preview`;
    const folder = (path: string) => [
      `Container extra has "${path}" of the host: with that it could do anything there. ${next("volumes")}`,
    ];
    const mounted = (hostPath: unknown) =>
      hostAccess(container("extra", { volumes: [{ hostPath, containerPath: "/x" }] }));
    for (const path of [
      ...["/", "/etc", "/etc/shadow", "/proc", "/sys", "/root/.ssh", "/usr/bin", "/boot", "/dev", "/lib64"],
      ...["/var", "/var/", "/run", "/var/run/docker.sock", "/run/user/1000/podman/podman.sock", "/var/lib/docker"],
      ...["/srv/docker.sock", "/var/lib/containerd/x"],
    ]) {
      assert.deepEqual(mounted(path), folder(path));
      assert.deepEqual(
        hostAccess(container("extra", { mounts: [{ type: "bind", source: path, target: "/x" }] })),
        folder(path),
      );
      const mounts = [{ type: "bind", source: path, target: "/x" }];
      assert.equal(hostAccess(service({ taskSpec: { containerSpec: { mounts } } })).length, 1, path);
    }
    for (const path of [
      "/srv/shop",
      "/home/shop",
      "/etcetera",
      "/var/lib/shop",
      "/var/lib/dockerfiles",
      "/opt",
      "",
      UNKNOWN,
    ])
      assert.deepEqual(mounted(path), [], String(path));
    assert.deepEqual(hostAccess(container("extra", { volumes: [{ volumeName: "data", containerPath: "/etc" }] })), []);
    assert.deepEqual(
      hostAccess(container("extra", { mounts: [{ type: "volume", source: "/etc", target: "/x" }] })),
      [],
    );

    const books = (role: string, volume: object) =>
      hostAccess(container("extra", { labels: [{ label: "blue-green.role", value: role }], volumes: [volume] })).length;
    const read = { hostPath: "/sys/fs/cgroup", containerPath: "/cgroup", readOnly: true };
    assert.equal(books("monitoring", read), 0, "what each container takes, to look at");
    for (const [role, change] of [
      ["slot", {}],
      ["monitoring", { readOnly: false }],
      ["monitoring", { readOnly: UNKNOWN }],
      ["monitoring", { readOnly: undefined }],
      ["monitoring", { hostPath: "/sys" }],
      ["monitoring", { hostPath: "/sys/fs/cgroup/../.." }],
    ] as const)
      assert.equal(books(role, { ...read, ...change }), 1, JSON.stringify([role, change]));

    const devices = (...hostPaths: unknown[]) =>
      hostAccess(container("extra", { devices: hostPaths.map((hostPath) => ({ hostPath })) }));
    assert.deepEqual(devices("/dev/kvm", UNKNOWN, "/dev/dri"), [
      `Container extra has devices of the host ("/dev/kvm", "/dev/dri"). ${next("devices")}`,
    ]);
    assert.deepEqual(devices(UNKNOWN), []);

    const adds = (...names: string[]) => hostAccess(container("extra", { capabilities: { adds: names } }));
    assert.deepEqual(adds("CHOWN", "CAP_SYS_ADMIN", "net_admin"), [
      `Container extra has SYS_ADMIN, NET_ADMIN, with which a process can leave its container. ${next("cap_add")}`,
    ]);
    assert.deepEqual(adds("CHOWN", "SETUID", "SETGID", "DAC_OVERRIDE", "NET_BIND_SERVICE", "NET_RAW"), []);

    const options = (...securityOpts: unknown[]) => hostAccess(container("extra", { securityOpts }));
    for (const option of [
      "seccomp=unconfined",
      "apparmor:unconfined",
      "systempaths=unconfined",
      "label=disable",
      "label:disable",
    ])
      assert.deepEqual(options("no-new-privileges", option), [
        `Container extra has "${option}": what the engine forbids every container is allowed there. ${next("security_opt")}`,
      ]);
    assert.deepEqual(options("no-new-privileges", "label=type:t_x", "apparmor=shop", UNKNOWN), []);
  });

  test("what a path or an option of the host's is called reaches no terminal as it stands", () => {
    const [message = ""] = hostAccess(container("extra", { volumes: [{ hostPath: "/etc/\u001b[2J\n" }] }));
    assert.ok(message.includes('"/etc/\\u001b[2J\\n" of the host'), message);
  });

  test("a color's container that has more than app/ needs is told of, and no other container is", () => {
    const next =
      "Next: pulumi config set hardened true, in dev first: a container that needs more says which key of `container` opens it";
    const open = (change: Inputs) => openContainer(container("blue", slotInputs("blue", change)));
    assert.deepEqual(open({ readOnly: false, capabilities: undefined, securityOpts: [] }), [
      "Container blue: its root file system is writable, it has Docker's default capabilities, its processes may gain " +
        `privileges. ${next}`,
    ]);
    const cases: [Inputs, string][] = [
      [{ readOnly: undefined }, "its root file system is writable"],
      [{ capabilities: { drops: ["NET_RAW"] } }, "it has Docker's default capabilities"],
      [{ securityOpts: ["no-new-privileges:false"] }, "its processes may gain privileges"],
    ];
    for (const [change, seen] of cases) assert.deepEqual(open(change), [`Container blue: ${seen}. ${next}`]);
    for (const change of [
      { capabilities: { drops: ["CAP_ALL"], adds: ["CHOWN"] } },
      { securityOpts: ["no-new-privileges:true", "seccomp=unconfined"] },
    ])
      assert.deepEqual(open(change), []);
    assert.deepEqual(openContainer(container("extra", {})), []);
    assert.deepEqual(openContainer(proxy({ readOnly: false })), []);
    assert.deepEqual(openContainer(service({})), []);
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
