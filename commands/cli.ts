#!/usr/bin/env node
import { programVersion } from "../stacks/engine/checkout";
import { EXIT } from "./outcome";
import { typeAsPackage } from "./typed";

/** The commands that the package brings along, by name; each runs when it is loaded. */
const COMMANDS: Readonly<Record<string, () => unknown>> = { status: () => require("./status/main") };

const HELP = `What runs of a program that uses the package blue-green.

npx blue-green status             how all services of the selected stack are
npx blue-green status --help      its options and exit codes
npx blue-green --version          the version of the package`;

const [name = "--help"] = process.argv.splice(2, 1);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
typeAsPackage();
if (command !== undefined) command();
else if (name === "--help" || name === "-h") console.log(HELP);
else if (name === "--version") console.log(programVersion());
else {
  console.error(`There is no command ${JSON.stringify(name)}.\nNext, to see what there is: npx blue-green --help`);
  process.exitCode = EXIT.unknown;
}
