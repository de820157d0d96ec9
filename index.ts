import { createOwnService } from "./stacks/services";

export = async () => {
  const { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion, pending } =
    await createOwnService();
  return { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion, pending };
};
