import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";

/** What nginx needs to speak TLS, as PEM texts. */
export interface TlsPair {
  /** The server's own certificate and then, one after the other, those that issued it. */
  certificate: string;
  /** The private key of the first certificate, without a passphrase. */
  key: string;
}

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

type Refuse = (rule: string) => void;

/** A part of a PEM text between `-----BEGIN <label>-----` and `-----END <label>-----`. */
interface Block {
  label: string;
  der: Buffer;
  /** By the headers of RFC 1421, which only keys in old formats have. */
  encrypted: boolean;
}

const MAX_CERTIFICATE_KIB = 64;
const MAX_KEY_KIB = 16;
/** nginx sends all of them in each handshake. */
const MAX_CERTIFICATES = 10;
/** OpenSSL's security level 2, with which Debian's nginx comes, takes none below. */
const MIN_RSA_BITS = 2048;
const FINGERPRINT_DIGITS = 16;
const DAY_MS = 24 * 3600 * 1000;
/** Whoever renews by hand has time for it then, and what renews by itself (certbot: 30 days ahead) has failed. */
const WARN_DAYS = 21;

const CERTIFICATE = "CERTIFICATE";
/** `openssl ecparam -genkey` puts it before the key, which says the same itself. */
const EC_PARAMETERS = "EC PARAMETERS";
const PRIVATE_KEYS: readonly string[] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/** P-256, P-384 and P-521 by OpenSSL's names. nginx starts with others too (tried on 1.30.6), which no browser takes. */
const CURVES: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];
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

/**
 * The texts as nginx gets them: the blocks alone, in lines of 64 with plain line ends. Of a pair that `checkTls` has a problem with
 * only what can be read is left.
 */
export function normalized({ certificate, key }: TlsPair): TlsPair {
  const plain = (text: string, labels: readonly string[]) =>
    blocksIn(text, () => {})
      .filter(({ label }) => labels.includes(label))
      .map(pem)
      .join("");
  return { certificate: plain(certificate, [CERTIFICATE]), key: plain(key, PRIVATE_KEYS) };
}

const pem = ({ label, der }: Pick<Block, "label" | "der">) =>
  [`-----BEGIN ${label}-----`, ...(der.toString("base64").match(/.{1,64}/g) ?? []), `-----END ${label}-----`, ""].join(
    "\n",
  );

/**
 * The blocks of a PEM text, or none where there is anything else in it: OpenSSL skips what it doesn't know, and a file that was
 * meant to have more in it than is found would pass. White space at either end of a line, and empty lines, are left out.
 */
function blocksIn(text: string, refuse: Refuse): Block[] {
  const blocks: Block[] = [];
  let open: { label: string; base64: string; encrypted: boolean } | undefined;
  for (const [index, untrimmed] of text.split(/\r\n?|\n/).entries()) {
    const line = untrimmed.trim();
    const [, edge, label] = /^-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----$/.exec(line) ?? [];
    const flaw = (rule: string) => {
      refuse(line.includes("-----BEGIN") && edge === undefined ? OWN_LINES : `must be PEM; line ${index + 1} ${rule}`);
      return [];
    };
    if (line === "") continue;
    if (open === undefined) {
      if (edge !== "BEGIN" || label === undefined)
        return flaw("is outside of -----BEGIN ...----- and -----END ...-----");
      open = { label, base64: "", encrypted: false };
    } else if (edge === "END" && label === open.label) {
      const { base64, ...block } = open;
      const der = Buffer.from(base64, "base64");
      // Node's own decoder skips what is not base64.
      if (base64 === "" || der.toString("base64") !== base64) return flaw("ends a block that is not whole");
      blocks.push({ ...block, der });
      open = undefined;
    } else if (/^(?:Proc-Type|DEK-Info): /.test(line)) open.encrypted = true;
    else if (/^[A-Za-z0-9+/]+={0,2}$/.test(line)) open.base64 += line;
    else return flaw("is not base64");
  }
  if (open === undefined) return blocks;
  refuse("must be PEM; the last -----END ...----- is missing");
  return [];
}

const OWN_LINES = "must be PEM, with its line ends: -----BEGIN ...----- and -----END ...----- are lines of their own";

