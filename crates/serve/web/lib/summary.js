// Statistics of many values, as the service returns them, and what follows from them.

import { toNumber } from "./format.js";

/**
 * The number of values, their sum, mean, standard deviation, least and greatest.
 * @typedef {{n: number, sum: number | null, mean: number | null, sd: number | null, min: number | null, max: number | null}} Summary
 */

/** @type {Summary} */
export const NONE = { n: 0, sum: 0, mean: null, sd: null, min: null, max: null };

/**
 * Reads the service's form.
 * @param {Record<string, unknown>} tally
 * @returns {Summary}
 */
export function toSummary(tally) {
  return { n: toNumber(tally.num_vals) ?? 0, sum: toNumber(tally.sum), mean: toNumber(tally.avg), sd: toNumber(tally.stddev), min: toNumber(tally.min), max: toNumber(tally.max) };
}

/**
 * Puts two together, as if their values were of one set.
 * @param {Summary} a
 * @param {Summary} b
 * @returns {Summary}
 */
export function together(a, b) {
  if (!a.n || a.mean == null) return b;
  if (!b.n || b.mean == null) return a;
  const n = a.n + b.n;
  const apart = b.mean - a.mean;
  const squares = (a.sd ?? 0) ** 2 * (a.n - 1) + (b.sd ?? 0) ** 2 * (b.n - 1) + (apart ** 2 * a.n * b.n) / n;
  return {
    n,
    sum: (a.sum ?? 0) + (b.sum ?? 0),
    mean: a.mean + (apart * b.n) / n,
    sd: n > 1 ? Math.sqrt(squares / (n - 1)) : null,
    min: Math.min(a.min ?? Infinity, b.min ?? Infinity),
    max: Math.max(a.max ?? -Infinity, b.max ?? -Infinity),
  };
}

/**
 * Returns half of the 95 % interval of a mean, as Student has it for values that are independent.
 * @param {Summary} summary
 */
export function halfInterval({ n, sd }) {
  return sd == null || n < 2 ? null : (quantile(n - 1) * sd) / Math.sqrt(n);
}

/** Quantiles at 0.975 where the expansion below is not good enough. */
const FEW = [12.7062, 4.30265, 3.18245, 2.77645];

/** @param {number} degrees */
function quantile(degrees) {
  if (degrees <= FEW.length) return FEW[degrees - 1];
  const z = 1.959963985;
  const z3 = z ** 3;
  const z5 = z ** 5;
  const z7 = z ** 7;
  return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees ** 2) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees ** 3);
}
