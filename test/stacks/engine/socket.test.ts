import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Docker, DockerError, dockerAt } from "../../../stacks/engine/docker";
import { socketIn } from "../../../stacks/engine/socket";

/** Of a request that is not answered, and of one with which the engine goes away. */
const NEVER = Symbol("never");
const GONE = Symbol("gone");

/** What a stand-in for the engine answers; false for a status 500. */
type Answers = (request: string, body: unknown) => unknown;

/** A command in a container, of which the stand-in for the engine has started one. */
interface Started {
  connection: Socket;
  /** What has come as its standard input. */
  input: () => string;
  /** Whether that has ended. */
  inputEnded: Promise<void>;
}

const frame = (stream: 1 | 2, text: string): Buffer => {
  const content = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(content.length, 4);
  return Buffer.concat([head, content]);
};

/** A stand-in for the engine behind a socket, and one for the client on PATH, which says with what it was started. */
class Engine {
  readonly asked: string[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), "socket-"));
  private readonly server: Server;

  private constructor(answers: Answers, runs: (started: Started) => unknown) {
    this.server = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      request.on("end", () => {
        const asked = `${request.method} ${decodeURIComponent(request.url ?? "")}`;
        this.asked.push(asked);
        const answer = answers(asked, text === "" ? undefined : JSON.parse(text));
        if (answer === NEVER) return;
        response.statusCode = answer === false ? 500 : 200;
        response.end(JSON.stringify(answer === false ? { message: "no" } : answer));
      });
    });
    this.server.on("upgrade", (request, connection: Socket, head) => {
      this.asked.push(`${request.method} ${request.url}`);
      if (answers(`${request.method} ${request.url}`, undefined) === GONE) {
        connection.destroy();
        return;
      }
      connection.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      const parts: Buffer[] = [head];
      connection.on("data", (part: Buffer) => parts.push(part));
      connection.on("error", () => {});
      const inputEnded = new Promise<void>((resolve) => connection.on("end", resolve));
      // It comes behind the request's own body.
      const input = () =>
        Buffer.concat(parts)
          .toString()
          .replace(/^\{.*?\}/, "");
      void runs({ connection, input, inputEnded });
    });
  }

  static async start(
    t: TestContext,
    answers: Answers = () => false,
    runs: (started: Started) => unknown = () => {},
  ): Promise<{ engine: Engine; docker: Docker }> {
    const engine = new Engine(answers, runs);
    const { PATH, DOCKER_HOST } = process.env;
    writeFileSync(join(engine.directory, "docker"), '#!/bin/sh\necho "client $*"\nexit 3\n');
    chmodSync(join(engine.directory, "docker"), 0o755);
    const socket = join(engine.directory, "engine.sock");
    await new Promise<void>((resolve) =>
      engine.server.listen({ path: socket, allowHalfOpen: true } as object, resolve),
    );
    process.env.PATH = engine.directory;
    process.env.DOCKER_HOST = `unix://${socket}`;
    t.after(() => {
      process.env.PATH = PATH;
      if (DOCKER_HOST === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = DOCKER_HOST;
      engine.server.closeAllConnections();
      engine.server.close();
      rmSync(engine.directory, { recursive: true });
    });
    return { engine, docker: dockerAt(undefined) };
  }
}

/** Answers for one command in a container that has ended with this exit code after so many looks. */
const command =
  (code: number, looks = 0): Answers =>
  (asked) => {
    if (asked === "POST /containers/web/exec") return { Id: "e1" };
    if (asked !== "GET /exec/e1/json") return false;
    looks -= 1;
    return looks >= 0 ? { Running: true, ExitCode: null } : { Running: false, ExitCode: code };
  };

