// Parts that views share: problems, empty states, progress.

import { bodyOf } from "./api.js";
import { h } from "./dom.js";

/**
 * Shows a problem with what PostgreSQL says about it.
 * @param {unknown} error
 */
export function problem(error) {
  const { title, detail, hint, sqlstate } = bodyOf(error);
  return h("div", { class: "problem", role: "alert" },
    h("b", {}, title), sqlstate && h("span", { class: "muted small" }, ` · SQLSTATE ${sqlstate}`),
    detail && h("p", { class: "small" }, detail),
    hint && h("p", { class: "small" }, hint));
}

/**
 * Says why there is nothing to see, and what to do.
 * @param {string} title
 * @param {...(string | Node)} rest
 */
export function empty(title, ...rest) {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, ...rest));
}

/** Says that there is no tree to look at. */
export function noTree() {
  return empty("There is no power tree that you may read", "Its owner makes one with ", h("code", {}, "powertree_create"), " and lets you SELECT from the table.");
}

const bar = h("div", { class: "progress", "aria-hidden": "true" });
document.body.append(bar);
let busy = 0;

/**
 * Shows that something runs, if it takes longer than an instant.
 * @template T
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
export async function progress(work) {
  busy += 1;
  bar.classList.add("on");
  try {
    return await work;
  } finally {
    busy -= 1;
    if (!busy) bar.classList.remove("on");
  }
}

/**
 * Runs one piece of work at a time: the next one aborts the one before.
 * @returns {{run: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T | undefined>, stop: () => void}}
 */
export function latest() {
  let current = new AbortController();
  return {
    async run(work) {
      current.abort();
      const mine = new AbortController();
      current = mine;
      try {
        const done = await progress(work(mine.signal));
        return mine.signal.aborted ? undefined : done;
      } catch (error) {
        if (mine.signal.aborted) return undefined;
        throw error;
      }
    },
    stop() {
      current.abort();
    },
  };
}

/**
 * Saves data as a file of the reader's.
 * @param {Blob} data
 * @param {string} name
 */
export function save(data, name) {
  const link = h("a", { href: URL.createObjectURL(data), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
