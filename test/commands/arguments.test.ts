import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { USAGE as ADOPT } from "../../commands/adopt/usage";
import { readArguments, type Usage } from "../../commands/arguments";
import { USAGE as DRIFT } from "../../commands/drift/usage";
import { USAGE as EXEC } from "../../commands/exec/usage";
import { USAGE as LOGS } from "../../commands/logs/usage";
import { CantTellError, stopScreen } from "../../commands/outcome";
import { USAGE as PREVIEW } from "../../commands/preview/usage";
import { USAGE as RECOVER } from "../../commands/recover/usage";
import { USAGE as STATUS } from "../../commands/status/usage";

const RELEASE = { command: "release", help: "", takesStack: true, values: ["version"], flags: ["dirty"] } as const;

const PROMOTE = { command: "promote", help: "", takesStack: false, values: ["from", "to"], flags: ["json"] } as const;

function problem(usage: Usage, args: string[], env: NodeJS.ProcessEnv = {}): string {
  try {
    readArguments(usage, args, env);
  } catch (error) {
    assert.ok(error instanceof CantTellError);
    const command = `npm run ${usage.command} -- --help`;
    assert.deepEqual([error.exit, error.next], [3, [{ purpose: "read what there is", command }]]);
    return error.message;
  }
  return assert.fail(`accepted: ${args}`);
}

