// The browser, and what stories do with the page.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";

// They are installed outside the clone.
const where = path.resolve(import.meta.dirname, "../../../scripts/where.sh");
const tools = createRequire(`${execFileSync(where, ["browser"], { encoding: "utf8" }).trim()}/`);
const { chromium } = tools("playwright-core");
export const axeSource = tools("axe-core").source;

/**
 * A page with what it has asked and complained of.
 * @typedef {{page: any, context: any, requests: string[], complaints: string[]}} Tab
 */

/** Milliseconds for anything that has to come; nothing takes as long unless it is broken. */
const PATIENCE = 8_000;

/** @returns {Promise<any>} */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
}

/**
 * Opens a page in a context of its own.
 * @param {any} browser
 * @param {string} base
 * @param {Record<string, unknown>} [how]
 * @returns {Promise<Tab>}
 */
export async function open(browser, base, how = {}) {
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 900 }, timezoneId: "Europe/Berlin", ...how });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  /** @type {Tab} */
  const tab = { page, context, requests: [], complaints: [] };
  page.on("request", (/** @type {any} */ request) => tab.requests.push(request.url()));
  page.on("pageerror", (/** @type {Error} */ error) => tab.complaints.push(`${error}`));
  page.on("console", (/** @type {any} */ message) => {
    // A refused request is told there too; stories see to those themselves.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) tab.complaints.push(`${message.text()} at ${page.url()}`);
  });
  await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  return tab;
}

/**
 * Logs in by the form.
 * @param {any} page
 * @param {{user: string, password: string}} who
 */
export async function logIn(page, { user, password }) {
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/**
 * Waits until a part of Explore shows what the address asks for.
 * @param {any} page
 * @param {"chart" | "tallies"} part
 */
export async function shows(page, part) {
  await page.waitForFunction((/** @type {string} */ id) => document.getElementById(id)?.dataset.shows === location.search, part);
}

/**
 * Waits until the chart of Explore shows what its address asks for; returns its columns.
 * @param {any} page
 * @returns {Promise<{at: number[], max: (number | null)[], min: (number | null)[], mean: (number | null)[], from: number, to: number}>}
 */
export async function chartOf(page) {
  await shows(page, "chart");
  return page.evaluate(() => {
    const { plot } = /** @type {any} */ (document.getElementById("chart"));
    const [at, max, min, , , mean] = plot.data;
    return { at, max, min, mean, from: plot.scales.x.min, to: plot.scales.x.max };
  });
}

/**
 * Pastes text over that of the editor.
 * @param {any} page
 * @param {string} text
 */
export async function putSql(page, text) {
  const content = page.locator(".cm-content");
  await content.click();
  await page.keyboard.press("Control+A");
  await content.evaluate((/** @type {HTMLElement} */ element, /** @type {string} */ pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", pasted);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}

/**
 * Runs a statement in the editor.
 * @param {any} page
 * @param {string} sql
 */
export async function runSql(page, sql) {
  await putSql(page, sql);
  await page.keyboard.press("Control+Enter");
}
