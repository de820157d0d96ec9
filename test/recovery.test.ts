import assert from "node:assert/strict";
import { test } from "node:test";
import { isRecovery, RECOVERY } from "../stacks/recovery";

test("only a preview of npm run recover declares what runs; a run that changes something never does", () => {
  assert.equal(isRecovery({ [RECOVERY]: "preview" }, true), true);
  assert.equal(isRecovery({ [RECOVERY]: "preview" }, false), false);
  assert.equal(isRecovery({ [RECOVERY]: "1" }, true), false);
  assert.equal(isRecovery({}, true), false);
});
