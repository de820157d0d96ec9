import { shown } from "../text/plain";
import type { Problem } from "./problem";

/** `docker:host` is the provider's to judge; only what could not be an engine's address is refused. */
export function dockerHostIn(
  raw: Readonly<Record<string, unknown>>,
  secretKeys: ReadonlySet<string>,
): { value?: string; problems: Problem[] } {
  const setting = "docker:host";
  const value = Object.entries(raw ?? {}).find(([key]) => key === setting)?.[1];
  if (value === undefined || value === "") return { problems: [] };

  const mend = "pulumi config set docker:host '<scheme://address>'";
  if (secretKeys.has(setting)) {
    const rule = "can't be kept secret, since commands get it as DOCKER_HOST; must be set without --secret";
    return { problems: [{ setting, given: "[secret]", rule, mend }] };
  }
  if (typeof value !== "string" || !/^[a-z]+:\/\/[!-~]{1,1000}$/.test(value)) {
    const rule = "must be an engine's address such as ssh://user@host or unix:///var/run/docker.sock";
    return { problems: [{ setting, given: shown(value), rule, mend }] };
  }
  return { value, problems: [] };
}

/** With a context, the provider's containers and the commands' `docker exec` could be on different engines. */
export function dockerContextIn(raw: Readonly<Record<string, unknown>>): Problem[] {
  if (!Object.keys(raw ?? {}).includes("docker:context")) return [];
  const rule = "is not supported, since it would win over docker:host; must be docker:host instead";
  const mend = "pulumi config rm docker:context && pulumi config set docker:host '<scheme://address>'";
  return [{ setting: "docker:context", given: "[not shown]", rule, mend }];
}