describe("a command's arguments", () => {
  test("the stack, by itself or as --stack, in every command that takes one", () => {
    for (const usage of [STATUS, DRIFT, PREVIEW, RECOVER, RELEASE, LOGS] as Usage[]) {
      const none = Object.fromEntries(["help", "printsVersion", ...usage.flags].map((name) => [name, false]));
      assert.deepEqual(readArguments(usage, [], {}), none);
      for (const args of [["prod"], ["--stack", "prod"], ["--stack=prod"], ["-s", "prod"], ["-sprod"]]) {
        assert.deepEqual(readArguments(usage, args, {}), { ...none, stack: "prod" }, `${usage.command} ${args}`);
      }
      assert.equal(readArguments(usage, ["org/prod"], {}).stack, "org/prod");
      assert.equal(problem(usage, ["dev", "prod"]), 'one stack at a time, and not "prod" too');
      assert.equal(problem(usage, ["prod", "--stack", "prod"]), 'one stack at a time, and not "prod" too');
      assert.equal(problem(usage, ["--stack=a", "--stack=b"]), 'one stack at a time, and not "b" too');
      for (const args of [["--stack"], ["--stack="], ["--stack", ""], ["--stack", "--json"], ["-s"], ["-s", "-x"]])
        assert.equal(problem(usage, args), "--stack needs the stack's name", args.join(" "));
    }
  });

  test("files, of which there may be several, in a command that takes them", () => {
    const none = { yes: false, help: false, printsVersion: false };
    assert.deepEqual(readArguments(ADOPT, [], {}), { ...none, files: [] });
    assert.deepEqual(readArguments(ADOPT, ["a.yml", "-s", "shop", "../b.yml", "-y", "--keep=db,redis"], {}), {
      ...{ ...none, yes: true, stack: "shop", keep: "db,redis", files: ["a.yml", "../b.yml"] },
    });
    assert.equal(problem(ADOPT, ["a.yml", ""]), 'the argument "" is not known');
    assert.equal(problem(ADOPT, ["--", "a.yml"]), 'the argument "--" is not known');
    assert.equal(problem(ADOPT, ["--stack"]), "--stack needs the stack's name");
    assert.equal(problem(PROMOTE, ["a.yml"]), 'the argument "a.yml" is not known');
  });

  test("options with and without a value", () => {
    const none = { json: false, help: false, printsVersion: false };
    assert.deepEqual(readArguments(PROMOTE, ["--from", "a", "--to=b", "--json"], {}), {
      ...{ ...none, from: "a", to: "b", json: true },
    });
    assert.deepEqual(readArguments(DRIFT, ["prod", "--fix", "--json"], {}), {
      ...{ ...none, stack: "prod", fix: true, json: true },
    });
    assert.deepEqual(readArguments(RECOVER, ["-y"], {}), { yes: true, help: false, printsVersion: false });
    assert.equal(problem(PROMOTE, ["--from", "--to", "prod"]), "--from needs a value");
    assert.equal(problem(PROMOTE, ["--from="]), "--from needs a value");
    assert.equal(problem(PROMOTE, ["--from=a", "--from=a"]), "--from is given twice");
    assert.equal(problem(PROMOTE, ["--json", "--json"]), "--json is given twice");
  });

  test("--version is the program's, but for a command that takes a release's", () => {
    assert.equal(readArguments(STATUS, ["--version"], {}).printsVersion, true);
    assert.equal(problem(STATUS, ["--version", "--version"]), "--version is given twice");
    const release = readArguments(RELEASE, ["--version", "1.4.0"], {});
    assert.deepEqual([release.printsVersion, release.version], [false, "1.4.0"]);
  });

  test("what is not known is named", () => {
    for (const argument of [
      "--jsn",
      "--json=yes",
      "--json=",
      "",
      "-x",
      "-",
      "--",
      "--no-json",
      "--__proto__",
      "--constructor",
    ]) {
      const words = `the argument ${JSON.stringify(argument)} is not known`;
      if (argument !== "-") assert.equal(problem(STATUS, [argument]), words);
      assert.equal(problem(PROMOTE, [argument]), words);
    }
    assert.equal(problem(PROMOTE, ["staging", "prod"]), 'the argument "staging" is not known');
    assert.equal(problem(PREVIEW, ["--", "prod"]), 'the argument "--" is not known');
  });

  test("help wins over whatever stands beside it", () => {
    for (const args of [["--help"], ["-h"], ["prod", "--help"], ["--what", "-h"], ["a", "b", "--help"]])
      assert.equal(readArguments(STATUS, args, { npm_config_stack: "prod" }).help, true, args.join(" "));
    assert.equal(problem(STATUS, ["--help=1"]), 'the argument "--help=1" is not known');
    for (const { help, command, flags } of [STATUS, DRIFT, PREVIEW, RECOVER, LOGS]) {
      for (const line of help.split("\n")) assert.ok(line.length <= 120, line);
      assert.match(help, new RegExp(`^npm run ${command} -- prod `, "m"));
      assert.match(help, /--stack prod means the same/);
      assert.match(help, /\n\nExit code: 0 /);
      for (const flag of flags) assert.ok(help.includes(`--${flag}`), `${command} --${flag}`);
    }
  });

  test("an option that npm took for its own is missed, since another stack than the meant one would be looked at", () => {
    const taken = (name: string, command: string) =>
      `npm took --${name} for its own; its options come before \`--\`, those of ${command} after it`;
    assert.equal(problem(STATUS, [], { npm_config_stack: "prod" }), taken("stack", "status"));
    assert.equal(problem(DRIFT, ["--fix"], { npm_config_stack: "prod" }), taken("stack", "drift"));
    assert.equal(problem(DRIFT, [], { npm_config_fix: "true" }), taken("fix", "drift"));
    assert.equal(problem(PREVIEW, ["prod"], { npm_config_comment: "true" }), taken("comment", "preview"));
    assert.equal(problem(PROMOTE, ["--to", "b"], { npm_config_from: "a" }), taken("from", "promote"));
    assert.equal(readArguments(STATUS, ["--stack", "prod"], { npm_config_stack: "prod" }).stack, "prod");
    assert.equal(
      readArguments(STATUS, ["prod"], { npm_config_json: "true" }).json,
      false,
      "a user's .npmrc may have it",
    );
  });

  test("an option that npm has of its own may be in a user's file, and says nothing", () => {
    const env = { npm_config_color: "always", npm_config_proxy: "http://proxy.example:3128" };
    assert.equal(readArguments(LOGS, ["prod"], env).proxy, false);
    assert.equal(readArguments(LOGS, ["-f", "-n", "5", "--color=blue"], env).follow, true);
    assert.equal(
      problem(LOGS, ["green"]),
      "green stands where a stack's name does: a color is given as `--color green`, behind the `--` of `npm run logs --`",
    );
    assert.equal(readArguments(LOGS, ["--stack", "green"], {}).stack, "green", "one may be called that");
    assert.equal(readArguments(STATUS, ["green"], {}).stack, "green");
  });

  test("hostile arguments are named in one plain line", () => {
    for (const hostile of [
      "--\u001b[2J\u202e",
      `--${"x".repeat(100_000)}`,
      "--a\nb",
      "-\u202e",
      "--stack=\u0000\u001b",
    ]) {
      try {
        readArguments(PROMOTE, [hostile], {});
        assert.fail("accepted");
      } catch (error) {
        assert.ok(error instanceof CantTellError);
        assert.match(
          stopScreen(error),
          /^Can't tell: [ -~]{1,200}\nNext, to read what there is: npm run promote -- --help$/,
        );
      }
    }
  });
});

