// The elements of Explore, in their places.

import { fill, h } from "../../lib/dom.js";

/** Makes them. @param {HTMLElement} into */
export function frame(into) {
  const side = h("div", { class: "side" });
  const pieces = {
    side, title: h("div", { class: "row" }), badges: h("span", { class: "row" }), spans: h("div", { class: "row tight push", role: "group", "aria-label": "Range" }),
    main: h("div", { id: "chart", class: "chart" }), strip: h("div", { id: "overview" }), sums: h("div", { id: "sums", class: "chart" }), sumsHead: h("div", { class: "row head" }),
    table: h("div", { id: "tallies", class: "scroll tallies", tabindex: 0, role: "region", "aria-label": "Series" }), changes: h("div", { class: "changes" }), said: h("div"), none: h("div", { class: "panel", hidden: true }),
    body: h("div", { class: "stack" }),
  };
  const isNarrow = matchMedia("(max-width: 820px)").matches;
  fill(pieces.body,
    pieces.said,
    h("section", { class: "panel", "aria-label": "Chart" },
      h("div", { class: "row head" }, pieces.title, pieces.badges, pieces.spans), pieces.strip, pieces.main, pieces.changes),
    h("section", { class: "panel", "aria-label": "Series in the range" }, pieces.table),
    h("section", { class: "panel", "aria-label": "Sums" }, pieces.sumsHead, pieces.sums));
  fill(into, h("div", { class: "split" },
    h("details", { class: "drawer", open: !isNarrow }, h("summary", {}, "Tree and series"), side),
    h("div", { class: "stack" }, pieces.none, pieces.body)));
  return pieces;
}
