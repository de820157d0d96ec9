// @ts-check
// Makes elements. Whatever a text holds, it becomes text: nothing here, or anywhere else in the page, takes it for HTML.

/**
 * Makes an element with these attributes and children.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Readonly<Record<string, string>>} [attributes]
 * @param {readonly (Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/**
 * Makes somebody else's text: it stands for itself, whichever direction it is written in.
 * @param {string} text
 */
export const theirs = (text) => make("bdi", {}, text);

/**
 * Returns the element of the page with this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** What each part of the page shows, by its id. @type {Map<string, string>} */
const shown = new Map();

/**
 * Shows something in a part of the page, unless it shows that already: what somebody has selected or is about to press stays.
 * @param {string} id
 * @param {unknown} what
 * @param {() => readonly (Node | string)[]} children
 */
export function show(id, what, children) {
  const key = JSON.stringify(what);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  byId(id).replaceChildren(...children());
}

/**
 * Makes a table with a caption for those who can't see where it stands.
 * @param {string} caption
 * @param {readonly string[]} titles
 * @param {readonly (readonly (Node | string)[])[]} rows
 */
export function table(caption, titles, rows) {
  // The roles stay where a narrow screen has each cell on a line of its own.
  const head = titles.map((title) => make("th", { scope: "col", role: "columnheader" }, title));
  const body = rows.map((cells) => {
    const all = cells.map((cell, at) => make("td", { role: "cell", "data-title": titles[at] ?? "" }, cell));
    return make("tr", { role: "row" }, ...all);
  });
  return make(
    "table",
    { role: "table" },
    make("caption", { class: "unseen" }, caption),
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head)),
    make("tbody", { role: "rowgroup" }, ...body),
  );
}
