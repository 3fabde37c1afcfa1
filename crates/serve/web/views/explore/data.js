// What Explore asks the service.

import { get, post, request } from "../../lib/api.js";
import { toNumber } from "../../lib/format.js";
import { fromPosition, toPosition } from "../../lib/position.js";
import { zone } from "../../lib/settings.js";
import { toSummary } from "../../lib/summary.js";
import { extensionSchema } from "../../lib/catalogue.js";

/**
 * @typedef {import("../../lib/position.js").PositionKind} PositionKind
 * @typedef {import("../../lib/summary.js").Summary} Summary
 * @typedef {{name: string, table: string, at: string, atType: string, kind: PositionKind, values: string[], series: string[], leaf: string, state: string, extent: [number, number] | null, archivedUntil: number | null}} Tree
 * @typedef {{key: string[], rows: number}} Series
 * @typedef {{isRaw: boolean, isArchived: boolean, step: string | null, at: number[], n: number[], sum: (number | null)[], mean: (number | null)[], sd: (number | null)[], min: (number | null)[], max: (number | null)[]}} Chart
 * @typedef {{at: number, kind: string, probability: number | null, before: number | null, after: number | null, difference: number | null, low: number | null, high: number | null, sd: number | null, explanation: string}} Change
 */

/** Series that are listed at the most. */
const LISTED = 10_000;

/** @param {any} body @returns {Tree} */
function toTree(body) {
  /** @type {PositionKind} */
  const kind = body.at_type === "bigint" ? "integer" : "time";
  const [first, last] = [toPosition(body.first), toPosition(body.last)];
  // The end is not included, so it is one after the last row.
  const after = kind === "integer" || body.at_type === "date" ? (kind === "integer" ? 1 : 86400) : 1e-6;
  return {
    name: body.name, table: body.table, at: body.at, atType: body.at_type, kind, values: body.values, series: body.series, leaf: body.leaf, state: body.state,
    extent: first == null || last == null ? null : [first, last + after], archivedUntil: toPosition(body.archived_until),
  };
}

/** @param {AbortSignal} [signal] @returns {Promise<Tree[]>} */
export async function trees(signal) {
  return (await get("/trees", {}, signal)).map(toTree);
}

/** @param {string} name @param {AbortSignal} [signal] */
export async function tree(name, signal) {
  return toTree(await get(`/trees/${encodeURIComponent(name)}`, {}, signal));
}

/**
 * Lists the series of a tree.
 * @param {Tree} of
 * @param {AbortSignal} [signal]
 * @returns {Promise<{list: Series[], isCut: boolean}>}
 */
export async function series(of, signal) {
  const answer = await request(`/trees/${encodeURIComponent(of.name)}/series?limit=${LISTED}`, { signal });
  const list = (await answer.json()).map((/** @type {any} */ one) => ({ key: of.series.map((column) => one.series[column]), rows: one.num_rows }));
  return { list, isCut: answer.headers.has("link") };
}

/** @param {Tree} of @param {string[]} key */
function keyParams(of, key) {
  return Object.fromEntries(of.series.map((column, place) => [`series.${column}`, key[place]]));
}

/** @param {Tree} of @param {[number, number]} range */
function rangeParams(of, [from, to]) {
  return { from: fromPosition(from, of.kind), to: fromPosition(to, of.kind) };
}

/**
 * Returns one series in a range.
 * @param {Tree} of
 * @param {string} value
 * @param {string[]} key
 * @param {[number, number]} range
 * @param {number} points
 * @param {AbortSignal} [signal]
 * @returns {Promise<Chart>}
 */
export async function zoom(of, value, key, range, points, signal) {
  const params = { value, ...rangeParams(of, range), points, tz: zone(), ...keyParams(of, key) };
  return toChart(await get(`/trees/${encodeURIComponent(of.name)}/zoom`, params, signal));
}

