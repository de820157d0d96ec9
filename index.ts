import * as pulumi from "@pulumi/pulumi";
import { BlueGreen } from "./stacks/blueGreen";
import { dockerAt } from "./stacks/docker";
import { readSettings } from "./stacks/settings";
import { readWorld } from "./stacks/world";

export = async () => {
  const settings = readSettings();
  const owner = { project: pulumi.getProject(), stack: pulumi.getStack() };
  const world = await readWorld(dockerAt(settings.dockerHost), owner);

  const { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion } = new BlueGreen("service", {
    owner,
    settings,
    world,
  });
  return { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion };
};
