// Drawings over time or positions, by uPlot: what all of them share.

import uPlot from "../vendor/uplot.js";
import { colour } from "./colours.js";
import { compact, number, tick } from "./format.js";
import { isUtc, onSettings } from "./settings.js";

/** @typedef {import("./position.js").PositionKind} PositionKind */

/**
 * A drawing that takes the width of its element, and the colours and the zone of the reader.
 * @typedef {{
 *   plot: any,
 *   show: (data: Array<ArrayLike<number | null>>, range?: [number, number]) => void,
 *   remove: () => void,
 * }} Drawing
 */

/** Width that the labels of the values take, so that drawings below each other line up. */
const MARGIN = 62;

/** Steps between ticks of whole numbers. */
const WHOLE = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

/**
 * Returns the axes.
 * @param {PositionKind} kind
 * @param {boolean} [isSmall]
 */
export function axes(kind, isSmall = false) {
  const shared = {
    stroke: () => colour("muted"),
    grid: { stroke: () => colour("grid"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return [
    {
      ...shared, ...(kind === "integer" ? { incrs: WHOLE } : {}), size: 38, gap: 5, space: kind === "integer" ? 80 : 64,
      values: (/** @type {any} */ _, /** @type {number[]} */ ticks, /** @type {number} */ __, /** @type {number} */ ___, /** @type {number} */ step) =>
        (kind === "integer" ? labels(ticks) : ticks.map((at, i) => tick(at, step, i ? ticks[i - 1] : null))),
    },
    {
      ...shared, size: MARGIN, gap: 6, space: isSmall ? 24 : 36,
      values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => labels(ticks),
    },
  ];
}

/**
 * Returns labels that tell the ticks apart, however close they are.
 * @param {number[]} ticks
 */
function labels(ticks) {
  for (let digits = 4; digits < 12; digits += 1) {
    const texts = ticks.map((tick) => (digits === 4 ? compact(tick) : number(tick, digits)));
    if (new Set(texts).size === ticks.length) return texts;
  }
  return ticks.map((tick) => number(tick, 12));
}

/**
 * Draws into an element.
 * @param {HTMLElement} into
 * @param {Record<string, any>} how options of uPlot
 * @param {{height: number, kind: PositionKind}} size
 * @returns {Drawing}
 */
export function draw(into, how, { height, kind }) {
  const plot = new uPlot({
    width: Math.max(into.clientWidth, 120),
    height,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    tzDate: (/** @type {number} */ at) => (isUtc() ? uPlot.tzDate(new Date(at * 1e3), "Etc/UTC") : new Date(at * 1e3)),
    ...how,
    cursor: { points: { size: 6 }, ...how.cursor },
    scales: { x: { time: kind === "time", ...how.scales?.x }, ...(how.scales?.y ? { y: how.scales.y } : {}) },
  }, how.data ?? how.series.map(() => []), into);
  for (const canvas of into.querySelectorAll("canvas")) canvas.setAttribute("aria-hidden", "true");
  const observer = new ResizeObserver(() => {
    if (into.clientWidth > 0 && into.clientWidth !== plot.width) plot.setSize({ width: into.clientWidth, height });
  });
  observer.observe(into);
  // Labels of times are computed again with the scales, not when they are only drawn.
  const forget = onSettings(() => plot.redraw(false, true));
  const drawing = {
    plot,
    /** @type {Drawing["show"]} */
    show(data, range) {
      plot.batch(() => {
        plot.setData(data, !range);
        if (range) plot.setScale("x", { min: range[0], max: range[1] });
      });
    },
    remove() {
      observer.disconnect();
      forget();
      plot.destroy();
    },
  };
  return drawing;
}

/**
 * Returns the range of the values that are to be seen, with some room around.
 * @param {ArrayLike<number | null>[]} columns
 * @param {ArrayLike<number | null>} at
 * @param {number} from
 * @param {number} to
 * @returns {[number, number]}
 */
export function room(columns, at, from, to) {
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = 0; i < at.length; i += 1) {
    // The points beside the range are counted, since lines lead to them.
    if ((at[i + 1] ?? Infinity) < from || (at[i - 1] ?? -Infinity) > to) continue;
    for (const column of columns) {
      const value = column[i];
      if (value == null || !Number.isFinite(value)) continue;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
  }
  if (least > greatest) return [0, 1];
  const around = (greatest - least) * 0.06 || Math.abs(greatest) * 0.01 || 1;
  return [least - around, greatest + around];
}

/** Paths of bars, for sums. */
export const bars = uPlot.paths.bars({ size: [0.8, 40], align: 1 });
