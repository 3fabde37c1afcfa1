// Statements that were run, kept in the browser for each user.

const KEPT = 100;

/** @typedef {{sql: string, at: number, took: number, rows: number | null}} Run */

/** @param {string} user */
export function history(user) {
  const name = `tally.history.${user}`;

  /** @returns {Run[]} */
  function all() {
    try {
      const kept = JSON.parse(localStorage.getItem(name) ?? "[]");
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  }

  return {
    all,
    /** @param {Run} run */
    add(run) {
      try {
        localStorage.setItem(name, JSON.stringify([run, ...all().filter(({ sql }) => sql !== run.sql)].slice(0, KEPT)));
      } catch {
        // A full store forgets; nothing depends on it.
      }
    },
    clear: () => localStorage.removeItem(name),
  };
}
