// The side of Explore: which tree, which value, which series.

import { choice, fill, h } from "../../lib/dom.js";
import { count, named } from "../../lib/format.js";
import { matches } from "./state.js";

/**
 * @typedef {import("./data.js").Tree} Tree
 * @typedef {import("./data.js").Series} Series
 * @typedef {import("./state.js").State} State
 */

/** Values of a column that are shown at a time; typing finds the others. */
const SHOWN = 200;

/**
 * Makes the side.
 * @param {HTMLElement} into
 * @param {{tree: (name: string) => void, value: (name: string) => void, facet: (column: string, values: string[]) => void}} on
 */
export function facets(into, on) {
  /** @type {Map<string, string>} */
  const typed = new Map();
  const choices = h("div", { class: "panel choices" });
  const columns = h("div", { class: "side" });
  fill(into, choices, columns);

  /**
   * @param {Tree[]} trees
   * @param {Tree} tree
   * @param {State} state
   * @param {{list: Series[], isCut: boolean}} series
   */
  function show(trees, tree, state, { list, isCut }) {
    fill(choices,
      h("div", { class: "choose" }, h("h3", {}, "Tree"), choice("Tree", trees.map(({ name }) => [name, name]), tree.name, on.tree)),
      h("div", { class: "choose" }, h("h3", {}, "Value"), choice("Value", tree.values.map((name) => [name, name]), state.value, on.value)),
      tree.state !== "live" && h("p", { class: "badge warn", title: tree.state }, tree.state.split(":")[0]));
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.at : undefined;
    fill(columns, ...tree.series.map((column, place) => one(column, place)),
      isCut && h("p", { class: "muted small" }, `The first ${count(list.length)} series.`));
    if (focused) /** @type {HTMLElement | null} */ (columns.querySelector(`[data-at="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });

    /** @param {string} column @param {number} place */
    function one(column, place) {
      /** @type {Map<string, number>} */
      const known = new Map();
      for (const { key } of list) if (matches(key, tree, state.facets, column)) known.set(key[place], (known.get(key[place]) ?? 0) + 1);
      const chosen = state.facets[column] ?? [];
      for (const value of chosen) if (!known.has(value)) known.set(value, 0);
      const values = [...known.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      const items = h("div", { class: "values", role: "group", "aria-label": column });
      const draw = () => {
        const text = (typed.get(column) ?? "").toLowerCase();
        const found = values.filter((value) => value.toLowerCase().includes(text));
        fill(items, ...found.slice(0, SHOWN).map((value) => h("label", {}, h("input", {
          type: "checkbox", checked: chosen.includes(value), "data-at": `${column}=${value}`,
          change: () => on.facet(column, chosen.includes(value) ? chosen.filter((other) => other !== value) : [...chosen, value]),
        }), h("span", { title: value }, named(value)))),
        found.length > SHOWN && h("p", { class: "muted small" }, `and ${count(found.length - SHOWN)} more: type to find them`),
        !found.length && h("p", { class: "muted small" }, "none"));
      };
      draw();
      return h("section", { class: "panel facet" },
        h("div", { class: "row" }, h("h3", {}, column), h("span", { class: "muted small" }, chosen.length ? `${chosen.length} of ${count(values.length)}` : count(values.length)),
          chosen.length > 0 && h("button", { class: "plain small push", "aria-label": `All of ${column}`, click: () => on.facet(column, []) }, "All")),
        values.length > 8 && h("input", {
          type: "search", placeholder: "Find", "aria-label": `Find in ${column}`, value: typed.get(column) ?? "", "data-at": `find ${column}`,
          input: (/** @type {Event} */ event) => {
            typed.set(column, /** @type {HTMLInputElement} */ (event.target).value);
            draw();
          },
        }), items);
    }
  }

  return { show };
}
