import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { until } from "./failures";
import { freePorts, must } from "./stack";

/** The only user of a {@link TestRegistry}. */
export const USER = "robot$shop+ci";
/** With all that a shell, YAML or a URL would take for something of its own. */
export const PASSWORD = `it's "so" $ecret & long: 100%`;
/** The same as `htpasswd -B` writes it. */
const HASH = "$2b$05$abcdefghijklmnopqrstuuch3GTue8O60lRKrYYq9vwG1d3tv9qq2";

/** Debian's docker-registry on the loopback, with a user; gone when the test ends. */
export class TestRegistry {
  private constructor(readonly host: string) {}

  /** @param cache where setup/registry keeps what it has brought. */
  static async start(t: TestContext, cache: string): Promise<TestRegistry> {
    const directory = mkdtempSync(join(tmpdir(), "blue-green-registry-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const [port = 0] = await freePorts(1);
    mkdirSync(join(directory, "images"));
    writeFileSync(join(directory, "htpasswd"), `${USER}:${HASH}\n`);
    const config = {
      version: "0.1",
      log: { level: "warn" },
      storage: { filesystem: { rootdirectory: join(directory, "images") }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
      auth: { htpasswd: { realm: "a test", path: join(directory, "htpasswd") } },
    };
    // JSON is YAML.
    writeFileSync(join(directory, "config.yml"), JSON.stringify(config));
    const onPath = await must("sh", ["-c", "command -v docker-registry || true"]);
    const program = onPath.trim() || join(cache, "blue-green", "registry", "package", "usr", "bin", "docker-registry");
    const child = spawn(program, ["serve", join(directory, "config.yml")], { stdio: "ignore" });
    child.unref();
    t.after(async () => {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    });
    const registry = new TestRegistry(`127.0.0.1:${port}`);
    await until("the registry answers", async () => (await registry.ask("GET", "")) === 200);
    return registry;
  }

  /** Removes an image by its digest, as the owner of a registry does; its layers stay until that is cleaned up. */
  async remove(path: string, digest: string): Promise<void> {
    const status = await this.ask("DELETE", `${path}/manifests/${digest}`);
    if (status !== 202) throw new Error(`the registry answered ${status}`);
  }

  private ask(method: string, path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      request(`http://${this.host}/v2/${path}`, { method, auth: `${USER}:${PASSWORD}` }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      })
        .on("error", reject)
        .end();
    });
  }
}
