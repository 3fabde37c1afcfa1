// The service: requests, their problems, and how many run at a time.

/**
 * A problem as RFC 9457 has it, with what PostgreSQL says.
 * @typedef {{title: string, status: number, detail?: string, sqlstate?: string, hint?: string, position?: number}} ProblemBody
 */

/** An answer that is an error. */
export class Problem extends Error {
  /** @param {ProblemBody} body */
  constructor(body) {
    super(body.title);
    this.body = body;
  }
}

/** Requests that run at a time: the service grants each user four connections, and another tab may want one. */
const AT_ONCE = 3;
let running = 0;
/** @type {Array<() => void>} */
const waiting = [];

/** @param {AbortSignal | undefined} signal */
async function turn(signal) {
  while (running >= AT_ONCE) {
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => waiting.push(resolve));
    if (signal?.aborted) {
      waiting.shift()?.();
      signal.throwIfAborted();
    }
  }
  running += 1;
}

function done() {
  running -= 1;
  waiting.shift()?.();
}

/** Told when the service no longer knows who we are. */
export const session = { /** @type {() => void} */ lost: () => {} };

/**
 * Sends a request and returns the answer, if it is none of a failure.
 * @param {string} path below /api/v1
 * @param {RequestInit} [init]
 */
export async function request(path, init = {}) {
  const signal = init.signal ?? undefined;
  await turn(signal);
  try {
    const answer = await fetch(`/api/v1${path}`, { credentials: "same-origin", ...init });
    if (!answer.ok) throw await problemOf(answer);
    return answer;
  } catch (error) {
    if (error instanceof TypeError) throw new Problem({ title: "the service does not answer", status: 0, hint: "Is it running, and is the network there?" });
    if (error instanceof Problem && error.body.status === 401 && path !== "/session") session.lost();
    throw error;
  } finally {
    done();
  }
}

/** @param {Response} answer */
async function problemOf(answer) {
  const isProblem = answer.headers.get("content-type")?.includes("json");
  /** @type {Partial<ProblemBody>} */
  const body = isProblem ? await answer.json().catch(() => ({})) : {};
  return new Problem({ title: answer.statusText || `status ${answer.status}`, ...body, status: answer.status });
}

/**
 * Returns the JSON of an answer.
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [params]
 * @param {AbortSignal} [signal]
 */
export async function get(path, params = {}, signal) {
  return (await request(path + queryOf(params), { signal, headers: { accept: "application/json" } })).json();
}

/**
 * Sends a body of JSON.
 * @param {string} path
 * @param {unknown} body
 * @param {RequestInit} [init]
 */
export function post(path, body, init = {}) {
  const headers = { "content-type": "application/json", ...init.headers };
  return request(path, { method: "POST", body: JSON.stringify(body), ...init, headers });
}

/** @param {Record<string, string | number | null | undefined>} params */
function queryOf(params) {
  const given = Object.entries(params).filter(([, value]) => value != null);
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return text && `?${text}`;
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/** @param {unknown} error @returns {ProblemBody} */
export function bodyOf(error) {
  if (error instanceof Problem) return error.body;
  console.error(error);
  return { title: "something is wrong with the page", status: 0, detail: error instanceof Error ? error.message : String(error) };
}
