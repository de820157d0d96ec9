import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** What nginx needs to speak TLS, as PEM texts. */
export interface TlsPair {
  /** The server's own certificate and then, one after the other, those that issued it. */
  certificate: string;
  /** The private key of the first certificate, without a passphrase. */
  key: string;
}

/** Takes one rule that a text breaks. */
export type Refuse = (rule: string) => void;

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
export const CERTIFICATE = "CERTIFICATE";
/** `openssl ecparam -genkey` puts it before the key, which says the same itself. */
const EC_PARAMETERS = "EC PARAMETERS";
const PRIVATE_KEYS: readonly string[] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/** P-256, P-384 and P-521 by OpenSSL's names. nginx starts with others too (tried on 1.30.6), which no browser takes. */
const CURVES: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];
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

export const pem = ({ label, der }: Pick<Block, "label" | "der">) =>
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
export function readCertificates(text: string, refuse: Refuse): X509Certificate[] {
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
export function readKey(text: string, refuse: Refuse): KeyObject | undefined {
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

/** Not by `validToDate`, which Node has from 22.10 on. OpenSSL's own format (`Jan  2 03:04:05 2026 GMT`) is one that Date takes. */
export const timesOf = ({ validFrom, validTo }: X509Certificate) => ({
  notBefore: new Date(validFrom),
  notAfter: new Date(validTo),
});
