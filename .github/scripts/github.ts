/** How long one answer of GitHub's may take. */
const TIMEOUT_SECONDS = 30;

/** The most pages that are looked through, of a hundred things each. */
const MOST_PAGES = 50;
const PAGE_SIZE = 100;

/** Whose comments and issues are ours: that of the workflows' own token. */
const BOT = "github-actions[bot]";

/** A comment or an issue, of what GitHub tells. */
export interface Written {
  /** A comment's id, an issue's number. */
  id: number;
  number?: number;
  body?: string | null;
  user?: { login?: string } | null;
  /** Set where an issue is a pull request. */
  pull_request?: unknown;
}

/** GitHub's REST API for one repository, with the workflow's own token. */
export class GitHub {
  private constructor(
    private readonly api: string,
    private readonly repository: string,
    private readonly token: string,
  ) {}

  /**
   * From the variables that GitHub sets on its runners, and GITHUB_TOKEN, which the workflow hands over.
   *
   * @throws Error that names what is missing, and no token.
   */
  static from(env: NodeJS.ProcessEnv): GitHub {
    const { GITHUB_API_URL: api = "", GITHUB_REPOSITORY: repository = "", GITHUB_TOKEN: token = "" } = env;
    if (!/^https?:\/\/[^\s]+$/.test(api))
      throw new Error("GITHUB_API_URL is no address; GitHub sets it on its runners");
    if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new Error("GITHUB_REPOSITORY is not owner/name");
    if (token === "") throw new Error("GITHUB_TOKEN is not set. Next: hand github.token to this step");
    return new GitHub(api.replace(/\/$/, ""), repository, token);
  }

  /** Finds what this workflow wrote before, by the marker that its text begins with. */
  async find(path: string, marker: string): Promise<Written | undefined> {
    for (let page = 1; page <= MOST_PAGES; page++) {
      const question = `${path}${path.includes("?") ? "&" : "?"}per_page=${PAGE_SIZE}&page=${page}`;
      const all = await this.ask("GET", question);
      if (!Array.isArray(all)) throw new Error(`GitHub's answer to GET ${question} is no list`);
      const ours = (all as Written[]).find(
        ({ user, body, pull_request }) => user?.login === BOT && !pull_request && body?.startsWith(marker),
      );
      if (ours !== undefined) return ours;
      if (all.length < PAGE_SIZE) return undefined;
    }
    return undefined;
  }

  /**
   * Asks for something of the repository's, such as `issues/7/comments`.
   *
   * @throws Error with what GitHub said.
   */
  async ask(method: "GET" | "POST" | "PATCH", path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.api}/repos/${this.repository}/${path}`, {
      method,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${this.token}`,
        "x-github-api-version": "2022-11-28",
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
      // A token goes nowhere else.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
    }).catch((error: Error) => {
      const why = error.cause instanceof Error ? error.cause.message : error.message;
      throw new Error(`GitHub did not answer ${method} ${path}: ${why}`);
    });
    const text = await response.text();
    if (!response.ok) {
      const hint = response.status === 403 ? ". Next: look at this job's `permissions`" : "";
      throw new Error(
        `GitHub answered ${response.status} to ${method} ${path}: ${JSON.stringify(text.slice(0, 300))}${hint}`,
      );
    }
    return text === "" ? undefined : JSON.parse(text);
  }
}

/** Where people read this run's log. */
export const runUrl = ({ GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID }: NodeJS.ProcessEnv): string =>
  `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
