import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { quotedWords } from "../text/plain";
import type { Docker } from "./docker";
import { baseUrl, DOCKER_HUB, imageNamed, isLoopback } from "./image";
import { makeLoginFolder } from "./loginFolder";

/** A large image over a slow line. */
const PULL_TIMEOUT_SECONDS = 1800;

const MAX_USER_CHARACTERS = 200;
/** Some registries take a whole key file for a password. */
const MAX_PASSWORD_CHARACTERS = 8192;

/** Docker Hub's name in a configuration of docker's. */
const DOCKER_HUB_LOGIN = "https://index.docker.io/v1/";

export const REGISTRY_USER_RULE = `must be 1 to ${MAX_USER_CHARACTERS} printable ASCII characters other than space : < >`;
export const isRegistryUser = (value: string): boolean =>
  value.length <= MAX_USER_CHARACTERS && /^[!-~]+$/.test(value) && !/[:<>]/.test(value);

export const REGISTRY_PASSWORD_RULE = `must be 1 to ${MAX_PASSWORD_CHARACTERS} characters, of which the last may be a line's end`;
export const isRegistryPassword = (value: string): boolean =>
  value.length <= MAX_PASSWORD_CHARACTERS && withoutLineEnd(value) !== "";

/** A password that came from a file or from `echo` has a line's end that is not part of it: as `docker login` takes it. */
export const withoutLineEnd = (password: string): string => password.replace(/\r?\n$/, "");

/** The settings of the registry. */
export interface RegistrySettings {
  /** For which platform images are pulled, such as `linux/arm64`; the engine's own where it is absent. */
  platform?: string | undefined;
  registry?: string;
  registryUser?: string;
  registryPassword?: string;
}

/** A user of a registry, with the password. */
export interface Login {
  /** The registry's host, with its port. */
  host: string;
  user: string;
  password: string;
  /** Where the password is from, for messages. */
  from: "REGISTRY_PASSWORD" | "registryPassword";
}

/**
 * Who is to log in for an image: nobody where the settings name no user, or another registry.
 *
 * @param env REGISTRY_PASSWORD in it wins over the setting: in CI no passphrase is at hand.
 * @throws RegistryError where the user has no password.
 */
export function loginFor(image: string, settings: RegistrySettings, env: NodeJS.ProcessEnv): Login | undefined {
  const { registry, registryUser: user, registryPassword } = settings;
  const { host } = imageNamed(image);
  if (registry === undefined || user === undefined || imageNamed(registry).host !== host) return undefined;
  const given = withoutLineEnd(env.REGISTRY_PASSWORD ?? "");
  if (given !== "") return { host, user, password: given, from: "REGISTRY_PASSWORD" };
  if (registryPassword !== undefined) {
    return { host, user, password: withoutLineEnd(registryPassword), from: "registryPassword" };
  }
  throw new RegistryError({
    kind: "credentials",
    reason: `registryUser is ${user}, and neither registryPassword nor the variable REGISTRY_PASSWORD is set`,
    next: "pulumi config set --secret registryPassword",
  });
}

/**
 * Runs something with the environment variables by which docker logs in as this user: a configuration of its own, readable by
 * nobody else and removed afterwards, so that nobody's own logins change. `docker login` is not asked: it may hand the password
 * to the machine's keychain.
 */
export async function withLogin<Value>(
  login: Login | undefined,
  use: (env: Record<string, string>) => Promise<Value>,
): Promise<Value> {
  if (login === undefined) return use({});
  const folder = makeLoginFolder();
  try {
    const auth = Buffer.from(`${login.user}:${login.password}`).toString("base64");
    const name = login.host === DOCKER_HUB ? DOCKER_HUB_LOGIN : login.host;
    writeFileSync(join(folder.path, "config.json"), JSON.stringify({ auths: { [name]: { auth } } }), { mode: 0o600 });
    return await use({ DOCKER_CONFIG: folder.path });
  } finally {
    folder.remove();
  }
}

/** What is wrong between an engine and a registry. */
export interface RegistryProblem {
  kind: "credentials" | "missing" | "unreachable" | "other";
  /** What was seen, for people. */
  reason: string;
  /** The command that mends it, or shows more. */
  next: string;
}

/** An image could not be had from its registry, or not be given to it. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";

  constructor(readonly problem: RegistryProblem) {
    super(`${problem.reason}. Next: ${problem.next}`);
  }
}

const CREDENTIALS =
  /unauthorized|authentication required|no basic auth credentials|incorrect username or password|denied|forbidden/i;
/** Said of a repository that isn't there to somebody who may see it. */
const MISSING =
  /manifest unknown|manifest for .* not found|name unknown|repository \S+ not found|repository does not exist|: not found$/i;
const UNREACHABLE =
  /connection refused|connection reset|no such host|i\/o timeout|timed out|deadline exceeded|unreachable|no route to host|request canceled|EOF$/i;

/** Makes sense of docker's words about an image's registry. */
export function registryProblem(image: string, login: Login | undefined, output: string): RegistryProblem {
  const { host } = imageNamed(image);
  const said = lastWords(output);
  if (/HTTP response to HTTPS client/i.test(said)) {
    const reason = `${host} speaks plain HTTP, and the engine trusts that only of its own loopback: ${said}`;
    return { kind: "other", reason, next: `give it a certificate, or name it in the engine's insecure-registries` };
  }
  if (/x509|certificate/i.test(said)) {
    const reason = `The engine does not trust the certificate of ${host}: ${said}`;
    return { kind: "other", reason, next: `put its authority's certificate into /etc/docker/certs.d/${host}/ca.crt` };
  }
  if (MISSING.test(said) && (login !== undefined || !/denied/i.test(said))) return missing(image);
  if (CREDENTIALS.test(said)) return notAccepted(host, login, said);
  if (UNREACHABLE.test(said)) return unreachable(host, said);
  return { kind: "other", reason: `${image}: ${said}`, next: `curl -sSi ${baseUrl(host)}/v2/` };
}

