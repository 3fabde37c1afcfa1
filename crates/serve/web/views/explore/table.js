// The table of series: the tally of each in the range.

import { fill, h } from "../../lib/dom.js";
import { count, named, number } from "../../lib/format.js";
import { halfInterval, NONE, together } from "../../lib/summary.js";

/**
 * @typedef {import("../../lib/summary.js").Summary} Summary
 * @typedef {import("./data.js").Tree} Tree
 * @typedef {{key: string[], summary: Summary}} Row
 */

/** Rows that are drawn; the others are counted and summed up. */
const DRAWN = 500;

/** @type {Array<{name: string, title: string, of: (summary: Summary) => number | null, show: (summary: Summary) => string}>} */
const COLUMNS = [
  { name: "n", title: "Number of values", of: (s) => s.n, show: (s) => count(s.n) },
  { name: "sum", title: "Sum of the values", of: (s) => s.sum, show: (s) => number(s.sum) },
  { name: "mean", title: "Mean with its 95 % interval, as if the values were independent", of: (s) => s.mean, show: interval },
  { name: "sd", title: "Standard deviation", of: (s) => s.sd, show: (s) => number(s.sd, 4) },
  { name: "min", title: "Least value", of: (s) => s.min, show: (s) => number(s.min) },
  { name: "max", title: "Greatest value", of: (s) => s.max, show: (s) => number(s.max) },
];

/** A mean with as many digits as its interval allows. @param {Summary} summary */
function interval(summary) {
  const half = halfInterval(summary);
  if (half == null || summary.mean == null) return number(summary.mean);
  const digits = half > 0 ? Math.max(3, Math.min(12, Math.floor(Math.log10(Math.abs(summary.mean) / half || 1)) + 3)) : 6;
  return `${number(summary.mean, digits)} ± ${number(half, 2)}`;
}

/**
 * Makes the table.
 * @param {HTMLElement} into
 * @param {{sort: (sort: string) => void, key: (key: string[] | null) => void}} on
 */
export function table(into, on) {
  /**
   * @param {Tree} tree
   * @param {Row[]} rows
   * @param {{sort: string, key: string[] | null}} how
   */
  function show(tree, rows, { sort, key }) {
    const [, isDown, by] = /^(-?)(.*)$/.exec(sort) ?? [];
    const place = tree.series.indexOf(by.replace(/^s\./, ""));
    const column = COLUMNS.find(({ name }) => name === by);
    const sign = isDown ? -1 : 1;
    const sorted = [...rows].sort((a, b) => {
      if (column) {
        const [x, y] = [column.of(a.summary), column.of(b.summary)];
        return x == null || y == null ? Number(x == null) - Number(y == null) : sign * (x - y);
      }
      return sign * (place < 0 ? compareKeys(a.key, b.key) : compare(a.key[place], b.key[place]) || compareKeys(a.key, b.key));
    });
    const head = (/** @type {string} */ id, /** @type {string} */ label, /** @type {string} */ title, /** @type {boolean} */ isNumber) =>
      h("th", { scope: "col", class: isNumber ? "number" : false, "aria-sort": id === by ? (isDown ? "descending" : "ascending") : false },
        h("button", { title, click: () => on.sort(id === by ? (isDown ? id : `-${id}`) : isNumber ? `-${id}` : id) }, label));
    const whole = rows.reduce((sum, row) => together(sum, row.summary), NONE);
    const focus = document.activeElement instanceof HTMLElement && into.contains(document.activeElement) ? document.activeElement.textContent : null;
    fill(into, h("table", { class: "data" },
      h("caption", { class: "unseen" }, "Statistics of each series in the range"),
      h("thead", {}, h("tr", {}, ...tree.series.map((name) => head(`s.${name}`, name, name, false)), ...COLUMNS.map(({ name, title }) => head(name, name, title, true)))),
      h("tbody", {}, ...sorted.slice(0, DRAWN).map((row) => {
        const isChosen = key != null && compareKeys(key, row.key) === 0;
        return h("tr", { class: isChosen ? "can chosen" : "can" },
          ...row.key.map((value, i) => h("td", { class: "name" }, i === row.key.length - 1
            ? h("button", { class: "plain", "aria-pressed": isChosen ? "true" : "false", title: `Show ${value}`, click: () => on.key(row.key) }, named(value)) : h("span", { title: value }, named(value)))),
          ...COLUMNS.map(({ show: text }) => h("td", { class: "number" }, text(row.summary))));
      })),
      rows.length > 1 && h("tfoot", {}, h("tr", {},
        tree.series.length > 0 && h("td", { colspan: tree.series.length }, `all ${count(rows.length)}${rows.length > DRAWN ? `, ${DRAWN} shown` : ""}`),
        ...COLUMNS.map(({ show: text }) => h("td", { class: "number" }, text(whole)))))));
    if (focus) [...into.querySelectorAll("button")].find((button) => button.textContent === focus)?.focus({ preventScroll: true });
  }
  return { show };
}

/** @param {string} a @param {string} b */
function compare(a, b) {
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/** @param {string[]} a @param {string[]} b */
function compareKeys(a, b) {
  for (let i = 0; i < a.length; i += 1) {
    const order = compare(a[i], b[i]);
    if (order) return order;
  }
  return 0;
}
