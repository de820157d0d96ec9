// As n8n is run: without an argument it serves the public, with `worker` it takes jobs from Redis. A POST is kept in a file of its volume.
const { appendFileSync } = require("node:fs");
const http = require("node:http");
const net = require("node:net");
const { QUEUE_BULL_REDIS_HOST: host } = process.env;

/** Asks Redis one thing, on a connection of its own; answers the last line that it says. */
const redis = (...words) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(6379, host, () =>
      socket.write(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`),
    );
    socket.on("error", reject).on("close", () => reject(new Error("closed")));
    socket.on("data", (data) => resolve(String(data).trim().split("\r\n").at(-1)) || socket.end());
  });

async function work() {
  for (;;) await redis("BLMOVE", "jobs", "done", "LEFT", "RIGHT", "1").catch(() => new Promise((next) => setTimeout(next, 100)));
}

function serve() {
  const server = http.createServer(async ({ method, url }, response) => {
    if (method !== "POST") return response.end("n8n\n");
    const id = url.split("/").at(-1);
    appendFileSync("/home/node/.n8n/orders", `${id}\n`);
    await redis("RPUSH", "jobs", id).catch(() => response.writeHead(503));
    response.end("written\n");
  });
  server.listen(5678);
  process.on("SIGTERM", () => server.close(() => process.exit(0)) && server.closeIdleConnections());
}

if (process.argv[2] === "worker") {
  process.on("SIGTERM", () => process.exit(0));
  void work();
} else serve();
