// What stories are given.

/** @typedef {{browser: any, base: string, tabs: import("./browser.mjs").Tab[]}} Scene */

export {};
