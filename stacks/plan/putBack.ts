import { putBackBy } from "../service/serving";
import { isLiveWell } from "./containers";
import type { Part, Served } from "./situation";

/**
 * Refuses to take the public forward to the release that it was put back from by hand (`npm run rollback`), until somebody says so:
 * by agreeing first, or by another release. Where live is not well, it may go.
 */
export function decidePutBack({ world, serving, settings }: Served): Part {
  const { putBack } = serving.record;
  if (putBack === undefined || putBack.canaryPercent !== undefined) return {};
  const { from, version, image } = putBack;
  const live = serving.color;
  const asked = settings.slots[from];
  if (settings.activeColor !== from || live === from || !isLiveWell({ world, serving })) return {};
  const seen = `The public was put back from ${from} (${version}) to ${live}, ${putBackBy(putBack)}`;
  // Of a container that was gone, nobody knows the release.
  if (version !== "" && (asked.version !== version || (asked.image ?? "") !== image))
    return { notes: [`${seen}. ${from} gets another release, so that this run may move it there again.`] };
  const release = `${asked.image === undefined ? "" : `pulumi config set ${from}Image <image> && `}pulumi config set ${from}Version <version>`;
  return {
    refusals: [
      `${seen}, and activeColor is still ${from}: this run would move it to the same release again. Nothing was touched. ` +
        `Next, to agree: pulumi config set activeColor ${live} && pulumi up; or put a mended release there: ${release} && pulumi up; ` +
        `or go there all the same: npm run rollback -- --to ${from}`,
    ],
  };
}
