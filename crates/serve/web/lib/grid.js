// A table of very many rows: only those in sight are elements.

import { fill, h } from "./dom.js";

/**
 * @typedef {{name: string, type: string}} Column
 */

const ROW = 24;
/** Rows beyond the edges, so that slow scrolling shows no gaps. */
const BEYOND = 12;
/** Browsers draw no taller elements. */
const TALLEST = 12_000_000;
const CUT = 400;
const NUMBERS = new Set(["int2", "int4", "int8", "float4", "float8", "numeric", "oid"]);

/** @param {Column} column */
export function isNumber({ type }) {
  return NUMBERS.has(type);
}

/** A value as text. @param {unknown} value */
function text(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * Makes the table.
 * @param {HTMLElement} into
 * @param {Column[]} columns
 * @param {unknown[][]} rows
 */
export function grid(into, columns, rows) {
  const body = h("tbody");
  const widths = columns.map((column, place) => widthOf(column, place));
  const table = h("table", { class: "data grid", "aria-rowcount": rows.length + 1 },
    h("caption", { class: "unseen" }, "Rows of the answer"),
    h("colgroup", {}, h("col"), ...columns.map(() => h("col"))),
    h("thead", {}, h("tr", { "aria-rowindex": 1 }, h("th", { scope: "col", class: "number" }, h("span", {}, "#")),
      ...columns.map((column) => h("th", { scope: "col", class: isNumber(column) ? "number" : false }, h("span", { title: `${column.name} · ${column.type}` }, column.name))))),
    body);
  const all = [Math.max(36, String(rows.length).length * 8 + 20), ...widths];
  [...table.querySelectorAll("col")].forEach((col, place) => (col.style.width = `${all[place]}px`));
  table.style.width = `${all.reduce((sum, width) => sum + width, 0)}px`;
  const scroller = h("div", { class: "scroll grid-scroll", tabindex: 0, role: "region", "aria-label": "Rows" }, table);
  fill(into, scroller);
  const height = Math.min(rows.length * ROW, TALLEST);
  let drawn = "";

  function draw() {
    const sight = Math.ceil(scroller.clientHeight / ROW);
    const most = Math.max(height - scroller.clientHeight + ROW, 1);
    // Of more rows than can be as tall as they are, the bar of the scroller says which share is above.
    const top = height < rows.length * ROW ? Math.round(Math.min(scroller.scrollTop / most, 1) * (rows.length - sight + 1)) : Math.floor(scroller.scrollTop / ROW);
    const first = Math.max(0, top - BEYOND);
    const last = Math.min(rows.length, top + sight + BEYOND);
    const above = height < rows.length * ROW ? Math.max(0, Math.min(scroller.scrollTop - (top - first) * ROW, height - (last - first) * ROW)) : first * ROW;
    if (drawn === `${first} ${last} ${above}`) return;
    drawn = `${first} ${last} ${above}`;
    fill(body, space(above), ...rows.slice(first, last).map((row, i) => line(row, first + i)), space(height - above - (last - first) * ROW));
  }

  /** @param {number} tall */
  function space(tall) {
    if (tall <= 0) return null;
    const row = h("tr", { "aria-hidden": "true" }, h("td", { colspan: columns.length + 1, class: "space" }));
    row.style.height = `${tall}px`;
    return row;
  }

  /** @param {unknown[]} row @param {number} place */
  function line(row, place) {
    return h("tr", { "aria-rowindex": place + 2 }, h("td", { class: "number muted" }, place + 1), ...row.map((value, i) => {
      if (value === null) return h("td", { class: isNumber(columns[i]) ? "number muted" : "muted" }, "NULL");
      const whole = text(value);
      return h("td", { class: isNumber(columns[i]) ? "number" : false, title: whole.length > 30 ? whole.slice(0, 2000) : null }, whole.slice(0, CUT));
    }));
  }

  /** @param {Column} column @param {number} place */
  function widthOf(column, place) {
    let longest = column.name.length + 1;
    for (const row of rows.slice(0, 300)) longest = Math.max(longest, row[place] === null ? 4 : text(row[place]).length);
    return Math.min(Math.max(longest * 7.4 + 24, 56), 420);
  }

  scroller.addEventListener("scroll", draw, { passive: true });
  const observer = new ResizeObserver(draw);
  observer.observe(scroller);
  draw();
  return { remove: () => observer.disconnect() };
}
