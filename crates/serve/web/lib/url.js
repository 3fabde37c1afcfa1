// The URL is the state of the page: each view reads it, and changes it by `go`.

/** @typedef {{path: string, query: URLSearchParams}} Place */

/**
 * Lists the values of a parameter: no text is none, but among several it is a value, as that of a column may be.
 * @param {string | string[] | null | undefined} value
 */
function valuesOf(value) {
  return Array.isArray(value) ? value : value ? [value] : [];
}

/** @type {Set<() => void>} */
const listeners = new Set();

/** @returns {Place} */
export function here() {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/**
 * Returns the address of a view.
 * @param {string} path
 * @param {Record<string, string | string[] | null | undefined> | URLSearchParams} [query]
 */
export function address(path, query = {}) {
  const params = query instanceof URLSearchParams ? query : new URLSearchParams();
  if (!(query instanceof URLSearchParams)) {
    for (const [key, value] of Object.entries(query)) {
      for (const one of valuesOf(value)) params.append(key, one);
    }
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Goes to an address; `replace` leaves no step for the back button.
 * @param {string} to
 * @param {{replace?: boolean}} [how]
 */
export function go(to, { replace = false } = {}) {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  for (const listener of listeners) listener();
}

/**
 * Changes some parameters of this place.
 * @param {Record<string, string | string[] | null | undefined>} changes
 * @param {{replace?: boolean}} [how]
 */
export function change(changes, how) {
  const { path, query } = here();
  for (const [key, value] of Object.entries(changes)) {
    query.delete(key);
    for (const one of valuesOf(value)) query.append(key, one);
  }
  go(address(path, query), how);
}

/** @param {() => void} listener */
export function onPlace(listener) {
  listeners.add(listener);
}

addEventListener("popstate", () => {
  for (const listener of listeners) listener();
});

// Links within the page do not load it again.
addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[data-in]") : null;
  if (!(link instanceof HTMLAnchorElement) || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
