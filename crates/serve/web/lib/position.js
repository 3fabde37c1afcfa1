// Positions of a tree as numbers: seconds since 1970 where they are times, and themselves where they are whole numbers.

import { count, time } from "./format.js";

/** @typedef {"time" | "integer"} PositionKind */

const FORM = /^(\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/**
 * Reads a position; without a zone it is UTC. Microseconds are kept.
 * @param {unknown} position
 * @returns {number | null}
 */
export function toPosition(position) {
  if (typeof position === "number") return position;
  if (typeof position !== "string") return null;
  if (/^-?\d+$/.test(position)) return Number(position);
  const found = FORM.exec(position.trim());
  if (!found) return null;
  const [, date, clock = "00:00:00", fraction = "", zone = "Z"] = found;
  const offset = /^z$/i.test(zone) ? "Z" : zone.length === 3 ? `${zone}:00` : zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const whole = Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}${offset}`);
  return Number.isNaN(whole) ? null : whole / 1000 + (fraction ? Number(fraction) : 0);
}

/**
 * Writes a position for the service and for the URL.
 * @param {number} at
 * @param {PositionKind} kind
 */
export function fromPosition(at, kind) {
  if (kind === "integer") return String(Math.round(at));
  const micros = Math.round(at * 1e6);
  const seconds = Math.floor(micros / 1e6);
  const fraction = micros - seconds * 1e6;
  const text = new Date(seconds * 1000).toISOString().replace(/\.000Z$/, "");
  return `${text}${fraction ? `.${String(fraction).padStart(6, "0").replace(/0+$/, "")}` : ""}Z`;
}

/**
 * Shows a position to the reader.
 * @param {number} at
 * @param {PositionKind} kind
 * @param {number} [step]
 */
export function showPosition(at, kind, step) {
  return kind === "integer" ? count(Math.round(at)) : time(at, step);
}
