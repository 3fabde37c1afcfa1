// The report: those that the service runs by itself, and one on demand of any tree.

import { fill, h } from "../../lib/dom.js";
import { count } from "../../lib/format.js";
import { follow } from "../../lib/stream.js";
import { address, here } from "../../lib/url.js";
import { open as openLive } from "./live.js";
import { open as openStored, reports as listReports } from "./stored.js";

/**
 * @typedef {import("./stored.js").Report} Report
 * @typedef {import("./stored.js").News} News
 */

/** @param {HTMLElement} into */
export function open(into) {
  const choices = h("nav", { class: "row page kinds", "aria-label": "Reports", hidden: true });
  const body = h("div");
  fill(into, choices, body);
  /** @type {Report[]} */
  let reports = [];
  /** @type {{name: string | null, view: {changed: () => void, leave: () => void}} | null} */
  let shown = null;
  /** @type {Map<string, News>} what reports have told since they were looked at */
  const news = new Map();
  /** @type {{stop: () => void} | null} */
  let following = null;

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
      ...reports.map((one) => {
        const many = news.get(one.name)?.count ?? one.newest?.num_new ?? 0;
        return link(address("/report", { report: one.name }), one.name === name, one.name,
          one.newest?.state === "failed" ? h("span", { class: "badge warn" }, "failed") : many > 0 && h("span", { class: "badge strong" }, `${count(many)} new`));
      }),
      link(address("/report", { tree: here().query.get("tree") ?? "-" }), name == null, "Any tree"));
    choices.hidden = !reports.length;
    if (shown?.name === name) {
      shown.view.changed();
      return;
    }
    shown?.view.leave();
    fill(body);
    shown = { name, view: name == null ? openLive(body) : openStored(body, name, news) };
  }

  async function load() {
    // Without the list the rest can still be shown.
    reports = await listReports().catch(() => reports);
    if (isLeft) return;
    show();
    if (reports.length) following ??= follow("/alerts", [], [], { told, state() {}, ended() {} });
  }

  /** Notes what reports tell while the view is open. @param {import("../../lib/stream.js").Told} what */
  function told({ alerts, missed }) {
    const found = /** @type {Array<{report: string, run: number}>} */ (alerts ?? []);
    for (const { report, run } of found) news.set(report, { count: (news.get(report)?.count ?? 0) + 1, run });
    for (const [report, many] of Object.entries(/** @type {Record<string, number>} */ (missed?.reports ?? {}))) {
      news.set(report, { run: null, ...news.get(report), count: (news.get(report)?.count ?? 0) + many });
    }
    if (found.length || missed) load();
  }

  let isLeft = false;
  load();
  return {
    changed() {
      if (shown) show();
    },
    leave() {
      isLeft = true;
      following?.stop();
      shown?.view.leave();
    },
  };
}
