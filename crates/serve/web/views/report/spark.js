// A small drawing of a series around a change.

/** @typedef {import("../explore/data.js").Chart} Chart */

const [WIDTH, HEIGHT] = [150, 40];
const SPACE = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function shape(tag, attributes) {
  const element = document.createElementNS(SPACE, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** An empty place for the drawing, of its size. */
export function blank() {
  return shape("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true" });
}

/**
 * Draws a series with its change.
 * @param {Element} into
 * @param {Chart} data
 * @param {number} change the position of the change
 * @param {[number, number]} range
 */
export function spark(into, data, change, [from, to]) {
  const values = data.mean.filter((mean) => mean != null && Number.isFinite(mean));
  if (!values.length) return;
  const [least, greatest] = [Math.min(.../** @type {number[]} */ (values)), Math.max(.../** @type {number[]} */ (values))];
  const x = (/** @type {number} */ at) => (((at - from) / (to - from)) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ value) => (HEIGHT - 4 - ((value - least) / (greatest - least || 1)) * (HEIGHT - 8)).toFixed(1);
  const path = (/** @type {(at: number) => boolean} */ isIn) => data.at.map((at, i) => {
    const mean = data.mean[i];
    return mean != null && isIn(at) ? `${x(at)},${y(mean)}` : "";
  }).filter(Boolean).join(" ");
  into.replaceChildren(
    shape("line", { class: "spark-change", x1: x(change), x2: x(change), y1: 0, y2: HEIGHT }),
    shape("polyline", { class: "spark-before", points: path((at) => at < change) }),
    shape("polyline", { class: "spark-after", points: path((at) => at >= change) }),
  );
}
