import * as pulumi from "@pulumi/pulumi";
import { BlueGreen } from "./stacks/blueGreen";
import { contextProblem, dockerAt } from "./stacks/engine/docker";
import { readOwnState } from "./stacks/plan/ownState";
import { settledWorld } from "./stacks/plan/settledWorld";
import { Refusal } from "./stacks/refusal";
import { readSettings } from "./stacks/settings/read";

export = async () => {
  const problem = contextProblem(process.env);
  if (problem !== undefined) throw new Refusal(problem);
  const settings = readSettings();
  const owner = { project: pulumi.getProject(), stack: pulumi.getStack() };
  const engine = dockerAt(settings.dockerHost);
  const state = await readOwnState();
  const world = await settledWorld(engine, owner, settings);

  const { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion, pending } = new BlueGreen(
    "service",
    {
      owner,
      settings,
      world,
      state,
      engine,
    },
  );
  return { url, blueUrl, greenUrl, activeColor, activeVersion, idleColor, idleVersion, pending };
};
