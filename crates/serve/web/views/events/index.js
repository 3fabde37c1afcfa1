// Events: messages of a topic as they come, the newest first.

import { get, Problem } from "../../lib/api.js";
import { choice, fill, h } from "../../lib/dom.js";
import { plural } from "../../lib/format.js";
import { empty, latest, problem } from "../../lib/parts.js";
import { follow } from "../../lib/stream.js";
import { change, here } from "../../lib/url.js";

/**
 * @typedef {{topic: string, key: string | null, tables: Record<string, string[]>}} Topic
 * @typedef {{id: string, table?: string, row?: Record<string, unknown>, gone?: boolean, error?: {title: string, sqlstate: string}, missed?: {from: number, to: number}}} StreamEvent
 * @typedef {{count: number, offsets: Array<{partition: number, from: number, to: number}>}} Missed
 */

/** Events that are shown. */
const SHOWN = 200;
/** Events of each partition with which a view begins. */
const LAST = 20;
/** Characters of a value that are shown. */
const CUT = 200;
/** Milliseconds between two drawings. */
const REST = 100;

/** @param {HTMLElement} into */
export function open(into) {
  const head = h("div", { class: "row report-head" });
  const said = h("p", { class: "muted", role: "status" });
  const notices = h("div", { class: "stack" });
  const list = h("div");
  fill(into, h("div", { class: "stack page" }, head, said, notices, list));
  const work = latest();
  /** @type {Topic[] | null} */
  let topics = null;
  /** @type {{stop: () => void} | null} */
  let following = null;
  /** @type {StreamEvent[]} */
  let events = [];
  let seen = 0;
  let isPaused = false;
  let state = "";
  let asked = "";
  let timer = 0;
  let draw = () => {};

  async function load() {
    try {
      topics ??= await work.run((signal) => get("/events", {}, signal)) ?? null;
      if (!topics) return;
      const { query } = here();
      const topic = topics.find(({ topic }) => topic === query.get("topic")) ?? topics[0];
      if (!topic) {
        fill(list, empty("There is no topic whose events you may see", "They are configured in ", h("code", {}, "[[serve.events]]"), ", for those who may SELECT from the topic's table."));
        return;
      }
      const keys = topic.key ? query.getAll("key") : [];
      const about = JSON.stringify([topic.topic, keys]);
      if (about === asked) return;
      asked = about;
      begin(topic, keys);
    } catch (error) {
      asked = "";
      fill(list, problem(error));
    }
  }

  /** @param {Topic} topic @param {string[]} keys */
  function begin(topic, keys) {
    following?.stop();
    [events, seen, state] = [[], 0, "Connecting …"];
    fill(notices);
    choices(topic, keys);
    const chosen = keys.map((key) => /** @type {[string, string]} */ (["key", key]));
    following = follow(`/events/${encodeURIComponent(topic.topic)}`, chosen, [["last", String(LAST)]], {
      told({ events: more, missed }) {
        if (more) add(/** @type {StreamEvent[]} */ (more));
        if (missed) lacks(missed);
      },
      state(now) {
        state = now === "open" ? "" : "The connection is lost; trying again …";
        later();
      },
      ended(body) {
        asked = "";
        state = "The stream has ended.";
        notices.append(problem(new Problem(/** @type {any} */ (body))));
        later();
      },
    });
    draw = table(topic);
    draw();
  }

  /** @param {StreamEvent[]} more */
  function add(more) {
    seen += more.length;
    if (!isPaused) events = [...more.slice(-SHOWN).reverse(), ...events].slice(0, SHOWN);
    later();
  }

  /** @param {Missed} missed */
  function lacks({ count: many, offsets }) {
    const where = offsets.map(({ partition, from, to }) => `${partition}:${from}–${to}`).join(", ");
    notices.append(h("div", { class: "problem", role: "alert" }, h("b", {}, `${plural(many, "event")} missed`),
      h("span", { class: "muted small" }, ` · partition:offsets ${where}`)));
    while (notices.children.length > 5) notices.firstElementChild?.remove();
  }

  /** @param {Topic} topic @param {string[]} keys */
  function choices(topic, keys) {
    const input = h("input", {
      type: "search", placeholder: `Only these, with commas`, "aria-label": `Only ${topic.key}`, value: keys.join(", "),
      change: () => change({ key: input.value.split(",").map((key) => key.trim()).filter(Boolean) }),
    });
    const pause = h("button", {
      "aria-pressed": String(isPaused),
      click: () => {
        isPaused = !isPaused;
        pause.setAttribute("aria-pressed", String(isPaused));
        draw();
      },
    }, "Pause");
    fill(head, h("h1", {}, "Events"),
      choice("Topic", (topics ?? []).map(({ topic: name }) => [name, name]), topic.topic, (name) => change({ topic: name, key: null })),
      topic.key && input, pause);
  }

  /** Draws once for all that comes within a moment. */
  function later() {
    timer ||= window.setTimeout(() => {
      timer = 0;
      draw();
    }, REST);
  }

  /** Makes the table; returns what fills it. @param {Topic} topic */
  function table(topic) {
    const columns = [...new Set(Object.values(topic.tables).flat())];
    const isMany = Object.keys(topic.tables).length > 1;
    const body = h("tbody");
    fill(list, h("div", { class: "panel scroll events", tabindex: 0, role: "region", "aria-label": "Events" },
      h("table", { class: "data" },
        h("caption", { class: "unseen" }, "The newest events"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "position"), isMany && h("th", { scope: "col" }, "table"), ...columns.map((name) => h("th", { scope: "col" }, name)))),
        body)));
    return () => {
      fill(said, state || `${plural(seen, "event")}${isPaused ? ", paused" : ""}`);
      fill(body, ...events.map((event) => line(event, columns, isMany)));
    };
  }

  load();
  return {
    changed: load,
    leave() {
      work.stop();
      following?.stop();
      clearTimeout(timer);
    },
  };
}

/** @param {StreamEvent} event @param {string[]} columns @param {boolean} isMany */
function line(event, columns, isMany) {
  const { id, row, table, error, missed, gone } = event;
  const position = h("td", { class: "muted" }, id);
  const wide = columns.length + Number(isMany);
  if (error) return h("tr", { class: "refused" }, position, h("td", { colspan: wide }, `cannot be decoded: ${error.title} (${error.sqlstate})`));
  if (missed) return h("tr", { class: "refused" }, position, h("td", { colspan: wide }, `offsets ${missed.from} to ${missed.to} are gone`));
  return h("tr", { class: gone ? "gone" : false }, position, isMany && h("td", {}, table), ...columns.map((name) => cell(row?.[name])));
}

/** @param {unknown} value */
function cell(value) {
  if (value == null) return h("td", { class: "muted" }, value === null ? "NULL" : "");
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return h("td", { class: typeof value === "number" ? "number" : false }, text.slice(0, CUT));
}
