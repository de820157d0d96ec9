import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseSettings } from "../../stacks/settings/settings";
import { containerInputs } from "../../stacks/slotContainer";
import { raw } from "./settings/settings.raw";

/** What a slot's container gets of these keys, as they stand in a stack's file. */
function inputs(container: object, hardened = true) {
  const { container: said = {} } = parseSettings(raw({ container: JSON.stringify(container) }), new Set());
  return containerInputs(said, hardened, (name, perColor) => `dev-${perColor ? "blue-" : ""}${name}`);
}

/** What those keys leave open or close, and mount. */
function closed(container: object, hardened = true) {
  const { readOnly, tmpfs, securityOpts, capabilities } = inputs(container, hardened);
  return { readOnly, tmpfs, securityOpts, capabilities };
}

const STRICT = {
  readOnly: true,
  tmpfs: { "/tmp": "size=64m,mode=1777" },
  securityOpts: ["no-new-privileges"],
  capabilities: { drops: ["ALL"] },
};

describe("what container makes of a color's container", () => {
  test("without container, a hardened one has the strict set and nothing else", () => {
    assert.deepEqual(inputs({}), STRICT);
  });

  test("without container, one that is not has Docker's own set without new privileges", () => {
    assert.deepEqual(inputs({}, false), { readOnly: false, securityOpts: ["no-new-privileges"] });
  });

  test("each key opens or closes its own part, and leaves the rest of either set as it is", () => {
    const open = { readOnly: false, tmpfs: undefined, securityOpts: ["no-new-privileges"], capabilities: undefined };
    const cases: [container: object, strict: object, byDefault: object][] = [
      [{ read_only: false }, { readOnly: false }, {}],
      [{ read_only: true }, {}, { readOnly: true }],
      [
        { cap_add: ["CAP_CHOWN", "SETUID"] },
        { capabilities: { drops: ["ALL"], adds: ["CHOWN", "SETUID"] } },
        { capabilities: { adds: ["CHOWN", "SETUID"] } },
      ],
      [{ cap_drop: ["ALL"] }, {}, { capabilities: { drops: ["ALL"] } }],
      [
        { cap_drop: ["NET_RAW"], cap_add: ["CHOWN"] },
        { capabilities: { drops: ["ALL", "NET_RAW"], adds: ["CHOWN"] } },
        { capabilities: { drops: ["NET_RAW"], adds: ["CHOWN"] } },
      ],
      [
        { tmpfs: ["/run", "/cache:size=1m"] },
        { tmpfs: { "/tmp": "size=64m,mode=1777", "/run": "", "/cache": "size=1m" } },
        { tmpfs: { "/run": "", "/cache": "size=1m" } },
      ],
      [{ volumes: ["data:/tmp"] }, { tmpfs: undefined }, {}],
      [{ volumes: ["/srv/tmp:/tmp/a"] }, {}, {}],
    ];
    /** Keys of which both sets make the same. */
    const alike: [container: object, both: object][] = [
      [{ security_opt: ["no-new-privileges:false"] }, { securityOpts: [] }],
      [{ security_opt: ["no-new-privileges:true"] }, { securityOpts: ["no-new-privileges:true"] }],
      [
        { security_opt: ["seccomp=unconfined", "seccomp=unconfined"] },
        { securityOpts: ["no-new-privileges", "seccomp=unconfined"] },
      ],
      [{ security_opt: ["no-new-privileges=false", "label=type:t_x"] }, { securityOpts: ["label=type:t_x"] }],
      [{ tmpfs: "/tmp:size=1g" }, { tmpfs: { "/tmp": "size=1g" } }],
      [{ volumes: [{ type: "tmpfs", target: "/tmp", tmpfs: { size: "1m" } }] }, { tmpfs: { "/tmp": "size=1m" } }],
      [{ volumes: ["data:/tmp"], tmpfs: "/run" }, { tmpfs: { "/run": "" } }],
    ];
    cases.push(...alike.map(([container, both]): (typeof cases)[number] => [container, both, both]));
    for (const [container, strict, byDefault] of cases) {
      assert.deepEqual(closed(container), { ...STRICT, ...strict }, JSON.stringify(container));
      assert.deepEqual(closed(container, false), { ...open, ...byDefault }, JSON.stringify(container));
    }
  });

  test("a volume has the name that the stack gave it, but for an external one; a folder is the host's", () => {
    const { volumes } = inputs({
      volumes: [
        ...["data:/a", "logs:/b:ro", "/srv/a:/c:ro,z"],
        { type: "volume", source: "own", target: "/d", "x-per-color": true },
        { type: "volume", source: "shop_data", target: "/e", "x-external": true, read_only: true },
      ],
    });
    assert.deepEqual(volumes, [
      { containerPath: "/a", volumeName: "dev-data" },
      { containerPath: "/b", volumeName: "dev-logs", readOnly: true },
      { containerPath: "/c", hostPath: "/srv/a", readOnly: true, selinuxRelabel: "z" },
      { containerPath: "/d", volumeName: "dev-blue-own" },
      { containerPath: "/e", volumeName: "shop_data", readOnly: true },
    ]);
    assert.equal("volumes" in inputs({ tmpfs: "/a" }), false);
  });

  test("every other key is an input of its own", () => {
    assert.deepEqual(
      inputs({
        ...{
          command: "serve --port 80",
          entrypoint: ["/entry"],
          user: 1000,
          group_add: ["audio"],
          working_dir: "/srv",
        },
        ...{ extra_hosts: ["db=10.0.0.1"], dns: "10.0.0.2", hostname: "app", init: true, shm_size: "256m" },
        ...{ ulimits: { nofile: 65535 }, sysctls: { "net.core.somaxconn": 1024 }, devices: ["/dev/kvm"], cpus: 0.5 },
        ...{ mem_reservation: "128m", stop_signal: "SIGQUIT", healthcheck: { test: ["CMD", "up"], interval: "1m" } },
        ...{ logging: { driver: "json-file", options: { "max-size": "1m" } }, platform: "linux/amd64" },
      }),
      {
        ...STRICT,
        ...{ command: ["serve", "--port", "80"], entrypoints: ["/entry"], user: "1000", groupAdds: ["audio"] },
        ...{ workingDir: "/srv", hosts: [{ host: "db", ip: "10.0.0.1" }], dns: ["10.0.0.2"], hostname: "app" },
        ...{ init: true, shmSize: 256, ulimits: [{ name: "nofile", soft: 65535, hard: 65535 }] },
        ...{ sysctls: { "net.core.somaxconn": "1024" }, cpus: "0.5", memoryReservation: 128, stopSignal: "SIGQUIT" },
        devices: [{ hostPath: "/dev/kvm", containerPath: "/dev/kvm", permissions: "rwm" }],
        healthcheck: { tests: ["CMD", "up"], interval: "60s" },
        ...{ logDriver: "json-file", logOpts: { "max-size": "1m" }, platform: "linux/amd64" },
      },
    );
  });

  test("what the slot itself merges, or the engine is told, is no input here", () => {
    assert.deepEqual(inputs({ labels: { team: "shop" }, networks: ["shop_default"], pids_limit: 200 }), STRICT);
    assert.deepEqual(inputs({ mem_limit: "512m", stop_grace_period: "5s", environment: { A: "1" } }), STRICT);
  });
});
