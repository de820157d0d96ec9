import { block } from "../../commands/preview/comment";
import { GitHub, runUrl } from "./github";
import { left, stackIn } from "./left";

/** An issue has room for as much as a comment. */
const MOST_BYTES = 60_000;

/** By what a stack's issue is found again. */
const markerOf = (stack: string): string => `<!-- blue-green drift of ${stack} -->`;

/** The issue of a stack that is not as its program says, or of which that can't be told. */
function issueOf(stack: string, drifts: boolean, said: string): { title: string; body: string } {
  const command = `npm run drift -- ${stack}`;
  const title = drifts ? `${stack} is not as its program says` : `Can't tell whether ${stack} is as its program says`;
  const body = [
    markerOf(stack),
    `\`${command}\` found this ([the run](${runUrl(process.env)})). The issue is closed by the first check that finds nothing.`,
    "",
    ...block(said.split("\n"), MOST_BYTES, command, "text"),
  ].join("\n");
  return { title, body };
}

/**
 * `issue.ts <stack>`: tells people what the drift check before it found, in one issue a stack: opened or brought up to date where
 * there is drift or it can't be told, closed where there is none. Exit code 1: it could not.
 */
async function main(): Promise<void> {
  const stack = stackIn(process.argv.slice(2));
  const code = left(`drift-${stack}.code`, process.env);
  const said = left(`drift-${stack}.txt`, process.env) || "The check said nothing.";
  const github = GitHub.from(process.env);
  const before = await github.find("issues?state=open", markerOf(stack));

  if (code === "0") {
    if (before === undefined) return console.log(`${stack} is as its program says.`);
    const body = `${stack} is as its program says again ([the run](${runUrl(process.env)})).`;
    await github.ask("POST", `issues/${before.number}/comments`, { body });
    await github.ask("PATCH", `issues/${before.number}`, { state: "closed", state_reason: "completed" });
    return console.log(`The issue of ${stack} was closed.`);
  }
  const issue = issueOf(stack, code === "1", said);
  if (before === undefined) await github.ask("POST", "issues", issue);
  else await github.ask("PATCH", `issues/${before.number}`, issue);
  console.log(`The issue of ${stack} was ${before === undefined ? "opened" : "updated"}: ${issue.title}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
