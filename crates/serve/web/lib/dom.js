// Elements from data. Data is set as text, never as HTML.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Makes an element: keys with a function listen, `class` and others are attributes, and `false` or null leaves one out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, String(value));
  }
  put(element, ...children);
  return element;
}

/**
 * Appends children.
 * @param {Node} parent
 * @param {...Child} children
 */
export function put(parent, ...children) {
  for (const child of children) {
    if (child == null || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/**
 * Puts children in the place of those there are.
 * @param {Element} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  put(parent, ...children);
}

/**
 * Lists options for a select.
 * @param {Array<[value: string, label: string]>} choices
 * @param {string} chosen
 */
export function options(choices, chosen) {
  return choices.map(([value, label]) => h("option", { value, selected: value === chosen }, label));
}

/**
 * Makes a select with its label.
 * @param {string} label
 * @param {Array<[value: string, label: string]>} choices
 * @param {string} chosen
 * @param {(value: string) => void} onchange
 */
export function choice(label, choices, chosen, onchange) {
  const select = h("select", {
    "aria-label": label,
    change: () => onchange(select.value),
  }, ...options(choices, chosen));
  return select;
}

/**
 * Says something to screen readers.
 * @param {string} text
 */
export function say(text) {
  const region = document.getElementById("said");
  if (region) region.textContent = text;
}

/**
 * Calls the last of several calls after a rest.
 * @template {unknown[]} A
 * @param {number} milliseconds
 * @param {(...args: A) => void} call
 * @returns {(...args: A) => void}
 */
export function rested(milliseconds, call) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = window.setTimeout(() => call(...args), milliseconds);
  };
}
