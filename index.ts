import * as pulumi from "@pulumi/pulumi";
import { BlueGreen } from "./stacks/blueGreen";
import { dockerAt } from "./stacks/docker";
import { readSettings } from "./stacks/settings";
import { readWorld } from "./stacks/world";

export = async () => {
  const settings = readSettings();
  const owner = { project: pulumi.getProject(), stack: pulumi.getStack() };
  const engine = dockerAt(settings.dockerHost);
  const world = await readWorld(engine, owner);

  const { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion } = new BlueGreen("service", {
    owner,
    settings,
    world,
    engine,
  });
  return { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion };
};
