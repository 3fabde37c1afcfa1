// What stories are given.

/** @typedef {{send: (...messages: Array<string | object>) => void, stop: () => void}} Producer */
/** @typedef {{browser: any, base: string, tabs: import("./browser.mjs").Tab[], producer: Producer}} Scene */

export {};
