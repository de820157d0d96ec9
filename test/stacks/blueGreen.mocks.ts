import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { CallbackServer } from "@pulumi/pulumi/runtime/callbacks";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { BlueGreen, type BlueGreenArgs } from "../../stacks/blueGreen";
import type { Docker } from "../../stacks/engine/docker";
import { renderConfiguration } from "../../stacks/proxy/nginxConfiguration";
import { proxyMadeFrom } from "../../stacks/proxy/proxy";
import type { Color } from "../../stacks/service/color";
import { generationOf, type HistoryEntry } from "../../stacks/service/serving";
import type { ContainerState, SlotContainer, World } from "../../stacks/service/world";
import type { Settings } from "../../stacks/settings/settings";
import { slotSpecOf } from "../../stacks/slot";
import { stubDocker } from "./engine/docker.stub";
import { sampleSettings } from "./settings/settings.sample";

export interface Made {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

/** What a resource was registered with besides its inputs. */
export interface Options {
  ignoreChanges: string[];
  replaceOnChanges: string[];
  deleteBeforeReplace: boolean;
  /** The resources that it waits for, by type and name. */
  dependencies: string[];
  /** Outputs that are kept secret in the state. */
  secretOutputs: string[];
  /** Its hooks' names, by moment. */
  hooks: Record<string, string[]>;
  retainOnDelete: boolean;
  /** Its type, behind those of what it stands below. */
  types: readonly string[];
}

export let made: Made[] = [];

export let options: Map<string, Options>;

/** What each cutover is followed by. */
export const TOLD = { afterCreateList: ["service-told"], afterUpdateList: ["service-told"] };

/** The types of each resource and of what it stands below, by its URN: the SDK's mocks have but one above it in there. */
let chains: Map<string, readonly string[]>;

export let hooks: Map<string, pulumi.ResourceHook>;

export const errorHooks = new Map<string, pulumi.ErrorHook>();

/** A resource that is under way until then. */
let held: { resource: string; until: Promise<void> } | undefined;

/** Has a resource under way until then. */
export function hold(resource: string, until: Promise<void>): void {
  held = { resource, until };
}

// The SDK's mocks show no options and know no hooks: both are taken down where they pass by.
export const { registerResource } = MockMonitor.prototype;

MockMonitor.prototype.registerResource = function (request, callback) {
  const named = Object.entries<string[]>(request.getHooks()?.toObject() ?? {});
  const types = [...(chains.get(request.getParent()) ?? []), request.getType()];
  options.set(`${request.getType()} ${request.getName()}`, {
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    deleteBeforeReplace: request.getDeletebeforereplace(),
    dependencies: request
      .getDependenciesList()
      .map((urn: string) => urn.split("::").slice(2).join(" ").split("$").at(-1))
      .sort(),
    secretOutputs: request.getAdditionalsecretoutputsList(),
    hooks: Object.fromEntries(named.filter(([, names]) => names.length > 0)),
    retainOnDelete: request.getRetainondelete(),
    types,
  });
  const done: typeof callback = (error, response) => {
    if (response) chains.set(response.getUrn(), types);
    callback(error, response);
  };
  return registerResource.call(this, request, done);
};

Object.assign(MockMonitor.prototype, {
  registerResourceHook: (_hook: unknown, done: (error: null, answer: object) => void) => done(null, {}),
  registerErrorHook: (_hook: unknown, done: (error: null, answer: object) => void) => done(null, {}),
});

export const { registerErrorHook, registerResourceHook } = CallbackServer.prototype;

CallbackServer.prototype.registerErrorHook = function (hook) {
  errorHooks.set(hook.name, hook);
  return registerErrorHook.call(this, hook);
};

CallbackServer.prototype.registerResourceHook = function (hook) {
  hooks.set(hook.name, hook);
  return registerResourceHook.call(this, hook);
};

pulumi.runtime.setMocks(
  {
    newResource: async ({ type, name, inputs }) => {
      if (held?.resource === `${type} ${name}`) await held.until;
      if (!type.startsWith("blue-green:")) made.push({ type, name, inputs });
      return { id: `${name}-id`, state: { ...inputs, imageId: `sha256:${name}` } };
    },
    call: () => ({}),
  },
  "blue-green",
  "dev",
  false,
);

export const owner = { project: "blue-green", stack: "dev" };

export const empty: World = { slots: { blue: [], green: [] }, built: { blue: [], green: [] } };

export const running: ContainerState = {
  ...{ Running: true, Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, OOMKilled: false },
};

export const template = readFileSync(join(__dirname, "..", "..", "nginx", "nginx.conf.mustache"), "utf8");

export const render = (settings: Settings) => {
  const { slots, ...shared } = settings;
  const reached = (color: Color) => ({ ...shared, image: slots[color].image ?? "" });
  return renderConfiguration(template, {
    ...shared,
    slots: { blue: reached("blue"), green: reached("green") },
    files: {},
  });
};

/** What an `up` with these settings, which ended well, has left on the engine. */
export function after(change: Partial<Settings>): World {
  const settings = { ...sampleSettings, ...change };
  const { activeColor, slots, environment, secretEnvironment } = settings;
  const generation = generationOf(render(settings));
  const container = (color: Color): SlotContainer => ({
    ...{
      id: `${color}-1`,
      name: `blue-green-dev-${color}`,
      replica: 1,
      imageId: "sha256:1",
      state: running,
      restarts: 0,
    },
    version: slots[color].version,
    made: slotSpecOf(color, settings),
    environment: { ...environment, ...secretEnvironment },
  });
  return {
    ...empty,
    proxy: { id: "p", running: true, made: proxyMadeFrom(owner, settings) },
    slots: { blue: [container("blue")], green: [container("green")] },
    serving: {
      ...{ generation, declared: generation, color: activeColor, answers: true, edited: false, history: [] },
      canaryPercent: settings.canaryPercent,
      replicas: { blue: settings.replicas, green: settings.replicas },
      record: {
        stable: { blue: ["blue-1"], green: ["green-1"] },
        ...(settings.canaryPercent > 0 && { canary: settings.canaryPercent }),
      },
    },
  };
}

/** The value that an output gets. */
export const promiseOf = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((resolve) => output.apply(resolve));

/** One network, one volume, three images, three containers and one command. */
export const RESOURCES = 9;

/** Makes the component with these settings and answers all that it made; its proxy serves what the cutover asks for. */
export async function make(
  settings: Partial<Settings> = {},
  world: World = empty,
  resources = RESOURCES,
  more: Partial<BlueGreenArgs> = {},
  meanwhile: (service: BlueGreen) => Promise<void> = async () => {},
) {
  made = [];
  options = new Map();
  chains = new Map();
  hooks = new Map();
  const asked: string[][] = [];
  const engine = stubDocker({
    ask: async (...args) => {
      asked.push(args);
      const cutover = more.owner?.service === undefined ? "cutover" : `${more.owner.service}-cutover`;
      const { stdin, environment } = one(COMMAND, cutover) as { stdin: string; environment: Record<string, string> };
      const hosts = JSON.parse(environment.BLUE_GREEN_HOSTS ?? "[]") as { proxy: string; configuration?: string }[];
      const own = hosts.find(({ proxy }) => args.includes(proxy))?.configuration ?? stdin;
      const serves = `${generationOf(own)} ${settings.activeColor ?? "blue"}`;
      return `answer ${serves}\nfile ${serves}\nhealth blue well 200\nhealth green well 200\n`;
    },
    log: async () => "no database\n",
  });
  const places = more.places?.map((place) => ({ ...place, engine }));
  const all = { owner, settings: { ...sampleSettings, ...settings }, world, engine, ...more };
  const args: BlueGreenArgs = { ...all, ...(places && { places }) };
  const service = new BlueGreen(args.owner.service ?? "service", args);
  await meanwhile(service);
  // The component is there before its parts are, and the last word is the proxy's: two questions.
  const deadline = Date.now() + 20_000;
  while (made.length < resources || asked.length < 2) {
    assert.ok(Date.now() < deadline, `${made.length} resources were made, ${asked.length} questions asked`);
    await pause(5);
  }
  await pulumi.runtime.disconnect();
  return { service, asked, engine };
}

export const one = (type: string, name: string): Record<string, unknown> => {
  const found = made.filter((resource) => resource.type === type && resource.name === name);
  assert.equal(found.length, 1, `exactly one ${type} ${name}`);
  return (found[0] as Made).inputs;
};

export const optionsOf = (type: string, name: string): Options => {
  const found = options.get(`${type} ${name}`);
  assert.ok(found, `${type} ${name}`);
  return found;
};

export const IMAGE = "docker:index/remoteImage:RemoteImage";

export const CONTAINER = "docker:index/container:Container";

export const COMMAND = "command:local:Command";

beforeEach(() => {
  made = [];
  options = new Map();
  chains = new Map();
  hooks = new Map();
  held = undefined;
});

/** Runs a hook as the engine does at a step of a resource; returns its error. */
export async function errorOf(
  name: string,
  resource = name.split("-")[1] ?? "",
  newInputs?: object,
): Promise<string | undefined> {
  const hook = hooks.get(name);
  assert.ok(hook, name);
  const args = { urn: "urn", id: "g1", name: resource, type: CONTAINER, ...(newInputs && { newInputs }) };
  return Promise.resolve(hook.callback(args)).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** Runs a hook as the engine does where a resource could not be made or deleted; returns whether it is tried again. */
export async function failed(hook: string, name: string, failedOperation: "create" | "delete"): Promise<boolean> {
  const found = errorHooks.get(hook);
  assert.ok(found, hook);
  return found.callback({ urn: "urn", id: "", name, type: CONTAINER, failedOperation, errors: ["no such image"] });
}

/** An engine on which each container has ended with exit code 3; answers what was written to the history. */
export function allEnded(engine: Docker): { asked: string[][]; written: HistoryEntry[] } {
  const asked: string[][] = [];
  const written: HistoryEntry[] = [];
  engine.ask = async (...args) => {
    asked.push(args);
    if (args[0] === "exec") written.push(JSON.parse(args.at(-1) ?? ""));
    const State = { ...running, Running: false, ExitCode: 3 };
    return JSON.stringify([{ Name: "/blue-green-dev-x", RestartCount: 0, State }]);
  };
  return { asked, written };
}

/** An engine on which each container runs and its health path is answered like this; answers what the proxy was asked. */
export function answering(engine: Docker, says: string): string[][] {
  const asked: string[][] = [];
  engine.ask = async (...args) => {
    if (args[0] === "container")
      return JSON.stringify([{ Name: "/blue-green-dev-green", RestartCount: 0, State: running }]);
    asked.push(args);
    // The script asks until a second is over.
    if (!says.startsWith("well")) await pause(100);
    return `${says}\n`;
  };
  return asked;
}

/** What is said to people from now on. */
export function listen(t: TestContext, ...kinds: ("info" | "warn")[]): string[] {
  const said: string[] = [];
  for (const kind of kinds) {
    t.mock.method(pulumi.log, kind, async (line: string) => {
      said.push(line);
    });
  }
  return said;
}

/** All outputs, by name. */
export async function outputsOf(service: BlueGreen): Promise<Record<string, unknown>> {
  const { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion, pending } = service;
  return promiseOf(
    pulumi.output({ url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion, pending }),
  );
}
