import { markerOf } from "../../commands/preview/comment";
import { GitHub, runUrl } from "./github";
import { left, stackIn } from "./left";

/**
 * `comment.ts <stack>`: puts the preview that the step before left into the pull request PR_NUMBER, in the comment that it has of this
 * stack already, or in a new one. Exit code 1: it could not.
 */
async function main(): Promise<void> {
  const stack = stackIn(process.argv.slice(2));
  const number = process.env.PR_NUMBER ?? "";
  if (!/^[1-9]\d{0,9}$/.test(number))
    throw new Error(`PR_NUMBER is ${JSON.stringify(number)}, which is no pull request`);
  const marker = markerOf(stack);
  const nothing = `${marker}\n### ${stack}: can't tell: there was no preview\n\nWhy is in [the run's log](${runUrl(process.env)}).`;
  const preview = left(`preview-${stack}.md`, process.env);
  const body = preview.startsWith(marker) ? preview : nothing;

  const github = GitHub.from(process.env);
  const before = await github.find(`issues/${number}/comments`, marker);
  if (before === undefined) await github.ask("POST", `issues/${number}/comments`, { body });
  else await github.ask("PATCH", `issues/comments/${before.id}`, { body });
  console.log(`The comment of ${stack} was ${before === undefined ? "made" : "updated"}.`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
