/**
 * The part of nginx that decides where a request goes, as far as its configuration uses it: the variables that `map` and
 * `split_clients` define (https://nginx.org/en/docs/http/ngx_http_map_module.html, ngx_http_split_clients_module.html). That nginx
 * itself reads them so is proved on the engine; this is for all the combinations that are too many for it.
 */

/** What a client sends, and what surrounds it. */
export interface Request {
  /** Header lines, names in lower case. */
  headers?: Record<string, string>;
  /** Where the connection comes from. */
  from?: string;
  method?: string;
  /** Default `HTTP/1.1`. */
  protocol?: string;
  /** Whom nginx has asked so far, as `$upstream_addr` has it: where there was nobody left to ask, the upstream's own name. */
  asked?: string;
  /** The path as nginx reads it, decoded. Default `/`. */
  uri?: string;
  /** The color that lent an asset, where one did. */
  lender?: string;
  scheme?: string;
  /** Whether the configuration's `geo` takes the sender for a trusted proxy. */
  trusted?: boolean;
  /** Where in the whole of all clients `split_clients` puts this one: 0 to below 100, in percent. */
  lot?: number;
  /** Seconds since 1970. */
  now?: number;
  /** The first line of the request. */
  line?: string;
}

interface Block {
  kind: "map" | "split_clients";
  source: string;
  entries: [key: string, value: string][];
}

/** The variables that a configuration defines. */
export class Maps {
  private readonly blocks = new Map<string, Block>();
  private readonly patterns = new Map<string, RegExp>();

  /** @param texts the configuration, and the files that it includes. */
  constructor(...texts: string[]) {
    for (const text of texts) this.read(tokensOf(text));
  }

  get names(): string[] {
    return [...this.blocks.keys()];
  }

  /** The value of a variable, by its name without the dollar sign, for this request. */
  value(name: string, request: Request): string {
    return this.evaluate(name, request, new Map(), []);
  }

  private read(tokens: Token[]): void {
    for (let at = 0; at < tokens.length; at++) {
      const kind = tokens[at]?.text;
      const begins = at === 0 || [";", "{", "}"].some((end) => tokens[at - 1]?.special === end);
      if (!begins || (kind !== "map" && kind !== "split_clients")) continue;
      const [source, name, open] = tokens.slice(at + 1, at + 4);
      if (source === undefined || !name?.text.startsWith("$") || open?.special !== "{")
        throw new Error(`a bad ${kind}`);
      const entries: Block["entries"] = [];
      at += 4;
      while (tokens[at]?.special !== "}") {
        const [key, value, end] = tokens.slice(at, at + 3);
        if (key === undefined || value === undefined || end?.special !== ";")
          throw new Error(`a bad entry of ${name.text}`);
        entries.push([key.text, value.text]);
        at += 3;
      }
      if (this.blocks.has(name.text.slice(1))) throw new Error(`${name.text} is defined twice`);
      this.blocks.set(name.text.slice(1), { kind, source: source.text, entries });
    }
  }

  private evaluate(name: string, request: Request, known: Map<string, string>, within: string[]): string {
    const found = known.get(name);
    if (found !== undefined) return found;
    if (within.includes(name)) throw new Error(`$${name} is defined by itself: ${within.join(" -> ")}`);
    const text = (value: string) => this.interpolate(value, request, known, [...within, name]);
    const block = this.blocks.get(name);
    const value =
      block === undefined
        ? builtIn(name, request)
        : block.kind === "map"
          ? this.map(block, text, known)
          : split(block, request);
    known.set(name, value);
    return value;
  }