describe("the words of another command", () => {
  const missing = (args: string[]) => {
    try {
      readArguments(EXEC, args, {});
    } catch (error) {
      assert.ok(error instanceof CantTellError);
      const [next] = error.next;
      return [error.message, typeof next === "string" ? next : next?.command];
    }
    return assert.fail(`accepted: ${args}`);
  };

  test("are all that stands behind `--`, whatever they look like", () => {
    const none = { new: false, help: false, printsVersion: false };
    const words = ["ls", "--help", "--", "-x", "", "--stack=prod", "--version"];
    assert.deepEqual(readArguments(EXEC, ["--", ...words], {}), { ...none, words });
    assert.deepEqual(readArguments(EXEC, ["prod", "--color=green", "--new", "--", "ls"], {}), {
      ...{ ...none, new: true, stack: "prod", color: "green", words: ["ls"] },
    });
    assert.equal(readArguments(EXEC, ["--help", "--", "ls"], {}).help, true);
    assert.equal(readArguments(EXEC, ["ls", "--help"], {}).help, true);
    assert.equal(readArguments(EXEC, ["--version"], {}).printsVersion, true);
    assert.equal(problem(EXEC, ["--colr", "green", "--", "ls"]), 'the argument "--colr" is not known');
    assert.equal(problem(EXEC, ["--color", "--", "ls"]), "--color needs a value");
    assert.equal(problem(EXEC, ["--"]), "no command stands behind `--`");
  });

  test("where npm has taken the only `--`, it is shown where the other one belongs", () => {
    const reason = "no command to run: it stands behind a `--` of its own, and npm takes the first one for itself";
    assert.deepEqual(missing(["ls", "-l"]), [reason, "npm run exec -- -- ls -l"]);
    assert.deepEqual(missing(["--color", "green", "sh", "-c", "a b"]), [
      ...[reason, "npm run exec -- --color green -- sh -c 'a b'"],
    ]);
    assert.deepEqual(missing(["--new", "--verbose"]), [reason, "npm run exec -- --new -- --verbose"]);
    assert.deepEqual(missing(["python", "--version"]), [reason, "npm run exec -- -- python --version"]);
    assert.deepEqual(missing(["--new"]), [reason, "npm run exec -- --new -- COMMAND"]);
    assert.deepEqual(missing([]), [reason, "npm run exec -- -- COMMAND"]);
  });

  test("where npm has taken an option, that is said", () => {
    const env = { npm_config_worker: "true" };
    assert.match(problem(EXEC, ["mail", "--", "ls"], env), /^npm took --worker for its own; /);
    assert.match(problem(EXEC, ["green", "--", "ls"]), /^green stands where a stack's name does: a color is given as /);
  });
});