describe("the engine's socket", () => {
  test("a list and an inspection say what the client prints, and start no client", async (t) => {
    const { engine, docker } = await Engine.start(t, (asked) => {
      if (asked.startsWith("GET /containers/json")) return [{ Id: "one" }, { Id: "two" }];
      const id = /^GET \/(?:containers|images)\/(.*)\/json$/.exec(asked)?.[1];
      return id === undefined ? false : { Id: id, Name: "ü" };
    });
    const filters = ["--filter", "label=a=b", "--filter", 'label=c="d'];
    assert.equal(await docker.ask("container", "ls", "--all", "--quiet", "--no-trunc", ...filters), "one\ntwo\n");
    assert.deepEqual(JSON.parse(await docker.ask("container", "inspect", "one", "two")), [
      { Id: "one", Name: "ü" },
      { Id: "two", Name: "ü" },
    ]);
    const image = "registry:5000/shop/web@sha256:1";
    assert.deepEqual(JSON.parse(await docker.ask("image", "inspect", image)), [{ Id: image, Name: "ü" }]);
    assert.deepEqual(engine.asked, [
      'GET /containers/json?all=true&filters={"label":["a=b","c=\\"d"]}',
      "GET /containers/one/json",
      "GET /containers/two/json",
      `GET /images/${image}/json`,
    ]);
  });

  test("a command in a container has its variables, its input, both outputs and its exit code, however they are cut", async (t) => {
    const made: unknown[] = [];
    const answers = command(7, 3);
    const { docker } = await Engine.start(
      t,
      (asked, body) => {
        if (body !== undefined) made.push(body);
        return answers(asked, body);
      },
      async ({ connection, input, inputEnded }) => {
        await inputEnded;
        const all = Buffer.concat([
          frame(1, `got ${input().length}\nü`),
          frame(2, "err\n"),
          frame(1, "\u{1f986}\nrest"),
        ]);
        for (const byte of all) connection.write(Buffer.from([byte]));
        connection.end();
      },
    );
    const lines: string[] = [];
    const ended = await docker.run(["exec", "-i", "-e", "A=b c", "-e", "C=", "web", "sh", "-c", "x", "-i"], {
      input: "x".repeat(300_000),
      onLine: (line) => lines.push(line),
    });
    assert.deepEqual(ended, { code: 7, stdout: "got 300000\nü\u{1f986}\nrest", stderr: "err\n" });
    assert.deepEqual(lines, ["got 300000", "ü\u{1f986}", "rest"]);
    assert.deepEqual(made, [
      {
        ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
        ...{ Env: ["A=b c", "C="], Cmd: ["sh", "-c", "x", "-i"] },
      },
    ]);
  });

  test("a command that ends without having read its input is no error of ours, and is not waited for", async (t) => {
    const options = { input: "x".repeat(10_000_000), timeoutSeconds: 3 };
    const gone = await Engine.start(t, command(3), ({ connection }) => connection.destroy());
    assert.equal((await gone.docker.run(["exec", "-i", "web", "true"], options)).code, 3);
    const idle = await Engine.start(t, command(4), ({ connection }) => connection.pause().end(frame(1, "said")));
    assert.deepEqual(await idle.docker.run(["exec", "-i", "web", "true"], options), {
      ...{ code: 4, stdout: "said", stderr: "" },
    });
  });

  test("the client is asked whatever it alone knows, and whatever the engine does not do", async (t) => {
    const { engine, docker } = await Engine.start(t);
    const client = async (...args: string[]) =>
      assert.deepEqual(await docker.run(args), { code: 3, stdout: `client ${args.join(" ")}\n`, stderr: "" });
    for (const args of ["ps", "exec -t web tty", "exec -e HOME web env", "exec -i", "container inspect --size web"])
      await client(...args.split(" "));
    for (const args of ["container ls --quiet", "container ls --all --quiet --no-trunc --filter name=x", "volume ls"])
      await client(...args.split(" "));
    assert.deepEqual(engine.asked, []);
    for (const args of ["exec web true", "container inspect web", "image inspect web"])
      await client(...args.split(" "));
    assert.equal(engine.asked.length, 3);
  });

  test("a command whose end is not known is an error, and is not started again by the client", async (t) => {
    const { docker } = await Engine.start(
      t,
      (asked) => (asked === "POST /containers/web/exec" ? { Id: "e1" } : false),
      ({ connection }) => connection.destroy(),
    );
    await assert.rejects(docker.run(["exec", "web", "true"]), {
      name: "DockerError",
      message: "the engine does not say how the command has ended",
    });
  });

  test("a command of which nobody says whether it was started is an error, and is not started by the client", async (t) => {
    const { engine, docker } = await Engine.start(t, (asked) => {
      if (asked === "POST /containers/web/exec") return { Id: "e1" };
      return asked === "POST /exec/e1/start" ? GONE : false;
    });
    await assert.rejects(docker.run(["exec", "web", "true"]), {
      name: "DockerError",
      message: "the engine does not say whether the command was started",
    });
    assert.deepEqual(engine.asked, ["POST /containers/web/exec", "POST /exec/e1/start"]);
  });

  test("a command that takes too long is let go, and its name and the limit are said", async (t) => {
    let closed = false;
    const { docker } = await Engine.start(t, command(0), ({ connection }) => {
      const more = setInterval(() => connection.write(frame(1, "more\n")), 10);
      connection.on("close", () => {
        clearInterval(more);
        closed = true;
      });
    });
    await assert.rejects(docker.run(["exec", "web", "sleep", "60"], { timeoutSeconds: 0.3 }), (error) => {
      assert.ok(error instanceof DockerError);
      assert.equal(error.message, "`docker exec` had no answer within 0.3 s");
      return true;
    });
    for (let look = 0; look < 100 && !closed; look++) await pause(10);
    assert.equal(closed, true);
  });

  test("an engine that never says that a command has ended is said as late", async (t) => {
    const { docker } = await Engine.start(t, command(0, Number.POSITIVE_INFINITY), ({ connection }) =>
      connection.end(),
    );
    await assert.rejects(docker.run(["exec", "web", "true"], { timeoutSeconds: 0.3 }), {
      message: "`docker exec` had no answer within 0.3 s",
    });
  });

  test("an engine that does not answer at all is said as late, and no client is started", async (t) => {
    const { docker } = await Engine.start(t, () => NEVER);
    await assert.rejects(docker.run(["container", "inspect", "web"], { timeoutSeconds: 0.3 }), {
      message: "`docker container` had no answer within 0.3 s",
    });
  });

  test("output without an end is bounded", async (t) => {
    const { docker } = await Engine.start(t, command(0), ({ connection }) => {
      const much = frame(1, "x".repeat(1 << 20));
      const more = () => connection.writable && connection.write(much, more);
      more();
    });
    await assert.rejects(docker.run(["exec", "web", "yes"]), { message: "`docker exec` wrote too much" });
  });

  test("it is the one of DOCKER_HOST, and none where that is another kind of address or the client's API is named", () => {
    assert.equal(socketIn({}), "/var/run/docker.sock");
    assert.equal(socketIn({ DOCKER_HOST: "" }), "/var/run/docker.sock");
    assert.equal(socketIn({ DOCKER_HOST: "unix:///run/user/1000/docker.sock" }), "/run/user/1000/docker.sock");
    for (const DOCKER_HOST of [
      "ssh://ann@shop.example",
      "tcp://127.0.0.1:2376",
      "npipe:////./pipe/docker_engine",
      "unix://",
    ])
      assert.equal(socketIn({ DOCKER_HOST }), undefined, DOCKER_HOST);
    assert.equal(socketIn({ DOCKER_API_VERSION: "1.41" }), undefined);
  });
});
