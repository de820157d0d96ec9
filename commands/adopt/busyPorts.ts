import { createServer } from "node:net";

/** Returns those of some ports at which a program of this machine listens. Where the engine is another machine, that is no harm. */
export async function busyPorts(ports: readonly number[]): Promise<number[]> {
  const busy = await Promise.all(ports.map(isBusy));
  return ports.filter((_, at) => busy[at]);
}

const isBusy = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "EADDRINUSE"));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(false)));
  });
