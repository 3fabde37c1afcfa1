// A chart of an answer that has a time and numbers.

import { colour, LINES } from "../../lib/colours.js";
import { fill, h } from "../../lib/dom.js";
import { number, toNumber } from "../../lib/format.js";
import { isNumber } from "../../lib/grid.js";
import { axes, draw } from "../../lib/plot.js";
import { showPosition, toPosition } from "../../lib/position.js";

/** @typedef {import("../../lib/grid.js").Column} Column */
/** @typedef {{at: number[], lines: Array<{name: string, values: (number | null)[]}>}} Lines */

const TIMES = new Set(["timestamptz", "timestamp", "date"]);
const HEIGHT = 300;

/**
 * Returns the lines of an answer: its numbers over its first time, or its first number for each value of a text.
 * @param {Column[]} columns
 * @param {unknown[][]} rows
 * @returns {Lines | null}
 */
export function linesOf(columns, rows) {
  const time = columns.findIndex(({ type }) => TIMES.has(type));
  const numbers = columns.flatMap((column, place) => (isNumber(column) ? [place] : []));
  if (time < 0 || !numbers.length || rows.length < 2) return null;
  const sorted = rows.map((row) => ({ row, at: toPosition(row[time]) ?? NaN })).filter(({ at }) => Number.isFinite(at)).sort((a, b) => a.at - b.at);
  const at = [...new Set(sorted.map((one) => one.at))];
  if (at.length < 2) return null;
  const name = columns.findIndex(({ type }) => type === "text" || type === "varchar" || type === "bpchar");
  const names = name < 0 || at.length === sorted.length ? [] : [...new Set(sorted.map(({ row }) => String(row[name])))];
  const places = new Map(at.map((one, place) => [one, place]));
  if (names.length > 0) {
    const lines = names.slice(0, LINES.length).map((one) => ({ name: one, values: /** @type {(number | null)[]} */ (at.map(() => null)) }));
    for (const { row, at: when } of sorted) {
      const line = lines[names.indexOf(String(row[name]))];
      if (line) line.values[places.get(when) ?? 0] = toNumber(row[numbers[0]]);
    }
    return { at, lines };
  }
  const lines = numbers.slice(0, LINES.length).map((place) => ({ name: columns[place].name, values: /** @type {(number | null)[]} */ (at.map(() => null)) }));
  for (const { row, at: when } of sorted) lines.forEach((line, i) => (line.values[places.get(when) ?? 0] = toNumber(row[numbers[i]])));
  return { at, lines };
}

/**
 * Draws them.
 * @param {HTMLElement} into
 * @param {Lines} what
 */
export function plot(into, { at, lines }) {
  const place = h("div", { class: "plot", role: "img", "aria-label": `${lines.map(({ name }) => name).join(", ")} over time` });
  const readout = h("p", { class: "readout" });
  fill(into, h("div", { class: "chart" }, place, readout));
  const seen = lines.map(() => true);
  const drawing = draw(place, {
    axes: axes("time"),
    series: [{}, ...lines.map((_, i) => ({ stroke: () => colour(LINES[i]), width: 1.5, spanGaps: true, points: { fill: () => colour("panel") } }))],
    cursor: { y: false, drag: { x: true, y: false } },
    hooks: { setCursor: [(/** @type {any} */ plot) => read(plot.cursor.idx)] },
  }, { height: HEIGHT, kind: "time" });
  drawing.show([at, ...lines.map(({ values }) => values)]);

  /** @param {number | null | undefined} index */
  function read(index) {
    fill(readout, h("b", {}, index == null ? "" : showPosition(at[index], "time")), ...lines.map(({ name, values }, i) => {
      const swatch = h("span", { class: `swatch line-${i + 1}` });
      return h("button", {
        class: "plain small legend", "aria-pressed": String(seen[i]), title: "Show or hide",
        click: () => {
          seen[i] = !seen[i];
          drawing.plot.setSeries(i + 1, { show: seen[i] });
          read(null);
        },
      }, swatch, name, index == null ? "" : ` ${number(values[index])}`);
    }));
  }
  read(null);
  return drawing;
}
