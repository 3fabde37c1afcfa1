// Explore: any range of any series, from the whole history down to its rows, and the tallies of all series beside it.

import { fill, h, rested, say } from "../../lib/dom.js";
import { named, plural, span, stepText, stepWidth } from "../../lib/format.js";
import { empty, latest, noTree, problem } from "../../lib/parts.js";
import { fromPosition, showPosition } from "../../lib/position.js";
import { change } from "../../lib/url.js";
import { chart } from "./chart.js";
import * as data from "./data.js";
import { facets } from "./facets.js";
import { frame } from "./frame.js";
import { overview } from "./overview.js";
import { matches, read } from "./state.js";
import { sums } from "./sums.js";
import { table } from "./table.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./data.js").Tree} Tree
 * @typedef {import("./data.js").Chart} Chart
 * @typedef {{tree: Tree, list: {list: data.Series[], isCut: boolean}, main: ReturnType<typeof chart>, strip: ReturnType<typeof overview>, sums: ReturnType<typeof sums>}} Open
 */

/** Points of the chart, and of the strip. */
const [POINTS, POINTS_NARROW, POINTS_STRIP] = [1200, 600, 400];
/** Series that can be shown together. */
const TOGETHER = 40;
/** Milliseconds without a movement that end a gesture. */
const GESTURE = 1000;
/** Spans of time to choose from, in seconds. */
const SPANS = /** @type {Array<[string, number]>} */ ([["1 h", 3600], ["1 d", 86400], ["1 w", 604800], ["1 m", 2629800], ["1 y", 31557600]]);

