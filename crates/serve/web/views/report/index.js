// The report: those that the service runs by itself, and one on demand of any tree.

import { fill, h } from "../../lib/dom.js";
import { count } from "../../lib/format.js";
import { address, here } from "../../lib/url.js";
import { open as openLive } from "./live.js";
import { open as openStored, reports as listReports } from "./stored.js";

/** @typedef {import("./stored.js").Report} Report */

/** @param {HTMLElement} into */
export function open(into) {
  const choices = h("nav", { class: "row page kinds", "aria-label": "Reports", hidden: true });
  const body = h("div");
  fill(into, choices, body);
  /** @type {Report[]} */
  let reports = [];
  /** @type {{name: string | null, view: {changed: () => void, leave: () => void}} | null} */
  let shown = null;

  /** Returns the report of the place: a stored one by its name, or null for one of a tree. */
  function chosen() {
    const { query } = here();
    return query.get("report") ?? (query.has("tree") ? null : reports[0]?.name ?? null);
  }

  function show() {
    const name = chosen();
    const link = (/** @type {string} */ to, /** @type {boolean} */ isHere, /** @type {...(string | Node | false)} */ ...label) =>
      h("a", { href: to, "data-in": true, class: "kind", "aria-current": isHere ? "page" : false }, ...label);
    fill(choices,
      ...reports.map((one) => link(address("/report", { report: one.name }), one.name === name, one.name,
        one.newest?.state === "failed" ? h("span", { class: "badge warn" }, "failed") : !!one.newest?.num_new && h("span", { class: "badge strong" }, `${count(one.newest.num_new)} new`))),
      link(address("/report", { tree: here().query.get("tree") ?? "-" }), name == null, "Any tree"));
    choices.hidden = !reports.length;
    if (shown?.name === name) {
      shown.view.changed();
      return;
    }
    shown?.view.leave();
    fill(body);
    shown = { name, view: name == null ? openLive(body) : openStored(body, name) };
  }

  async function load() {
    // Without the list the rest can still be shown.
    reports = await listReports().catch(() => []);
    if (!isLeft) show();
  }

  let isLeft = false;
  load();
  return {
    changed() {
      if (shown) show();
    },
    leave() {
      isLeft = true;
      shown?.view.leave();
    },
  };
}
