import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { READ } from "../../../stacks/service/serving";
import { type Inspected, readContainers, readWorld, readWorlds, worldOf } from "../../../stacks/service/world";
import { stubDocker } from "../engine/docker.stub";

const owner = { project: "blue-green", stack: "dev" };

/** What this program sets on everything of the stack. */
const own = { "blue-green.project": "blue-green", "blue-green.stack": "dev" };

const slot = { ...own, "blue-green.role": "slot" };

const release = (color: string, version: string, source: string) => ({
  ...slot,
  "blue-green.color": color,
  "blue-green.version": version,
  "blue-green.source": source,
  "blue-green.base": "python:3",
});

const running = { Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false };

/** A color's container as `docker inspect` has it. */
const inspectedSlot: Inspected = {
  Id: "b1",
  Name: "/blue-green-dev-blue",
  Image: "sha256:1",
  RestartCount: 2,
  State: { ...running, Restarting: false, Health: { Status: "healthy" } },
  Config: {
    Labels: {
      ...release("blue", "1.0.0", "aaa"),
      "blue-green.slot":
        '{"version":"1.0.0","memoryMb":256,"definition":"d","environment":["URL"],"secretEnvironment":"x"}',
    },
    Env: ["PATH=/bin", "URL=http://a/?b=c", "EMPTY=", "LINES=a\nb=c"],
  },
};

const image = (color: string, version: string, source: string, names?: string[]): Inspected => ({
  Id: `${color} ${version} ${source}`,
  RepoTags: names ?? [`blue-green-dev-${color}:${version}-${source}`],
  Config: { Labels: release(color, version, source) },
});

/** An engine with one container, which keeps what it is asked. */
function engineWith(container: Inspected, serving: () => Promise<string>) {
  const asked: string[][] = [];
  const ask = async (...args: string[]): Promise<string> => {
    asked.push(args);
    if (args[0] === "exec") return serving();
    if (args[1] === "inspect") return JSON.stringify(args[0] === "container" ? [container] : []);
    return "one\none\n";
  };
  return { docker: stubDocker({ ask }), asked };
}

const filters = ["--filter", "label=blue-green.project=blue-green", "--filter", "label=blue-green.stack=dev"];

