import type { Settings } from "../stacks/settings";

/** What the defaults give with blue active (a test holds that); for tests that are about something else. */
export const sampleSettings: Settings = {
  activeColor: "blue",
  slots: { blue: { version: "1.0.0", port: 5001 }, green: { version: "1.0.0", port: 5002 } },
  bindAddress: "127.0.0.1",
  httpPort: 8080,
  appPort: 5000,
  healthPath: "/healthz",
  environment: {},
  secretEnvironment: {},
  memoryMb: 256,
  drainSeconds: 60,
  keepAliveSeconds: 10,
  maxBodyMb: 10,
  proxyTimeoutSeconds: 60,
  nginxImage: "nginx:1.30.6",
  appBaseImage: "python:3.13.11-slim-trixie",
  allowProxyReplace: false,
};
