// Events over a websocket, which goes on where it was when the connection is lost.

import { session } from "../../lib/api.js";

/**
 * @typedef {{id: string, table?: string, row?: Record<string, unknown>, gone?: boolean, error?: {title: string, sqlstate: string}, missed?: {from: number, to: number}}} StreamEvent
 * @typedef {{count: number, offsets: Array<{partition: number, from: number, to: number}>}} Missed
 * @typedef {{events: (events: StreamEvent[]) => void, missed: (missed: Missed) => void, state: (state: "open" | "lost") => void, ended: (problem: unknown) => void}} Listener
 */

/** Milliseconds before another attempt. */
const AGAIN = 1000;
/** What the service closes with when it will not let us back in. */
const REFUSED = 1008;

/**
 * Follows a topic until it is told to stop.
 * @param {string} topic
 * @param {string[]} keys
 * @param {number} last
 * @param {Listener} listener
 */
export function follow(topic, keys, last, listener) {
  /** @type {WebSocket | null} */
  let socket = null;
  let timer = 0;
  let after = "";
  let isOver = false;

  function open() {
    const query = new URLSearchParams(keys.map((key) => ["key", key]));
    if (after) query.set("after", after);
    else query.set("last", String(last));
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/events/${encodeURIComponent(topic)}?${query}`);
    socket.addEventListener("message", ({ data }) => {
      const told = JSON.parse(data);
      after = told.after;
      if (told.opened) listener.state("open");
      if (told.events) listener.events(told.events);
      if (told.missed) listener.missed(told.missed);
      if (told.end) end(told.end);
    });
    socket.addEventListener("close", ({ code }) => {
      if (isOver) return;
      listener.state("lost");
      if (code !== REFUSED) timer = window.setTimeout(open, AGAIN);
    });
  }

  /** @param {{status: number}} problem */
  function end(problem) {
    // What passes is tried again.
    if (problem.status === 503) return;
    stop();
    if (problem.status === 401) session.lost();
    else listener.ended(problem);
  }

  function stop() {
    isOver = true;
    clearTimeout(timer);
    socket?.close();
  }

  open();
  return { stop };
}
