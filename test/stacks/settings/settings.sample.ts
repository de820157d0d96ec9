import type { ConfigurationSettings } from "../../../stacks/proxy/nginxConfiguration";
import type { Settings } from "../../../stacks/settings/settings";

/** What the defaults give with blue active (a test holds that); for tests that are about something else. */
export const sampleSettings: Settings = {
  activeColor: "blue",
  slots: { blue: { version: "1.0.0", port: 5001 }, green: { version: "1.0.0", port: 5002 } },
  bindAddress: "127.0.0.1",
  httpPort: 8080,
  httpsPort: 8443,
  trustedProxies: [],
  appPort: 5000,
  healthPath: "/healthz",
  environment: {},
  secretEnvironment: {},
  ephemeralVolumes: [],
  deleteVolumes: false,
  memoryMb: 256,
  drainSeconds: 60,
  keepAliveSeconds: 10,
  maxBodyMb: 10,
  maxHeaderKb: 32,
  underscoreHeaders: false,
  proxyTimeoutSeconds: 60,
  nginxImage: "nginx:1.30.6",
  appBaseImage: "python:3.13.11-slim-trixie",
  healthTimeoutSeconds: 60,
  smokeTests: [
    {
      name: "says its color and version",
      method: "GET",
      path: "/healthz",
      headers: {},
      status: 200,
      json: { color: "{color}", version: "{version}" },
      maxSeconds: 5,
      builtOnly: true,
    },
  ],
  gateTimeoutSeconds: 300,
  targetHost: "127.0.0.1",
  verifyRequests: 8,
  bakeSeconds: 10,
  maxErrorPercent: 1,
  minRequests: 20,
  maxP95Seconds: 0,
  canaryPercent: 0,
  stickySessions: "none",
  stickySeconds: 3600,
  assetPaths: [],
  maintenance: false,
  rateLimitPerSecond: 0,
  maxConnections: 4096,
  maxUploads: 1000,
  maxBufferMb: 1,
  stopGraceSeconds: 30,
  replicas: 1,
  idle: "running",
  idleAfterMinutes: 60,
  canaryFirst: false,
  imagesByDigest: false,
  policies: false,
  allowProxyReplace: false,
  allowLiveReplace: false,
};

const reached = { appPort: sampleSettings.appPort, healthPath: sampleSettings.healthPath, replicas: 1 };

/** The same settings as nginx's configuration takes them, without TLS, a tester or maintenance. */
export const sampleConfiguration: ConfigurationSettings = {
  ...sampleSettings,
  slots: { blue: reached, green: reached },
  files: {},
};
