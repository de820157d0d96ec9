import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hasPolicyPack } from "../../../stacks/plan/policyPack";

describe("whether the policy pack is there", () => {
  test("the pack runs where the environment names one", () => {
    assert.equal(hasPolicyPack({ PULUMI_OPTION_POLICY_PACK: "/srv/shop/policy" }), true);
    for (const env of [{}, { PULUMI_OPTION_POLICY_PACK: "" }, { PULUMI_POLICY_PACK: "x" }])
      assert.equal(hasPolicyPack(env), false);
  });

  test(".envrc names this checkout's pack, as a list of one, wherever the checkout is", (t) => {
    for (const name of ["plain", "with space", "a,b", "a'b$(c)"]) {
      const folder = mkdtempSync(join(tmpdir(), `blue-green ${name} `));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      copyFileSync(join(__dirname, "..", "..", "..", ".envrc"), join(folder, ".envrc"));
      const script = 'cd "$1" && . ./.envrc && printf %s "$PULUMI_OPTION_POLICY_PACK"';
      // A stale one, of another checkout.
      const env = { ...process.env, PULUMI_OPTION_POLICY_PACK: "/elsewhere/policy" };
      const value = execFileSync("bash", ["-c", script, "bash", folder], { env, encoding: "utf8" });
      assert.equal(value, name.includes(",") ? `"${folder}/policy"` : `${folder}/policy`);
    }
  });
});
