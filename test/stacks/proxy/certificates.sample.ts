import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import type { TlsPair } from "../../../stacks/proxy/pem";

/** What a certificate for a test is to be like. */
export interface SampleCertificate {
  /** DNS names and IP addresses, for its subjectAltName; there is none without any. */
  names: readonly string[];
  /** In how many days from now it ends; below 0 for one that has ended. */
  days: number;
  /** A day before now or before its end, whichever is earlier, by default. */
  notBefore?: Date;
  /** The key's; EC on P-256 by default, which takes no time to make. */
  type?: keyof typeof KEYS;
  /** The common name; the first of `names` by default. */
  subject?: string;
  /** The one that issues it; itself by default. */
  issuer?: MadeCertificate;
  /** Whether it may issue others. */
  authority?: boolean;
  /** Extended key usages, by object identifier; none by default, which means any use. */
  usages?: readonly string[];
  /** Where it says that its issuer's certificate can be fetched. */
  issuerUrl?: string;
  /** What counts as now. */
  now?: Date;
}

/** A certificate with its key, fit to issue others. */
export interface MadeCertificate extends TlsPair {
  subject: string;
}

const KEYS = {
  "rsa-1024": () => generateKeyPairSync("rsa", { modulusLength: 1024 }),
  "rsa-2048": () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  "p-256": () => generateKeyPairSync("ec", { namedCurve: "prime256v1" }),
  "p-384": () => generateKeyPairSync("ec", { namedCurve: "secp384r1" }),
  "p-521": () => generateKeyPairSync("ec", { namedCurve: "secp521r1" }),
  secp256k1: () => generateKeyPairSync("ec", { namedCurve: "secp256k1" }),
  ed25519: () => generateKeyPairSync("ed25519"),
  ed448: () => generateKeyPairSync("ed448"),
};

const DAY_MS = 24 * 3600 * 1000;

/**
 * A real certificate (X.509, RFC 5280), made by hand: Node makes keys and signatures but no certificates, and a machine need not have
 * openssl for the tests.
 */
export function makeCertificate({
  names,
  days,
  now = new Date(),
  notBefore = new Date(+now + (Math.min(days, 0) - 1) * DAY_MS),
  type = "p-256",
  subject = names[0] ?? "sample",
  issuer,
  authority = false,
  usages = [],
  issuerUrl,
}: SampleCertificate): MadeCertificate {
  const { publicKey, privateKey } = KEYS[type]();
  const signer = issuer === undefined ? privateKey : keyOf(issuer);
  const algorithm = signatureAlgorithm(signer);
  const extensions = [
    authority && extension("2.5.29.19", sequence(tlv(0x01, Buffer.from([0xff])))),
    names.length > 0 && extension("2.5.29.17", sequence(...names.map(generalName))),
    usages.length > 0 && extension("2.5.29.37", sequence(...usages.map(identifier))),
    issuerUrl !== undefined &&
      extension("1.3.6.1.5.5.7.1.1", sequence(sequence(identifier("1.3.6.1.5.5.7.48.2"), tlv(0x86, ascii(issuerUrl))))),
  ].filter((one) => one !== false);

  const content = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, Buffer.from([1]), randomBytes(15)), // the serial number, above 0
    algorithm,
    commonName(issuer?.subject ?? subject),
    sequence(time(notBefore), time(new Date(+now + days * DAY_MS))),
    commonName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    ...(extensions.length > 0 ? [tlv(0xa3, sequence(...extensions))] : []),
  );
  const signature = sign(digestOf(signer), content, signer);
  const der = sequence(content, algorithm, tlv(0x03, Buffer.from([0]), signature));
  return {
    certificate: pem("CERTIFICATE", der),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    subject,
  };
}

/** A PEM block, in lines of 64. */
export const pem = (label: string, der: Buffer) =>
  `-----BEGIN ${label}-----\n${der.toString("base64").replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;

const keyOf = ({ key }: TlsPair) => createPrivateKey(key);

const isEdwards = ({ asymmetricKeyType }: KeyObject) => asymmetricKeyType?.startsWith("ed") === true;
const digestOf = (key: KeyObject) => (isEdwards(key) ? null : "sha256");

function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === "rsa") return sequence(identifier("1.2.840.113549.1.1.11"), tlv(0x05));
  if (key.asymmetricKeyType === "ec") return sequence(identifier("1.2.840.10045.4.3.2"));
  return sequence(identifier(key.asymmetricKeyType === "ed448" ? "1.3.101.113" : "1.3.101.112"));
}

/** One element of DER: its tag, the length, and what it holds. */
function tlv(tag: number, ...held: readonly Buffer[]): Buffer {
  const content = Buffer.concat(held);
  const { length } = content;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, Math.floor(length / 0x100), length % 0x100];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

const sequence = (...held: readonly Buffer[]) => tlv(0x30, ...held);
const ascii = (text: string) => Buffer.from(text, "latin1");

/** An object identifier: the first two numbers in one, each of the others in base 128. */
function identifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  const inBase128 = (number: number): number[] => {
    const higher = Math.floor(number / 128);
    return [...(higher > 0 ? inBase128(higher).map((digit) => digit | 0x80) : []), number % 128];
  };
  return tlv(0x06, Buffer.from([first * 40 + second, ...others.flatMap(inBase128)]));
}

const commonName = (name: string) => sequence(tlv(0x31, sequence(identifier("2.5.4.3"), tlv(0x0c, Buffer.from(name)))));

const extension = (id: string, value: Buffer) => sequence(identifier(id), tlv(0x04, value));

/** UTCTime has two digits for the year, which end with 2049. */
function time(at: Date): Buffer {
  const digits = `${at
    .toISOString()
    .slice(0, 19)
    .replace(/[^0-9]/g, "")}Z`;
  return at.getUTCFullYear() < 2050 ? tlv(0x17, ascii(digits.slice(2))) : tlv(0x18, ascii(digits));
}

const generalName = (name: string) => (isIP(name) === 0 ? tlv(0x82, ascii(name)) : tlv(0x87, address(name)));

/** The bytes of an IPv4 or IPv6 address. */
function address(text: string): Buffer {
  if (isIP(text) === 4) return Buffer.from(text.split(".").map(Number));
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [before = "", after] = text.split("::");
  const written = [...groups(before), ...groups(after ?? "")].length;
  const all = [...groups(before), ...Array<string>(8 - written).fill("0"), ...groups(after ?? "")];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}
