/** Names of workers, jobs and accessories: of a-z 0-9 and single dashes, each word with a letter first. */
const NAME = /^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$/;
const MOST_CHARACTERS = 30;
/** Words that other parts of a stack are called by. */
const TAKEN = ["blue", "green", "proxy", "gateway"];

/** Returns the name that a service gets in the stack's file: its own where that can be one, otherwise the most like it. */
export function nameFor(service: string, used: ReadonlySet<string>): string {
  const made = isPossible(service) ? service : nameLike(service);
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? made : `${made.slice(0, MOST_CHARACTERS - 2)}${count}`;
    if (!used.has(name)) return name;
  }
}

const isPossible = (name: string): boolean =>
  NAME.test(name) && name.length <= MOST_CHARACTERS && !name.split("-").some((word) => TAKEN.includes(word));

function nameLike(service: string): string {
  const joined: string[] = [];
  for (const word of service
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)) {
    const before = joined.at(-1);
    // A word that can't stand by itself becomes a part of the one before.
    const fits = /^[a-z]/.test(word) && !TAKEN.includes(word) && !TAKEN.includes(before ?? "");
    if (fits || before === undefined) joined.push(word);
    else joined[joined.length - 1] = `${before}${word}`;
  }
  const name = joined
    .join("-")
    .slice(0, MOST_CHARACTERS - 2)
    .replace(/-+$/, "");
  const led = /^[a-z]/.test(name) ? name : `s${name}`;
  return isPossible(led) ? led : `${led.replaceAll("-", "")}1`;
}
