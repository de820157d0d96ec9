import { execFile } from "node:child_process";
import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { isObject, objectIn } from "../stacks/text/json";

/** Resolves a name as any program of this machine does, by its hosts file too. */
const RESOLVE =
  'require("node:dns").lookup(process.env.NAME, { all: true }, (error, found) => ' +
  "process.stdout.write(JSON.stringify(error ? { code: error.code } : { found })));";

/** What is said of a name where nobody says why it does not resolve. */
const UNTOLD = "EAI_AGAIN";

/**
 * Returns a way to resolve names that ends with the signal. It takes a process of its own: one that waits for a name server can't be
 * called off, and this process could not end before it.
 *
 * @param program what that process runs.
 */
export const lookUpUntil =
  (signal: AbortSignal, program = RESOLVE): LookupFunction =>
  (name, { all }, callback) => {
    const fails = (code: string) =>
      callback(Object.assign(new Error("the name does not resolve"), { code }), all ? [] : "");
    const env = { ...process.env, NODE_OPTIONS: "", NAME: name };
    try {
      execFile(process.execPath, ["-e", program], { env, signal, killSignal: "SIGKILL" }, (_, stdout) => {
        const { found, code } = objectIn(stdout) ?? {};
        const addresses = Array.isArray(found) ? found.filter(isAddress) : [];
        const [first] = addresses;
        if (first === undefined) fails(typeof code === "string" ? code : UNTOLD);
        else if (all) callback(null, addresses);
        else callback(null, first.address, first.family);
      }).unref();
    } catch {
      // No process can be started, as with too large an environment.
      fails(UNTOLD);
    }
  };

const isAddress = (value: unknown): value is LookupAddress =>
  isObject(value) && typeof value.address === "string" && typeof value.family === "number";
