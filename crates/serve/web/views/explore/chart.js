// The main chart: mean, a band of one standard deviation, the envelope of all values, and where the series changed.

import { colour } from "../../lib/colours.js";
import { fill, h, rested } from "../../lib/dom.js";
import { count, number, plural } from "../../lib/format.js";
import { axes, draw, room } from "../../lib/plot.js";
import { showPosition } from "../../lib/position.js";
import { onSettings } from "../../lib/settings.js";

/**
 * @typedef {import("../../lib/position.js").PositionKind} PositionKind
 * @typedef {import("./data.js").Chart} Chart
 * @typedef {import("./data.js").Change} Change
 */

/** Columns of the plot. */
const [MAX, MIN, HIGH, LOW, MEAN] = [1, 2, 3, 4, 5];
const HEIGHT = 320;
/** A turn of the wheel goes so much closer. */
const CLOSER = 1.25;
/** Milliseconds of rest after which the range is asked for. */
const REST = 60;

/**
 * Makes the chart.
 * @param {HTMLElement} into
 * @param {PositionKind} kind
 * @param {{range: (range: [number, number], how: "step" | "gesture") => void, all: () => void}} on
 */
export function chart(into, kind, on) {
  /** @type {Chart | null} */
  let shown = null;
  /** @type {Change[]} */
  let changes = [];
  /** @type {[number, number]} */
  let range = [0, 1];
  const place = h("div", { class: "plot", tabindex: 0, role: "group", "aria-roledescription": "chart" });
  const readout = h("p", { class: "readout" });
  fill(into, place, readout);

  const none = { show: false };
  const drawing = draw(place, {
    scales: { y: { range: () => (shown ? room([shown.min, shown.max], shown.at, ...range) : [0, 1]) } },
    axes: axes(kind),
    series: [
      {},
      { stroke: () => colour("edge"), width: 1, points: none },
      { stroke: () => colour("edge"), width: 1, points: none },
      { width: 0, points: none },
      { width: 0, points: none },
      { stroke: () => colour("mean"), width: 1.5, points: { size: 4, fill: () => colour("mean") } },
    ],
    bands: [
      { series: [MAX, MIN], fill: () => colour("envelope") },
      { series: [HIGH, LOW], fill: () => colour("band") },
    ],
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false },
      bind: {
        mousedown: (/** @type {any} */ _, /** @type {any} */ __, /** @type {(event: MouseEvent) => void} */ handler) => (/** @type {MouseEvent} */ event) => (event.shiftKey ? pan(event) : handler(event)),
        dblclick: () => () => on.all(),
      },
      points: { show: (/** @type {any} */ _, /** @type {number} */ series) => (series === MEAN ? undefined : false), stroke: () => colour("panel"), fill: () => colour("mean") },
    },
    hooks: {
      setSelect: [(/** @type {any} */ plot) => {
        const { left, width } = plot.select;
        if (width < 4) return;
        const chosen = /** @type {[number, number]} */ ([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        on.range(chosen, "step");
      }],
      setCursor: [(/** @type {any} */ plot) => read(plot.cursor.idx)],
      draw: [drawChanges],
    },
  }, { height: HEIGHT, kind });
  const { plot } = drawing;

  const asked = rested(REST, () => on.range(range, "gesture"));

  /**
   * Shows a range at once with what is there; what belongs into it comes later.
   * @param {number} from
   * @param {number} to
   */
  function move(from, to) {
    if (!(to - from > Math.max(Math.abs(to) * 1e-15, kind === "integer" ? 1 : 2e-6))) return;
    range = [from, to];
    plot.setScale("x", { min: from, max: to });
    asked();
  }

  /** @param {number} factor @param {number} [at] */
  function scale(factor, at = (range[0] + range[1]) / 2) {
    move(at - (at - range[0]) * factor, at + (range[1] - at) * factor);
  }

  /** @param {number} share */
  function shift(share) {
    const by = (range[1] - range[0]) * share;
    move(range[0] + by, range[1] + by);
  }

  /** @param {MouseEvent} event */
  function pan(event) {
    const [from, to] = range;
    const per = (to - from) / plot.over.clientWidth;
    const follow = (/** @type {MouseEvent} */ now) => {
      const by = (event.clientX - now.clientX) * per;
      move(from + by, to + by);
    };
    addEventListener("mousemove", follow);
    addEventListener("mouseup", () => removeEventListener("mousemove", follow), { once: true });
  }

  plot.over.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) shift(Math.sign(event.deltaX) * 0.05);
    else scale(event.deltaY > 0 ? CLOSER : 1 / CLOSER, plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x"));
  }, { passive: false });

  place.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      "+": () => scale(0.5), "=": () => scale(0.5), "-": () => scale(2), Home: on.all, 0: on.all,
      PageUp: () => shift(-0.5), PageDown: () => shift(0.5), ArrowLeft: () => step(-1), ArrowRight: () => step(1), Escape: () => point(null),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  /** @param {number} by */
  function step(by) {
    if (!shown?.at.length) return;
    const [first, last] = plot.series[0].idxs;
    const from = plot.cursor.idx ?? (by > 0 ? first - 1 : last + 1);
    let next = from + by;
    while (next > first && next < last && shown.mean[next] == null) next += by;
    point(Math.min(Math.max(next, first), last));
  }

  /** @param {number | null} index */
  function point(index) {
    const left = index == null || !shown ? -10 : plot.valToPos(shown.at[index], "x");
    plot.setCursor({ left, top: plot.over.clientHeight / 2 });
  }

  /** @param {number | null | undefined} index */
  function read(index) {
    if (!shown) return;
    if (index == null || shown.mean[index] == null) {
      readout.classList.add("muted");
      fill(readout, shown.isRaw ? plural(shown.at.length, "value") : `${plural(total(shown), "value")} in ${plural(shown.at.length, "step")}`);
      return;
    }
    readout.classList.remove("muted");
    const width = shown.at.length > 1 ? (range[1] - range[0]) / shown.at.length : 1;
    const part = (/** @type {string} */ name, /** @type {string} */ text) => h("span", {}, h("i", {}, name), ` ${text}`);
    const at = showPosition(shown.at[index], kind, shown.isRaw ? Math.min(width, 0.001) : stepOf(shown));
    if (shown.isRaw) {
      fill(readout, h("b", {}, at), part("value", number(shown.mean[index], 8)));
      return;
    }
    fill(readout, h("b", {}, at), part("mean", number(shown.mean[index])), part("± sd", number(shown.sd[index], 3)),
      part("min", number(shown.min[index])), part("max", number(shown.max[index])), part("sum", number(shown.sum[index])), part("n", count(shown.n[index])));
  }

  /** @param {any} plot */
  function drawChanges(plot) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top - 8 * ratio, bbox.width, bbox.height + 8 * ratio);
    ctx.clip();
    ctx.strokeStyle = ctx.fillStyle = colour("change");
    changes.forEach((change, i) => {
      const x = plot.valToPos(change.at, "x", true);
      ctx.lineWidth = ratio;
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      line(x, bbox.top, x, bbox.top + bbox.height);
      ctx.setLineDash([]);
      mark(x, (change.difference ?? 0) >= 0 ? 1 : -1);
      if (change.kind !== "level" || change.before == null || change.after == null) return;
      // The levels reach to the neighbours, but not far.
      const reach = 60 * ratio;
      const before = i ? Math.max(x - reach, plot.valToPos(changes[i - 1].at, "x", true)) : x - reach;
      const after = i + 1 < changes.length ? Math.min(x + reach, plot.valToPos(changes[i + 1].at, "x", true)) : x + reach;
      ctx.lineWidth = 2 * ratio;
      line(before, plot.valToPos(change.before, "y", true), x, plot.valToPos(change.before, "y", true));
      line(x, plot.valToPos(change.after, "y", true), after, plot.valToPos(change.after, "y", true));
    });
    ctx.restore();

    /** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
    function line(x1, y1, x2, y2) {
      ctx.beginPath();
      ctx.moveTo(x1, y1);
      ctx.lineTo(x2, y2);
      ctx.stroke();
    }

    /** A triangle at the top, which points to where the series went. @param {number} x @param {1 | -1} up */
    function mark(x, up) {
      const y = bbox.top - 1 * ratio;
      ctx.beginPath();
      ctx.moveTo(x - 5 * ratio, y + (up * 3.5 * ratio));
      ctx.lineTo(x + 5 * ratio, y + (up * 3.5 * ratio));
      ctx.lineTo(x, y - (up * 3.5 * ratio));
      ctx.fill();
    }
  }

  const forget = onSettings(() => read(plot.cursor.idx));

  /**
   * Shows a series in a range.
   * @param {Chart} data
   * @param {[number, number]} within
   * @param {string} name
   */
  function show(data, within, name) {
    shown = data;
    range = within;
    const spread = (/** @type {1 | -1} */ sign) => data.mean.map((mean, i) => (mean == null ? null : mean + sign * (data.sd[i] ?? 0)));
    const bare = /** @type {null[]} */ (data.at.map(() => null));
    drawing.show(data.isRaw ? [data.at, bare, bare, bare, bare, data.mean] : [data.at, data.max, data.min, spread(1), spread(-1), data.mean], within);
    place.setAttribute("aria-label", summary(data, within, name));
    read(plot.cursor.idx);
  }

  /** @param {Chart} data @param {[number, number]} within @param {string} name */
  function summary(data, [from, to], name) {
    const [least, greatest] = [ends(data.min)[0], ends(data.max)[1]];
    const what = data.at.length ? `${plural(total(data), "value")} between ${number(least)} and ${number(greatest)}` : "no values";
    return `${name} from ${showPosition(from, kind)} to ${showPosition(to, kind)}: ${what}. Plus and minus zoom, page keys move, arrows read values, Home shows all.`;
  }

  return {
    /** The plot, with the data that it shows. */
    plot,
    show,
    /** Shows a range before its data have come. @param {[number, number]} within */
    preview(within) {
      range = within;
      plot.setScale("x", { min: within[0], max: within[1] });
    },
    /** @param {Change[]} found */
    mark(found) {
      changes = found;
      plot.redraw(false, false);
    },
    scale,
    shift,
    remove() {
      forget();
      drawing.remove();
    },
  };
}

/** @param {Chart} data */
function total(data) {
  return data.n.reduce((sum, n) => sum + n, 0);
}

/** The least and the greatest of a column. @param {(number | null)[]} column */
function ends(column) {
  let [least, greatest] = [Infinity, -Infinity];
  for (const x of column) {
    if (x == null) continue;
    least = Math.min(least, x);
    greatest = Math.max(greatest, x);
  }
  return [least, greatest];
}

/** The usual distance of points, in seconds. @param {Chart} data */
export function stepOf(data) {
  return data.at.length > 1 ? Math.min(data.at[1] - data.at[0], data.at[data.at.length - 1] - data.at[data.at.length - 2]) : 1;
}
