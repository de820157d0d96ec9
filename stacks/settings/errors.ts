import type { z } from "zod";
import { Refusal } from "../refusal";
import { COLORS } from "../service/color";
import { jsonIn } from "../text/json";
import { shown } from "../text/plain";
import { quoted } from "../text/shell";
import { closest } from "./closest";
import { defaultSettings } from "./defaults";
import { EDIT_BY_HAND, isTypable, type Place, type Problem, pathTo, setCommand } from "./problem";
import type { Hint } from "./rules";
import { isSecretName, isStructured, rowOf, SETTING_NAMES, type SettingName, SHAPE } from "./shape";
import { isPem } from "./values";

/** All that is wrong with the configuration. */
export class SettingsError extends Refusal {
  override readonly name = "SettingsError";

  /** @param of whose settings these are, where a program gives them and not the stack's configuration. */
  constructor(
    readonly problems: readonly Problem[],
    of?: string,
  ) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const lines = problems.map(({ setting, given, rule, mend }) => {
      const line = `${setting} = ${given}: ${rule}`;
      // A command could not set it; but for what is in the stack's configuration all the same.
      return of === undefined || setting.startsWith("docker:") ? `${line}\n    ${mend}` : line;
    });
    const head =
      of === undefined
        ? `${count} in the settings; nothing was touched. Below each is the command that mends it.`
        : `${count} in the settings of ${of}; nothing was touched. Mend it where the program gives them, then: pulumi up`;
    super([head, ...lines].join("\n"));
  }
}

/** Zod's issues as problems, in the order of the settings, unknown settings last. */
export function problemsIn(
  error: z.ZodError | undefined,
  values: Record<string, unknown>,
  isSecret: (name: string) => boolean,
): Problem[] {
  const problems = new Map<string, Problem[]>(SETTING_NAMES.map((name) => [name, []]));
  const unknown: Problem[] = [];
  // A key may have got into another setting.
  const hidden = (name: SettingName, value: unknown) =>
    (isSecret(name) && !(isSecretName(name) && value === "")) || (typeof value === "string" && isPem(value));
  const within = new Map(SETTING_NAMES.filter(isStructured).map((name) => [name as string, jsonIn(values[name])]));
  for (const issue of error?.issues ?? []) {
    if (issue.code === "unrecognized_keys") {
      unknown.push(...issue.keys.map((name) => unknownSetting(name, values[name], isSecret)));
      continue;
    }
    const [setting, ...place] = issue.path as [SettingName, ...Place];
    const hint: Hint = issue.code === "custom" ? (issue.params ?? {}) : {};
    // Of a setting that must not be secret that is all that can be said.
    if (isSecret(setting) && setting !== "environment" && rowOf(setting).secret === undefined && !hint.secret) continue;
    const value = place.length === 0 ? values[setting] : valueAt(within.get(setting), place);
    problems.get(setting)?.push({
      setting: pathTo(setting, ...place),
      given: value === undefined ? "(not set)" : hint.secret || hidden(setting, value) ? "[secret]" : shown(value),
      rule: isSecret(setting) ? (hint.bare ?? issue.message) : issue.message,
      mend: hint.mend ?? mendCommand(setting, isSecret(setting) ? undefined : value),
    });
  }
  return [...problems.values()].flat().concat(unknown);
}

/** A setting that does not exist, with the one that was probably meant. */
function unknownSetting(name: string, value: unknown, isSecret: (name: string) => boolean): Problem {
  const meant = closest(name, SETTING_NAMES);
  const remove = isTypable(name) ? `pulumi config rm ${quoted(name)}` : EDIT_BY_HAND;
  // Nobody knows what is in it, and a misspelt secretEnvironment has secrets in it.
  const secret =
    isSecret(name) || meant === undefined || isSecret(meant) || (typeof value === "string" && isPem(value));
  const fits =
    !secret && !isStructured(meant) && typeof value === "string" && SHAPE[meant].rule.safeParse(value).success;
  return {
    setting: isTypable(name) ? name : shown(name),
    given: isSecret(name) ? "[secret]" : secret ? "(not shown)" : shown(value),
    rule:
      meant === undefined
        ? "there is no such setting; Pulumi.yaml lists all"
        : `there is no such setting; ${meant} was meant?`,
    mend:
      meant === undefined || !isTypable(name)
        ? remove
        : `${remove} && ${fits ? setCommand(meant, value) : mendCommand(meant)}`,
  };
}

/** The command that mends a setting by itself. */
export function mendCommand(setting: SettingName, value?: unknown): string {
  const { within, command, secret, mend } = rowOf(setting);
  if (within !== undefined) return within;
  if (command !== undefined) return command;
  // Without a value: the CLI asks for it, and it stays out of the shell's history.
  if (secret === true) return `pulumi config set --secret ${setting}`;
  const color = setting === "activeColor" && typeof value === "string" ? closest(value, COLORS) : undefined;
  return setCommand(setting, color ?? mend ?? defaultSettings()[setting]);
}

/** The value at a place of what JSON gave. */
const valueAt = (root: unknown, place: Place): unknown =>
  place.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string | number, unknown>)[name]
        : undefined,
    root,
  );
