// What the report asks: the changes of all series of a tree, most important first, as important_changes finds them.

import { post } from "../../lib/api.js";
import { extensionSchema } from "../../lib/catalogue.js";
import { toNumber } from "../../lib/format.js";
import { fromPosition } from "../../lib/position.js";

/**
 * @typedef {import("../explore/data.js").Tree} Tree
 * @typedef {{series: string, at: number, kind: string, probability: number, before: number | null, after: number | null, difference: number | null, low: number | null, high: number | null, sd: number | null, falseShare: number | null, explanation: string}} Entry
 */

/** Buckets that a report reads at the most; the more series, the fewer of each. */
const BUCKETS = 200_000;
/** Changes in a report. */
const TOP = 100;
/** What came before is read for so many times the span of the report: a change is one against something. */
const BEFORE = 5;

/**
 * Returns the range that the report of the newest `seconds` reads; without seconds it is everything.
 * @param {Tree} tree
 * @param {number | null} seconds
 * @returns {{from: number, since: number | null, to: number}}
 */
export function rangeOf(tree, seconds) {
  const [first, to] = tree.extent ?? [0, 1];
  return seconds == null ? { from: first, since: null, to } : { from: Math.max(first, to - BEFORE * seconds), since: to - seconds, to };
}

/** @param {number} series */
function pointsFor(series) {
  return Math.max(60, Math.min(1000, Math.floor(BUCKETS / Math.max(series, 1))));
}

/**
 * The query of a report with its parameters.
 * @param {Tree} tree
 * @param {string} value
 * @param {{seconds: number | null, share: number, series: number}} how
 */
async function queryOf(tree, value, { seconds, share, series }) {
  const schema = await extensionSchema();
  const inFormat = schema.replaceAll("%", "%%");
  const { from, since, to } = rangeOf(tree, seconds);
  // Detection counts in times, so whole numbers are taken for seconds, and dates for their beginning in UTC.
  const at = tree.kind === "integer" ? "pg_catalog.to_timestamp(z.bucket)" : tree.atType === "timestamp with time zone" ? "z.bucket" : "z.bucket::timestamp AT TIME ZONE 'UTC'";
  const sql = `SELECT series, extract(epoch FROM at)::float8 AS at, kind, probability, before, after, difference, difference_low, difference_high, effect_sd, importance, expected_false_share, explanation
FROM ${schema}.important_changes(
  pg_catalog.format($q$SELECT pg_catalog.array_to_string(s.series, '/') AS series, ${at} AS at, ${inFormat}.avg(z.tally) AS value
    FROM ${inFormat}.powertree_series(%1$L) s, ${inFormat}.powertree_zoom(%1$L, %2$L, %3$L::${tree.atType}, %4$L::${tree.atType}, %5$s, VARIADIC s.series) z
    WHERE ${inFormat}.num_vals(z.tally) > 0$q$, $1::text, $2::text, $3::text, $4::text, $5::text::integer),
  since => pg_catalog.to_timestamp($6::text::float8), fdr => $7::text::float8, top => ${TOP})`;
  const params = [tree.name, value, fromPosition(from, tree.kind), fromPosition(to, tree.kind), String(pointsFor(series)), String(since ?? "-infinity"), String(share)];
  return { sql, params };
}

/**
 * @param {Tree} tree
 * @param {string} value
 * @param {{seconds: number | null, share: number, series: number}} how
 * @param {AbortSignal} [signal]
 * @returns {Promise<Entry[]>}
 */
export async function report(tree, value, how, signal) {
  const answer = await post("/query", await queryOf(tree, value, how), { signal });
  /** @type {unknown[][]} */
  const rows = (await answer.json()).rows;
  return rows.map((row) => {
    const [at, probability, before, after, difference, low, high, sd, falseShare] = [1, 3, 4, 5, 6, 7, 8, 9, 11].map((place) => toNumber(row[place]));
    return { series: String(row[0] ?? ""), at: at ?? NaN, kind: String(row[2]), probability: probability ?? 0, before, after, difference, low, high, sd, falseShare, explanation: String(row[12] ?? "") };
  });
}

/**
 * Returns the report as CSV.
 * @param {Tree} tree
 * @param {string} value
 * @param {{seconds: number | null, share: number, series: number}} how
 */
export async function reportCsv(tree, value, how) {
  const answer = await post("/query", await queryOf(tree, value, how), { headers: { accept: "text/csv" } });
  return answer.blob();
}
