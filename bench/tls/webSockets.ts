import WebSocket from "ws";
import { HOST_ADDRESS } from "../client";
import { docker } from "../command";
import { pause, startsToServe } from "../measure";
import type { Contender } from "../place";
import { PATHS } from "./place";

export const WEB_SOCKETS = 1000;

/** As many are opened at once. */
const AT_ONCE = 50;

const ECHO_TIMEOUT_MILLISECONDS = 10_000;

/** Before memory is read: what is still in motion comes to rest. */
const REST_MILLISECONDS = 2000;

/** The memory of a proxy's container, in MiB. */
export interface Memory {
  before: number;
  /** With the WebSockets open. */
  with: number;
  /** WebSockets that could not be opened, or didn't bear a message at the end. */
  failed: number;
}

/** Measures what idle WebSockets take in a proxy that was just started: memory that it has from earlier would be used again. */
export async function webSocketMemory(proxy: Contender): Promise<Memory> {
  await docker("restart", proxy.id);
  await startsToServe(proxy);
  await pause(REST_MILLISECONDS);
  const before = await memoryOf(proxy.id);

  const sockets: WebSocket[] = [];
  try {
    for (let count = 0; count < WEB_SOCKETS; count += AT_ONCE) {
      const opening = Array.from({ length: AT_ONCE }, () => open(proxy.port));
      sockets.push(...(await Promise.all(opening)).filter((socket) => socket !== undefined));
    }
    await pause(REST_MILLISECONDS);
    const used = await memoryOf(proxy.id);
    const alive = (await Promise.all(sockets.map(echoes))).filter(Boolean).length;
    return { before, with: used, failed: WEB_SOCKETS - alive };
  } finally {
    for (const socket of sockets) socket.terminate();
  }
}

/** One that is open and has borne a message; undefined where it could not be had. */
function open(port: number): Promise<WebSocket | undefined> {
  const socket = new WebSocket(`wss://${HOST_ADDRESS}:${port}${PATHS.webSocket}`, {
    rejectUnauthorized: false,
    perMessageDeflate: false,
    handshakeTimeout: ECHO_TIMEOUT_MILLISECONDS,
  });
  return new Promise((resolve) => {
    // It stays: an error later on closes the socket, which no echo shows.
    socket.on("error", () => resolve(undefined));
    socket.on("open", async () => resolve((await echoes(socket)) ? socket : undefined));
  });
}

/** Whether a message comes back. */
function echoes(socket: WebSocket): Promise<boolean> {
  return new Promise((resolve) => {
    if (socket.readyState !== WebSocket.OPEN) return resolve(false);
    const timer = setTimeout(resolve, ECHO_TIMEOUT_MILLISECONDS, false);
    socket.once("message", (data) => {
      clearTimeout(timer);
      resolve(data.toString() === "hello");
    });
    socket.send("hello");
  });
}

const MIB: Record<string, number> = { B: 2 ** -20, KiB: 2 ** -10, MiB: 1, GiB: 2 ** 10 };

/** What the engine says that a container uses, without the files that the kernel keeps for it. */
async function memoryOf(id: string): Promise<number> {
  const text = await docker("stats", "--no-stream", "--format", "{{.MemUsage}}", id);
  const [, figure, unit = ""] = /^([\d.]+)([KMG]?i?B) /.exec(text) ?? [];
  const mib = Number(figure) * (MIB[unit] ?? Number.NaN);
  if (Number.isNaN(mib)) throw new Error(`docker stats says '${text.trim()}' of a container's memory`);
  return mib;
}
