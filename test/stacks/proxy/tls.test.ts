import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { namesOf, proxyFiles } from "../../../stacks/proxy/files";
import { type ConfigurationSettings, renderConfiguration } from "../../../stacks/proxy/nginxConfiguration";
import { normalized } from "../../../stacks/proxy/pem";
import { proxyMadeFrom } from "../../../stacks/proxy/proxy";
import { readTls } from "../../../stacks/proxy/tls";
import { servingOf } from "../../../stacks/service/serving";
import { SettingsError } from "../../../stacks/settings/errors";
import { parseSettings } from "../../../stacks/settings/settings";
import { raw, refused, secrets } from "../settings/settings.raw";
import { FIT } from "../text/hostile.sample";
import { makeCertificate, type SampleCertificate } from "./certificates.sample";

const NOW = new Date("2026-01-10T12:00:00Z");

const make = (change: Partial<SampleCertificate> = {}) =>
  makeCertificate({ names: ["shop.example"], days: 90, now: NOW, ...change });

const good = make();

const other = make();

const expired = make({ days: -1 });

const folder = mkdtempSync(join(tmpdir(), "blue-green-tls-"));

after(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

const site = file("site.pem", good.certificate);

const siteKey = file("site.key", good.key);

/** What a key's text has that must not show. */
const secretsOf = (text: string) =>
  text.split(/[\r\n]+/).filter((line) => line.length > 20 && !line.startsWith("-----"));

/** What is read, and that nothing which is said has anything of the key in it, nor of its path. */
function read(tlsCertificate?: string, tlsKey?: string, serves: (fingerprint: string) => boolean = () => false) {
  const settings = { ...(tlsCertificate !== undefined && { tlsCertificate }), ...(tlsKey !== undefined && { tlsKey }) };
  const tls = readTls(settings, NOW, serves);
  const said = [...tls.problems, ...tls.warnings].join("\n");
  for (const { key } of [good, other, expired]) {
    for (const line of secretsOf(key)) assert.ok(!said.includes(line), "what is said shows what is in a key");
  }
  if (tlsKey !== undefined && !tlsKey.includes("\n")) assert.ok(!said.includes(tlsKey), said);
  return tls;
}

const TEXT_CERTIFICATE = "Nothing was touched. Next: pulumi config set tlsCertificate < '<file>' && pulumi up";

const TEXT_KEY = "Nothing was touched. Next: pulumi config set --secret tlsKey < '<file>' && pulumi up";

const AT = (setting: string) =>
  `Nothing was touched. Next: put the right file there, or name another one (pulumi config set ${setting} '<file>'), then: pulumi up`;

const textsOf = ({ certificate, key }: { certificate: string; key: string }) => [certificate, key] as const;

// Settings.

const certificateIs = { tlsCertificate: good.certificate };

const RULE = (what: string) =>
  `must be ${what} as PEM text of at most 128 KiB, the path of a file with it (A-Z a-z 0-9 . _ ~ @ + / -, at most 1000 characters), or empty`;

const SET_KEY = "    pulumi config set --secret tlsKey < '<file>'";

const NOT_SECRET =
  "tlsKey = [secret]: must be set with --secret; what the stack's file holds now is readable, so give it a new value";

const proxies = (...list: unknown[]) =>
  parseSettings(raw({ trustedProxies: JSON.stringify(list) }), new Set()).trustedProxies;

// What comes of it.

const owner = { project: "blue-green", stack: "dev" };

const proxy = { nginxImage: "nginx:1", bindAddress: "127.0.0.1", httpPort: 8080, httpsPort: 8443 };

const template = readFileSync(join(__dirname, "..", "..", "..", "nginx", "nginx.conf.mustache"), "utf8");

const reached = { replicas: 1, appPort: 5000, healthPath: "/healthz" };

const render = (change: Partial<ConfigurationSettings>) =>
  renderConfiguration(template, {
    ...parseSettings(raw(), new Set()),
    slots: { blue: reached, green: reached },
    files: {},
    ...change,
  });

const files = { tlsCertificate: "tls-0.crt", tlsKey: "tls-0.key" };

const renderWith = (text: string, trustedProxies: string[]) =>
  renderConfiguration(text, {
    ...parseSettings(raw(), new Set()),
    slots: { blue: reached, green: reached },
    files: {},
    trustedProxies,
  });

describe("TLS", () => {
  test("without a certificate nothing is read and nothing is said", () => {
    assert.deepEqual(read(), { problems: [], warnings: [] });
  });

  test("texts, absolute paths, paths from the project's folder, upwards too, and links all give the same pair", () => {
    const { pair, problems, warnings } = read(good.certificate, good.key);
    assert.deepEqual([problems, warnings], [[], []]);
    assert.deepEqual({ certificate: pair?.certificate, key: pair?.key }, normalized(good));
    assert.match(pair?.fingerprint ?? "", /^[0-9a-f]{16}$/);
    symlinkSync(site, join(folder, "live.pem"));
    for (const [certificate, key] of [
      [site, siteKey],
      [relative(process.cwd(), site), relative(process.cwd(), siteKey)],
      [join(folder, "live.pem"), good.key],
      [good.certificate, siteKey],
    ] as const) {
      assert.deepEqual(read(certificate, key).pair, pair);
    }
  });

  test("a path that leads to no readable file is refused, with what is wrong there", () => {
    mkdirSync(join(folder, "directory"));
    symlinkSync("circle", join(folder, "circle"));
    execFileSync("mkfifo", [join(folder, "fifo")]);
    const large = file("large.pem", Buffer.alloc(128 * 1024 + 1));
    const here = ", seen from the folder of Pulumi.yaml";
    for (const [path, wrong] of [
      [join(folder, "none.pem"), `there is no such file${here}`],
      [join(site, "below"), `there is no such file${here}`],
      ["../../../../../../../../none.pem", `there is no such file${here}`],
      [join(folder, "directory"), "is a directory; must be a file in PEM"],
      [join(folder, "circle"), `leads in a circle${here}`],
      [join(folder, "fifo"), "is no regular file; must be a file in PEM"],
      ["/dev/zero", "is no regular file; must be a file in PEM"],
      [join(folder, "n".repeat(300)), `can't be read (ENAMETOOLONG)${here}`],
    ] as const) {
      const shown = path.length > 60 ? `"${path.slice(0, 61)}... (${path.length} characters)` : `"${path}"`;
      assert.deepEqual(read(path, good.key).problems, [`tlsCertificate = ${shown}: ${wrong}. ${AT("tlsCertificate")}`]);
      assert.deepEqual(read(good.certificate, path).problems, [`tlsKey = [secret]: ${wrong}. ${AT("tlsKey")}`]);
    }
    assert.match(read(large, good.key).problems.join(), /: has 129 KiB, and no certificate is that large\. /);
    assert.match(read(good.certificate, large).problems.join(), /: has 129 KiB, and no key is that large\. /);
    assert.equal(read("absent.pem", "absent.key").problems.length, 2, "both are said at once");
  });

  test("a file that may not be read is refused", { skip: process.getuid?.() === 0 && "root may read any" }, () => {
    const closed = file("closed.pem", good.certificate);
    chmodSync(closed, 0);
    assert.match(read(closed, good.key).problems.join(), /: the file may not be read, /);
  });

  test("files and texts that are no such thing, or not each other's, are refused with the setting that has to change", () => {
    const NO_FIT = "must be the private key of the first certificate, which it does not fit";
    for (const [certificate, key, expected] of [
      [good.certificate, other.key, `tlsKey = [secret]: ${NO_FIT}. ${TEXT_KEY}`],
      [site, file("other.key", other.key), `tlsKey = [secret]: ${NO_FIT}. ${AT("tlsKey")}`],
      [
        expired.certificate,
        expired.key,
        `tlsCertificate = (PEM text): ended at 2026-01-09T12:00:00Z; must be valid now. ${TEXT_CERTIFICATE}`,
      ],
    ] as const) {
      const tls = read(certificate, key);
      assert.deepEqual([tls.problems, tls.pair], [[expected], undefined]);
    }
    const swapped = read(good.key, good.certificate).problems;
    assert.match(swapped[0] ?? "", /^tlsCertificate = \(PEM text\): must have no private key in it\. /);
    assert.match(swapped[1] ?? "", /^tlsKey = \[secret\]: must be a private key alone, without certificates\. /);
    const both = good.certificate + good.key;
    assert.match(
      read(file("both.pem", both), file("both.key", both)).problems.join("\n"),
      /must have no private key in it/,
    );
    for (const content of [
      "",
      "\0",
      "hello",
      "-----BEGIN CERTIFICATE-----",
      good.certificate.slice(0, 200),
      Buffer.alloc(1000, 0xff),
    ]) {
      assert.equal(read(file("broken.pem", content), good.key).problems.length, 1);
      assert.equal(read(good.certificate, file("broken.key", content)).problems.length, 1);
    }
  });

  test("whatever is in the files, nothing is thrown and nothing but what was checked goes on", () => {
    const piece = fc.constantFrom(
      good.certificate,
      good.key,
      "-----BEGIN CERTIFICATE-----\n",
      "\n",
      "-----END X-----",
      "; }",
      "\0",
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string()), { maxLength: 4 }),
        fc.array(piece, { maxLength: 3 }),
        (one, two) => {
          const { pair, problems } = read(file("any.pem", one.join("")), file("any.key", two.join("")));
          assert.equal(pair === undefined, problems.length > 0);
          if (pair !== undefined)
            assert.match(pair.certificate + pair.key, /^(?:-----[A-Z ]+-----\n|[A-Za-z0-9+/=]+\n)+$/);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a certificate that ends soon is said, with the day, the days left and the command, and is used", () => {
    const { pair, problems, warnings } = read(...textsOf(make({ days: 5.5 })));
    assert.ok(pair !== undefined && problems.length === 0);
    assert.deepEqual(warnings, [
      "The TLS certificate ends at 2026-01-16T00:00:00Z, in 5 days. Next: pulumi config set tlsCertificate < '<file>' && pulumi up",
    ]);
    const soon = make({ days: 5.5 });
    assert.match(
      read(file("soon.pem", soon.certificate), soon.key).warnings.join(),
      /in 5 days\. Next: put the right file there, or name another one \(pulumi config set tlsCertificate '<file>'\), then: pulumi up$/,
    );
  });

  test("one that has ended while the proxy serves it is no reason to refuse a run; another one is", () => {
    const asked: string[] = [];
    const serves = (fingerprint: string) => asked.push(fingerprint) > 0;
    const { pair, problems, warnings } = read(...textsOf(expired), serves);
    assert.deepEqual([problems, asked], [[], [pair?.fingerprint]]);
    assert.deepEqual(warnings, [
      "tlsCertificate ended at 2026-01-09T12:00:00Z; must be valid now: clients refuse what the proxy serves. " +
        "Next: pulumi config set tlsCertificate < '<file>' && pulumi up",
    ]);
    assert.equal(read(...textsOf(expired), (fingerprint) => fingerprint === "0".repeat(16)).problems.length, 1);
    assert.equal(
      read(expired.certificate, good.key, () => true).problems.length,
      1,
      "a key that doesn't fit never served",
    );
  });

  test("a certificate and a key arrive as they were set: as text, where the key is secret, or as paths", () => {
    const parse = (values: Record<string, string>, ...secret: string[]) => {
      const { tlsCertificate, tlsKey } = parseSettings(raw(values), secrets(...secret));
      return { tlsCertificate, tlsKey };
    };
    const texts = { ...certificateIs, tlsKey: good.key };
    assert.deepEqual(parse(texts, "tlsKey"), texts);
    for (const path of [
      "tls/site.pem",
      "/etc/letsencrypt/live/shop.example/fullchain.pem",
      "../../site.pem",
      "~/a@b+c",
      "-x",
    ]) {
      const paths = { tlsCertificate: path, tlsKey: path };
      assert.deepEqual(parse(paths), paths);
      assert.deepEqual(parse(paths, "tlsKey"), paths, "a path may be secret");
    }
    const settings = parseSettings(raw(), new Set());
    assert.ok(!("tlsCertificate" in settings) && !("tlsKey" in settings));
  });

  test("one without the other is refused", () => {
    assert.equal(
      refused(raw({ tlsCertificate: "a.pem" })),
      `tlsKey = "": must be set too, since tlsCertificate is\n${SET_KEY}`,
    );
    assert.equal(
      refused(raw({ tlsKey: "a.key" })),
      "tlsCertificate = \"\": must be set too, since tlsKey is\n    pulumi config set tlsCertificate '<file>'",
    );
  });

  test("a key that anybody could read is refused, and shown nowhere, whatever setting it got into", () => {
    assert.equal(refused(raw({ ...certificateIs, tlsKey: good.key })), `${NOT_SECRET}\n${SET_KEY}`);
    const everywhere = [
      refused(raw({ tlsKey: good.key })),
      refused(raw({ tlsCertificate: good.key })),
      refused(raw({ tlsCertificate: `${good.key}${"x".repeat(128 * 1024)}` })),
      refused({ ...raw(), "blue-green:tlskey": good.key }),
      refused({ ...raw(), "blue-green:tlsCertficate": good.key }),
      refused(raw({ gateCommand: `${good.key}\0` })),
      refused(raw({ blueVersion: good.key, healthPath: good.key })),
    ];
    for (const text of everywhere)
      for (const line of secretsOf(good.key)) assert.ok(!text.includes(line.slice(0, 8)), text);
    assert.equal(
      refused(raw({ tlsCertificate: "a.pem", tlsKey: "b.key" }), secrets("tlsCertificate")),
      "tlsCertificate = [secret]: can't be kept secret; must be set without --secret\n    pulumi config set tlsCertificate '<file>'",
    );
  });

  test("what is neither PEM nor a plain path is refused", () => {
    for (const value of [
      " ",
      "\n",
      "a b",
      "a\n",
      "a;b",
      "$HOME/a",
      "`id`",
      "{{x}}",
      "a\0b",
      "é",
      "a\\b",
      "'a'",
      "x".repeat(1001),
      "a#b",
      "a:b",
      "a%b",
    ]) {
      const given = value.length > 1000 ? `"${"x".repeat(61)}... (1001 characters)` : JSON.stringify(value);
      assert.equal(
        refused(raw({ tlsCertificate: value, tlsKey: "a" })),
        `tlsCertificate = ${given}: ${RULE("a certificate")}\n    pulumi config set tlsCertificate '<file>'`,
      );
      const own = `tlsKey = [secret]: ${RULE("a private key")}\n${SET_KEY}`;
      assert.equal(refused(raw({ tlsCertificate: "a", tlsKey: value }), secrets("tlsKey")), own);
      assert.equal(refused(raw({ tlsCertificate: "a", tlsKey: value })), `${own}\n${NOT_SECRET}\n${SET_KEY}`);
    }
  });

  test("httpsPort differs from the other ports where it is taken, and only there", () => {
    const on = { tlsCertificate: "a", tlsKey: "b" };
    for (const name of ["httpPort", "bluePort", "greenPort"]) {
      assert.equal(parseSettings(raw({ [name]: "8443" }), new Set()).httpsPort, 8443);
      const later = name === "httpPort" ? "httpsPort" : name;
      const first = name === "httpPort" ? "httpPort" : "httpsPort";
      assert.equal(
        refused(raw({ ...on, [name]: "8443" })),
        `${later} = "8443": must differ from ${first}, which has this port\n    pulumi config set ${later} 8444`,
      );
    }
    for (const port of ["1", "65533", "65535"]) {
      const clash = { ...on, httpPort: port, httpsPort: port, bluePort: port, greenPort: port };
      const mended = [...refused(raw(clash)).matchAll(/ set (\S+) (\S+)$/gm)].map(([, name, value]) => [name, value]);
      assert.equal(mended.length, 3);
      parseSettings(raw({ ...clash, ...Object.fromEntries(mended) }), new Set());
    }
  });

  test("trusted proxies are addresses and networks, each once", () => {
    const list = [
      "10.0.0.0/8",
      "192.0.2.7",
      "0.0.0.0/0",
      "192.0.2.7/32",
      "::1",
      "fd00::/8",
      "2001:db8::1/128",
      "::ffff:10.0.0.1",
    ];
    assert.deepEqual(proxies(...list), list);
    assert.deepEqual(proxies(...list, ...list), list);
    assert.deepEqual(proxies(), []);
    assert.equal(proxies(...Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`)).length, 100);
  });

  test("whatever else is meant to be trusted is refused where it stands", () => {
    const RULE = "must be an IPv4 or IPv6 address, without a zone, or a network such as 10.0.0.0/8";
    for (const value of [
      ...[
        "",
        " ",
        "all",
        "unix:",
        "localhost",
        "proxy.example",
        "10.0.0",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/08",
        "10.0.0.0/8/8",
      ],
      ...[
        "10.0.0.0/-1",
        "10.0.0.0/1e1",
        "::/129",
        "fe80::1%eth0",
        "fe80::1%25;",
        "::1%1/64",
        "[::1]",
        "10.0.0.1:80",
        "010.0.0.1",
      ],
      ...[
        "10.0.0.1;",
        "10.0.0.1 1; } evil",
        "10.0.0.1\n",
        "\n10.0.0.1",
        "10.0.0.1/8;",
        "$remote_addr",
        "{{x}}",
        "１0.0.0.1",
        "::1\0",
        "0x7f.1",
      ],
      ...[1, 10.5, null, true, {}, [], ["10.0.0.1"]],
    ]) {
      const shown = refused(raw({ trustedProxies: JSON.stringify(["10.0.0.1", value]) }));
      assert.ok(
        shown.startsWith("trustedProxies[1] = ") &&
          shown.endsWith(`: ${RULE}\n    pulumi config rm --path 'trustedProxies[1]'`),
        shown,
      );
      for (const line of shown.split("\n")) assert.match(line, FIT);
    }
    for (const json of ["", "{", "{}", "null", '"10.0.0.1"', "10.0.0.1", '{"0":"10.0.0.1"}']) {
      assert.match(
        refused(raw({ trustedProxies: json })),
        /: must be a list: .*\n {4}pulumi config rm trustedProxies$/,
      );
    }
    const many = JSON.stringify(Array.from({ length: 101 }, (_, i) => `10.0.0.${i}`));
    assert.match(refused(raw({ trustedProxies: many })), /must have at most 100 addresses and networks/);
    assert.match(
      refused(raw({ trustedProxies: '["10.0.0.1"]' }), secrets("trustedProxies")),
      /^trustedProxies = \[secret\]: can't be kept secret; must be set without --secret\n {4}pulumi config rm trustedProxies && /,
    );
  });

  test("no list that is accepted has a character that means something to nginx", () => {
    const element = fc.oneof(
      ...[fc.ipV4(), fc.ipV6(), fc.string(), fc.anything()],
      fc
        .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.oneof(fc.integer({ min: -1, max: 140 }).map(String), fc.string()))
        .map((pair) => pair.join("/")),
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(element, { maxLength: 3 }), (list) => {
        try {
          for (const one of proxies(...list)) assert.match(one, /^[0-9A-Fa-f.:]+(?:\/[0-9]{1,3})?$/);
          accepted += 1;
        } catch (error) {
          if (!(error instanceof SettingsError) && !(error instanceof TypeError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
    assert.ok(accepted > 50, `only ${accepted} accepted`);
  });

  test("the proxy's container knows of httpsPort with TLS alone, and of no certificate", () => {
    const without = proxyMadeFrom(owner, proxy);
    assert.equal("httpsPort" in without, false);
    const made = proxyMadeFrom(owner, { ...proxy, tlsCertificate: good.certificate });
    assert.deepEqual(made, { ...without, httpsPort: 8443 });
    assert.deepEqual(made, proxyMadeFrom(owner, { ...proxy, tlsCertificate: other.certificate }));
  });

  test("the pair travels as two files named by its fingerprint, the key as a secret", () => {
    const { pair } = read(good.certificate, good.key);
    const files = proxyFiles(owner, { maintenance: false }, () => assert.fail("the page was read"), pair);
    assert.deepEqual(files, {
      tlsCertificate: { name: `tls-${pair?.fingerprint}.crt`, content: pair?.certificate, secret: false },
      tlsKey: { name: `tls-${pair?.fingerprint}.key`, content: pair?.key, secret: true },
    });
    assert.deepEqual(Object.keys(namesOf(files)), ["tlsCertificate", "tlsKey"]);
    assert.equal(servingOf("answer 0 blue\nfile 0 blue\ntls 0123456789abcdef\n")?.tls, "0123456789abcdef");
    assert.equal("tls" in (servingOf("answer 0 blue\nfile 0 blue\n") ?? {}), false);
  });

  test("without TLS and trusted proxies nothing of either stands in the configuration", () => {
    assert.doesNotMatch(render({}), /ssl|8443|308|http2|real_ip|trusted|\$redirect|forwarded_scheme|https;/);
    assert.match(render({}), /X-Forwarded-For \$remote_addr;/);
  });

  test("a new certificate changes two lines", () => {
    const before = render({ files }).split("\n");
    const after = render({ files: { tlsCertificate: "tls-1.crt", tlsKey: "tls-1.key" } }).split("\n");
    assert.deepEqual(
      after.filter((line, at) => line !== before[at]).map((line) => line.trim()),
      [
        "ssl_certificate /var/lib/blue-green/files/tls-1.crt;",
        "ssl_certificate_key /var/lib/blue-green/files/tls-1.key;",
      ],
    );
  });

  test("HTTP is sent on to httpsPort, which is left out where it is 443; without a host to where the proxy listens", () => {
    const line = (change: Partial<ConfigurationSettings>) => /return 308 (.*);/.exec(render({ files, ...change }))?.[1];
    assert.equal(line({}), "https://$redirect_host:8443$request_uri");
    assert.equal(line({ httpsPort: 443 }), "https://$redirect_host$request_uri");
    const host = (bindAddress: string) =>
      /map \$host \$redirect_host \{\s*default \$host;\s*"" +(.*);/.exec(render({ files, bindAddress }))?.[1];
    assert.deepEqual(["0.0.0.0", "::", "::1", "192.0.2.1"].map(host), ["localhost", "localhost", "[::1]", "192.0.2.1"]);
  });

  test("each trusted proxy stands in the configuration twice: as a sender whose word counts, and as one that is no client", () => {
    const trusted = render({ trustedProxies: ["10.0.0.0/8", "::1"] });
    for (const one of ["10.0.0.0/8", "::1"])
      assert.equal(trusted.split("\n").filter((line) => line.includes(` ${one}`)).length, 2);
    assert.match(
      trusted,
      / {4}set_real_ip_from 10\.0\.0\.0\/8;\n {4}set_real_ip_from ::1;\n {4}real_ip_header X-Forwarded-For;\n/,
    );
  });

  test("in a list's section {{.}} is a text, and outside of one it is an error", () => {
    assert.equal(renderWith("{{#trustedProxies}}<{{.}}>{{/trustedProxies}}", ["1", "2"]), "<1><2>");
    assert.equal(
      renderWith("{{#trustedProxies}}<{{.}}>{{/trustedProxies}}none{{^trustedProxies}}!{{/trustedProxies}}", []),
      "none!",
    );
    assert.throws(() => renderWith("{{.}}", ["1"]), /asks for \{\{\.\}\}/);
    assert.throws(() => renderWith("{{trustedProxies}}", ["1"]), /where it has no text/);
    assert.throws(
      () => renderWith("{{#trustedProxies}}{{nowhere}}{{/trustedProxies}}", ["1"]),
      /asks for \{\{nowhere\}\}/,
    );
  });
});
