import type { Docker } from "../engine/docker";
import { shell } from "../engine/scripts";
import { COLORS, type Color } from "./color";
import { CUTOVER_METRICS, metricText, type Sample } from "./metrics";
import { containerName, imageName, type ServiceId } from "./names";
import { readContainers, type SlotContainer } from "./world";

/** Returns what each color runs, for `blue_green_color_info`: nothing of a color without a container. */
export const colorSamples = (owner: ServiceId, slots: Readonly<Record<Color, readonly SlotContainer[]>>): Sample[] =>
  COLORS.flatMap((color) =>
    slots[color].slice(0, 1).map((slot) => ({ labels: [color, slot.version, imageOf(owner, color, slot)], value: 1 })),
  );

/** The image as a setting names it; a built one by its tag. */
const imageOf = (owner: ServiceId, color: Color, { version, source, imageId, made }: SlotContainer): string =>
  made.image || (source === undefined ? imageId : imageName(owner, color, version, source));

/**
 * Has the metrics say what the colors run now, as after a container was made that no cutover follows.
 *
 * @throws DockerError where the engine or the proxy can't be asked.
 */
export async function tellColors(docker: Docker, owner: ServiceId): Promise<void> {
  const { slots } = await readContainers(docker, owner);
  const name = "blue_green_color_info";
  const text = metricText(name, CUTOVER_METRICS[name], colorSamples(owner, slots));
  await docker.ask("exec", containerName(owner, "proxy"), ...shell("colors", text));
}
