import { digestOf, imageNamed, isImage, isVersion } from "../../../stacks/engine/image";
import type { Service } from "../compose/service";

/** Proxies that stand in front of an app: this program brings its own. */
const PROXIES = [
  ...["nginx", "openresty", "traefik", "caddy", "haproxy", "envoy", "nginx-proxy", "nginx-proxy-manager"],
  ...["swag", "caddy-docker-proxy", "nginx-unprivileged", "docker-nginx-certbot", "https-portal"],
];

/** Ports on which no browser talks: databases, queues, mail, shells. */
const NO_HTTP = new Set([
  ...[22, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2049, 2181, 3306, 3310, 4222, 5432, 5433],
  ...[5671, 5672, 6379, 6432, 8883, 9042, 9092, 9300, 11211, 26379, 27017, 33060],
]);

/** Reports whether it is a proxy, by its image alone. */
export const isProxy = ({ image }: Service): boolean =>
  image !== undefined && isImage(image) && PROXIES.includes(/([^/:@]+)(?::[^/]*)?(?:@.*)?$/.exec(image)?.[1] ?? "");

/** Returns the ports that a service publishes and a browser may talk to. */
export const publicPorts = ({ ports = [] }: Service) =>
  ports.filter(({ protocol, target }) => protocol === "tcp" && !NO_HTTP.has(target));

/** Returns the release that an image's name says: its tag, or the beginning of its digest. */
export function versionOf(image: string): string {
  const name = image.replace(/@.*$/, "");
  const digest = digestOf(image)?.replace("sha256:", "").slice(0, 12);
  const isTagged = /:[^/]+$/.test(name);
  const version = isTagged || digest === undefined ? imageNamed(name).reference : digest;
  return isVersion(version) ? version : "1.0.0";
}

/** Reports whether two services run the same program: the same image, or the same build where there is none. */
export function isSameProgram(one: Service, other: Service): boolean {
  if (one.image !== undefined || other.image !== undefined) return one.image === other.image;
  if (one.build === undefined || other.build === undefined) return false;
  return (["context", "dockerfile", "target"] as const).every((key) => one.build?.[key] === other.build?.[key]);
}