/** An image that its registry does not have. */
export const missing = (image: string): RegistryProblem => ({
  kind: "missing",
  reason: `${image} is not in its registry: it was never pushed there, or was deleted`,
  next: "npm run release -- --version <version>, or name another image",
});

/** A registry that refuses a user, or nobody in particular. */
export function notAccepted(host: string, login: Login | undefined, said: string): RegistryProblem {
  if (login === undefined) {
    return {
      kind: "credentials",
      reason: `${host} wants a user and a password: ${said}`,
      next: `pulumi config set registry ${host}/<repository> && pulumi config set registryUser <user> && pulumi config set --secret registryPassword`,
    };
  }
  return {
    kind: "credentials",
    reason: `${host} does not accept registryUser ${login.user} with the password in ${login.from}: ${said}`,
    next:
      login.from === "REGISTRY_PASSWORD"
        ? "set REGISTRY_PASSWORD anew, or unset it"
        : "pulumi config set --secret registryPassword",
  };
}

/** A registry that does not answer. */
export const unreachable = (host: string, said: string): RegistryProblem => ({
  kind: "unreachable",
  reason: `The registry ${host} can't be reached: ${said}`,
  next: isLoopback(host)
    ? "setup/registry, if it is the one that this project brings"
    : `curl -sSi ${baseUrl(host)}/v2/`,
});

/** The last line of what docker wrote, fit for a terminal. */
export const lastWords = (output: string): string =>
  quotedWords((output.trim().split("\n").at(-1) ?? "").replace(/^Error response from daemon: /, ""));

/**
 * Sees to it that an engine has an image, with the user of its registry.
 *
 * @returns why it still hasn't where the settings name no user and one is wanted: the Docker provider may know one
 *   (`docker:registryAuth`).
 * @throws RegistryError where it can't be had.
 */
export async function pullMissing(
  docker: Docker,
  image: string,
  settings: RegistrySettings,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const here = await docker.run(["image", "inspect", image]);
  if (here.code === 0) return undefined;
  const login = loginFor(image, settings, env);
  try {
    await pull(docker, image, login, settings.platform);
    return undefined;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const named = ofImage(image, error);
    if (login !== undefined || error.problem.kind !== "credentials") throw named;
    return named.message;
  }
}

/**
 * Sees to it that an engine has the image that a tag names now: its registry is asked for it although the engine has one of that
 * name. Where that can't be had, the engine's own is taken.
 *
 * @param say gets the digest that the tag names.
 * @returns what a person has to know: the registry could not be asked, or wants a user (see {@link pullMissing}).
 * @throws RegistryError where the engine has none, and none can be had.
 */
export async function pullTag(
  docker: Docker,
  image: string,
  settings: RegistrySettings,
  env: NodeJS.ProcessEnv,
  say: (line: string) => unknown,
): Promise<string | undefined> {
  const here = await docker.run(["image", "inspect", image]);
  if (here.code !== 0) return pullMissing(docker, image, settings, env);
  const [{ Id: id = "", RepoDigests } = {}] = JSON.parse(here.stdout) as {
    Id?: string;
    RepoDigests?: string[] | null;
  }[];
  if (!RepoDigests?.some((digest) => digest.includes("@sha256:"))) {
    await say(`${image} is ${id}, which was built or loaded on this engine: no registry is asked for it`);
    return undefined;
  }
  try {
    await say(
      `${image} is ${await pull(docker, image, loginFor(image, settings, env), settings.platform)} in its registry now`,
    );
    return undefined;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const { reason, next } = error.problem;
    return (
      `${image} could not be asked for again (${reason}): the engine's own is used, ${id}. The tag may name a newer one in its ` +
      `registry. Next: ${next}`
    );
  }
}

/** A run may need several images: which one it is about stands first. */
function ofImage(image: string, { problem }: RegistryError): RegistryError {
  const reason = problem.reason.includes(image) ? problem.reason : `${image} can't be pulled: ${problem.reason}`;
  return new RegistryError({ ...problem, reason });
}

/**
 * Pulls an image, also where the engine has it: for a tag its registry is asked in any case.
 *
 * @returns its digest in the registry.
 * @throws RegistryError where it can't be had.
 */
export const pull = (docker: Docker, image: string, login: Login | undefined, platform?: string): Promise<string> =>
  transfer(docker, platform === undefined ? ["pull"] : ["pull", "--platform", platform], image, login);

/**
 * Pushes an image.
 *
 * @returns its digest in the registry.
 * @throws RegistryError where it can't be pushed.
 */
export const push = (docker: Docker, image: string, login: Login | undefined): Promise<string> =>
  transfer(docker, ["push"], image, login);

async function transfer(
  docker: Docker,
  how: readonly string[],
  image: string,
  login: Login | undefined,
): Promise<string> {
  const { code, stdout, stderr } = await withLogin(login, (env) =>
    docker.run(["image", ...how, image], { env, timeoutSeconds: PULL_TIMEOUT_SECONDS }),
  );
  if (code !== 0) throw new RegistryError(registryProblem(image, login, stderr || stdout));
  const digest = /\bdigest: (sha256:[0-9a-f]{64})/i.exec(stdout)?.[1];
  if (digest !== undefined) return digest;
  throw new Error(`\`docker image ${how.join(" ")} ${image}\` names no digest: ${lastWords(stdout)}`);
}
