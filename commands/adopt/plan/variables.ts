import { nameRule, valueRule } from "../rules";
import { secretsIn, whySecret } from "../secrecy";
import { escaped, type Part } from "./part";
import { lost, needless, type Row, taken } from "./rows";

/** A service's variables, told apart. */
export interface Sorted {
  plain: Record<string, string>;
  secret: Record<string, string>;
}

/** Tells a service's secret variables from the others; those that can't be set get a row. */
function sortedVariables(part: Part): Sorted {
  const { service, context, rows } = part;
  const [plain, secret]: [string, string][][] = [[], []];
  for (const [name, value] of Object.entries(service.environment)) {
    const rule = nameRule(name) ?? valueRule(value);
    if (rule !== undefined) {
      rows.push(refused(part, name, value, rule));
      continue;
    }
    const isSecret = whySecret(name, value) !== undefined || secretsIn(context.project.secretTexts, value).length > 0;
    (isSecret ? secret : plain)?.push([name, value]);
  }
  return { plain: Object.fromEntries(plain ?? []), secret: Object.fromEntries(secret ?? []) };
}

/** A variable that the program sets itself is no loss where it says the same. */
function refused({ settings, place }: Part, name: string, value: string, rule: string): Row {
  const key = `environment.${name}`;
  const isOfColor = !place.startsWith("accessories.");
  const isSame =
    (isOfColor && name === "COLOR") || (place === "container" && name === "PORT" && value === String(settings.appPort));
  return isSame ? needless(key, "the program sets it itself") : lost(key, `not taken: it ${rule}`);
}

/** The app's own variables: settings of their own. */
export function takeAppVariables(part: Part): Sorted {
  const sorted = sortedVariables(part);
  if (Object.keys(sorted.plain).length > 0) part.settings.environment = sorted.plain;
  tell(part, "environment", sorted.plain);
  keepSecret(part, sorted.secret);
  return sorted;
}

/** Variables of an accessory: all of them are its own. */
export function takeAccessoryVariables(part: Part): void {
  const { plain, secret } = sortedVariables(part);
  if (Object.keys(plain).length > 0) part.keys.environment = escaped(plain);
  tell(part, `${part.place}.environment`, plain);
  keepSecret(part, escaped(secret) as Sorted["secret"]);
}

/**
 * Variables of a worker or a job: it has the app's, so only those that differ are its own. It can't have secrets of its own; the app
 * gets them too.
 */
export function takeOwnVariables(part: Part, app: Sorted): void {
  const { plain, secret } = sortedVariables(part);
  const differs = ([name, value]: [string, string]) => app.plain[name] !== value && app.secret[name] !== value;
  const own = Object.fromEntries(Object.entries(plain).filter(differs));
  if (Object.keys(own).length > 0) part.keys.environment = escaped(own);
  tell(part, `${part.place}.environment`, own);
  const others = Object.entries(secret).filter(differs);
  const clashing = others.filter(([name]) => Object.hasOwn(app.secret, name) || Object.hasOwn(app.plain, name));
  for (const [name] of clashing) {
    const why = "not taken: it is secret, and the app has another value under that name";
    part.rows.push(lost(`environment.${name}`, why));
  }
  const added = Object.fromEntries(others.filter((pair) => !clashing.includes(pair)));
  Object.assign(app.secret, added);
  keepSecret(part, added);
  if (Object.keys(plain).length + Object.keys(secret).length > Object.keys(own).length + others.length) {
    part.rows.push(taken("environment", "what it shares with the app it has from there"));
  }
}

/** Secret variables are set by commands of their own. */
export function keepSecret(part: Part, variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    part.secrets.push({ setting: `${part.secretPlace}.${name}`, value });
  }
  tell(part, `${part.secretPlace}, with --secret`, variables);
}

function tell({ rows }: Part, where: string, variables: Readonly<Record<string, string>>): void {
  const names = Object.keys(variables);
  if (names.length > 0) rows.push(taken("environment", `${where}: ${names.join(", ")}`));
}
