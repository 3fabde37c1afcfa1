// What the URL says of Explore.

import { here } from "../../lib/url.js";
import { toPosition } from "../../lib/position.js";

/**
 * @typedef {import("./data.js").Tree} Tree
 * @typedef {{
 *   tree: string, value: string,
 *   facets: Record<string, string[]>,
 *   key: string[] | null, together: boolean,
 *   range: [number, number] | null,
 *   live: boolean, total: boolean, sort: string,
 * }} State
 */

/** Reads the place. */
export function read() {
  const { query } = here();
  /** @type {Record<string, string[]>} */
  const facets = {};
  for (const [name, value] of query) if (name.startsWith("s.")) (facets[name.slice(2)] ??= []).push(value);
  const [from, to] = [toPosition(query.get("from")), toPosition(query.get("to"))];
  const key = query.getAll("k");
  /** @type {State} */
  const state = {
    tree: query.get("tree") ?? "",
    value: query.get("value") ?? "",
    facets,
    key: key.length ? key : null,
    together: query.get("together") === "1",
    range: from != null && to != null && from < to ? [from, to] : null,
    live: query.get("live") === "1",
    total: query.get("sum") === "total",
    sort: query.get("sort") ?? "",
  };
  return state;
}

/**
 * Whether a series has the chosen values.
 * @param {string[]} key
 * @param {Tree} tree
 * @param {Record<string, string[]>} facets
 * @param {string} [but] a column whose choice does not count
 */
export function matches(key, tree, facets, but) {
  return tree.series.every((column, place) => column === but || !facets[column]?.length || facets[column].includes(key[place]));
}
