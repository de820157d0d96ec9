/** A longer line is handed over in parts: what never ends one must not fill the memory. */
const MOST_CHARACTERS = 1024 * 1024;

/** Cuts what comes in pieces into lines; `end` hands over a last one that has no end. */
export function lineSplitter(onLine: (line: string) => void): { add(text: string): void; end(): void } {
  let rest = "";
  return {
    add(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
      if (rest.length <= MOST_CHARACTERS) return;
      onLine(rest);
      rest = "";
    },
    end() {
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
