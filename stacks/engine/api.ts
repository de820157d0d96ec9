import { request } from "node:http";
import { Duplex } from "node:stream";
import { objectIn } from "../text/json";
import { type Docker, DockerError } from "./docker";

/** How long one answer may take: an engine that is busy makes a container in some seconds. */
const TIMEOUT_SECONDS = 60;

/** The most that is kept of what the client says of itself. */
const MOST_WORDS = 2000;

/** A request to the engine. */
export interface Question {
  method: "GET" | "POST";
  /** As the engine's API has it, with its version. */
  path: string;
  body: object;
}

/**
 * Sends one request to the engine's API and returns the object that it answers. The client makes the connection, so that it takes any
 * address that the client does, one behind SSH too; and what is in the request is on nobody's command line.
 *
 * @throws DockerError with the engine's words, or the client's where it reached none.
 */
export async function askApi(docker: Docker, question: Question): Promise<Record<string, unknown>> {
  const child = docker.start(["system", "dial-stdio"]);
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(0, MOST_WORDS);
  });
  const connection = Duplex.from({ readable: child.stdout, writable: child.stdin });
  connection.on("error", () => {});
  let late: NodeJS.Timeout | undefined;
  const unanswered = new Promise<never>((_, reject) => {
    const fail = (reason: string) => reject(new DockerError(words.trim() || reason));
    child.on("error", ({ message }) => fail(message));
    child.on("close", () => fail(`the engine did not answer ${question.method} ${question.path}`));
    late = setTimeout(() => fail(`the engine did not answer within ${TIMEOUT_SECONDS} s`), TIMEOUT_SECONDS * 1000);
  });
  // A connection that fails ends the client, which may say why.
  const answered = exchange(connection, question).catch(() => unanswered);
  try {
    const { status, text } = await Promise.race([answered, unanswered]);
    const said = objectIn(text) ?? {};
    if (status >= 200 && status < 300) return said;
    throw new DockerError(typeof said.message === "string" ? said.message : `the engine answered ${status}`);
  } finally {
    clearTimeout(late);
    connection.destroy();
    child.kill("SIGKILL");
  }
}

/** Sends a request on a connection and reads the answer to its end. */
function exchange(connection: Duplex, { method, path, body }: Question): Promise<{ status: number; text: string }> {
  const content = JSON.stringify(body);
  const headers = {
    ...{ Host: "docker", Connection: "close" },
    ...{ "Content-Type": "application/json", "Content-Length": Buffer.byteLength(content) },
  };
  return new Promise((resolve, reject) => {
    const asked = request({ createConnection: () => connection, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(content);
  });
}
