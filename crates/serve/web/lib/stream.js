// A stream over a websocket, which goes on where it was when the connection is lost.

import { session } from "./api.js";

/**
 * What the service tells in a frame: all have the position with which to go on, and one other part.
 * @typedef {{after: string, opened?: unknown, missed?: any, end?: {status: number}, [part: string]: unknown}} Told
 * @typedef {{told: (told: Told) => void, state: (state: "open" | "lost") => void, ended: (problem: unknown) => void}} Listener
 */

/** Milliseconds before another attempt; more and more, while none succeeds. */
const [AGAIN, AGAIN_AT_MOST] = [1000, 30_000];
/** What the service closes with when it will not let us back in. */
const REFUSED = 1008;

/**
 * Follows a stream until it is told to stop.
 * @param {string} path below /api/v1
 * @param {Array<[string, string]>} params
 * @param {Array<[string, string]>} first where to begin, before there is a position
 * @param {Listener} listener
 */
export function follow(path, params, first, listener) {
  /** @type {WebSocket | null} */
  let socket = null;
  let timer = 0;
  let pause = AGAIN;
  /** @type {string | null} */
  let after = null;
  let isOver = false;

  function open() {
    const query = new URLSearchParams([...params, ...(after == null ? first : [["after", after]])]);
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1${path}?${query}`);
    socket.addEventListener("message", ({ data }) => {
      /** @type {Told} */
      const told = JSON.parse(data);
      after = told.after;
      if (told.opened) {
        pause = AGAIN;
        listener.state("open");
      }
      listener.told(told);
      if (told.end) end(told.end);
    });
    socket.addEventListener("close", ({ code }) => {
      if (isOver) return;
      listener.state("lost");
      if (code === REFUSED) return;
      timer = window.setTimeout(open, pause);
      pause = Math.min(2 * pause, AGAIN_AT_MOST);
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
