/** What became of a key: it is in the stack's file, the program does that anyway, or somebody has to see to it. */
export type Fate = "taken" | "needless" | "lost";

/** A key of a compose file, and what became of it. */
export interface Row {
  key: string;
  fate: Fate;
  text: string;
}

/** What became of a service, or of the project itself. */
export interface Section {
  title: string;
  rows: Row[];
}

export const taken = (key: string, text: string): Row => ({ key, fate: "taken", text });

export const needless = (key: string, text: string): Row => ({ key, fate: "needless", text });

export const lost = (key: string, text: string): Row => ({ key, fate: "lost", text });
