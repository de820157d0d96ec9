import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Values that were planted, by name: of each the text that is looked for, in every form in which it could stand somewhere. */
export class Planted {
  private readonly forms: [name: string, form: string, bytes: Buffer][];
  private readonly seen: [where: string, what: Buffer][] = [];

  constructor(values: Record<string, string>) {
    this.forms = Object.entries(values).flatMap(([name, value]) =>
      formsOf(value).map(([form, text]): [string, string, Buffer] => [name, form, Buffer.from(text)]),
    );
  }

  /** Keeps something that the run has produced, to be looked through at the end. */
  keep(where: string, what: string | Buffer): void {
    this.seen.push([where, Buffer.from(what)]);
  }

  /** Keeps every file below a folder; what is linked is not followed. */
  keepFiles(directory: string): void {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.parentPath.includes("node_modules")) continue;
      const path = join(entry.parentPath, entry.name);
      this.keep(path, readFileSync(path));
    }
  }

  /** How many things are kept. */
  get size(): number {
    return this.seen.length;
  }

  /** Where any of the values stands: `TOKEN as base64 in the output of pulumi up`. */
  found(only: (where: string) => boolean = () => true): string[] {
    return this.seen
      .filter(([where]) => only(where))
      .flatMap(([where, what]) =>
        this.forms
          .filter(([, , bytes]) => what.includes(bytes))
          .map(([name, form]) => `${name} as ${form} in ${where}`),
      );
  }
}

/** As logs, JSON, URLs, headers and dumps write a value. */
function formsOf(value: string): [form: string, text: string][] {
  const json = JSON.stringify(value).slice(1, -1);
  const bytes = Buffer.from(value);
  return [
    ["text", value],
    ["JSON", json],
    ["JSON in JSON", JSON.stringify(json).slice(1, -1)],
    ["JSON in ASCII", json.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)],
    ["part of a URL", encodeURIComponent(value)],
    ["hexadecimal", bytes.toString("hex")],
    // Wherever it begins in what was encoded; the first and the last characters hold neighbors too.
    ...[0, 1, 2].map((at): [string, string] => [
      "base64",
      Buffer.concat([Buffer.alloc(at), bytes])
        .toString("base64")
        .replace(/=+$/, "")
        .slice(at === 0 ? 0 : 4, -1),
    ]),
    ...value
      .split("\n")
      .filter((line) => line.length >= 12)
      .map((line): [string, string] => ["a line", line]),
  ];
}

/** Collects the arguments of every process of this machine until it is stopped. */
export function watchArguments(): { stop(): Promise<string> } {
  const all = new Set<string>();
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      for (const id of readdirSync("/proc")) {
        if (!/^\d+$/.test(id)) continue;
        try {
          all.add(readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " "));
        } catch {
          // It has ended meanwhile.
        }
      }
      await pause(25);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await watching;
      return [...all].join("\n");
    },
  };
}
