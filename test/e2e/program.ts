import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pulumiHome } from "./pulumiHome";
import { type Ended, must, run } from "./stack";

const CHECKOUT = join(__dirname, "..", "..");

/** A program of somebody else's with the package, as `npm pack` makes it, installed; gone when the test ends. */
export class Program {
  private constructor(
    /** The stack's name. */
    readonly name: string,
    /** The program's folder, free to be changed by the test. */
    readonly directory: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Copies the program, installs the package there, and sees to it that nothing of it is left. Nothing is deployed yet. */
  static async make(t: TestContext, source: string): Promise<Program> {
    const directory = mkdtempSync(join(tmpdir(), "blue-green-program-"));
    cpSync(source, directory, { recursive: true });
    rmSync(join(directory, "Pulumi.dev.yaml"), { force: true });
    const name = `test-${directory.slice(-6).toLowerCase()}`;
    const program = new Program(name, directory, {
      ...process.env,
      PULUMI_HOME: pulumiHome(directory),
      PULUMI_BACKEND_URL: `file://${directory}/state`,
      PULUMI_CONFIG_PASSPHRASE: "of a test",
      PULUMI_STACK: name,
    });
    t.after(() => program.remove());
    mkdirSync(join(directory, "state"));
    await program.install();
    await program.pulumi("stack", "init", name);
    return program;
  }

  /** The packed package, unpacked where npm would put it; what it depends on is this checkout's, so that no registry is needed. */
  private async install(): Promise<void> {
    const packed = await must("npm", ["pack", "--silent", "--pack-destination", this.directory], { cwd: CHECKOUT });
    const modules = join(this.directory, "node_modules");
    mkdirSync(join(modules, "blue-green"), { recursive: true });
    const tarball = join(this.directory, packed.trim().split("\n").at(-1) ?? "");
    await must("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "blue-green")]);
    for (const entry of readdirSync(join(CHECKOUT, "node_modules")).filter((name) => name !== ".bin")) {
      symlinkSync(join(CHECKOUT, "node_modules", entry), join(modules, entry));
    }
    mkdirSync(join(modules, ".bin"));
    for (const entry of readdirSync(join(CHECKOUT, "node_modules", ".bin")))
      symlinkSync(join(CHECKOUT, "node_modules", ".bin", entry), join(modules, ".bin", entry));
    symlinkSync(join("..", "blue-green", "dist", "commands", "cli.js"), join(modules, ".bin", "blue-green"));
    chmodSync(join(modules, "blue-green", "dist", "commands", "cli.js"), 0o755);
  }

  /** Settings of the stack: `key` or, with dots or brackets in it, a path; values as text. */
  async configure(settings: Record<string, string | number>): Promise<void> {
    const flags = Object.entries(settings).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
    await this.pulumi("config", "set-all", "--path", ...flags);
  }

  /** Changes a file of the program's. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.directory, file);
    const before = readFileSync(path, "utf8");
    const after = change(before);
    if (after === before) throw new Error(`${file} is not changed by that`);
    writeFileSync(path, after);
  }

  /** A Pulumi command that must succeed, as a user types it. */
  pulumi(...args: string[]): Promise<string> {
    return must("pulumi", ["--non-interactive", ...args], { cwd: this.directory, env: this.env });
  }

  /** Any command in the program's folder; it may fail. */
  command(file: string, ...args: string[]): Promise<Ended> {
    return run(file, args, { cwd: this.directory, env: this.env });
  }

  up(): Promise<string> {
    return this.pulumi("up", "--yes", "--skip-preview");
  }

  docker(...args: string[]): Promise<string> {
    return must("docker", args, { env: this.env });
  }

  /** What the engine has of this stack: names of containers, networks, volumes; images by id. */
  async all(kind: "container" | "network" | "volume" | "image"): Promise<string[]> {
    const format = { container: "{{.ID}} {{.Names}}", network: "{{.Name}}", volume: "{{.Name}}", image: "{{.ID}}" };
    const every = kind === "container" || kind === "image" ? ["--all"] : [];
    const mine = ["--filter", `label=blue-green.stack=${this.name}`, "--format", format[kind]];
    const out = await this.docker(kind, "ls", ...every, ...mine);
    return [...new Set(out.split("\n").filter(Boolean))].sort();
  }

  private async remove(): Promise<void> {
    const destroyed = await this.command("pulumi", "--non-interactive", "destroy", "--yes", "--skip-preview");
    // Where a test has broken more than `destroy` can mend: what carries this stack's label, and nothing else.
    for (const kind of ["container", "network", "volume", "image"] as const) {
      for (const line of await this.all(kind)) {
        const force = kind === "network" ? [] : ["--force"];
        await run("docker", [kind, "rm", ...force, line.split(" ", 1)[0] ?? ""], { env: this.env });
      }
    }
    rmSync(this.directory, { recursive: true, force: true });
    if (destroyed.code !== 0) throw new Error(`pulumi destroy failed:\n${destroyed.output}`);
  }
}
