// Sums over time: of each step, or as they add up.

import { colour } from "../../lib/colours.js";
import { fill, h } from "../../lib/dom.js";
import { number } from "../../lib/format.js";
import { axes, bars, draw, room } from "../../lib/plot.js";
import { showPosition } from "../../lib/position.js";
import { stepOf } from "./chart.js";

/**
 * @typedef {import("../../lib/position.js").PositionKind} PositionKind
 * @typedef {import("./data.js").Chart} Chart
 */

const HEIGHT = 170;

/**
 * Makes the chart of sums.
 * @param {HTMLElement} into
 * @param {PositionKind} kind
 */
export function sums(into, kind) {
  /** @type {{at: number[], sum: (number | null)[]}} */
  let shown = { at: [], sum: [] };
  let step = 1;
  /** @type {[number, number]} */
  let range = [0, 1];
  const place = h("div", { class: "plot" });
  const readout = h("p", { class: "readout muted" });
  fill(into, place, readout);
  let isTotal = false;
  const line = { stroke: () => colour("mean"), width: 1.5, fill: () => colour("envelope"), points: { show: false } };
  const drawing = draw(place, {
    scales: { y: { range: () => around(room([shown.sum], shown.at, ...range)) } },
    axes: axes(kind, true),
    series: [{}, { ...line, show: false }, { width: 0, fill: () => colour("bar"), paths: bars, points: { show: false } }],
    cursor: { y: false, drag: { x: false } },
    hooks: {
      setCursor: [(/** @type {any} */ plot) => {
        const index = plot.cursor.idx;
        readout.classList.toggle("muted", index == null);
        if (index == null || shown.sum[index] == null) fill(readout, " ");
        else fill(readout, h("b", {}, showPosition(shown.at[index], kind, step)), h("span", {}, h("i", {}, isTotal ? "running total" : "sum"), ` ${number(shown.sum[index])}`));
      }],
    },
  }, { height: HEIGHT, kind });
  fill(readout, " ");

  /** Bars and areas stand on zero. @param {[number, number]} seen @returns {[number, number]} */
  function around([least, greatest]) {
    return [Math.min(least, 0), Math.max(greatest, 0)];
  }

  return {
    plot: drawing.plot,
    /** @param {Chart} data @param {[number, number]} within @param {boolean} total */
    show(data, within, total) {
      [range, isTotal, step] = [within, total, data.isRaw ? 0.001 : stepOf(data)];
      let sum = 0;
      shown = { at: data.at, sum: total ? data.sum.map((x) => (sum += x ?? 0)) : data.sum };
      drawing.plot.setSeries(1, { show: total });
      drawing.plot.setSeries(2, { show: !total });
      drawing.show([shown.at, shown.sum, shown.sum], within);
      place.setAttribute("role", "img");
      place.setAttribute("aria-label", `${total ? "Running total" : "Sums"} over the range; in all ${number(data.sum.reduce((all, x) => (all ?? 0) + (x ?? 0), 0))}.`);
    },
    remove: drawing.remove,
  };
}
