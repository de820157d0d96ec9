#!/usr/bin/env node
import { programVersion } from "../stacks/engine/checkout";
import { shown } from "../stacks/text/plain";
import { CantTellError, stopScreen } from "./outcome";
import { typeAsPackage } from "./typed";

const HELP = `What runs of a program that uses the package blue-green.

npx blue-green status             how all services of the selected stack are
npx blue-green status --help      its options and exit codes
npx blue-green --version          the version of the package`;

const [name = "--help"] = process.argv.splice(2, 1);
typeAsPackage();
// The command runs when it is loaded.
if (name === "status") require("./status/main");
else if (name === "--help" || name === "-h") console.log(HELP);
else if (name === "--version") console.log(programVersion());
else {
  const next = { purpose: "see what there is", command: "npx blue-green --help" };
  const stop = new CantTellError(`There is no command ${shown(name)}`, [next]);
  console.error(stopScreen(stop));
  process.exitCode = stop.exit;
}
