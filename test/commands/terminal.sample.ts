import { TerminalScreen } from "../../commands/terminal";

/** Draws a picture, and then ends as its argument says. */
const screen = new TerminalScreen(process.stdout, () => {});
screen.draw(["drawn"], "the last picture");
const [how] = process.argv.slice(2);
setTimeout(() => {
  if (how === "throw") throw new Error("thrown");
  if (how === "reject") void Promise.reject(new Error("rejected"));
  if (how === "exit") process.exit(7);
}, 200);
