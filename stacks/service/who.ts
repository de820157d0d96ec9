import { hostname, userInfo } from "node:os";

/** Who began a run, for the history: all of it is text from elsewhere, made fit for a line that people read. */
export interface Who {
  /** The user's name: on a machine the one who called `sudo`, in CI the one who triggered the run. */
  user?: string;
  /** The machine that the run was on. */
  host?: string;
  /** The CI run: its address, without what may be secret in one, or its number. */
  run?: string;
}

/** The most characters of each; a line of the history travels as one argument or message. */
const MOST_CHARACTERS = { user: 64, host: 64, run: 200 } as const;

/** The variables in which each CI system names who triggered a run, and the run. */
const CI_USER = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME", "BUILD_USER_ID"];
const CI_RUN = ["CI_JOB_URL", "BUILD_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL"];

/** All but ASCII and the letters of Latin script: controls, and marks that turn the direction of text. */
const UNFIT = /[^ -~\u00a1-\u00ac\u00ae-\u024f]+/gu;

/** Returns who ran something, in a word: `ann@build-7`. */
export const nameOf = ({ user, host }: Pick<Who, "user" | "host">): string =>
  user === undefined ? (host ?? "") : host === undefined ? user : `${user}@${host}`;

/** Tells who runs this, from its environment. */
export function whoRuns(env: NodeJS.ProcessEnv, machine: () => { user: string; host: string } = thisMachine): Who {
  const { user, host } = machine();
  const run = runOf(env);
  const ci = run === undefined ? undefined : first(env, CI_USER);
  return {
    ...texts("user", ci ?? first(env, ["SUDO_USER", "USER", "LOGNAME"]) ?? user),
    ...texts("host", host),
    ...texts("run", run),
  };
}

function runOf(env: NodeJS.ProcessEnv): string | undefined {
  const { GITHUB_RUN_ID, GITHUB_SERVER_URL, GITHUB_REPOSITORY } = env;
  if (GITHUB_RUN_ID) {
    return GITHUB_SERVER_URL && GITHUB_REPOSITORY
      ? address(`${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`)
      : GITHUB_RUN_ID;
  }
  const known = first(env, CI_RUN);
  if (known !== undefined) return address(known);
  return env.CI === "true" || env.CI === "1" ? "CI" : undefined;
}

/** An address without user, password, query and fragment, where tokens travel; what is none is not shown. */
function address(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url === undefined || !/^https?:$/.test(url.protocol) ? "CI" : `${url.origin}${url.pathname}`;
}

const first = (env: NodeJS.ProcessEnv, names: string[]): string | undefined =>
  names.map((name) => env[name]).find((value) => value);

const texts = <Key extends keyof Who>(key: Key, value: string | undefined): Who => {
  const text = (value ?? "").slice(0, 10_000).replace(UNFIT, "?").trim();
  return text === "" ? {} : { [key]: text.slice(0, MOST_CHARACTERS[key]) };
};

function thisMachine(): { user: string; host: string } {
  let user = "";
  try {
    user = userInfo().username;
  } catch {
    // A user id without a name, as in some containers.
  }
  return { user, host: hostname() };
}
