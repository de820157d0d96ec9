/** What a query asks for. */
export interface Asked {
  /** The labels that each metric is chosen by, by the metric's name. */
  metrics: Map<string, Set<string>>;
  /** The labels that its results are grouped or joined by. */
  groups: Set<string>;
}

const WORDS = ["and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool"];

/** Returns the metrics and labels that a query of Prometheus names; promtool is who says whether it is one. */
export function askedBy(query: string): Asked {
  const asked: Asked = { metrics: new Map(), groups: new Set() };
  const named = (list: string) => list.split(",").map((label) => label.trim());
  const text = query
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right) ?\(([^)]*)\)/g, (_, list: string) => {
      for (const label of named(list).filter(Boolean)) asked.groups.add(label);
      return " ";
    })
    .replace(/\[[^\]]*\]/g, " ");
  for (const [, name = "", open, matchers = ""] of text.matchAll(
    /(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(\{([^}]*)\}|\()?/g,
  )) {
    if (open === "(" || WORDS.includes(name)) continue;
    const labels = asked.metrics.get(name) ?? new Set();
    for (const [, label = ""] of (matchers ?? "").matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) labels.add(label);
    asked.metrics.set(name, labels);
  }
  return asked;
}

/** Returns the queries that an alert's words ask for while they are written, as `{{ with query (printf "...") }}`. */
export const queriesIn = (template: string): string[] =>
  [...template.matchAll(/query \(printf "((?:[^"\\]|\\.)*)"/g)].map(([, query = ""]) =>
    query.replaceAll('\\"', '"').replaceAll("%q", '""'),
  );
