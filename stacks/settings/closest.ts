/**
 * The candidate that someone who wrote `name` most likely meant: a third of its letters may be wrong, case and separators don't
 * count; failing that, the only one that contains it or is contained in it.
 */
export function closest<Name extends string>(name: string, candidates: readonly Name[]): Name | undefined {
  const plain = (word: string) =>
    word
      .slice(0, 100)
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "");
  const wanted = plain(name);
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best !== undefined && best.distance <= best.candidate.length / 3) return best.candidate;

  const related = candidates.filter(
    (candidate) => plain(candidate).includes(wanted) || wanted.includes(plain(candidate)),
  );
  return wanted.length >= 4 && related.length === 1 ? related[0] : undefined;
}

/** Levenshtein's: how many letters must be inserted, left out or replaced to make one word of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
