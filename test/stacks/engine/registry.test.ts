import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Ended, RunOptions } from "../../../stacks/engine/docker";
import {
  loginFor,
  pull,
  pullMissing,
  pullTag,
  push,
  RegistryError,
  registryProblem,
  withLogin,
} from "../../../stacks/engine/registry";
import { stubDocker } from "./docker.stub";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const IMAGE = `r.example:5000/shop@${DIGEST}`;

const settings = { registry: "r.example:5000/shop", registryUser: "ci", registryPassword: "hunter2" };

const login = { host: "r.example:5000", user: "ci", password: "hunter2", from: "registryPassword" } as const;

const next = (said: string, who: typeof login | null = login, image = IMAGE) => {
  const { kind, reason, next } = registryProblem(image, who ?? undefined, said);
  return [kind, reason, next];
};

/** An engine that answers `docker image inspect`, `pull` and `push`, and notes what it was asked. */
function engine(answers: Record<string, Partial<Ended>>) {
  const asked: string[] = [];
  const docker = stubDocker({
    run: async (args: string[], { env = {} }: RunOptions = {}) => {
      asked.push(`${args.join(" ")}${env.DOCKER_CONFIG === undefined ? "" : " as ci"}`);
      assert.ok(!JSON.stringify(args).includes("hunter2"));
      return { code: 0, stdout: "", stderr: "", ...answers[args[1] ?? ""] };
    },
  });
  return { docker, asked };
}

const INSPECT = `image inspect ${IMAGE}`;

