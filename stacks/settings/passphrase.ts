import { readFileSync } from "node:fs";

/**
 * Whether the stack's passphrase is empty, so that whoever can read the stack's file can read its secrets. False where another service
 * keeps the secrets (`secretsprovider`), and where the passphrase was typed: then nothing here can know it.
 *
 * @param file the stack's file.
 */
export function hasEmptyPassphrase(env: NodeJS.ProcessEnv, file: string): boolean {
  const text = readIfThere(file);
  if (text === undefined || !/^encryptionsalt:/m.test(text)) return false;
  if (/^secretsprovider:(?! *"?passphrase"? *$)/m.test(text)) return false;
  // In the order in which Pulumi looks: the variable counts even where it is empty.
  if (env.PULUMI_CONFIG_PASSPHRASE !== undefined) return env.PULUMI_CONFIG_PASSPHRASE === "";
  if (!env.PULUMI_CONFIG_PASSPHRASE_FILE) return false;
  return readIfThere(env.PULUMI_CONFIG_PASSPHRASE_FILE)?.trim() === "";
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