/** @param {HTMLElement} into */
export function open(into) {
  const pieces = frame(into);
  const work = { tree: latest(), chart: latest(), strip: latest(), table: latest(), changes: latest() };
  const side = facets(pieces.side, {
    tree: (name) => change({ tree: name, value: null, k: null, from: null, to: null, together: null, sort: null, ...withoutFacets() }),
    value: (name) => change({ value: name }),
    facet: (column, values) => change({ [`s.${column}`]: values, k: null }),
  });
  const tallies = table(pieces.table, { sort: (sort) => change({ sort }, { replace: true }), key: (key) => change({ k: key, together: null }) });
  /** @type {Tree[] | null} */
  let trees = null;
  /** @type {Open | null} */
  let shown = null;
  let state = read();
  let drawn = "";
  let timer = 0;

  let moved = -Infinity;

  /** A step is one for the back button too; of a gesture, only its beginning is. */
  const setRange = (/** @type {[number, number]} */ range, /** @type {"step" | "gesture"} */ how) => {
    if (!shown) return;
    const { kind } = shown.tree;
    const isSame = how === "gesture" && performance.now() - moved < GESTURE;
    if (how === "gesture") moved = performance.now();
    const [from, to] = rounded(range).map((at) => fromPosition(at, kind));
    change({ from, to, live: null }, { replace: isSame });
  };
  const setAll = () => change({ from: null, to: null, live: null });

  async function load() {
    state = read();
    try {
      trees ??= await data.trees();
      if (!trees.length) {
        fill(into, noTree());
        return;
      }
      const name = state.tree || trees[0].name;
      if (shown?.tree.name !== name) {
        drawn = "";
        const next = await work.tree.run(async (signal) => {
          const tree = await data.tree(name, signal);
          return { tree, list: await data.series(tree, signal) };
        });
        if (!next) return;
        forget();
        const { kind } = next.tree;
        shown = {
          ...next, main: chart(pieces.main, kind, { range: setRange, all: setAll }),
          strip: overview(pieces.strip, kind, { range: setRange, preview: (range) => shown?.main.preview(range) }), sums: sums(pieces.sums, kind),
        };
        // For those who look at the numbers, tests among them.
        Object.assign(pieces.main, { plot: shown.main.plot });
        Object.assign(pieces.sums, { plot: shown.sums.plot });
      }
      state = read();
      show();
    } catch (error) {
      failed(error);
    }
  }

  /** Shows the state: asks only for what has changed. */
  function show() {
    if (!shown) return;
    const { tree, list } = shown;
    if (!tree.values.includes(state.value)) state.value = tree.values[0];
    side.show(trees ?? [], tree, state, list);
    const keys = list.list.filter(({ key }) => matches(key, tree, state.facets)).map(({ key }) => key);
    pieces.body.hidden = !keys.length || !tree.extent;
    pieces.none.hidden = !pieces.body.hidden;
    if (!keys.length || !tree.extent) {
      fill(pieces.none, empty(list.list.length ? "No series matches" : "The table is empty", list.list.length ? "Choose fewer values at the side." : "What is loaded shows here at once."));
      return;
    }
    const canTogether = keys.length > 1 && keys.length <= TOGETHER;
    const isTogether = state.together && canTogether;
    const key = state.key && keys.some((one) => same(one, state.key)) ? state.key : keys[0];
    const range = state.live && state.range ? follow(tree.extent, state.range) : state.range ?? tree.extent;
    const name = `${state.value} of ${isTogether ? `${keys.length} series` : key.map(named).join(" ") || tree.name}`;
    heading(tree, range, name, { canTogether, isTogether });
    live();
    shown.main.preview(range);
    shown.strip.move(range, tree.extent);
    const whose = isTogether ? keys : [key];
    const about = JSON.stringify([tree.name, state.value, whose]);
    const isOther = about !== drawn;
    drawn = about;
    if (isOther) shown.main.mark([]);
    const points = innerWidth < 700 ? POINTS_NARROW : POINTS;
    charts(shown, whose, range, points, name, isOther);
    if (range[0] >= (tree.archivedUntil ?? -Infinity)) showTallies(shown, range, isTogether ? null : key);
  }

  /** @param {Open} here @param {string[][]} keys @param {[number, number]} range @param {number} points @param {string} name @param {boolean} isOther */
  async function charts(here, keys, range, points, name, isOther) {
    const { tree } = here;
    const value = state.value;
    const asked = location.search;
    const of = (/** @type {[number, number]} */ within, /** @type {number} */ most, /** @type {AbortSignal} */ signal) =>
      keys.length > 1 ? data.zoomTogether(tree, value, keys, within, most, signal) : data.zoom(tree, value, keys[0], within, most, signal);
    try {
      const found = await work.chart.run((signal) => of(range, points, signal));
      if (!found || here !== shown) return;
      here.main.show(found, range, name);
      here.sums.show(found, range, state.total);
      pieces.main.dataset.shows = asked;
      badges(found, tree);
      // No tally is of a part of an archived leaf; steps are whole ones.
      if (found.isArchived) showTallies(here, stepped(found, range), keys.length > 1 ? null : keys[0]);
      fill(pieces.said);
      if (isOther || state.live) {
        const whole = /** @type {[number, number]} */ (tree.extent);
        const strip = await work.strip.run((signal) => of(whole, POINTS_STRIP, signal));
        if (strip && here === shown) here.strip.show(strip, whole);
      }
      if (keys.length === 1) askChanges(here, keys[0], range, points, found.isRaw);
    } catch (error) {
      failed(error);
    }
  }

  const askChanges = rested(300, async (/** @type {Open} */ here, /** @type {string[]} */ key, /** @type {[number, number]} */ range, /** @type {number} */ points, /** @type {boolean} */ isRaw) => {
    try {
      const found = isRaw && here.tree.kind === "integer" ? [] : await work.changes.run((signal) => data.changes(here.tree, state.value, key, range, points, signal));
      if (!found || here !== shown) return;
      here.main.mark(found);
      listChanges(found, here.tree);
    } catch (error) {
      failed(error);
    }
  });

  /** @param {Open} here @param {[number, number]} range @param {string[] | null} key */
  async function showTallies(here, range, key) {
    const asked = location.search;
    try {
      const rows = await work.table.run((signal) => data.tallies(here.tree, state.value, state.facets, range, signal));
      if (!rows || here !== shown) return;
      tallies.show(here.tree, rows.filter((row) => matches(row.key, here.tree, state.facets)), { sort: state.sort, key });
      pieces.table.dataset.shows = asked;
    } catch (error) {
      failed(error);
    }
  }

  /** @param {Tree} tree @param {[number, number]} range @param {string} name @param {{canTogether: boolean, isTogether: boolean}} can */
  function heading(tree, [from, to], name, { canTogether, isTogether }) {
    const size = to - from;
    const step = size / 1000;
    fill(pieces.title, h("h1", {}, name),
      h("span", { class: "muted small" }, `${showPosition(from, tree.kind, step)} to ${showPosition(to, tree.kind, step)}`, tree.kind === "time" ? ` · ${span(size)}` : ""),
      canTogether && h("button", { class: "small", "aria-pressed": String(isTogether), title: "Show the series that match as one", click: () => change({ together: isTogether ? null : "1" }) }, "All together"));
    const end = /** @type {[number, number]} */ (tree.extent)[1];
    const whole = /** @type {[number, number]} */ (tree.extent);
    fill(pieces.spans,
      ...(tree.kind === "time" ? SPANS.filter(([, seconds]) => seconds < (whole[1] - whole[0]) * 1.5) : []).map(([label, seconds]) => h("button", {
        class: "plain small", title: `The last ${span(seconds)}`, "aria-pressed": String(Math.abs(size - seconds) < 1e-3 && Math.abs(to - end) < 1e-3),
        click: () => change({ from: fromPosition(end - seconds, tree.kind), to: fromPosition(end, tree.kind) }),
      }, label)),
      h("button", { class: "plain small", click: setAll, "aria-pressed": String(!state.range) }, "All"),
      h("button", {
        class: "plain small", "aria-pressed": String(state.live), title: "Follow the newest rows, each second",
        click: () => change({ live: state.live ? null : "1", from: fromPosition(from, tree.kind), to: fromPosition(to, tree.kind) }, { replace: true }),
      }, "Live"),
      h("span", { class: "row tight" },
        ...[["◀", "Earlier", () => shown?.main.shift(-0.5)], ["▶", "Later", () => shown?.main.shift(0.5)], ["+", "Closer", () => shown?.main.scale(0.5)], ["−", "Wider", () => shown?.main.scale(2)]]
          .map(([label, title, click]) => h("button", { class: "plain small", title, "aria-label": title, click }, /** @type {string} */ (label)))));
    fill(pieces.sumsHead, h("h2", {}, "Sum"),
      ...[false, true].map((total) => h("button", { class: "plain small", "aria-pressed": String(state.total === total), click: () => change({ sum: total ? "total" : null }, { replace: true }) }, total ? "Running total" : "Per step")));
  }

  /** @param {Chart} found @param {Tree} tree */
  function badges(found, tree) {
    fill(pieces.badges,
      found.isRaw ? found.at.length > 0 && h("span", { class: "badge strong", title: "Each point is a row" }, "raw") : found.step && h("span", { class: "badge", title: "Width of a step" }, stepText(found.step)),
      found.isArchived && h("span", { class: "badge warn", title: "Rows of this range are in the archive; the tree answers for them" }, "archived"),
      state.live && h("span", { class: "badge strong" }, "live"),
      tree.state !== "live" && h("span", { class: "badge warn", title: tree.state }, "from the table"));
  }

  /** @param {data.Change[]} found @param {Tree} tree */
  function listChanges(found, tree) {
    fill(pieces.changes, found.length > 0 && h("details", {}, h("summary", {}, `${plural(found.length, "change")} in this range`),
      h("ol", {}, ...found.map((one) => h("li", {}, h("button", {
        class: "plain small", title: "Show what is around it",
        click: () => {
          const reach = (tree.extent && state.range ? state.range[1] - state.range[0] : tree.extent ? tree.extent[1] - tree.extent[0] : 1) / 8;
          setRange([one.at - reach, one.at + reach], "step");
        },
      }, one.explanation || `${one.kind} at ${showPosition(one.at, tree.kind)}`))))));
  }

  /** Keeps the end at the newest row. @param {[number, number]} extent @param {[number, number]} range @returns {[number, number]} */
  function follow(extent, [from, to]) {
    return [extent[1] - (to - from), extent[1]];
  }

  function live() {
    clearTimeout(timer);
    if (!state.live) return;
    timer = window.setTimeout(async () => {
      try {
        if (shown && !document.hidden) {
          const fresh = await data.tree(shown.tree.name);
          if (shown) shown.tree.extent = fresh.extent;
        }
        if (state.live) show();
      } catch (error) {
        failed(error);
        live();
      }
    }, 1000);
  }

  /** @param {unknown} error */
  function failed(error) {
    if (pieces.body.hidden && !shown) {
      pieces.none.hidden = false;
      fill(pieces.none, problem(error));
    } else fill(pieces.said, problem(error));
  }

  function forget() {
    shown?.main.remove();
    shown?.strip.remove();
    shown?.sums.remove();
    shown = null;
    fill(pieces.changes);
  }

  /** @returns {Record<string, null>} */
  function withoutFacets() {
    return Object.fromEntries(Object.keys(read().facets).map((column) => [`s.${column}`, null]));
  }

  load();
  return {
    changed: load,
    leave() {
      clearTimeout(timer);
      for (const one of Object.values(work)) one.stop();
      forget();
      say("");
    },
  };
}

/** @param {string[]} a @param {string[] | null} b */
function same(a, b) {
  return b != null && a.length === b.length && a.every((value, i) => value === b[i]);
}

/** A range that begins and ends where steps do. @param {Chart} found @param {[number, number]} range @returns {[number, number]} */
function stepped({ at, step }, [from, to]) {
  return at.length ? [at[0], at[at.length - 1] + stepWidth(step)] : [from, to];
}

/** A range without digits that nobody sees. @param {[number, number]} range @returns {[number, number]} */
function rounded([from, to]) {
  const unit = 10 ** Math.floor(Math.log10((to - from) / 5000));
  const round = (/** @type {number} */ at) => (unit < 1 ? Math.round(at * (1 / unit)) / Math.round(1 / unit) : Math.round(at / unit) * unit);
  return [round(from), round(to)];
}
