import { parseDocument } from "yaml";
import { isObject, objectIn } from "../text/json";
import { type Place, type Problem, pathTo, removeCommand } from "./problem";
import { NAMESPACE } from "./shape";

const SETTING = "accessories";
const RULE =
  "can't be kept secret: of an accessory only the variables in environment are; have it read one of these, as with sh -c '... \"$NAME\"'";
/** Deeper than any key of a container is. */
const MOST_DEPTH = 10;

/** What is wrong with accessories of which something was set with `--secret`, and what can't be told. */
export interface AccessorySecrets {
  problems: Problem[];
  warnings: string[];
}

/**
 * Finds what of the accessories was set with `--secret` and is no variable of theirs. Pulumi says of the whole setting alone that it has a
 * secret in it, but the stack's file has each one as an object with the only key `secure`.
 *
 * @param text the stack's file; nothing where it is elsewhere.
 * @param json the setting as Pulumi handed it over.
 */
export function accessorySecrets(text: string, json: unknown): AccessorySecrets {
  const places = secretPlaces(inFile(text), []);
  if (places.length > 0) return { problems: places.filter((place) => !isVariable(place)).map(problemAt), warnings: [] };
  const hasVariables = Object.values(objectIn(json) ?? {}).some(
    (block) => isObject(block) && block.environment !== undefined,
  );
  if (!hasVariables) return { problems: [problemAt([])], warnings: [] };
  return {
    problems: [],
    warnings: [
      `${SETTING} has a secret in it, and the stack's file does not say where: what is no variable in environment stands in clear in a ` +
        `label and in the state. Next: ${setVariable(["<name>"])}`,
    ],
  };
}

/** The setting as the stack's file has it; undefined where it does not have it. */
function inFile(text: string): unknown {
  try {
    const { config } = parseDocument(text, { logLevel: "silent" }).toJS() ?? {};
    return isObject(config) ? config[`${NAMESPACE}:${SETTING}`] : undefined;
  } catch {
    // Pulumi itself would not have read it.
    return undefined;
  }
}

function secretPlaces(value: unknown, place: Place): Place[] {
  if (typeof value !== "object" || value === null || place.length > MOST_DEPTH) return [];
  if (Array.isArray(value)) return value.flatMap((item, at) => secretPlaces(item, [...place, at]));
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === "secure") return [place];
  return entries.flatMap(([name, item]) => secretPlaces(item, [...place, name]));
}

const isVariable = ([, key, variable, ...more]: Place): boolean =>
  key === "environment" && variable !== undefined && more.length === 0;

function problemAt(place: Place): Problem {
  const remove = place.length === 0 ? `pulumi config rm ${SETTING}` : removeCommand(SETTING, ...place);
  return {
    ...{ setting: pathTo(SETTING, ...place), given: "[secret]", rule: RULE },
    mend: `${remove} && ${setVariable(place)}`,
  };
}

const setVariable = ([name = "<name>"]: Place): string =>
  `pulumi config set --secret --path '${SETTING}.${/^[a-z0-9-]+$/.test(String(name)) ? name : "<name>"}.environment.<NAME>'`;
