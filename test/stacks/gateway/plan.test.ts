import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readScript } from "../../../stacks/engine/scripts";
import { planGateway } from "../../../stacks/gateway/plan";
import { type GatewayServing, gatewayServing, readGateway, type SeenGateway } from "../../../stacks/service/gateway";
import { PROXY_DIRECTORY } from "../../../stacks/service/names";
import { generationOf } from "../../../stacks/service/serving";
import { stubDocker } from "../engine/docker.stub";

const made = { nginxImage: "nginx:1", bindAddress: "::", httpPort: 80, subnet: "10.0.0.0/24", definition: "d" };

const serving: GatewayServing = { generation: "g1", edited: false, declared: "g1" };

const seen: SeenGateway = { container: { running: true, made }, serving };

const plan = (change: Partial<Parameters<typeof planGateway>[0]> = {}) =>
  planGateway({ seen, made, generation: "g1", allowReplace: false, preview: false, ...change });

describe("the gateway's plan", () => {
  test("a gateway that is as it should be is kept", () => {
    assert.deepEqual(plan(), { refusals: [], warnings: [], keep: true, mend: undefined });
    assert.deepEqual(plan({ seen: {} }), { refusals: [], warnings: [], keep: false, mend: undefined });
    assert.equal(plan({ generation: "g2" }).mend, undefined, "other routes are Pulumi's to see");
  });

  test("what would replace it is refused, unless it is meant; another network in any case", () => {
    const other = { ...made, httpPort: 81 };
    assert.deepEqual(plan({ made: other }).refusals, [
      "gateway: this would replace the gateway's container (httpPort 80 -> 81), and the public would get no answer of any service for some " +
        "seconds. Nothing was touched. Next: put it back as it was; or do it on purpose: allowReplace: true, then: pulumi up",
    ]);
    const meant = plan({ made: other, allowReplace: true });
    assert.deepEqual([meant.refusals, meant.keep, meant.warnings.length], [[], false, 1]);
    const network = plan({ made: { ...made, subnet: "10.0.1.0/24" }, allowReplace: true });
    assert.match(
      network.refusals.join(),
      /^gateway: the network of a gateway that runs can't be changed \(subnet 10\.0\.0\.0\/24 -> 10\.0\.1\.0\/24\)/,
    );
    assert.deepEqual(plan({ seen: { container: { running: false, made } }, made: other }).refusals, []);
  });

  test("a gateway of an earlier version goes on without its DNS options, which a warning says; only allowReplace replaces it for them", () => {
    const now = { ...made, dns: "ndots:1" };
    const kept = plan({ made: now });
    assert.deepEqual([kept.refusals, kept.keep, kept.warnings.length], [[], true, 1]);
    assert.match(
      kept.warnings.join(),
      /^The gateway's container was made by an earlier version\. .* allowReplace: true, then: pulumi up$/,
    );
    assert.match(plan({ made: { ...now, httpPort: 81 } }).refusals.join(), /container \(httpPort 80 -> 81\)/);
    const meant = plan({ made: now, allowReplace: true });
    assert.deepEqual([meant.refusals, meant.keep], [[], false]);
    assert.match(meant.warnings.join(), /^it is replaced \(dns \(none\) -> ndots:1\)/);
  });

  test("where Pulumi's state can't know that something is to be done, it is told", () => {
    assert.equal(plan({ seen: { ...seen, serving: { ...serving, edited: true } } }).mend, "edited g1");
    assert.equal(plan({ seen: { ...seen, serving: { ...serving, generation: "g0" } } }).mend, "g0");
  });

  test("without an engine a preview goes on and says so, and an up does not", () => {
    const unknown: SeenGateway = { unknown: true, reason: "no socket" };
    assert.equal(plan({ seen: unknown, preview: true }).warnings.length, 1);
    assert.match(
      plan({ seen: unknown }).refusals.join(),
      /what runs of it is unknown \(no socket\)\. Nothing was touched\./,
    );
  });

  test("what it serves is nginx's word, and otherwise the file's", () => {
    const lines = "answer 0123456789abcdef routes\nfile 0123456789abcdef\ntls 00ff\ndeclared 0123456789abcdef\n";
    const generation = "0123456789abcdef";
    assert.deepEqual(gatewayServing(lines), { generation, edited: false, declared: generation, tls: "00ff" });
    assert.deepEqual(gatewayServing("answer \nfile aa\n"), { generation: "aa", edited: false, silent: true });
    assert.equal(gatewayServing("answer bb routes\nfile aa\n")?.edited, true);
    assert.equal(gatewayServing(""), undefined);
  });

  test("it is read by its labels and its name, and one that can't be asked serves nothing", async () => {
    const owner = { project: "p", stack: "s" };
    const Labels = {
      ...{ "blue-green.project": "p", "blue-green.stack": "s", "blue-green.role": "gateway" },
      "blue-green.gateway": JSON.stringify(made),
    };
    // Somebody's container may have all of the labels from its image.
    const found = ["/debug", "/p-s-gateway"].map((Name) => ({
      ...{ Id: Name, Name, State: { Running: Name !== "/debug" }, Config: { Labels } },
    }));
    let inspect = JSON.stringify(found);
    const ask = async (...args: string[]): Promise<string> => {
      if (args[0] === "exec") {
        assert.equal(args[1], "p-s-gateway");
        throw new Error("not running");
      }
      return args[1] === "ls" ? "g\n" : inspect;
    };
    assert.deepEqual(await readGateway(stubDocker({ ask }), owner), { container: { running: true, made } });
    inspect = JSON.stringify(found.slice(0, 1));
    assert.deepEqual(await readGateway(stubDocker({ ask }), owner), {});
    assert.deepEqual(await readGateway(stubDocker({ ask: async () => "" }), owner), {});
    const gone = () => Promise.reject(new Error("no socket"));
    assert.deepEqual(await readGateway(stubDocker({ ask: gone }), owner), { unknown: true, reason: "no socket" });
  });

  test("what its nginx and its volume say is read as one answer: generation, edits, certificate, and what is declared", (t) => {
    const directory = mkdtempSync(join(tmpdir(), "gateway-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const put = (name: string, text: string) => writeFileSync(join(directory, name), text);
    const script = readScript("readGateway").replaceAll(PROXY_DIRECTORY, directory);
    const read = () => {
      const env = { PATH: `${directory}:${process.env.PATH}` };
      const { stdout, stderr } = spawnSync("sh", ["-c", script], { env, encoding: "utf8" });
      assert.equal(stderr, "");
      return gatewayServing(stdout);
    };
    put("curl", `#!/bin/sh\ncat '${directory}/answer' 2>/dev/null || exit 7\n`);
    chmodSync(join(directory, "curl"), 0o755);
    assert.equal(read(), undefined);

    const rendered = (tls = "") => `${tls}            return 200 "@GENERATION@ routes\\n";\n`;
    const written = (text: string) => text.replace("@GENERATION@", generationOf(text));
    const generation = generationOf(rendered());
    put("nginx.conf", written(rendered()));
    assert.deepEqual(read(), { generation, edited: false, silent: true }, "it does not answer");
    put("answer", `${generation} routes\n`);
    put("declared", "abc\n");
    assert.deepEqual(read(), { generation, edited: false, declared: "abc" });
    put("nginx.conf", `${written(rendered())}# by hand\n`);
    assert.deepEqual(read(), { generation, edited: true, declared: "abc" });

    const secured = rendered(`        ssl_certificate ${directory}/files/tls-0a.crt;\n`);
    put("nginx.conf", written(secured));
    put("answer", `${generationOf(secured)} routes\n`);
    assert.deepEqual(read(), { generation: generationOf(secured), edited: false, declared: "abc", tls: "0a" });
  });
});
