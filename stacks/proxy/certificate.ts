import { createHash, createPublicKey, type KeyObject, sign, verify, type X509Certificate } from "node:crypto";
import { CERTIFICATE, pem, type Refuse, readCertificates, readKey, type TlsPair, timesOf } from "./pem";

/** One thing that is wrong with a pair. No rule ever contains anything of what was given but types, sizes, positions and times. */
export interface TlsProblem {
  /** The text that has to change. */
  of: keyof TlsPair;
  /** What is allowed. */
  rule: string;
  /** The pair was fit once, and only time has passed since: by itself no reason to refuse a run that leaves the pair as it is. */
  ranOut?: true;
}

/** What can be said of a pair before anything takes it. */
export interface TlsCheck {
  problems: TlsProblem[];
  /** What somebody should know although the pair can be used. Each is a sentence of its own. */
  warnings: string[];
  /** When the first certificate ends; unknown where it can't be read. */
  notAfter?: Date;
  /** The DNS names and IP addresses that the first certificate is for. */
  names: string[];
  /** Tells pairs apart and nothing else, so that it can be shown: 16 hex digits; empty where one of the two can't be read. */
  fingerprint: string;
}

const FINGERPRINT_DIGITS = 16;
const DAY_MS = 24 * 3600 * 1000;
/** Whoever renews by hand has time for it then, and what renews by itself (certbot: 30 days ahead) has failed. */
const WARN_DAYS = 21;

/** Extended key usages of RFC 5280, 4.2.1.12: serverAuth, and anyExtendedKeyUsage. */
const FOR_SERVERS: readonly string[] = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];

/**
 * Everything that is wrong with a pair and would otherwise show when nginx reads it, or only when clients come: then it is too late
 * to say so. What it has no problem with, nginx gets as `normalized` makes it.
 */
export function checkTls(pair: TlsPair, now: Date): TlsCheck {
  const problems: TlsProblem[] = [];
  const refuse = (of: keyof TlsPair) => (rule: string) => void problems.push({ of, rule });

  const chain = readCertificates(pair.certificate, refuse("certificate"));
  const key = readKey(pair.key, refuse("key"));
  const [own] = chain;
  if (own === undefined) return { problems, warnings: [], names: [], fingerprint: "" };

  if (key === undefined) judgeOrder(chain, refuse("certificate"));
  else judgeFit(chain, key, refuse);
  judgePurpose(own, refuse("certificate"));
  for (const [index, { notBefore, notAfter }] of chain.map(timesOf).entries()) {
    const which = index === 0 ? "" : `number ${index + 1} of ${chain.length} `;
    const rule = (is: string) => `${which}${is}; must be valid now`;
    if (notAfter <= now) problems.push({ of: "certificate", rule: rule(`ended at ${utc(notAfter)}`), ranOut: true });
    else if (notBefore > now) problems.push({ of: "certificate", rule: rule(`is not valid before ${utc(notBefore)}`) });
  }

  const names = namesOf(own);
  return {
    problems,
    warnings: warningsOf(chain, names, now),
    notAfter: timesOf(own).notAfter,
    names,
    fingerprint: key === undefined ? "" : fingerprintOf(chain, key),
  };
}

/** That the key is the first certificate's, and that the others follow in order. */
function judgeFit(chain: readonly X509Certificate[], key: KeyObject, refuse: (of: keyof TlsPair) => Refuse): void {
  const place = chain.findIndex((certificate) => belongs(key, certificate));
  if (place > 0) {
    refuse("certificate")(
      `must begin with the certificate of the key, which is number ${place + 1} of ${chain.length}`,
    );
    return;
  }
  if (place < 0) refuse("key")("must be the private key of the first certificate, which it does not fit");
  judgeOrder(chain, refuse("certificate"));
}

/** nginx compares the public halves only: a key that was damaged in the other one would fail at the first client. */
function belongs(key: KeyObject, certificate: X509Certificate): boolean {
  const digest = key.asymmetricKeyType === "ed25519" ? null : "sha256";
  const proof = Buffer.from("blue-green");
  try {
    return certificate.checkPrivateKey(key) && verify(digest, proof, certificate.publicKey, sign(digest, proof, key));
  } catch {
    return false;
  }
}

