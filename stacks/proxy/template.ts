import Mustache from "mustache";

type Plain = string | number | boolean | undefined;

/**
 * What a key of a template stands for: a text, or with `undefined` or `false` nothing, so that its sections are left out. In a list's
 * section `{{.}}` is the text whose turn it is, or each key one of the view whose turn it is.
 */
export interface View {
  [key: string]: Plain | readonly string[] | readonly View[];
}

/**
 * Renders a template. Mustache would escape `/` and render a missing key as nothing: values are written as they are, so that whoever
 * calls must have made sure that none can carry anything but itself, and a key that the template asks for and the view lacks is an
 * error.
 *
 * @param name the template's, for errors.
 */
export function renderTemplate(name: string, template: string, view: View): string {
  check(name, Mustache.parse(template), view);
  return Mustache.render(template, view, {}, { escape: String });
}

type Token = ReturnType<typeof Mustache.parse>[number];

/** That the template has nothing but text, `{{name}}` and sections, and asks for no key that there is none of. */
function check(name: string, tokens: Token[], view: View): void {
  for (const [type, key, , , within] of tokens) {
    if (!["text", "name", "#", "^"].includes(type)) {
      throw new Error(
        `${name}: only {{name}}, {{#name}} and {{^name}} are used there, not a '${type}' tag: {{${key}}}`,
      );
    }
    if (type === "text") continue;
    if (!Object.hasOwn(view, key)) throw new Error(`${name} asks for {{${key}}}, which the settings do not have`);
    const value = view[key];
    if (type === "name" && !["string", "number"].includes(typeof value)) {
      throw new Error(`${name} writes {{${key}}} where it has no text`);
    }
    const first: Plain | View = Array.isArray(value) ? value[0] : (value as Plain);
    // A section that is left out is not looked into: what it needs is not there either.
    if (type === "name" || Boolean(first) !== (type === "#")) continue;
    const turns: readonly (string | View)[] = Array.isArray(value) ? value : [];
    const views = turns.map((turn) => (typeof turn === "string" ? { ...view, ".": turn } : { ...view, ...turn }));
    for (const turn of views.length === 0 ? [view] : views) check(name, (within ?? []) as Token[], turn);
  }
}
