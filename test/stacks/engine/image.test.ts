import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { digestOf, imageNamed, isLoopback } from "../../../stacks/engine/image";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("an image's name", () => {
  test("an image's name in its parts; without a registry it is at Docker Hub", () => {
    const parts = (image: string) => Object.values(imageNamed(image));
    assert.deepEqual(parts("nginx"), ["docker.io", "library/nginx", "latest"]);
    assert.deepEqual(parts("team/shop:1.2"), ["docker.io", "team/shop", "1.2"]);
    assert.deepEqual(parts("docker.io/nginx:1"), ["docker.io", "library/nginx", "1"]);
    assert.deepEqual(parts(`shop@${DIGEST}`), ["docker.io", "library/shop", DIGEST]);
    assert.deepEqual(parts(`r.example:5000/a/b:1.2@${DIGEST}`), ["r.example:5000", "a/b", DIGEST]);
    assert.deepEqual(parts("localhost/shop"), ["localhost", "shop", "latest"]);
    assert.deepEqual(parts("[::1]:5000/shop:7"), ["[::1]:5000", "shop", "7"]);
  });

  test("a digest is what a name ends with", () => {
    assert.equal(digestOf(`shop:1@${DIGEST}`), DIGEST);
    for (const image of ["shop", "shop:1", `${DIGEST}`, `shop@${DIGEST}0`, `shop@${DIGEST}\n`]) {
      assert.equal(digestOf(image), undefined, image);
    }
  });

  test("only the machine's own addresses are its loopback", () => {
    for (const host of ["localhost", "localhost:5055", "127.0.0.1", "127.1.2.3:5000", "[::1]:5000"]) {
      assert.ok(isLoopback(host), host);
    }
    for (const host of ["localhost.example", "127.0.0.1.example", "10.0.0.1:5000", "[::2]", "registry.example"]) {
      assert.ok(!isLoopback(host), host);
    }
  });
});
