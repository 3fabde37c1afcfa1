// A report on demand: what changed in all series of a tree, most important first.

import { choice, fill, h, rested } from "../../lib/dom.js";
import { count, percent, plural } from "../../lib/format.js";
import { empty, latest, noTree, problem, save } from "../../lib/parts.js";
import { fromPosition, showPosition } from "../../lib/position.js";
import { address, change, here } from "../../lib/url.js";
import { series, tree as treeOf, trees as listTrees, zoom } from "../explore/data.js";
import { rangeOf, report, reportCsv } from "./data.js";
import { about, effect } from "./entry.js";
import { blank, spark } from "./spark.js";

/**
 * @typedef {import("../explore/data.js").Tree} Tree
 * @typedef {import("./data.js").Entry} Entry
 * @typedef {{tree: Tree, keys: Map<string, string[]>, entries: Entry[], value: string}} Found
 */

/** @type {Array<[string, string, number | null]>} */
const SINCE = [["1d", "the last day", 86400], ["1w", "the last week", 604800], ["1m", "the last month", 2629800], ["1y", "the last year", 31557600], ["all", "all time", null]];
/** @type {Array<[string, string]>} */
const SHARES = [["0.01", "1 %"], ["0.05", "5 %"], ["0.2", "20 %"]];
const KINDS = /** @type {Array<[string, string]>} */ ([["", "all kinds"], ["level", "level"], ["slope", "slope"], ["variance", "spread"]]);
const POINTS_SPARK = 150;

function read() {
  const { query } = here();
  const since = SINCE.find(([name]) => name === query.get("since"));
  const share = SHARES.find(([name]) => name === query.get("fdr"));
  return {
    tree: query.get("tree") ?? "", value: query.get("value") ?? "", since: since?.[0] ?? "", seconds: since?.[2] ?? null, share: share?.[0] ?? "0.05",
    prefix: query.get("series") ?? "", kind: query.get("kind") ?? "",
  };
}

