import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

const CHECKOUT = join(__dirname, "..", "..");

/** A request as it arrived. */
export interface Asked {
  method: string;
  path: string;
  authorization: string;
  body: unknown;
}

/** What a server answers: a status, and JSON or a text. */
export type Answer = [status: number, body: unknown];

/** A server on this machine where GitHub's API would be, and a runner's temporary folder. */
export class Runner {
  readonly asked: Asked[] = [];
  private constructor(
    private readonly api: string,
    private readonly directory: string,
  ) {}

  /** @param answer says what each request gets; the server holds nothing by itself. */
  static async start(t: TestContext, answer: (asked: Asked) => Answer): Promise<Runner> {
    const server = createServer(async (request, response) => {
      const text = await bodyOf(request);
      const asked = {
        method: request.method ?? "",
        path: request.url ?? "",
        authorization: request.headers.authorization ?? "",
        body: text === "" ? undefined : JSON.parse(text),
      };
      runner.asked.push(asked);
      const [status, body] = answer(asked);
      response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {});
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const directory = mkdtempSync(join(tmpdir(), "blue-green-runner-"));
    const runner = new Runner(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, directory);
    t.after(() => {
      server.closeAllConnections();
      server.close();
      rmSync(directory, { recursive: true });
    });
    return runner;
  }

  /** Leaves what an earlier step would. */
  leave(file: string, text: string): void {
    writeFileSync(join(this.directory, file), text);
  }

  /** Runs a script as its workflow does. */
  run(script: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; output: string }> {
    return ended(
      spawn(process.execPath, ["--require", "./setup/bundle.cjs", join(".github", "scripts", script), ...args], {
        cwd: CHECKOUT,
        env: {
          PATH: process.env.PATH,
          GITHUB_API_URL: this.api,
          GITHUB_SERVER_URL: "https://github.example",
          GITHUB_REPOSITORY: "org/shop",
          GITHUB_RUN_ID: "42",
          GITHUB_TOKEN: TOKEN,
          RUNNER_TEMP: this.directory,
          ...env,
        },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  }
}

export const TOKEN = "ghs_a-token-that-nobody-may-see";

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}

/** How a process ended, and what it printed. */
export function ended(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject).on("close", (code) => resolve({ code, output }));
  });
}