describe("what the engine has of a stack", () => {
  test("an engine with nothing of this stack is a world without proxy, colors and images", () => {
    assert.deepEqual(worldOf(owner, [], []), { slots: { blue: [], green: [] }, built: { blue: [], green: [] } });
  });

  test("the proxy is told by its name, with what it was made from", () => {
    const Labels = { ...own, "blue-green.role": "proxy", "blue-green.proxy": '{"httpPort":8080}' };
    const found = { Id: "p", Name: "/blue-green-dev-proxy", Image: "sha256:1", Config: { Labels } };
    const proxy = (State: Inspected["State"]) => worldOf(owner, [{ ...found, ...(State && { State }) }], []).proxy;
    assert.deepEqual(proxy({ ...running, Restarting: false }), { id: "p", running: true, made: { httpPort: 8080 } });
    // The public can meet it again at any moment.
    assert.equal(proxy({ ...running, Running: false, Restarting: true })?.running, true);
    assert.equal(proxy({ ...running, Running: false, Restarting: false })?.running, false);
    assert.equal(proxy(undefined)?.running, false);
  });

  test("a color's container is told with its release, its state and what it was made from", () => {
    assert.deepEqual(worldOf(owner, [inspectedSlot], []).slots, {
      blue: [
        {
          id: "b1",
          name: "blue-green-dev-blue",
          replica: 1,
          source: "aaa",
          imageId: "sha256:1",
          state: { ...running, Restarting: false, Health: { Status: "healthy" } },
          restarts: 2,
          version: "1.0.0",
          made: { version: "1.0.0", memoryMb: 256, definition: "d", environment: ["URL"], secretEnvironment: [] },
          environment: { PATH: "/bin", URL: "http://a/?b=c", EMPTY: "", LINES: "a\nb=c" },
        },
      ],
      green: [],
    });
  });

  test("a container that says next to nothing is told all the same, and counts as one that does not run", () => {
    const Labels = { ...slot, "blue-green.color": "green" };
    assert.deepEqual(worldOf(owner, [{ Id: "g1", Name: "/blue-green-dev-green", Config: { Labels } }], []).slots, {
      blue: [],
      green: [
        {
          ...{
            id: "g1",
            name: "blue-green-dev-green",
            replica: 1,
            imageId: "",
            restarts: 0,
            version: "unknown",
            made: {},
            environment: {},
          },
          state: { Running: false, Status: "unknown", StartedAt: "", ExitCode: 0, OOMKilled: false },
        },
      ],
    });
  });

  test("what is labelled with neither color is no color's container, and an image never is one", () => {
    const Name = "/blue-green-dev-blue";
    const labelled = (Labels: Record<string, string> | null): Inspected => ({ Id: "x", Name, Config: { Labels } });
    const containers = [labelled(null), labelled({}), labelled({ ...slot, "blue-green.color": "red" })];
    assert.deepEqual(worldOf(owner, containers, [inspectedSlot]).slots, { blue: [], green: [] });
  });

  test("a container that somebody starts from a color's or the proxy's image, whatever labels that has, is no part of the stack", () => {
    const { Config } = inspectedSlot;
    const hostile = {
      ...{ ...Config.Labels, "blue-green.build": "built", "blue-green.replica": "2" },
      ...{ "blue-green.proxy": "{}", "blue-green.gateway": "{}" },
    };
    const named = (Name: string, role: string): Inspected => ({
      ...inspectedSlot,
      Id: Name,
      Name,
      Config: { ...Config, Labels: { ...hostile, "blue-green.role": role } },
    });
    const names = [
      "/debug",
      "/blue-green-dev-blue-debug",
      "/blue-green-dev-blue-01",
      "/blue-green-dev-blue-1",
      "blue-green-dev-blue",
    ];
    names.push(
      "/x-blue-green-dev-blue",
      "/blue-green-dev-proxy-2",
      "/Blue-Green-dev-blue",
      "/blue-green-dev-shop-blue",
      "",
    );
    const others = names.flatMap((name) => [named(name, "slot"), named(name, "proxy")]);
    const world = worldOf(owner, [...others, inspectedSlot], []);
    assert.deepEqual([world.slots.blue.map(({ id }) => id), world.slots.green, world.proxy], [["b1"], [], undefined]);
    // Nor is the one part another: the role and the color are set on the container itself.
    assert.deepEqual(
      worldOf(owner, [named("/blue-green-dev-proxy", "slot"), named("/blue-green-dev-green", "slot")], []).slots.green,
      [],
    );
  });

  test("a color's container is known whatever service, role or build its image speaks of", () => {
    const Labels = { ...inspectedSlot.Config.Labels, "blue-green.service": "shop", "blue-green.gateway": "{}" };
    const found = { ...inspectedSlot, Config: { ...inspectedSlot.Config, Labels } };
    assert.equal(worldOf(owner, [found], []).slots.blue[0]?.id, "b1");
    assert.equal(worldOf({ ...owner, service: "shop" }, [found], []).slots.blue.length, 0);
    // nginx' image may speak of a color.
    const proxy = { ...own, "blue-green.role": "proxy", "blue-green.color": "blue" };
    const world = worldOf(owner, [{ Id: "p", Name: "/blue-green-dev-proxy", Config: { Labels: proxy } }], []);
    assert.deepEqual([world.proxy?.id, world.slots.blue], ["p", []]);
  });

  test("a color's containers come in the order of their names", () => {
    const labelled = (Id: string, Name: string): Inspected => ({
      ...{ Id, Name },
      Config: { Labels: { ...slot, "blue-green.color": "blue", "blue-green.replica": "7" } },
    });
    const found = [
      labelled("ten", "/blue-green-dev-blue-10"),
      labelled("two", "/blue-green-dev-blue-2"),
      inspectedSlot,
    ];
    assert.deepEqual(
      worldOf(owner, found, []).slots.blue.map(({ id, replica }) => [id, replica]),
      [
        ["b1", 1],
        ["two", 2],
        ["ten", 10],
      ],
    );
  });

  test("a container whose label is missing or mangled was made from nothing known", () => {
    for (const label of [undefined, "", "{", "null", "[]x", "7"]) {
      const labels = (name: string): Record<string, string> => (label === undefined ? {} : { [name]: label });
      const part = (Name: string, known: Record<string, string>) => ({
        Id: Name,
        Name,
        Config: { Labels: { ...own, ...known } },
      });
      const world = worldOf(
        owner,
        [
          part("/blue-green-dev-proxy", { "blue-green.role": "proxy", ...labels("blue-green.proxy") }),
          part("/blue-green-dev-blue", { ...slot, "blue-green.color": "blue", ...labels("blue-green.slot") }),
        ],
        [],
      );
      assert.deepEqual([world.proxy?.made, world.slots.blue[0]?.made], [{}, {}], String(label));
    }
  });

  test("a version's image is what its container runs, before any other of the same version", () => {
    const labels = { ...release("blue", "1.0.0", "aaa"), "blue-green.build": "built" };
    const container = { Id: "c", Name: "/blue-green-dev-blue", Config: { Labels: labels } };
    const images = [
      image("blue", "1.0.0", "bbb"),
      image("blue", "1.1.0", "ccc"),
      image("green", "1.0.0", "ddd"),
      { Id: "4", Config: { Labels: null } },
    ];
    assert.deepEqual(worldOf(owner, [container], images).built, {
      blue: [
        { version: "1.0.0", source: "aaa", base: "python:3", reused: false },
        { version: "1.1.0", source: "ccc", base: "python:3", reused: true },
      ],
      green: [{ version: "1.0.0", source: "ddd", base: "python:3", reused: true }],
    });
  });

  test("an image counts as built for a color by the name that it was built under: one made from it, or anybody's, has its labels too", () => {
    const others = [
      ["debug:latest"],
      ["blue-green-dev-blue:1.0.0-bbb"],
      ["blue-green-dev-green:1.0.0-aaa"],
      ["x/blue-green-dev-blue:1.0.0-aaa"],
      [],
    ];
    const images = [
      ...others.map((names) => image("blue", "1.0.0", "aaa", names)),
      { ...image("blue", "1.0.0", "aaa"), RepoTags: null },
    ];
    assert.deepEqual(worldOf(owner, [], images).built, { blue: [], green: [] });
    // A service that the sources of the image speak of is nothing to it.
    const named = image("blue", "1.0.0", "aaa", ["debug:latest", "blue-green-dev-blue:1.0.0-aaa"]);
    named.Config.Labels = { ...named.Config.Labels, "blue-green.service": "shop" };
    assert.equal(worldOf(owner, [], [named]).built.blue[0]?.source, "aaa");
  });

  test("what a pulled image says of how it was built is not believed, whatever color runs it", () => {
    const Labels = {
      ...release("blue", "1.0.0", "aaa"),
      "blue-green.build": "built",
      "blue-green.slot": '{"image":"shop:1","definition":"d"}',
    };
    const found = { ...inspectedSlot, Config: { Labels } };
    assert.deepEqual(worldOf(owner, [found], []).built, { blue: [], green: [] });
  });

  test("whatever the variables of a container are, each is told once and nothing of them is lost", () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !text.includes("="));
    fc.assert(
      fc.property(fc.dictionary(name, fc.string({ unit: "binary" })), (variables) => {
        const Env = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
        const container = { ...inspectedSlot, Config: { ...inspectedSlot.Config, Env } };
        const told = worldOf(owner, [container], []).slots.blue[0]?.environment ?? {};
        assert.deepEqual(Object.entries(told), Object.entries(variables));
      }),
    );
  });

  test("only what carries this project's and this stack's labels is asked for, each thing once, and the proxy by its name", async () => {
    const { docker, asked } = engineWith(inspectedSlot, async () => "");
    await readWorld(docker, owner);
    assert.deepEqual(
      asked.sort((a, b) => (a.join() < b.join() ? -1 : 1)),
      [
        ["container", "inspect", "one"],
        ["container", "ls", "--all", "--quiet", "--no-trunc", ...filters],
        ["exec", "-e", "HISTORY=20", "-e", "HEALTH=0", "blue-green-dev-proxy", "sh", "-c", READ],
        ["image", "inspect", "one"],
        ["image", "ls", "--all", "--quiet", "--no-trunc", ...filters],
        // Only where there is no proxy.
        ["volume", "ls", "--quiet", ...filters],
      ],
    );
  });

  test("what the proxy serves is its own word", async () => {
    const { docker } = engineWith(inspectedSlot, async () => "answer 0123 green\nfile 0123 green\n");
    const world = await readWorld(docker, owner);
    assert.ok(!("unknown" in world));
    assert.equal(world.serving?.color, "green");
    assert.equal(world.slots.blue[0]?.version, "1.0.0");
  });

  test("a proxy that is not there, or has nothing to serve yet, serves nothing, and the rest of the world is known", async () => {
    for (const serving of [
      async () => "",
      () => Promise.reject(new Error("No such container: blue-green-dev-proxy")),
    ]) {
      const world = await readWorld(engineWith(inspectedSlot, serving).docker, owner);
      assert.ok(!("unknown" in world) && !("serving" in world));
      assert.equal(world.slots.blue[0]?.id, "b1");
    }
  });

  test("a proxy that runs and can't be asked is told from one that is not there, or does not run, with the client's words", async () => {
    const serving = () => Promise.reject(new Error("no answer within 20 s"));
    const proxyThat = (Running: boolean): Inspected => ({
      Id: "p1",
      State: { Running, Status: "", StartedAt: "", ExitCode: 0, OOMKilled: false },
      Name: "/blue-green-dev-proxy",
      Config: { Labels: { ...own, "blue-green.role": "proxy" } },
    });
    const silent = async (container: Inspected) => {
      const world = await readWorld(engineWith(container, serving).docker, owner);
      assert.ok(!("unknown" in world) && !("serving" in world));
      return world.silent;
    };
    assert.equal(await silent(proxyThat(true)), "no answer within 20 s");
    assert.equal(await silent(proxyThat(false)), undefined);
    assert.equal(await silent(inspectedSlot), undefined);
  });

  test("an engine without anything of this stack is asked to inspect nothing", async () => {
    const asked: string[] = [];
    const ask = async (...args: string[]) => {
      asked.push(args.slice(0, 2).join(" "));
      return "";
    };
    assert.deepEqual(await readWorld(stubDocker({ ask }), owner), {
      slots: { blue: [], green: [] },
      built: { blue: [], green: [] },
    });
    assert.deepEqual(asked.sort(), ["container ls", "exec -e", "image ls", "volume ls"]);
  });

  test("a proxy that is gone while its volume is there is told from a stack that was never made", async () => {
    for (const [volumes, gone] of [
      ["blue-green-dev-proxy\n", true],
      ["blue-green-dev-shop-proxy\nmine\n", undefined],
      ["", undefined],
    ] as const) {
      const ask = async (...args: string[]) => (args[0] === "volume" ? volumes : "");
      const world = await readWorld(stubDocker({ ask }), owner);
      assert.equal("unknown" in world || world.proxyGone, gone, volumes);
    }
  });

  test("the colors' containers alone are read with two questions", async () => {
    const { docker, asked } = engineWith(inspectedSlot, () => assert.fail("the proxy is not asked"));
    assert.equal((await readContainers(docker, owner)).slots.blue[0]?.id, "b1");
    assert.deepEqual(asked, [
      ["container", "ls", "--all", "--quiet", "--no-trunc", ...filters],
      ["container", "inspect", "one"],
    ]);
  });

  test("where no engine answers the world is unknown, with the client's own words", async () => {
    const ask = () => Promise.reject(new Error("Cannot connect to the Docker daemon"));
    assert.deepEqual(await readWorld(stubDocker({ ask }), owner), {
      unknown: true,
      reason: "Cannot connect to the Docker daemon",
    });
  });

  test("each service sees its own containers alone, a stack's one without a name none of theirs, and all of it is asked once", async () => {
    const of = (service: string | undefined): Inspected => ({
      ...inspectedSlot,
      Id: `${service}-blue`,
      Name: service === undefined ? "/blue-green-dev-blue" : `/blue-green-dev-${service}-blue`,
      Config: { Labels: { ...inspectedSlot.Config.Labels, ...(service && { "blue-green.service": service }) } },
    });
    const asked: string[] = [];
    const ask = async (...args: string[]): Promise<string> => {
      asked.push(args.filter((arg) => arg !== READ).join(" "));
      if (args[0] === "exec") return `answer 0123 ${args.includes("blue-green-dev-api-proxy") ? "green" : "blue"}\n`;
      return args[1] === "inspect" ? JSON.stringify([of("shop"), of("api"), of(undefined)]) : "one\n";
    };
    const owners = [{ ...owner, service: "shop" }, { ...owner, service: "api" }, owner];
    const worlds = await readWorlds(stubDocker({ ask }), owner, owners);
    assert.deepEqual(
      worlds.map((world) => "slots" in world && [world.slots.blue.map(({ id }) => id), world.serving?.color]),
      [
        [["shop-blue"], "blue"],
        [["api-blue"], "green"],
        [["undefined-blue"], "blue"],
      ],
    );
    assert.deepEqual(
      asked.filter((args) => args.startsWith("exec")).map((args) => args.split(" ").at(-3)),
      ["blue-green-dev-shop-proxy", "blue-green-dev-api-proxy", "blue-green-dev-proxy"],
    );
    assert.equal(asked.length, 3 + 4 + 1);
    for (const [at, id] of ["shop-blue", "api-blue", "undefined-blue"].entries()) {
      assert.deepEqual(
        (await readContainers(stubDocker({ ask }), owners[at] ?? owner)).slots.blue.map(({ id }) => id),
        [id],
      );
    }
    // The engine hands over no more than it must.
    assert.ok(
      asked.some((args) => args.endsWith("--filter label=blue-green.stack=dev --filter label=blue-green.service=shop")),
    );
  });

  test("of twenty proxies no more than four are asked at the same time", async () => {
    let [now, most] = [0, 0];
    const ask = async (...args: string[]): Promise<string> => {
      if (args[0] !== "exec") return "";
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      now -= 1;
      return "";
    };
    const owners = Array.from({ length: 20 }, (_, at) => ({ ...owner, service: `s${at}` }));
    assert.equal((await readWorlds(stubDocker({ ask }), owner, owners)).length, 20);
    assert.equal(most, 4);
  });
});