/** Clients may, and some do, refuse a chain in another order (RFC 5246, 7.4.2). */
function judgeOrder(chain: readonly X509Certificate[], refuse: Refuse): void {
  const wrong = chain.findIndex((issuer, index) => {
    const issued = chain[index - 1];
    return issued !== undefined && !isIssuedBy(issued, issuer);
  });
  if (wrong < 0) return;
  refuse(`must have after each certificate the one that issued it; number ${wrong + 1} did not issue number ${wrong}`);
}

function isIssuedBy(issued: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return issued.checkIssued(issuer) && issued.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** A certificate that says nothing of what it is for is for anything. */
function judgePurpose({ keyUsage }: X509Certificate, refuse: Refuse): void {
  // Node's types know nothing of a certificate without it.
  const uses: readonly string[] | undefined = keyUsage;
  if (uses === undefined || uses.some((use) => FOR_SERVERS.includes(use))) return;
  refuse("must be a server's certificate; its extended key usage has no serverAuth, and clients would refuse it");
}

function warningsOf(chain: readonly X509Certificate[], names: readonly string[], now: Date): string[] {
  const warnings: string[] = [];
  for (const [index, { notAfter }] of chain.map(timesOf).entries()) {
    const left = +notAfter - +now;
    if (left <= 0 || left > WARN_DAYS * DAY_MS) continue;
    const which = index === 0 ? "" : `, number ${index + 1} of ${chain.length} in its chain,`;
    warnings.push(`The TLS certificate${which} ends at ${utc(notAfter)}, in ${daysOf(left)}.`);
  }
  if (names.length === 0) {
    warnings.push(
      "The TLS certificate names no host (it has no subjectAltName): browsers and most other clients refuse it.",
    );
  }
  const [own] = chain;
  const unusual = own && unusualKey(own.publicKey);
  if (unusual !== undefined) {
    warnings.push(
      `The TLS certificate's key is ${unusual}, which some or all browsers refuse; other clients may take it.`,
    );
  }
  // A private authority may well issue without any in between, but doesn't often say where its own certificate is.
  if (chain.length === 1 && own?.infoAccess?.includes("CA Issuers - URI:")) {
    warnings.push(
      "The TLS certificate comes alone, without the intermediate one that probably issued it: clients that don't know that one " +
        "refuse it. Of certbot's files fullchain.pem is the right one.",
    );
  }
  return warnings;
}

/** nginx takes these, but Chrome takes neither. */
function unusualKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  if (asymmetricKeyType === "ed25519") return "Ed25519";
  return asymmetricKeyDetails?.namedCurve === "secp521r1" ? "EC on P-521" : undefined;
}

const daysOf = (milliseconds: number) => {
  const days = Math.floor(milliseconds / DAY_MS);
  return days === 0 ? "less than a day" : days === 1 ? "1 day" : `${days} days`;
};

const utc = (time: Date) => time.toISOString().replace(/\.\d+Z$/, "Z");

/**
 * Node joins the names by a comma, and puts one that could be taken for several into quotes: such a name, and anything else that
 * no host has, is left out, since these are shown.
 */
function namesOf({ subjectAltName = "" }: X509Certificate): string[] {
  const entries = subjectAltName.matchAll(/(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)/g);
  return [...entries].flatMap(([, kind, name = ""]) => {
    if (kind === "DNS" && /^[A-Za-z0-9*._-]{1,253}$/.test(name)) return [name];
    if (kind === "IP Address" && /^[0-9.]+$/.test(name)) return [name];
    if (kind === "IP Address" && /^[0-9A-Fa-f:]+$/.test(name)) return [shortAddress(name)];
    return [];
  });
}

/** An IPv6 address as people write it. */
const shortAddress = (address: string) =>
  URL.canParse(`http://[${address}]`) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;

/** Of the key only the public half, which every client gets. */
function fingerprintOf(chain: readonly X509Certificate[], key: KeyObject): string {
  const hash = createHash("sha256");
  for (const { raw } of chain) hash.update(pem({ label: CERTIFICATE, der: raw }));
  hash.update(createPublicKey(key).export({ type: "spki", format: "der" }));
  return hash.digest("hex").slice(0, FINGERPRINT_DIGITS);
}
