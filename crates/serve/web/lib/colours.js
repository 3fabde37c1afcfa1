// Colours of the drawings, which the style sheet decides.

import { onSettings } from "./settings.js";

/** @type {Map<string, string>} */
const known = new Map();
const probe = document.createElement("i");
probe.hidden = true;
onSettings(() => known.clear());

/**
 * Returns a colour of the style sheet as it is now, in light or dark.
 * @param {string} name
 */
export function colour(name) {
  let found = known.get(name);
  if (!found) {
    if (!probe.isConnected) document.body.append(probe);
    probe.style.color = `var(--${name})`;
    found = getComputedStyle(probe).color;
    known.set(name, found);
  }
  return found;
}

/** Lines that stand beside each other: apart for the colour-blind too, and told apart by their names. */
export const LINES = ["line-1", "line-2", "line-3", "line-4", "line-5", "line-6"];
