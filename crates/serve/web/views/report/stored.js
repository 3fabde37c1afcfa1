// A stored report: what its runs found, what of it is new, and the runs before.

import { get } from "../../lib/api.js";
import { choice, fill, h } from "../../lib/dom.js";
import { count, percent, plural, time, toNumber } from "../../lib/format.js";
import { empty, latest, problem } from "../../lib/parts.js";
import { toPosition } from "../../lib/position.js";
import { address, change, here } from "../../lib/url.js";
import { about, effect } from "./entry.js";

/**
 * @typedef {{run: number, due: string, ended: string, attempts: number, state: string, sqlstate: string | null, error: string | null, num_changes: number, num_new: number, expected_false_share: number | string | null}} Run
 * @typedef {{name: string, owner: string, schedule: string, false_alarms: number, newest: Run | null}} Report
 * @typedef {{change: number, state: string, series: string | null, at: string | null, ended_at: string | null, kind: string, probability: unknown, difference: unknown, difference_low: unknown, difference_high: unknown, effect_sd: unknown, explanation: string | null}} Finding
 * @typedef {{count: number, run: number | null}} News
 * @typedef {{report: Report & {runs: Run[]}, run: (Run & {changes: Finding[]}) | null}} Found
 */

/** Runs that the history lists. */
const HISTORY = 200;
const STATES = { new: "new", known: "told before", echo: "echo" };

/** @param {AbortSignal} [signal] @returns {Promise<Report[]>} */
export function reports(signal) {
  return get("/reports", {}, signal);
}

/** @param {string} text */
function moment(text) {
  const at = toPosition(text);
  return at == null ? text : time(at, 1);
}

/**
 * @param {HTMLElement} into
 * @param {string} name
 * @param {Map<string, News>} news what reports have told since they were looked at
 */
export function open(into, name, news) {
  const head = h("div", { class: "row report-head" });
  const said = h("p", { class: "muted", role: "status" });
  const hint = h("div", { role: "status" });
  const trouble = h("div");
  const list = h("div");
  const history = h("div");
  fill(into, h("div", { class: "stack page" }, head, said, hint, trouble, list, history));
  const work = latest();
  const base = `/reports/${encodeURIComponent(name)}`;
  /** @type {Found | null} */
  let found = null;
  let asked = "";

  /** Says what has come since, and leads there. */
  function tellNews() {
    const fresh = news.get(name);
    fill(hint, fresh && h("a", {
      class: "news", "data-in": true, href: address("/report", { report: name, run: fresh.run == null ? null : String(fresh.run), new: "1" }),
      click: () => {
        news.delete(name);
        asked = "";
      },
    }, plural(fresh.count, "new change")));
  }

  async function load() {
    tellNews();
    const run = here().query.get("run") ?? "newest";
    try {
      if (run !== asked) {
        asked = run;
        list.classList.add("old");
        const next = await work.run(async (signal) => {
          const report = await get(base, { limit: HISTORY }, signal);
          const isThere = run !== "newest" || report.runs.some((/** @type {Run} */ one) => one.state === "done");
          return { report, run: isThere ? await get(`${base}/runs/${encodeURIComponent(run)}`, {}, signal) : null };
        });
        if (!next) return;
        found = next;
      }
      if (found) show(found);
    } catch (error) {
      asked = "";
      fill(said);
      fill(trouble, problem(error));
      fill(list);
    }
    list.classList.remove("old");
  }

  /** @param {Found} what */
  function show({ report, run }) {
    const isNew = here().query.get("new") === "1";
    fill(head,
      h("h1", {}, name),
      choice("Changes", [["", "all changes"], ["1", "new changes"]], isNew ? "1" : "", (only) => change({ new: only }, { replace: true })),
      h("span", { class: "row push small" }, h("a", { href: `/api/v1${base}/atom` }, "Atom"), h("a", { href: `/api/v1${base}/csv`, download: `${name}.csv` }, "CSV")));
    const { newest } = report;
    fill(trouble, newest?.state === "failed" && h("div", { class: "problem", role: "alert" },
      h("b", {}, "The last run failed"), h("span", { class: "muted small" }, ` · ${moment(newest.due)} · tried ${plural(newest.attempts, "time")}`),
      h("p", { class: "small" }, newest.error)));
    runs(report.runs, run);
    if (!run) {
      fill(said, `Runs ${report.schedule} as ${report.owner}.`);
      fill(list, h("div", { class: "panel" }, empty("No run has ended well yet", "What changed will stand here.")));
      return;
    }
    const share = toNumber(run.expected_false_share);
    fill(said, `Run of ${moment(run.due)}: ${plural(run.num_changes, "change")}, ${count(run.num_new)} new.`,
      share != null && run.num_changes > 0 && ` Expected share of false alarms: ${percent(share)}.`, ` Runs ${report.schedule} as ${report.owner}.`);
    if (run.state === "failed") {
      fill(list, h("div", { class: "panel" }, empty("This run failed", run.error ?? "")));
      return;
    }
    const shown = run.changes.filter(({ state }) => !isNew || state === "new");
    fill(list, shown.length ? h("ol", { class: "panel report stored" }, ...shown.map(item))
      : h("div", { class: "panel" }, run.changes.length ? empty("Nothing is new", "All changes of this run have been told by an earlier one.") : empty("Nothing changed", "No change is probable enough.")));
  }

  /** @param {Finding} finding */
  function item(finding) {
    const [difference, low, high, sd, probability] = [finding.difference, finding.difference_low, finding.difference_high, finding.effect_sd, finding.probability].map(toNumber);
    const state = /** @type {keyof typeof STATES} */ (finding.state);
    return h("li", {},
      h("span", {}, h("span", { class: state === "new" ? "badge strong" : "badge" }, STATES[state] ?? state)),
      h("div", { class: "told" }, h("span", { class: "sentence" }, finding.explanation),
        about(finding.kind, finding.at == null ? "" : moment(finding.at))),
      ...effect({ difference, low, high, sd, probability }));
  }

  /** @param {Run[]} all @param {Run | null} shown */
  function runs(all, shown) {
    if (!all.length) return;
    const rows = all.map((one) => h("tr", { class: one.run === shown?.run ? "chosen" : false },
      h("td", {}, h("a", { href: address("/report", { report: name, run: String(one.run), new: here().query.get("new") }), "data-in": true, "aria-current": one.run === shown?.run ? "true" : false }, moment(one.due))),
      h("td", {}, one.state === "done" ? "done" : h("span", { class: "badge warn", title: one.error ?? "" }, `failed ${one.sqlstate ?? ""}`)),
      h("td", { class: "number" }, count(one.num_changes)), h("td", { class: "number" }, one.num_new ? h("b", {}, count(one.num_new)) : "0"),
      h("td", { class: "number" }, count(one.attempts))));
    const names = [["Due", ""], ["State", ""], ["Changes", "number"], ["New", "number"], ["Attempts", "number"]];
    fill(history, h("section", { class: "panel", "aria-label": "Runs" }, h("div", { class: "head" }, h("h2", {}, "Runs")),
      h("div", { class: "scroll runs", tabindex: 0, role: "group", "aria-label": "Table of runs" }, h("table", { class: "data" },
        h("thead", {}, h("tr", {}, ...names.map(([label, kind]) => h("th", { class: kind || false, scope: "col" }, h("span", {}, label))))), h("tbody", {}, ...rows)))));
  }

  load();
  return { changed: load, leave: () => work.stop() };
}
