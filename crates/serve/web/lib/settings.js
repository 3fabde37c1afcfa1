// What the reader prefers, kept in the browser: colours and time zone.

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener */
export function onSettings(listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function changed() {
  for (const listener of listeners) listener();
}

/** @returns {Theme} */
export function theme() {
  const chosen = localStorage.getItem("tally.theme");
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

/** @param {Theme} chosen */
export function setTheme(chosen) {
  localStorage.setItem("tally.theme", chosen);
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  changed();
}

/** Whether times are shown in UTC. */
export function isUtc() {
  return localStorage.getItem("tally.zone") === "utc";
}

/** The time zone in which times are shown. */
export function zone() {
  return isUtc() ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** @param {boolean} utc */
export function setUtc(utc) {
  localStorage.setItem("tally.zone", utc ? "utc" : "local");
  changed();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
