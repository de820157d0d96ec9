/** The host part of a URL: an IPv6 address stands in brackets there. */
export const authority = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** Where what listens on an address is reached: "all addresses" at localhost. */
export const reachedAt = (address: string): string =>
  address === "0.0.0.0" || address === "::" ? "localhost" : authority(address);

/** The port that a URL with https:// leaves out. */
export const HTTPS_PORT = 443;

/** The host in an engine's address; undefined where that is this machine. */
export function remoteHost(dockerHost: string | undefined): string | undefined {
  const host = /^(?:ssh|tcp|https?):\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^:/?#]*)/.exec(dockerHost ?? "")?.[1] ?? "";
  return /^(?:|(?:.+\.)?localhost|127(?:\.[0-9]+){3}|\[::1\])$/i.test(host) ? undefined : host;
}
