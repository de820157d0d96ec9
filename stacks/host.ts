/** The host part of a URL: an IPv6 address stands in brackets there. */
export const authority = (host: string): string => (host.includes(":") ? `[${host}]` : host);
