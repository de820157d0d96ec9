import type { SettingWithKeys } from "./container";

const SERVES_NOBODY = "nobody reaches it from outside: what it takes, it takes from a queue or a database";
const DEPLOY = "use mem_limit and cpus";

/** What decides a key of a compose file in a block by name, where that is something else than for the colors' own containers. */
export const DECIDED_IN: Readonly<Record<SettingWithKeys, Readonly<Record<string, string>>>> = {
  container: {},
  workers: {
    image: "a worker runs the color's own image",
    ports: SERVES_NOBODY,
    expose: SERVES_NOBODY,
    depends_on: "a worker starts when the public has moved (start)",
    deploy: "use replicas, mem_limit and cpus",
  },
  jobs: {
    image: "a job runs the color's own image",
    ports: SERVES_NOBODY,
    expose: SERVES_NOBODY,
    restart: "a job runs once at each of its moments (at)",
    depends_on: "a job runs at its moment (at)",
    deploy: DEPLOY,
    scale: "a job has one container",
  },
  accessories: {
    build: "an accessory runs an image of a registry or of the engine (image)",
    ports: "an accessory publishes no port: on the stack's network its name is its host name",
    expose: "an accessory's ports are all open on the stack's network",
    depends_on: "accessories are made before the colors",
    network_mode: "an accessory is on the stack's network, and on those in its networks",
    deploy: DEPLOY,
    scale: "an accessory has one container",
    secrets: "set the variable in environment with --secret",
    configs: "mount a folder of the engine's host (volumes)",
    privileged: "name what is needed in cap_add and devices",
    links: "on the stack's network its name is its host name",
  },
};
