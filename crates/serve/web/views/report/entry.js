// What both lists of changes say of one: its kind, its time, its size and how probable it is.

import { h } from "../../lib/dom.js";
import { number, probability } from "../../lib/format.js";

/**
 * @typedef {{difference: number | null, low: number | null, high: number | null, sd: number | null, probability: number | null}} Size
 */

/** @param {string} kind @param {string} when */
export function about(kind, when) {
  return h("p", { class: "muted small" }, h("span", { class: "badge" }, kind === "variance" ? "spread" : kind), when && ` ${when}`);
}

/** @param {Size} size */
export function effect({ difference, low, high, sd, probability: p }) {
  return [
    h("div", { class: "effect" },
      difference != null && h("b", {}, `${difference >= 0 ? "▲ +" : "▼ "}${number(difference, 4)}`),
      low != null && h("p", { class: "muted small", title: "95 % interval of the difference" }, `${number(low, 3)} to ${number(high, 3)}`)),
    h("div", { class: "effect" },
      p != null && h("span", { title: "Probability of the change" }, `p ${probability(p)}`),
      sd != null && h("p", { class: "muted small" }, `${number(Math.abs(sd), 3)} sd`)),
  ];
}
