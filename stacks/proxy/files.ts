import { createHash, scryptSync } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceId } from "../service/names";
import { FILE_KINDS, fileVariable } from "../service/orderVariables";
import type { Settings } from "../settings/settings";
import type { TlsPair } from "./pem";

/** What the configuration names of these; a name tells the content, so that a change of it is a change of the configuration. */
export interface FileNames {
  /** Knows the testers' token. */
  tester?: string;
  /** The page that everybody gets in maintenance. */
  maintenance?: string;
  /** The server's certificate, with those that issued it. */
  tlsCertificate?: string;
  /** Its private key. */
  tlsKey?: string;
}

/** A file that nginx's configuration names and that travels beside it. */
export interface ProxyFile {
  name: string;
  content: string;
  /** Whether nobody may see what is in it. */
  secret: boolean;
}

/** The most that a page may have: it travels as an environment variable, of which Linux takes 128 KiB. */
const MAX_PAGE_KIB = 64;

/** The files beside the configuration, by what they are for. */
export type ProxyFiles = Partial<Record<keyof FileNames, ProxyFile>>;

/**
 * The files that these settings ask for.
 *
 * @param page reads `nginx/maintenance.html`; asked in maintenance only.
 * @param pair what the proxy speaks TLS with (see tls.ts).
 */
export function proxyFiles(
  owner: ServiceId,
  { testerToken, maintenance }: Pick<Settings, "testerToken" | "maintenance">,
  page: () => string,
  pair?: TlsPair & { fingerprint: string },
): ProxyFiles {
  return {
    ...(testerToken !== undefined && {
      tester: { name: `tester-${slowHash(testerToken, owner)}.conf`, content: testerFile(testerToken), secret: true },
    }),
    ...(maintenance && { maintenance: pageFile(page()) }),
    ...(pair && {
      tlsCertificate: { name: `tls-${pair.fingerprint}.crt`, content: pair.certificate, secret: false },
      tlsKey: { name: `tls-${pair.fingerprint}.key`, content: pair.key, secret: true },
    }),
  };
}

/** The names, for the configuration. */
export const namesOf = (files: ProxyFiles): FileNames => ({
  ...(files.tester && { tester: files.tester.name }),
  ...(files.maintenance && { maintenance: files.maintenance.name }),
  ...(files.tlsCertificate && { tlsCertificate: files.tlsCertificate.name }),
  ...(files.tlsKey && { tlsKey: files.tlsKey.name }),
});

/**
 * The files as variables of a command's environment: each a line with its name, then its content. One that there is no file for is
 * empty, so that none is inherited from whoever runs the command.
 */
export const fileVariables = (files: ProxyFiles): Record<string, pulumi.Input<string>> =>
  Object.fromEntries(
    FILE_KINDS.map((kind) => {
      const { name, content, secret } = files[kind] ?? { name: "", content: "", secret: false };
      const text = name === "" ? "" : `${name}\n${content}`;
      return [fileVariable(kind), secret ? pulumi.secret(text) : text];
    }),
  );

/** Why the maintenance page can't be shown; undefined where it can. */
export const pageProblem = (files: ProxyFiles): string | undefined =>
  files.maintenance !== undefined && Buffer.byteLength(files.maintenance.content) > MAX_PAGE_KIB * 1024
    ? `nginx/maintenance.html has ${Math.ceil(Buffer.byteLength(files.maintenance.content) / 1024)} KiB; at most ${MAX_PAGE_KIB} are possible. ` +
      "Nothing was touched. Next: make it smaller (pictures from elsewhere), then: pulumi up"
    : undefined;

const pageFile = (content: string): ProxyFile => ({
  name: `maintenance-${createHash("sha256").update(content).digest("hex").slice(0, 16)}.html`,
  content,
  secret: false,
});

/** The name is seen in previews: whoever guesses at the token from it pays some 50 ms for each guess. */
const slowHash = (token: string, { project, stack, service }: ServiceId): string =>
  scryptSync(token, [project, stack, ...(service === undefined ? [] : [service])].join("/"), 8).toString("hex");

/**
 * What makes a request a tester's, as nginx reads it, and the request's cookies without the token. Regular expressions, since other
 * values of a map are compared without regard to case.
 */
export function testerFile(token: string): string {
  const literal = token.replaceAll(".", "\\.");
  return `map $http_x_blue_green_preview $tester_by_header {
    default "";
    "~^${literal}$" 1;
}
map $http_cookie $tester_by_cookie {
    default "";
    "~(?:^|;\\s*)X-Blue-Green-Preview=${literal}(?:;|$)" 1;
}
map "$tester_by_header$tester_by_cookie" $tester {
    ""      "";
    default 1;
}
map $http_cookie $cookies_but_one {
    default $http_cookie;
    "~*^X-Blue-Green-Preview=[^;]*(?:;\\s*)?(?<cookies_after>.*)$" $cookies_after;
    "~*^(?<cookies_before>.*?);\\s*X-Blue-Green-Preview=[^;]*(?<cookies_rest>.*)$" $cookies_before$cookies_rest;
}
# Nobody has it twice who means well.
map $cookies_but_one $cookies_without_token {
    default $cookies_but_one;
    "~*X-Blue-Green-Preview=" "";
}
`;
}