/** @param {any} body @returns {Chart} */
function toChart(body) {
  const at = body.at.map(toPosition);
  const numbers = (/** @type {unknown[]} */ column) => column.map(toNumber);
  if (body.raw) {
    const value = numbers(body.value);
    return { isRaw: true, isArchived: false, step: null, at, n: value.map((x) => (x == null ? 0 : 1)), sum: value, mean: value, sd: value.map(() => null), min: value, max: value };
  }
  return {
    isRaw: false, isArchived: body.archived, step: body.step == null ? null : String(body.step), at, n: body.num_vals, mean: numbers(body.avg),
    sum: numbers(body.sum),
    sd: numbers(body.stddev), min: numbers(body.min), max: numbers(body.max),
  };
}

/**
 * Returns several series as one: the tallies of their buckets are put together in the database.
 * @param {Tree} of
 * @param {string} value
 * @param {string[][]} keys
 * @param {[number, number]} range
 * @param {number} points
 * @param {AbortSignal} [signal]
 * @returns {Promise<Chart>}
 */
export async function zoomTogether(of, value, keys, range, points, signal) {
  const schema = await extensionSchema();
  const { from, to } = rangeParams(of, range);
  const sql = `SELECT pg_catalog.to_json(bucket) OPERATOR(pg_catalog.#>>) '{}' AS at, ${schema}.num_vals(t), ${schema}.sum(t), ${schema}.avg(t), ${schema}.stddev(t), ${schema}.min(t), ${schema}.max(t), step
FROM (SELECT bucket, pg_catalog.min(pg_catalog.to_json(step) OPERATOR(pg_catalog.#>>) '{}') AS step, ${schema}.tally(tally) AS t
      FROM pg_catalog.json_array_elements($6::text::json) k,
           ${schema}.powertree_zoom($1::text, $2::text, $3::text::${of.atType}, $4::text::${of.atType}, $5::text::integer,
               VARIADIC ARRAY(SELECT pg_catalog.json_array_elements_text(k))) z
      GROUP BY bucket) b
ORDER BY bucket`;
  const answer = await post("/query", { sql, params: [of.name, value, from, to, String(points), JSON.stringify(keys)], limit: 100_000 }, { signal });
  /** @type {any[][]} */
  const rows = (await answer.json()).rows;
  const column = (/** @type {number} */ place) => rows.map((row) => toNumber(row[place]));
  return {
    isRaw: false, isArchived: range[0] < (of.archivedUntil ?? -Infinity), step: rows[0]?.[7] ?? null, at: rows.map((row) => toPosition(row[0]) ?? NaN),
    n: column(1).map((x) => x ?? 0), sum: column(2), mean: column(3), sd: column(4), min: column(5), max: column(6),
  };
}

/**
 * Returns the statistics of each series that matches, in a range. A value of the first columns alone narrows what is read.
 * @param {Tree} of
 * @param {string} value
 * @param {Record<string, string[]>} facets
 * @param {[number, number]} range
 * @param {AbortSignal} [signal]
 * @returns {Promise<Array<{key: string[], summary: Summary}>>}
 */
export async function tallies(of, value, facets, range, signal) {
  const first = of.series[0];
  const chosen = first && facets[first]?.length ? facets[first] : [null];
  const parts = await Promise.all(chosen.map((one) => get(`/trees/${encodeURIComponent(of.name)}/tallies`, {
    value, ...rangeParams(of, range), limit: LISTED, ...(one == null ? {} : { [`series.${first}`]: one }),
  }, signal)));
  return parts.flat().map((one) => ({ key: of.series.map((column) => one.series[column]), summary: toSummary(one) }));
}

/**
 * Returns the changes of a series among the points that are shown.
 * @param {Tree} of
 * @param {string} value
 * @param {string[]} key
 * @param {[number, number]} range
 * @param {number} points
 * @param {AbortSignal} [signal]
 * @returns {Promise<Change[]>}
 */
export async function changes(of, value, key, range, points, signal) {
  const params = { tree: of.name, value, ...rangeParams(of, range), points, tz: zone(), ...keyParams(of, key) };
  /** @type {any[]} */
  const body = await get("/changes", params, signal);
  return body.map((one) => ({
    at: toPosition(one.at) ?? NaN, kind: one.kind ?? "", probability: toNumber(one.probability), before: toNumber(one.before), after: toNumber(one.after),
    difference: toNumber(one.difference), low: toNumber(one.difference_low), high: toNumber(one.difference_high), sd: toNumber(one.effect_sd), explanation: one.explanation ?? "",
  }));
}
