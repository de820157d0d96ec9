import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { freshGets, keepAliveGets, LIGHT, type Load } from "../load";
import { backendImages } from "./backend";
import type { EngineHost } from "./engineHost";
import { EngineHosts } from "./engineHosts";
import { baseImages, get, TestStack } from "./stack";

/** What the three hosts are called in the setting. */
export const NAMES = ["a", "b", "c"] as const;
export type Name = (typeof NAMES)[number];

/** A stack on three hosts, of which the first is its own engine. */
export class HostsStack {
  private constructor(
    readonly stack: TestStack,
    readonly hosts: EngineHosts,
    /** The hosts by their names in the setting. */
    readonly byName: Readonly<Record<Name, EngineHost>>,
    /** Whether the engines of the hosts beside the first are asked over the network. */
    private readonly overNetwork: boolean,
  ) {}

  /** Starts the hosts, which have the test backend's images; or answers in words why this machine can't have them. */
  static async startHosts(t: TestContext): Promise<EngineHosts | string> {
    const { blueImage = "", greenImage = "" } = await backendImages();
    return EngineHosts.start(t, 3, [baseImages().nginxImage ?? "", blueImage, greenImage]);
  }

  /**
   * Makes the stack, without deploying it. It belongs in a test within that of the hosts, so that it is removed before they are.
   *
   * @param settings what differs from the defaults.
   * @param overNetwork whether the engines of the hosts beside the first are asked over the network: they feel a cut then.
   */
  static async make(
    t: TestContext,
    hosts: EngineHosts,
    settings: Record<string, string> = {},
    { overNetwork = false } = {},
  ): Promise<HostsStack> {
    const [a, b, c] = hosts.all;
    assert.ok(a && b && c);
    const images = await backendImages();
    const stack = await TestStack.make(t, { ...images, bindAddress: "0.0.0.0", ...settings }, a.env);
    const made = new HostsStack(stack, hosts, { a, b, c }, overNetwork);
    await made.setHosts("a", "b", "c");
    return made;
  }

  /** Has the stack run on these hosts; on its own engine, as without the setting, where none is named. */
  async setHosts(...names: Name[]): Promise<void> {
    if (names.length === 0) {
      await this.stack.tryPulumi("config", "rm", "hosts");
      return;
    }
    const address = ({ env, tcp }: EngineHost) => (this.overNetwork ? tcp : env.DOCKER_HOST);
    const entries = names.map((name) => [name, name === "a" ? "own" : address(this.byName[name])]);
    await this.stack.setObject("hosts", Object.fromEntries(entries));
  }

  /** Where the public reaches a host. */
  urlOf(name: Name): string {
    return `http://${this.byName[name].address}:${this.stack.ports.http}`;
  }

  /** The color that the public of a host gets. */
  async colorOn(name: Name): Promise<unknown> {
    return (await get(`${this.urlOf(name)}/`)).headers["x-color"];
  }

  /** Begins load that comes to all of these hosts. */
  load(...names: Name[]): Load[] {
    return names.flatMap((name) => {
      const options = { ...LIGHT, url: `${this.urlOf(name)}/`, requestTimeoutMs: 10_000, maxSeconds: 300 };
      return [keepAliveGets({ ...options, connections: 6 }), freshGets({ ...options, connections: 2 })];
    });
  }

  /** What Docker calls a part of the stack, the same on each host. */
  called(part: string): string {
    return `blue-green-${this.stack.name}-${part}`;
  }

  /** The history on a host, oldest first. */
  async history(name: Name): Promise<Record<string, unknown>[]> {
    const file = "/var/lib/blue-green/history.jsonl";
    const text = await this.byName[name].docker("exec", this.called("proxy"), "cat", file);
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  /** Has the test backend of a color on a host do something wrong from now on (see backend.py); nothing is wrong any more with `{}`. */
  async faults(name: Name, color: "blue" | "green", what: Record<string, number>): Promise<void> {
    const script =
      "import sys, urllib.request as u; " +
      "u.urlopen(u.Request('http://127.0.0.1:5000/faults', data=sys.argv[1].encode(), method='POST'))";
    await this.byName[name].docker("exec", this.called(color), "python", "-c", script, JSON.stringify(what));
  }
}