/** All certificates of a text, or none where one of them is refused. */
function readCertificates(text: string, refuse: Refuse): X509Certificate[] {
  const blocks = blocksOrRule(
    text,
    MAX_CERTIFICATE_KIB,
    "must be a certificate in PEM (-----BEGIN CERTIFICATE-----)",
    refuse,
  );
  const rule = certificateBlocksRule(blocks);
  if (rule !== undefined) refuse(rule);
  if (rule !== undefined) return [];

  const certificates: X509Certificate[] = [];
  for (const [index, { der }] of blocks.entries()) {
    const certificate = certificateIn(der);
    if (certificate === undefined) {
      refuse(`must be certificates; number ${index + 1} of ${blocks.length} can't be read as one`);
      return [];
    }
    certificates.push(certificate);
  }
  return certificates;
}

function certificateBlocksRule(blocks: readonly Block[]): string | undefined {
  const labels = blocks.map(({ label }) => label);
  if (labels.some((label) => label.endsWith("PRIVATE KEY"))) return "must have no private key in it";
  if (labels.includes("TRUSTED CERTIFICATE")) {
    return "must be plain certificates (-----BEGIN CERTIFICATE-----); OpenSSL's own TRUSTED ones have more in them";
  }
  if (labels.some((label) => label !== CERTIFICATE)) return "must be certificates alone (-----BEGIN CERTIFICATE-----)";
  if (blocks.length > MAX_CERTIFICATES) return `must be at most ${MAX_CERTIFICATES} certificates`;
  return undefined;
}

function certificateIn(der: Buffer): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der);
    const { notBefore, notAfter } = timesOf(certificate);
    // What follows the certificate is not part of it. A time or a key of no known kind says nothing later on.
    const isWhole = certificate.raw.equals(der) && !Number.isNaN(+notBefore) && !Number.isNaN(+notAfter);
    return isWhole && certificate.publicKey ? certificate : undefined;
  } catch {
    return undefined;
  }
}

/** The private key in a text; undefined where it is refused. */
function readKey(text: string, refuse: Refuse): KeyObject | undefined {
  const asPem = "must be a private key in PEM (-----BEGIN PRIVATE KEY-----, RSA PRIVATE KEY or EC PRIVATE KEY)";
  const all = blocksOrRule(text, MAX_KEY_KIB, asPem, refuse);
  if (all.length === 0) return undefined;

  const blocks = all.filter(({ label }) => label !== EC_PARAMETERS);
  const [block] = blocks;
  const key = block && keyIn(block);
  const rule = keyBlocksRule(blocks) ?? (block && key ? keyTypeRule(key) : asPem);
  if (rule !== undefined) refuse(rule);
  return rule === undefined ? key : undefined;
}

function keyBlocksRule(blocks: readonly Block[]): string | undefined {
  if (blocks.some(({ label }) => label.endsWith(CERTIFICATE)))
    return "must be a private key alone, without certificates";
  if (blocks.some(({ label, encrypted }) => encrypted || label === "ENCRYPTED PRIVATE KEY")) {
    return "must be a private key without a passphrase, for which nginx could ask nobody";
  }
  if (blocks.length > 1) return "must be one private key and nothing else";
  return undefined;
}

function keyIn(block: Block): KeyObject | undefined {
  if (!PRIVATE_KEYS.includes(block.label)) return undefined;
  try {
    return createPrivateKey(pem(block));
  } catch {
    // The error may quote what it could not read.
    return undefined;
  }
}

function keyTypeRule(key: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = "unknown" } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType ?? "unknown";
  if (type === "ed25519" || (type === "rsa" && modulusLength >= MIN_RSA_BITS)) return undefined;
  if (type === "ec" && CURVES.includes(namedCurve)) return undefined;
  const size = type === "ec" ? ` on the curve ${namedCurve}` : type === "rsa" ? ` of ${modulusLength} bits` : "";
  return `is ${type}${size}; must be RSA of at least ${MIN_RSA_BITS} bits, EC on P-256, P-384 or P-521, or Ed25519`;
}

/** The blocks of a text that is neither empty nor larger than it may be. */
function blocksOrRule(text: string, maxKib: number, asPem: string, refuse: Refuse): Block[] {
  if (Buffer.byteLength(text) > maxKib * 1024) refuse(`must be at most ${maxKib} KiB`);
  else if (text.trim() === "") refuse(`${asPem}, and is empty`);
  else return blocksIn(text, refuse);
  return [];
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

/** Not by `validToDate`, which Node has from 22.10 on. OpenSSL's own format (`Jan  2 03:04:05 2026 GMT`) is one that Date takes. */
const timesOf = ({ validFrom, validTo }: X509Certificate) => ({
  notBefore: new Date(validFrom),
  notAfter: new Date(validTo),
});

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
