// Numbers and times as text.

import { isUtc } from "./settings.js";

const counts = new Intl.NumberFormat("en-GB");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
/** @type {Map<number, Intl.NumberFormat>} */
const byDigits = new Map();

/** @param {number} digits */
function significant(digits) {
  let format = byDigits.get(digits);
  if (!format) {
    format = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: digits });
    byDigits.set(digits, format);
  }
  return format;
}

/**
 * Returns a number with as many digits as say something.
 * @param {number | null | undefined} x
 * @param {number} [digits]
 */
export function number(x, digits = 6) {
  if (x == null) return "";
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "∞");
  const size = Math.abs(x);
  if (size !== 0 && (size >= 1e12 || size < 1e-5)) return x.toExponential(Math.min(3, digits - 1)).replace(/\.?0+e/, "e").replaceAll("-", "−").replace("e+", "e");
  // Of a large number all digits before the point are shown.
  const needed = size >= 1 ? Math.max(digits, Math.floor(Math.log10(size)) + 1) : digits;
  return significant(Math.min(needed, 21)).format(x).replace("-", "−");
}

/** @param {number | null | undefined} n */
export function count(n) {
  return n == null ? "" : counts.format(n);
}

/**
 * Returns a number of things with their name.
 * @param {number} n
 * @param {string} thing
 */
export function plural(n, thing) {
  return `${n ? count(n) : "no"} ${thing}${n === 1 ? "" : "s"}`;
}

/**
 * Returns a name of the data; one without characters is said.
 * @param {string} text
 */
export function named(text) {
  return text === "" ? "(empty)" : text;
}

/** @param {number} n */
export function compact(n) {
  return Math.abs(n) < 10000 ? number(n, 4) : short.format(n).replace("-", "−");
}

/** @param {number} share */
export function percent(share) {
  if (share > 0 && share < 0.001) return "less than 0.1 %";
  return `${significant(share < 0.1 ? 2 : 3).format(share * 100)} %`;
}

/** @param {number} p */
export function probability(p) {
  return p > 0.999 ? "> 0.999" : p.toFixed(3);
}

/**
 * Reads a number as the service writes it: NaN and infinities are strings, and so are large whole numbers.
 * @param {unknown} value
 * @returns {number | null}
 */
export function toNumber(value) {
  if (value == null || value === "") return null;
  return typeof value === "number" ? value : Number(value);
}

/** @param {number} n @param {number} [width] */
const two = (n, width = 2) => String(n).padStart(width, "0");

/** @param {number} seconds */
function parts(seconds) {
  const date = new Date(Math.floor(seconds * 1000 + 1e-6));
  const micro = Math.round((seconds - Math.floor(seconds)) * 1e6) % 1e6;
  return isUtc()
    ? { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds(), micro }
    : { year: date.getFullYear(), month: date.getMonth() + 1, day: date.getDate(), hour: date.getHours(), minute: date.getMinutes(), second: date.getSeconds(), micro };
}

/**
 * Returns a time in the reader's zone; `step` in seconds says how precise it has to be.
 * @param {number} seconds
 * @param {number} [step]
 */
export function time(seconds, step = 1) {
  const { year, month, day, hour, minute, second, micro } = parts(seconds);
  const date = `${two(year, 4)}-${two(month)}-${two(day)}`;
  if (step >= 86400) return date;
  if (step >= 60) return `${date} ${two(hour)}:${two(minute)}`;
  const clock = `${date} ${two(hour)}:${two(minute)}:${two(second)}`;
  if (step >= 1) return clock;
  return `${clock}.${step >= 0.001 ? two(Math.floor(micro / 1000), 3) : two(micro, 6)}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * Returns the label of a tick of an axis: the finest part, and below it what has changed since the tick before.
 * @param {number} at
 * @param {number} step
 * @param {number | null} before
 */
export function tick(at, step, before) {
  const now = parts(at);
  const last = before == null ? null : parts(before);
  const year = last?.year === now.year ? "" : String(now.year);
  if (step >= 28 * 86400 * 12) return String(now.year);
  if (step >= 28 * 86400) return `${MONTHS[now.month - 1]}\n${year}`;
  const day = `${now.day} ${MONTHS[now.month - 1]}`;
  if (step >= 86400) return `${day}\n${year}`;
  const below = last && last.day === now.day && last.month === now.month ? "" : year ? `${day} ${year}` : day;
  const clock = `${two(now.hour)}:${two(now.minute)}`;
  if (step >= 60) return `${clock}\n${below}`;
  const second = `${clock}:${two(now.second)}`;
  return `${step >= 1 ? second : `${second}.${two(now.micro, 6).slice(0, step >= 0.001 ? 3 : 6)}`}\n${below}`;
}

/**
 * Returns a span of time in words.
 * @param {number} seconds
 */
export function span(seconds) {
  /** @type {Array<[number, string]>} */
  const units = [[31557600, "years"], [86400, "days"], [3600, "hours"], [60, "minutes"], [1, "seconds"], [0.001, "ms"], [0.000001, "µs"]];
  for (const [size, name] of units) {
    if (seconds >= size * 0.9995) {
      const many = significant(3).format(seconds / size);
      return `${many} ${many === "1" ? name.replace(/s$/, "") : name}`;
    }
  }
  return "0 seconds";
}

/** Units of intervals, with their seconds. */
const UNITS = /** @type {Array<[string, number]>} */ ([["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]]);

/** Returns how many of each unit an interval has, as ISO 8601 has it or as PostgreSQL writes it. @param {string} step */
function unitsOf(step) {
  const found = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(step)
    ?? /^(?:(\d+) years? ?)?(?:(\d+) mons? ?)?(?:(\d+) days? ?)?(?:(\d+):(\d+):([\d.]+))?$/.exec(step);
  return found?.slice(1).map((many) => Number(many ?? 0));
}

/**
 * Returns a step in words: a number, or an interval.
 * @param {string} step
 */
export function stepText(step) {
  if (/^\d+$/.test(step)) return number(Number(step));
  return unitsOf(step)?.map((many, i) => (many ? `${number(many)} ${UNITS[i][0]}${many === 1 ? "" : "s"}` : "")).filter(Boolean).join(" ") ?? step;
}

/**
 * Returns the width of a step: a number, or seconds, which those of months and years are about.
 * @param {string | null} step
 */
export function stepWidth(step) {
  if (/^\d+$/.test(step ?? "")) return Number(step);
  return unitsOf(step ?? "")?.reduce((sum, many, i) => sum + many * UNITS[i][1], 0) ?? 0;
}
