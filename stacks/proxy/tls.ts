import { readFileSync, statSync } from "node:fs";
import type { Settings } from "../settings/settings";
import { SET_KEY } from "../settings/shape";
import { isPem } from "../settings/values";
import { shown } from "../text/plain";
import { checkTls } from "./certificate";
import { normalized, type TlsPair } from "./pem";

/** What the settings give the proxy to speak TLS with. */
export interface Tls {
  /** As nginx gets it; absent without TLS, and where there is a problem. */
  pair?: TlsPair & {
    /** Tells pairs apart, and may be shown. */
    fingerprint: string;
  };
  /** Why this run must not happen. None of them has anything in it of the key, nor of where it is. */
  problems: string[];
  /** What should be known although the pair can be used. */
  warnings: string[];
}

type SettingName = "tlsCertificate" | "tlsKey";

/** Larger than anything that is a certificate or a key (see certificate.ts): it is not even read. */
const MAX_FILE_KIB = 128;

const SETTINGS = { certificate: "tlsCertificate", key: "tlsKey" } as const satisfies Record<keyof TlsPair, SettingName>;

/**
 * Reads the pair that the settings give or name, and judges it.
 *
 * @param serves whether the proxy has this pair already. One that was fit once and that only time has made unfit is no reason then to
 *   refuse a run: the way back must not wait for a certificate.
 */
export function readTls(
  { tlsCertificate, tlsKey }: Pick<Settings, SettingName>,
  now: Date,
  serves: (fingerprint: string) => boolean,
): Tls {
  const tls: Tls = { problems: [], warnings: [] };
  if (tlsCertificate === undefined || tlsKey === undefined) return tls;

  const given = { tlsCertificate, tlsKey };
  const texts = { certificate: textOf("tlsCertificate", tlsCertificate), key: textOf("tlsKey", tlsKey) };
  for (const part of ["certificate", "key"] as const) {
    const { wrong } = texts[part];
    if (wrong !== undefined) tls.problems.push(refusal(SETTINGS[part], given[SETTINGS[part]], wrong));
  }
  if (tls.problems.length > 0) return tls;

  const pair = { certificate: texts.certificate.text ?? "", key: texts.key.text ?? "" };
  const { problems, warnings, fingerprint } = checkTls(pair, now);
  for (const { of, rule, ranOut } of problems) {
    const setting = SETTINGS[of];
    if (ranOut && serves(fingerprint)) {
      tls.warnings.push(`${setting} ${rule}: clients refuse what the proxy serves. ${next(setting, given[setting])}`);
    } else {
      tls.problems.push(refusal(setting, given[setting], rule));
    }
  }
  tls.warnings.push(...warnings.map((warning) => `${warning} ${next("tlsCertificate", tlsCertificate)}`));
  return tls.problems.length > 0 ? tls : { ...tls, pair: { ...normalized(pair), fingerprint } };
}

const refusal = (setting: SettingName, value: string, rule: string) => {
  const given = setting === "tlsKey" ? "[secret]" : isPem(value) ? "(PEM text)" : shown(value);
  return `${setting} = ${given}: ${rule}. Nothing was touched. ${next(setting, value)}`;
};

/** The command that mends it, in the way in which it was set. */
function next(setting: SettingName, value: string): string {
  if (!isPem(value)) {
    return `Next: put the right file there, or name another one (pulumi config set ${setting} '<file>'), then: pulumi up`;
  }
  return `Next: ${setting === "tlsKey" ? SET_KEY : "pulumi config set tlsCertificate < '<file>'"} && pulumi up`;
}

/** The text itself, or what is in the file that it names: a path is relative to the project. */
function textOf(setting: SettingName, value: string): { text?: string; wrong?: string } {
  if (isPem(value)) return { text: value };
  try {
    const file = statSync(value);
    if (file.isDirectory()) return { wrong: "is a directory; must be a file in PEM" };
    // To open another kind of file may wait for ever.
    if (!file.isFile()) return { wrong: "is no regular file; must be a file in PEM" };
    if (file.size > MAX_FILE_KIB * 1024) {
      return {
        wrong: `has ${Math.ceil(file.size / 1024)} KiB, and no ${setting === "tlsKey" ? "key" : "certificate"} is that large`,
      };
    }
    return { text: readFileSync(value, "utf8") };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = {
      ENOENT: "there is no such file",
      ENOTDIR: "there is no such file",
      EACCES: "the file may not be read",
      ELOOP: "leads in a circle",
    };
    const seen = why[code as keyof typeof why] ?? `can't be read (${code ?? "for an unknown reason"})`;
    return { wrong: `${seen}, seen from the folder of Pulumi.yaml` };
  }
}
