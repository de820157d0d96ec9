import { createHmac } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";

/** A key as Standard Webhooks writes it. */
export const SIGNING_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** One request that a receiver got. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver of words in the test's process, gone with the test. */
export class TestReceiver {
  readonly received: Received[] = [];
  /** What it does with a request once it has all of it. */
  answer: (response: ServerResponse, attempt: number) => void = (response) => response.writeHead(204).end();

  private constructor(
    private readonly server: Server,
    private readonly scheme: "http" | "https",
    private readonly host: string,
  ) {}

  static async listen(
    t: TestContext,
    { tls, host = "127.0.0.1" }: { tls?: { cert: string; key: string }; host?: string } = {},
  ) {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const receiver = new TestReceiver(server, tls === undefined ? "http" : "https", host);
    const sockets = new Set<Socket>();
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    });
    server.on("request", (request, response) => void receiver.take(request, response));
    await once(server.listen(0, host), "listening");
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return receiver;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces = await request.toArray().catch(() => []);
    const { method = "", url = "", headers } = request;
    this.received.push({ method, path: url, headers, body: Buffer.concat(pieces).toString() });
    response.on("error", () => {});
    this.answer(response, this.received.length);
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `${this.scheme}://${this.host.includes(":") ? `[${this.host}]` : this.host}:${port}`;
  }

  /** The words that it got, as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: what came is what the test is about.
  get words(): any[] {
    return this.received.map(({ body }) => JSON.parse(body));
  }
}

/** Whether a request is signed with this key, as its receiver finds out: by the specification, and not by our own code. */
export function isSigned({ headers, body }: Received, key: string): boolean {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = headers;
  const bytes = Buffer.from(key.replace("whsec_", ""), "base64");
  const fresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
  return (
    fresh && signature === `v1,${createHmac("sha256", bytes).update(`${id}.${timestamp}.${body}`).digest("base64")}`
  );
}
