#!/usr/bin/env node
import { programVersion } from "../stacks/engine/checkout";
import { shown } from "../stacks/text/plain";
import { CantTellError, stopScreen } from "./outcome";
import { typeAsPackage } from "./typed";

const HELP = `What runs, and would run, of a program that uses the package blue-green.

npx blue-green status             how all services of the selected stack are
npx blue-green drift              whether they run what is declared, and what mends a difference
npx blue-green preview            what \`pulumi up\` would do, as a summary for people
npx blue-green rollback           takes the public back at once, without Pulumi
npx blue-green logs               what the containers and the proxy have written, in the order of time
npx blue-green exec -- ls         runs a command in a container of the live color
npx blue-green status --help      a command's options and exit codes
npx blue-green --version          the version of the package`;

const [name = "--help"] = process.argv.splice(2, 1);
typeAsPackage();
// The command runs when it is loaded.
if (name === "status") require("./status/main");
else if (name === "drift") require("./drift/main");
else if (name === "preview") require("./preview/main");
else if (name === "rollback") require("./rollback/main");
else if (name === "logs") require("./logs/main");
else if (name === "exec") require("./exec/main");
else if (name === "--help" || name === "-h") console.log(HELP);
else if (name === "--version") console.log(programVersion());
else {
  const next = { purpose: "see what there is", command: "npx blue-green --help" };
  const stop = new CantTellError(`There is no command ${shown(name)}`, [next]);
  console.error(stopScreen(stop));
  process.exitCode = stop.exit;
}
