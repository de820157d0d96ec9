import { baseUrl, imageNamed } from "../../stacks/engine/image";
import { type Login, missing, notAccepted, RegistryError, unreachable } from "../../stacks/engine/registry";

const ANSWER_WITHIN_SECONDS = 20;

/** All that an image's digest may be of. */
const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * Makes sure that a registry has an image by its digest. It is asked itself: an engine that has met the digest before answers from
 * its own memory, also when it is gone from the registry or the password is wrong (Engine 20.10).
 *
 * @throws RegistryError where it doesn't, or could not be asked.
 */
export async function assertInRegistry(image: string, login: Login | undefined): Promise<void> {
  const { host, path, reference } = imageNamed(image);
  const manifest = `${baseUrl(host)}/v2/${path}/manifests/${reference}`;
  const head = (authorization?: string) => ask(host, manifest, "HEAD", { Accept: ACCEPT }, authorization);
  let answer = await head();
  if (answer.status === 401) {
    const wanted = answer.headers.get("www-authenticate") ?? "";
    const authorization = /^bearer /i.test(wanted) ? await tokenFor(host, path, wanted, login) : basic(login);
    if (authorization !== undefined) answer = await head(authorization);
  }
  if (answer.ok) return;
  const said = `${answer.status} ${answer.statusText}`.trim();
  if (answer.status === 404) throw new RegistryError(missing(image));
  if (answer.status === 401 || answer.status === 403) throw new RegistryError(notAccepted(host, login, said));
  throw new RegistryError(unreachable(host, `it answers ${said}`));
}

/** A token for one repository, as https://distribution.github.io/distribution/spec/auth/token/ has it. */
async function tokenFor(
  host: string,
  path: string,
  wanted: string,
  login: Login | undefined,
): Promise<string | undefined> {
  const parameter = (name: string) => new RegExp(`[ ,]${name}="([^"]*)"`, "i").exec(wanted)?.[1];
  const realm = parameter("realm") ?? "";
  // A password for a registry with TLS goes nowhere without.
  if (!realm.startsWith("https://") && !(realm.startsWith("http://") && baseUrl(host).startsWith("http://"))) {
    throw new RegistryError(unreachable(host, "it names no https:// address that gives tokens"));
  }
  const url = new URL(realm);
  const service = parameter("service");
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.set("scope", parameter("scope") ?? `repository:${path}:pull`);
  const answer = await ask(host, url.href, "GET", {}, basic(login));
  if (!answer.ok) throw new RegistryError(notAccepted(host, login, `${answer.status} ${answer.statusText}`.trim()));
  const { token, access_token } = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  const given = token ?? access_token;
  return typeof given === "string" ? `Bearer ${given}` : undefined;
}

const basic = (login: Login | undefined): string | undefined =>
  login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;

async function ask(
  host: string,
  url: string,
  method: "GET" | "HEAD",
  headers: Record<string, string>,
  authorization: string | undefined,
): Promise<Response> {
  const all = { ...headers, ...(authorization !== undefined && { Authorization: authorization }) };
  try {
    return await fetch(url, { method, headers: all, signal: AbortSignal.timeout(ANSWER_WITHIN_SECONDS * 1000) });
  } catch (error) {
    // `fetch failed`, with the reason as its cause.
    const { message, cause } = error as Error;
    throw new RegistryError(unreachable(host, cause instanceof Error && cause.message ? cause.message : message));
  }
}