  /** An exact value, whatever its case; then the regular expressions in their order; then the default, otherwise nothing. */
  private map({ source, entries }: Block, text: (value: string) => string, known: Map<string, string>): string {
    const given = text(source);
    const exact = entries.find(
      ([key]) => key !== "default" && !key.startsWith("~") && key.toLowerCase() === given.toLowerCase(),
    );
    if (exact !== undefined) return text(exact[1]);
    for (const [key, value] of entries) {
      if (!key.startsWith("~")) continue;
      const match = this.pattern(key).exec(given);
      if (match === null) continue;
      for (const [group, part] of Object.entries(match.groups ?? {})) known.set(group, part ?? "");
      return text(value);
    }
    return text(entries.find(([key]) => key === "default")?.[1] ?? "");
  }

  private pattern(key: string): RegExp {
    const anyCase = key.startsWith("~*");
    const pattern = this.patterns.get(key) ?? new RegExp(key.slice(anyCase ? 2 : 1), anyCase ? "i" : "");
    this.patterns.set(key, pattern);
    return pattern;
  }

  private interpolate(value: string, request: Request, known: Map<string, string>, within: string[]): string {
    return value.replace(/\$([a-z0-9_]+)/gi, (_, name: string) => this.evaluate(name, request, known, within));
  }
}

/** The first share that the client falls into; `*` takes the rest. */
function split({ entries }: Block, { lot = 99.99 }: Request): string {
  let end = 0;
  for (const [share, value] of entries) {
    if (share === "*") return value;
    if (!/^[0-9]{1,2}%$/.test(share)) throw new Error(`a share of ${share}`);
    end += Number.parseInt(share, 10);
    if (lot < end) return value;
  }
  throw new Error("split_clients does not end with *");
}

function builtIn(name: string, request: Request): string {
  const {
    headers = {},
    from = "192.0.2.7",
    method = "GET",
    protocol = "HTTP/1.1",
    asked = "",
    scheme = "http",
    now = 1_800_000_000,
  } = request;
  if (name.startsWith("http_")) return headers[name.slice("http_".length).replaceAll("_", "-")] ?? "";
  if (name.startsWith("cookie_")) return cookie(headers.cookie ?? "", name.slice("cookie_".length));
  const others: Record<string, string> = {
    ...{ realip_remote_addr: from, remote_addr: from, binary_remote_addr: from, host: "shop.example" },
    ...{ request: request.line ?? `${method} / HTTP/1.1`, upstream_bytes_received: "" },
    ...{ server_protocol: protocol, content_length: headers["content-length"] ?? "" },
    ...{ request_method: method, upstream_addr: asked, scheme, msec: `${now}.123` },
    ...{ uri: request.uri ?? "/", lender: request.lender ?? "" },
    ...(request.trusted !== undefined && { trusted: request.trusted ? "1" : "" }),
  };
  const value = others[name];
  if (value === undefined) throw new Error(`$${name} is defined nowhere`);
  return value;
}

/** The first cookie of that name, whatever its case, as nginx looks for it. */
function cookie(header: string, name: string): string {
  for (const pair of header.split(";")) {
    const [, key = "", value = ""] = /^ *([^=]*?) *= *(.*)$/s.exec(pair) ?? [];
    if (key.toLowerCase() === name.toLowerCase()) return value;
  }
  return "";
}

interface Token {
  text: string;
  /** One of `{`, `}` and `;` where it is that and not text. */
  special?: string;
}

/** The configuration's words: quoted or not, without comments. */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern =
    /\s+|#[^\n]*|([{};])|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|((?:\\.|\$\{[^}]*\}|[^\s{};"'\\])(?:\\.|[^\s{};\\])*)/gsy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw new Error(`no token: ${JSON.stringify(text.slice(at, at + 40))}`);
    const [, special, double, single, bare] = match;
    if (special !== undefined) tokens.push({ text: "", special });
    // Within quotes a backslash escapes these alone; before anything else it stays.
    else if (double !== undefined || single !== undefined)
      tokens.push({ text: (double ?? single ?? "").replace(/\\(["'\\])/g, "$1") });
    else if (bare !== undefined) tokens.push({ text: bare });
  }
  return tokens;
}
