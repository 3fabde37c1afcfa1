// SQL: a statement, its rows, and a chart where they have a time and a number.

import { bodyOf, isAbort, post, request } from "../../lib/api.js";
import { extensionSchema, functions, tables } from "../../lib/catalogue.js";
import { choice, fill, h, rested, say } from "../../lib/dom.js";
import { count, number, plural, time } from "../../lib/format.js";
import { grid } from "../../lib/grid.js";
import { empty, problem, progress, save } from "../../lib/parts.js";
import { address, go, here } from "../../lib/url.js";
import { editor } from "./editor.js";
import { history } from "./history.js";
import { linesOf, plot } from "./plot.js";

/**
 * @typedef {import("./editor.js").Statement} Statement
 * @typedef {{columns: import("../../lib/grid.js").Column[], rows: unknown[][], more: boolean}} Answer
 */

const LIMITS = /** @type {Array<[string, string]>} */ (["1000", "10000", "100000", "1000000"].map((limit) => [limit, `${count(Number(limit))} rows`]));
/** Longer statements do not go into the address. */
const LONGEST = 6000;

/** @param {HTMLElement} into @param {string} user */
export function open(into, user) {
  const past = history(user);
  const box = h("div", { class: "editor" });
  const tools = h("div", { class: "row head" });
  const said = h("div", { role: "status" });
  const result = h("div", { class: "result" });
  const runs = h("div", { class: "panel history", hidden: true });
  fill(into, h("h1", { class: "unseen" }, "SQL"), h("div", { class: "stack" }, h("section", { class: "panel", "aria-label": "Statement" }, tools, box), runs, said, result));

  /** @type {{id: string, abort: AbortController, isStopped: boolean} | null} */
  let running = null;
  /** @type {Array<{remove: () => void}>} */
  let drawn = [];
  let limit = here().query.get("limit") ?? "10000";
  const draft = `tally.draft.${user}`;
  const code = editor(box, here().query.get("q") ?? sessionStorage.getItem(draft) ?? "", { run: () => run(show), change: rested(300, () => sessionStorage.setItem(draft, code.text())) });

  async function learn() {
    try {
      code.learn(await tables(), await functions());
    } catch {
      // Without names of the database, keywords are still completed.
    }
  }

  function drawTools() {
    fill(tools,
      running ? h("button", { class: "main", click: stop }, "Stop") : h("button", { class: "main", title: "Ctrl-Enter", click: () => run(show) }, "Run"),
      h("button", { disabled: running != null, click: () => run(explain) }, "Explain"),
      choice("Rows at the most", LIMITS, limit, (value) => (limit = value)),
      h("span", { class: "muted small" }, "read-only, as ", h("b", {}, user || "the role of this service")),
      h("span", { class: "row push tight" },
        h("button", { class: "plain small", "aria-expanded": String(!runs.hidden), click: toggleHistory }, "History"),
        h("button", { class: "plain small", title: "Runs the statement again, without a limit", click: () => run(download("text/csv", "csv")) }, "CSV"),
        h("button", { class: "plain small", title: "Runs the statement again, without a limit", click: () => run(download("application/x-ndjson", "ndjson")) }, "NDJSON")));
  }

  /**
   * Runs what is selected, or the statement at the cursor.
   * @param {(statement: Statement, send: (body: Record<string, unknown>, accept?: string) => Promise<Response>) => Promise<void>} how
   */
  async function run(how) {
    const statement = code.statement();
    if (!statement || running) return;
    keepInAddress();
    const mine = { id: crypto.randomUUID(), abort: new AbortController(), isStopped: false };
    running = mine;
    drawTools();
    code.mark(null);
    const began = performance.now();
    const ticks = setInterval(() => fill(said, h("p", { class: "muted small" }, `running for ${Math.round((performance.now() - began) / 1000)} s`)), 1000);
    try {
      await progress(how(statement, (body, accept = "application/json; big=string") =>
        post("/query", body, { signal: mine.abort.signal, headers: { accept, "tally-query-id": mine.id } })));
    } catch (error) {
      if (mine.isStopped || isAbort(error)) {
        fill(said, h("p", { class: "muted" }, `stopped after ${number((performance.now() - began) / 1000, 2)} s`));
      } else {
        const { position, title } = bodyOf(error);
        code.mark(statement, position, title);
        fill(said, problem(error));
      }
    } finally {
      clearInterval(ticks);
      running = null;
      drawTools();
    }
  }

  async function stop() {
    if (!running) return;
    const { id, abort } = running;
    running.isStopped = true;
    await request(`/queries/${id}`, { method: "DELETE" }).catch(() => {});
    // The service ends a query too when nobody waits for it.
    setTimeout(() => abort.abort(), 500);
  }

  /** @param {Statement} statement @param {(body: Record<string, unknown>, accept?: string) => Promise<Response>} send */
  async function show(statement, send) {
    const began = performance.now();
    /** @type {Answer} */
    const answer = await (await send({ sql: statement.text, limit: Number(limit) })).json();
    const took = performance.now() - began;
    past.add({ sql: statement.text, at: Date.now() / 1000, took, rows: answer.rows.length });
    if (!runs.hidden) drawHistory();
    const text = `${plural(answer.rows.length, "row")} in ${took < 1000 ? `${Math.round(took)} ms` : `${number(took / 1000, 3)} s`}`;
    fill(said, h("p", { class: "muted small" }, text, answer.more && h("span", { class: "badge warn" }, "there are more rows")));
    drop();
    if (!answer.rows.length) {
      fill(result, h("div", { class: "panel" }, empty("No rows", `Columns: ${answer.columns.map(({ name }) => name).join(", ")}`)));
      return;
    }
    const chart = h("div", { class: "panel" });
    const rows = h("div", { class: "panel" });
    const lines = linesOf(answer.columns, answer.rows);
    fill(result, lines && chart, rows);
    if (lines) drawn.push(plot(chart, lines));
    drawn.push(grid(rows, answer.columns, answer.rows));
  }

  /** @param {Statement} statement @param {(body: Record<string, unknown>, accept?: string) => Promise<Response>} send */
  async function explain(statement, send) {
    /** @type {Answer} */
    const plan = await (await send({ sql: `EXPLAIN ${statement.text}` })).json();
    /** @type {Answer | null} */
    const trees = await post("/query", { sql: `SELECT tree, answers, reason FROM ${await extensionSchema()}.powertree_explain($1::text)`, params: [statement.text] }).then((answer) => answer.json(), () => null);
    fill(said);
    drop();
    fill(result, h("section", { class: "panel plan", "aria-label": "Plan" },
      ...(trees?.rows ?? []).map(([tree, answers, reason]) => h("p", { class: "small" }, h("span", { class: answers === true || answers === "true" ? "badge strong" : "badge" }, `tree ${tree}`), answers === true || answers === "true" ? " answers" : ` does not answer: ${reason}`)),
      h("pre", { tabindex: 0, "aria-label": "Plan" }, plan.rows.map(([line]) => line).join("\n"))));
  }

  /** @param {string} type @param {string} ending */
  function download(type, ending) {
    return async (/** @type {Statement} */ statement, /** @type {(body: Record<string, unknown>, accept?: string) => Promise<Response>} */ send) => {
      const data = await (await send({ sql: statement.text }, type)).blob();
      save(data, `query.${ending}`);
      fill(said, h("p", { class: "muted small" }, `saved query.${ending}, ${count(Math.ceil(data.size / 1024))} KiB`));
    };
  }

  function keepInAddress() {
    const text = code.text();
    if (text.length <= LONGEST) go(address("/sql", { q: text, limit: limit === "10000" ? null : limit }));
  }

  function toggleHistory() {
    runs.hidden = !runs.hidden;
    if (!runs.hidden) drawHistory();
    drawTools();
  }

  function drawHistory() {
    const all = past.all();
    fill(runs, h("div", { class: "row head" }, h("h2", {}, "History"), h("span", { class: "muted small" }, "kept in this browser"),
      all.length > 0 && h("button", { class: "plain small push", click: () => {
        past.clear();
        drawHistory();
        say("history cleared");
      } }, "Clear")),
    all.length ? h("ol", {}, ...all.map((one) => h("li", {}, h("button", { class: "plain", title: one.sql, click: () => code.put(one.sql) }, h("code", {}, one.sql.replace(/\s+/g, " ").slice(0, 200))),
      h("span", { class: "muted small" }, `${time(one.at, 60)} · ${count(one.rows)} rows · ${count(Math.round(one.took))} ms`)))) : empty("Nothing yet"));
  }

  function drop() {
    for (const one of drawn) one.remove();
    drawn = [];
  }

  drawTools();
  learn();
  return {
    changed() {
      const text = here().query.get("q");
      if (text != null && text !== code.text()) code.put(text);
    },
    leave() {
      running?.abort.abort();
      drop();
      code.remove();
    },
  };
}
