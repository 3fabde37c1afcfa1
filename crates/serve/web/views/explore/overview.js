// The strip of the whole history: a window on it is the range, and can be dragged.

import { colour } from "../../lib/colours.js";
import { fill, h, rested } from "../../lib/dom.js";
import { draw, room } from "../../lib/plot.js";
import { showPosition } from "../../lib/position.js";

/**
 * @typedef {import("../../lib/position.js").PositionKind} PositionKind
 * @typedef {import("./data.js").Chart} Chart
 * @typedef {"from" | "to" | "both" | "new"} Grip
 */

const HEIGHT = 54;
/** Milliseconds of rest after which the range is asked for. */
const REST = 60;
/** The window is drawn at least this wide, so that it can be found. */
const NARROWEST = 10;

/**
 * Makes the strip.
 * @param {HTMLElement} into
 * @param {PositionKind} kind
 * @param {{range: (range: [number, number], how: "gesture") => void, preview: (range: [number, number]) => void}} on
 */
export function overview(into, kind, on) {
  /** @type {Chart | null} */
  let shown = null;
  /** @type {[number, number]} */
  let extent = [0, 1];
  /** @type {[number, number]} */
  let range = [0, 1];
  const place = h("div", { class: "strip-plot" });
  const [before, after] = [h("div", { class: "veil" }), h("div", { class: "veil" })];
  const grips = { from: handle("from", "Begin of the range"), to: handle("to", "End of the range") };
  const brush = h("div", { class: "brush" });
  const strip = h("div", { class: "strip" }, place, before, after, brush, grips.from, grips.to);
  fill(into, strip);
  const drawing = draw(place, {
    padding: [2, 0, 2, 0],
    scales: { y: { range: () => (shown ? room([shown.min, shown.max], shown.at, ...extent) : [0, 1]) } },
    axes: [{ show: false }, { show: false }],
    cursor: { show: false },
    series: [{}, { width: 0, points: { show: false } }, { width: 0, points: { show: false } }, { stroke: () => colour("mean"), width: 1, points: { size: 5, fill: () => colour("mean"), show: () => shown?.at.length === 1 } }],
    bands: [{ series: [1, 2], fill: () => colour("band") }],
  }, { height: HEIGHT, kind });

  /** @param {"from" | "to"} which @param {string} label */
  function handle(which, label) {
    return h("div", { class: "grip", role: "slider", tabindex: 0, "aria-label": label, "data-grip": which, keydown: (/** @type {Event} */ event) => key(/** @type {KeyboardEvent} */ (event), which) });
  }

  /** @param {KeyboardEvent} event @param {"from" | "to"} which */
  function key(event, which) {
    const by = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageUp: 0.1, PageDown: -0.1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const moved = by * (extent[1] - extent[0]);
    choose(which === "from" ? [range[0] + moved, range[1]] : [range[0], range[1] + moved]);
  }

  const asked = rested(REST, (/** @type {[number, number]} */ chosen) => on.range(chosen, "gesture"));

  /** @param {[number, number]} chosen */
  function choose([from, to]) {
    const inside = /** @type {[number, number]} */ ([Math.max(extent[0], Math.min(from, to)), Math.min(extent[1], Math.max(from, to))]);
    if (inside[1] <= inside[0]) return;
    range = inside;
    locate();
    on.preview(inside);
    asked(inside);
  }

  function locate() {
    const size = extent[1] - extent[0];
    const width = strip.clientWidth;
    let [left, right] = range.map((at) => ((at - extent[0]) / size) * width);
    if (right - left < NARROWEST) {
      const middle = (left + right) / 2;
      [left, right] = [middle - NARROWEST / 2, middle + NARROWEST / 2];
    }
    [left, right] = [Math.max(0, left), Math.min(width, right)];
    before.style.left = "0";
    before.style.width = `${left}px`;
    after.style.left = `${right}px`;
    after.style.right = "0";
    brush.style.left = `${left}px`;
    brush.style.width = `${right - left}px`;
    grips.from.style.left = `${left}px`;
    grips.to.style.left = `${right}px`;
    const [least, greatest] = [extent[0], extent[1]];
    for (const [grip, at] of /** @type {const} */ ([[grips.from, range[0]], [grips.to, range[1]]])) {
      grip.setAttribute("aria-valuemin", String(least));
      grip.setAttribute("aria-valuemax", String(greatest));
      grip.setAttribute("aria-valuenow", String(at));
      grip.setAttribute("aria-valuetext", showPosition(at, kind));
    }
  }

  strip.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const box = strip.getBoundingClientRect();
    const at = (/** @type {PointerEvent} */ now) => extent[0] + ((now.clientX - box.left) / box.width) * (extent[1] - extent[0]);
    const target = /** @type {HTMLElement} */ (event.target);
    /** @type {Grip} */
    const grip = target.dataset.grip === "from" ? "from" : target.dataset.grip === "to" ? "to" : target === brush ? "both" : "new";
    const [start, was] = [at(event), range];
    strip.setPointerCapture(event.pointerId);
    let isMoved = false;
    const follow = (/** @type {PointerEvent} */ now) => {
      const by = at(now) - start;
      isMoved ||= Math.abs(now.clientX - event.clientX) > 2;
      if (!isMoved) return;
      if (grip === "from") choose([was[0] + by, was[1]]);
      else if (grip === "to") choose([was[0], was[1] + by]);
      else if (grip === "new") choose([start, at(now)]);
      else {
        const kept = Math.min(Math.max(by, extent[0] - was[0]), extent[1] - was[1]);
        choose([was[0] + kept, was[1] + kept]);
      }
    };
    strip.addEventListener("pointermove", follow);
    strip.addEventListener("pointerup", () => {
      strip.removeEventListener("pointermove", follow);
      if (!isMoved && grip === "new") {
        const half = (was[1] - was[0]) / 2;
        const middle = Math.min(Math.max(start, extent[0] + half), extent[1] - half);
        choose([middle - half, middle + half]);
      }
    }, { once: true });
  });

  const observer = new ResizeObserver(locate);
  observer.observe(strip);

  return {
    plot: drawing.plot,
    /** @param {Chart} data @param {[number, number]} whole */
    show(data, whole) {
      shown = data;
      extent = whole;
      drawing.show([data.at, data.max, data.min, data.mean], whole);
      locate();
    },
    /** @param {[number, number]} now @param {[number, number]} whole */
    move(now, whole) {
      range = now;
      extent = whole;
      locate();
    },
    remove() {
      observer.disconnect();
      drawing.remove();
    },
  };
}