describe("pulling an image", () => {
  test("only for its own registry a user is told, and REGISTRY_PASSWORD wins over the setting", () => {
    assert.deepEqual(loginFor(IMAGE, settings, {}), login);
    assert.deepEqual(loginFor(IMAGE, settings, { REGISTRY_PASSWORD: "other\n" }), {
      ...login,
      ...{ password: "other", from: "REGISTRY_PASSWORD" },
    });
    for (const image of ["nginx", "r.example/shop", "r.example:5001/shop", "x/r.example:5000"]) {
      assert.equal(loginFor(image, settings, { REGISTRY_PASSWORD: "other" }), undefined, image);
    }
    assert.equal(loginFor(IMAGE, { registry: settings.registry }, { REGISTRY_PASSWORD: "other" }), undefined);
  });

  test("a password is taken as it is, but for one line's end", () => {
    const taken = (registryPassword: string) => loginFor(IMAGE, { ...settings, registryPassword }, {})?.password;
    for (const password of [' it\'s "so" $ecret ', "two\nlines", "é"]) {
      for (const end of ["", "\n", "\r\n"]) assert.equal(taken(password + end), password);
    }
  });

  test("a user without a password is told so, before a registry is asked", () => {
    for (const env of [{}, { REGISTRY_PASSWORD: "" }, { REGISTRY_PASSWORD: "\n" }]) {
      assert.throws(() => loginFor(IMAGE, { registry: settings.registry, registryUser: "ci" }, env), {
        name: "RegistryError",
        message:
          "registryUser is ci, and neither registryPassword nor the variable REGISTRY_PASSWORD is set. " +
          "Next: pulumi config set --secret registryPassword",
      });
    }
  });

  test("docker logs in by a configuration that nobody else can read, and that is gone afterwards, also after an error", async () => {
    const seen: string[] = [];
    const look = async ({ DOCKER_CONFIG = "" }: Record<string, string>) => {
      const file = join(DOCKER_CONFIG, "config.json");
      assert.equal(statSync(DOCKER_CONFIG).mode & 0o777, 0o700);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const { auths } = JSON.parse(readFileSync(file, "utf8"));
      assert.deepEqual(auths, { "r.example:5000": { auth: Buffer.from("ci:hunter2").toString("base64") } });
      seen.push(DOCKER_CONFIG);
      return "done";
    };
    assert.equal(await withLogin(login, look), "done");
    const failing = withLogin(login, async (env) => {
      await look(env);
      throw new Error("broke off");
    });
    await assert.rejects(failing, /broke off/);
    assert.deepEqual(seen.map(existsSync), [false, false]);
    assert.deepEqual(await withLogin(undefined, async (env) => env), {}, "docker's own logins are left alone");
    await withLogin({ ...login, host: "docker.io" }, async ({ DOCKER_CONFIG = "" }) => {
      assert.match(readFileSync(join(DOCKER_CONFIG, "config.json"), "utf8"), /"https:\/\/index\.docker\.io\/v1\/"/);
    });
  });

  test("a wrong password, and none, as docker says them", () => {
    const said = "Error response from daemon: unauthorized: authentication required";
    const wrong = (from: string) =>
      `r.example:5000 does not accept registryUser ci with the password in ${from}: unauthorized: authentication required`;
    assert.deepEqual(next(said), [
      ...["credentials", wrong("registryPassword")],
      "pulumi config set --secret registryPassword",
    ]);
    assert.deepEqual(registryProblem(IMAGE, { ...login, from: "REGISTRY_PASSWORD" }, said), {
      kind: "credentials",
      reason: wrong("REGISTRY_PASSWORD"),
      next: "set REGISTRY_PASSWORD anew, or unset it",
    });
    const none = 'Error response from daemon: Head "http://r/v2/shop/manifests/1.0": no basic auth credentials';
    assert.deepEqual(next(none, null), [
      "credentials",
      'r.example:5000 wants a user and a password: Head "http://r/v2/shop/manifests/1.0": no basic auth credentials',
      "pulumi config set registry r.example:5000/<repository> && pulumi config set registryUser <user> && pulumi config set --secret registryPassword",
    ]);
  });

  test("an image that isn't there; a registry that says no more than 'denied' may mean that too, to somebody it knows", () => {
    const gone = [
      "missing",
      `${IMAGE} is not in its registry: it was never pushed there, or was deleted`,
      "npm run release -- --version <version>, or name another image",
    ];
    const denied =
      "pull access denied for shop, repository does not exist or may require 'docker login': denied: requested access";
    assert.deepEqual(next(`manifest for ${IMAGE} not found: manifest unknown: manifest unknown`), gone);
    assert.deepEqual(next("failed to resolve reference: r.example:5000/shop:1: not found"), gone);
    assert.deepEqual(next(denied), gone);
    assert.equal(next(denied, null)[0], "credentials");
  });

  test("a registry that can't be reached, speaks plain HTTP or has an unknown certificate", () => {
    const refused = 'Get "https://r.example:5000/v2/": dial tcp 10.0.0.1:5000: connect: connection refused';
    assert.deepEqual(next(`Error response from daemon: ${refused}`), [
      ...["unreachable", `The registry r.example:5000 can't be reached: ${refused}`],
      "curl -sSi https://r.example:5000/v2/",
    ]);
    const own = "127.0.0.1:5055/shop:1";
    assert.equal(
      next("connect: connection refused", null, own)[2],
      "setup/registry, if it is the one that this project brings",
    );
    assert.equal(next("dial tcp: lookup r.example: no such host")[0], "unreachable");
    assert.equal(next("net/http: request canceled (Client.Timeout exceeded while awaiting headers)")[0], "unreachable");
    assert.match(next("http: server gave HTTP response to HTTPS client")[1] ?? "", /speaks plain HTTP, and the engine/);
    assert.match(next("x509: certificate signed by unknown authority")[2] ?? "", /certs\.d\/r\.example:5000\/ca\.crt$/);
    assert.deepEqual(next("no space left on \u001b[31mdevice"), [
      ...["other", `${IMAGE}: no space left on device`],
      "curl -sSi https://r.example:5000/v2/",
    ]);
  });

  test("an image that the engine has is not pulled, whatever its registry is like", async () => {
    const { docker, asked } = engine({ inspect: { code: 0 } });
    assert.equal(await pullMissing(docker, IMAGE, settings, {}), undefined);
    assert.deepEqual(asked, [INSPECT]);
  });

  test("an image that the engine lacks is pulled by its registry's user; the words of a failure are the problem's", async () => {
    const { docker, asked } = engine({ inspect: { code: 1 }, pull: { stdout: `Digest: ${DIGEST}\n` } });
    assert.equal(await pullMissing(docker, IMAGE, settings, {}), undefined);
    assert.deepEqual(asked, [INSPECT, `image pull ${IMAGE} as ci`]);
    const wrong = engine({
      inspect: { code: 1 },
      pull: { code: 1, stderr: "unauthorized: authentication required\n" },
    });
    await assert.rejects(pullMissing(wrong.docker, IMAGE, settings, {}), RegistryError);
  });

  test("where the settings name no user the provider may know one: the run goes on, and what is missing is said", async () => {
    const { docker } = engine({ inspect: { code: 1 }, pull: { code: 1, stderr: "no basic auth credentials\n" } });
    assert.match(
      (await pullMissing(docker, IMAGE, {}, {})) ?? "",
      /^r\.example:5000\/shop@sha256:[0-9a-f]{64} can't be pulled: r\.example:5000 wants a user and a password: /,
    );
    const gone = engine({ inspect: { code: 1 }, pull: { code: 1, stderr: "manifest unknown" } });
    await assert.rejects(pullMissing(gone.docker, IMAGE, {}, {}), /is not in its registry/);
  });

  test("push and pull answer the digest that the registry has", async () => {
    const { docker } = engine({
      pull: { stdout: `1.0: Pulling from shop\nDigest: ${DIGEST}\nStatus: Image is up to date\n` },
      push: { stdout: `1234: Pushed\n1.0: digest: ${DIGEST} size: 524\n` },
    });
    assert.equal(await pull(docker, "r.example:5000/shop:1.0", login), DIGEST);
    assert.equal(await push(docker, "r.example:5000/shop:1.0", login), DIGEST);
    await assert.rejects(push(engine({}).docker, "r.example:5000/shop:1.0", login), /names no digest/);
  });

  test("an image whose registry is not there is named, whatever the engine says of it", async () => {
    const { docker } = engine({
      inspect: { code: 1 },
      pull: { code: 1, stderr: "dial tcp: lookup r.example: no such host\n" },
    });
    await assert.rejects(pullMissing(docker, "r.example:5000/shop:1.0", {}, {}), {
      message:
        "r.example:5000/shop:1.0 can't be pulled: The registry r.example:5000 can't be reached: dial tcp: lookup r.example: no such host. " +
        "Next: curl -sSi https://r.example:5000/v2/",
    });
  });

  test("a tag is asked for in its registry although the engine has an image of that name, and its digest is told", async () => {
    const TAG = "r.example:5000/shop:latest";
    const asked: string[] = [];
    const said: string[] = [];
    const engine = (inspected: Partial<Ended>, pulled: Partial<Ended>) =>
      stubDocker({
        run: async (args) => {
          asked.push(args.join(" "));
          return { code: 0, stdout: "", stderr: "", ...(args[1] === "pull" ? pulled : inspected) };
        },
      });
    const ask = (inspected: Partial<Ended>, pulled: Partial<Ended>) => {
      asked.length = said.length = 0;
      return pullTag(engine(inspected, pulled), TAG, {}, {}, (line) => said.push(line));
    };
    const known = { stdout: JSON.stringify([{ Id: "sha256:old", RepoDigests: [`r.example:5000/shop@${DIGEST}`] }]) };
    const inspects = `image inspect ${TAG}`;

    assert.equal(await ask(known, { stdout: `Digest: ${DIGEST}\n` }), undefined);
    assert.deepEqual(asked, [inspects, `image pull ${TAG}`]);
    assert.deepEqual(said, [`${TAG} is ${DIGEST} in its registry now`]);

    // Without its registry the release goes on with what the engine has, and that is told.
    const unasked = await ask(known, { code: 1, stderr: "dial tcp: connection refused" });
    assert.match(
      String(unasked),
      /could not be asked for again \(.*connection refused\): the engine's own is used, sha256:old\./,
    );
    assert.match(String(unasked), /Next: curl/);

    for (const RepoDigests of [[], null, ["r.example:5000/shop@<none>"]]) {
      const own = { stdout: JSON.stringify([{ Id: "sha256:own", RepoDigests }]) };
      assert.equal(await ask(own, { code: 1 }), undefined);
      assert.deepEqual(asked, [inspects], "nobody else is asked for what was built here");
      assert.deepEqual(said, [
        `${TAG} is sha256:own, which was built or loaded on this engine: no registry is asked for it`,
      ]);
    }

    await assert.rejects(ask({ code: 1 }, { code: 1, stderr: "manifest unknown" }), RegistryError);
  });
});