/** @param {HTMLElement} into */
export function open(into) {
  const head = h("div", { class: "row report-head" });
  const said = h("p", { class: "muted", role: "status" });
  const list = h("div");
  fill(into, h("div", { class: "stack page" }, head, said, list));
  const work = latest();
  const sparks = new Map();
  const observer = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      sparks.get(target)?.();
    }
  }, { rootMargin: "200px" });
  /** @type {AbortController} */
  let drawing = new AbortController();
  /** @type {Tree[] | null} */
  let trees = null;
  /** @type {Found | null} */
  let found = null;
  let asked = "";

  async function load() {
    const state = read();
    try {
      trees ??= await listTrees();
      if (!trees.length) {
        fill(list, noTree());
        return;
      }
      const tree = trees.find(({ name }) => name === state.tree) ?? trees[0];
      const value = tree.values.includes(state.value) ? state.value : tree.values[0];
      const about = JSON.stringify([tree.name, value, state.since, state.share]);
      if (about !== asked) {
        asked = about;
        choices(tree, value);
        fill(said, "Looking for changes …");
        list.classList.add("old");
        const next = await work.run(async (signal) => {
          const whole = await treeOf(tree.name, signal);
          const keys = (await series(whole, signal)).list.map(({ key }) => key);
          const entries = whole.extent ? await report(whole, value, how(whole, keys.length), signal) : [];
          return { tree: whole, value, entries, keys: new Map(keys.map((key) => [key.join("/"), key])) };
        });
        if (!next) return;
        found = next;
      }
      if (!found) return;
      choices(found.tree, found.value);
      show(found);
    } catch (error) {
      asked = "";
      fill(said);
      fill(list, problem(error));
      list.classList.remove("old");
    }
  }

  /** @param {Tree} tree @param {number} many */
  function how(tree, many) {
    const { since, seconds, share } = read();
    return { seconds: tree.kind === "integer" || !since ? null : seconds, share: Number(share), series: many };
  }

  /** @param {Tree} tree @param {string} value */
  function choices(tree, value) {
    const state = read();
    // What is typed stays where it is.
    const typing = head.querySelector("input");
    const input = typing ?? h("input", { type: "search", placeholder: "Series begins with", "aria-label": "Series begins with", value: state.prefix, input: rested(150, () => change({ series: head.querySelector("input")?.value ?? "" }, { replace: true })) });
    fill(head,
      h("h1", {}, "What changed"),
      choice("Tree", (trees ?? []).map(({ name }) => [name, name]), tree.name, (name) => change({ tree: name, value: null, series: null })),
      choice("Value", tree.values.map((name) => [name, name]), value, (name) => change({ value: name })),
      tree.kind === "time" && choice("Since", [...SINCE.map(([name, label]) => /** @type {[string, string]} */ ([name, label]))], state.since || "all", (since) => change({ since: since === "all" ? null : since })),
      choice("Kind of change", KINDS, state.kind, (kind) => change({ kind }, { replace: true })),
      input,
      h("label", { class: "field small" }, h("span", {}, "false alarms at most"), choice("Share of false alarms", SHARES, state.share, (share) => change({ fdr: share === "0.05" ? null : share }))),
      h("button", { class: "push small", click: download }, "CSV"));
  }

  async function download() {
    if (!found) return;
    try {
      save(await reportCsv(found.tree, found.value, how(found.tree, found.keys.size)), `${found.tree.name}-${found.value}-changes.csv`);
    } catch (error) {
      fill(said, problem(error));
    }
  }

  /** @param {Found} what */
  function show({ tree, entries, keys, value }) {
    const { prefix, kind, seconds } = read();
    list.classList.remove("old");
    drawing.abort();
    drawing = new AbortController();
    observer.disconnect();
    sparks.clear();
    const shown = entries.filter((entry) => entry.series.toLowerCase().startsWith(prefix.toLowerCase()) && (!kind || entry.kind === kind));
    const share = entries[0]?.falseShare;
    const found = `${plural(shown.length, "change")}${shown.length < entries.length ? ` of ${count(entries.length)}` : ""}`;
    fill(said, entries.length ? `${found} in ${count(keys.size)} series, most important first.${share == null ? "" : ` Expected share of false alarms: ${percent(share)}.`}` : "");
    if (!shown.length) {
      fill(list, h("div", { class: "panel" }, entries.length ? empty("No change matches", "Choose another kind or other series.")
        : empty("Nothing changed", `In ${count(keys.size)} series no change is probable enough. Look further back, or let more false alarms in.`)));
      return;
    }
    const range = rangeOf(tree, seconds);
    fill(list, h("ol", { class: "panel report" }, ...shown.map((entry) => item(tree, value, entry, keys.get(entry.series) ?? [], [range.from, range.to]))));
  }

  /** @param {Tree} tree @param {string} value @param {Entry} entry @param {string[]} key @param {[number, number]} range */
  function item(tree, value, entry, key, range) {
    const reach = (range[1] - range[0]) / 4;
    const [from, to] = [Math.max(range[0], entry.at - reach), Math.min(range[1], entry.at + reach)];
    const link = address("/explore", { tree: tree.name, value, k: key, from: fromPosition(from, tree.kind), to: fromPosition(to, tree.kind) });
    const drawn = blank();
    sparks.set(drawn, async () => {
      try {
        spark(drawn, await zoom(tree, value, key, [from, to], POINTS_SPARK, drawing.signal), entry.at, [from, to]);
      } catch {
        // The sentence says it without the drawing too.
      }
    });
    observer.observe(drawn);
    return h("li", {},
      h("a", { href: link, "data-in": true, class: "spark-link", tabindex: -1, "aria-hidden": "true" }, drawn),
      h("div", { class: "told" },
        h("a", { href: link, "data-in": true, class: "sentence" }, entry.explanation),
        about(entry.kind, showPosition(entry.at, tree.kind, 60))),
      ...effect(entry));
  }

  load();
  return {
    changed: load,
    leave() {
      work.stop();
      drawing.abort();
      observer.disconnect();
    },
  };
}
