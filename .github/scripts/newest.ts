import { GitHub } from "./github";
import { stackIn } from "./left";

/** A deployment, of what GitHub tells. */
interface Deployment {
  id: number;
  sha: string;
}

/** How many deployments back the latest one that went up is looked for; those that nobody approved don't count. */
const MOST_DEPLOYMENTS = 100;

/** The commit that went up last in a stack's environment; undefined where none did. */
async function latestUp(github: GitHub, stack: string): Promise<string | undefined> {
  const question = `deployments?environment=${encodeURIComponent(stack)}&per_page=${MOST_DEPLOYMENTS}`;
  for (const { id, sha } of (await github.ask("GET", question)) as Deployment[]) {
    const states = (await github.ask("GET", `deployments/${id}/statuses?per_page=100`)) as { state: string }[];
    if (states.some(({ state }) => state === "success")) return sha;
  }
  return undefined;
}

/**
 * `newest.ts <stack>`: exit code 1 where this commit is older than the one that went up last, as when an approval came late:
 * it would take the stack back.
 */
async function main(): Promise<void> {
  const stack = stackIn(process.argv.slice(2));
  const sha = process.env.GITHUB_SHA ?? "";
  if (!/^[0-9a-f]{40}$/.test(sha)) throw new Error("GITHUB_SHA is no commit; GitHub sets it on its runners");
  const github = GitHub.from(process.env);
  const before = await latestUp(github, stack);
  if (before === undefined || before === sha) return console.log(`${stack} has had no other commit since.`);
  const { status } = (await github.ask("GET", `compare/${before}...${sha}`)) as { status: string };
  if (status === "behind") {
    throw new Error(
      `${stack} has ${before.slice(0, 12)} already, which is newer than this run's ${sha.slice(0, 12)}. Nothing was touched. ` +
        "Next: approve the newest run; to go back on purpose, merge a commit that sets activeColor back",
    );
  }
  console.log(`${stack} has ${before.slice(0, 12)}; this run's ${sha.slice(0, 12)} is ${status}.`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
