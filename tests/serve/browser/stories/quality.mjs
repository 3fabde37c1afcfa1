// What holds for all views: no serious finding of axe, nothing from elsewhere, no complaint; and pictures to look at.

import assert from "node:assert/strict";
import fs from "node:fs";
import { axeSource, chartOf, logIn, open, runSql } from "../browser.mjs";
import { READER } from "../server.mjs";
import { test } from "../tap.mjs";

/** Looks of the page, each in another place. */
const LOOKS = /** @type {Array<[string, Record<string, unknown>]>} */ ([
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true }],
]);
/** A tree whose names are not what one expects of names. */
const ODD = 'zz "odd" <b>';
const VIEWS = /** @type {Array<[string, string]>} */ ([["report", "/report?tree=trades&value=price"], ["reports", "/report?report=sales"], ["broken", "/report?report=broken"], ["explore", "/explore?tree=trades&value=price&k=bybit&k=SOL"], ["dashboard", "/explore?tree=purchases&value=pnl&together=1&sum=total"], ["events", "/events"], ["sql", "/sql"],
  ["archived", "/explore?tree=zz_archive&from=2026-03-01T10:20:00Z&to=2026-03-02T03:10:00Z"], ["nothing", "/explore?tree=zz_nothing"], ["nothing-report", "/report?tree=zz_nothing"], ["single", "/explore?tree=zz_single"], ["single-report", "/report?tree=zz_single"],
  ["odd", `/explore?tree=${encodeURIComponent(ODD)}`], ["odd-together", `/explore?tree=${encodeURIComponent(ODD)}&together=1`], ["odd-empty", `/explore?tree=${encodeURIComponent(ODD)}&k=${encodeURIComponent("two\nlines")}`],
  ["odd-report", `/report?tree=${encodeURIComponent(ODD)}`], ["odd-sql", "/sql?q=SELECT"]]);

/** @param {any} page @param {string} view */
async function settle(page, view) {
  if (view === "nothing") await page.getByText("The table is empty").waitFor();
  else if (view.endsWith("-report")) await page.getByText("Nothing changed").waitFor();
  else if (view === "odd-sql") {
    await page.locator(".cm-content").waitFor();
    await runSql(page, "SELECT now() AS at, NULL::float8 AS nothing, '' AS empty, E'two\\nlines' AS \"na\"\"me\", 'NaN'::float8 AS \"<i>\", repeat('long ', 200) AS long");
    await page.getByRole("region", { name: "Rows" }).waitFor();
  } else if (view === "report") await page.locator("ol.report li .spark polyline").first().waitFor();
  else if (view === "reports") await page.locator("ol.stored li").first().waitFor();
  else if (view === "broken") await page.getByRole("alert").waitFor();
  else if (view === "events") await page.getByRole("region", { name: "Events" }).waitFor();
  else if (view === "sql") {
    await page.locator(".cm-content").waitFor();
    await runSql(page, "SELECT date_trunc('hour', at) AS hour, symbol, avg(price), max(price)\nFROM trades WHERE exchange = 'bybit' GROUP BY 1, 2 ORDER BY 1");
    await page.getByRole("region", { name: "Rows" }).waitFor();
  } else {
    await chartOf(page);
    await page.waitForTimeout(800);
  }
}

/** @param {any} page */
async function findings(page) {
  // The library comes as a script of the browser's own, which the policy of the page does not bind.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run());
  return violations.filter((/** @type {any} */ one) => ["serious", "critical"].includes(one.impact))
    .map((/** @type {any} */ one) => `${one.id}: ${one.nodes.map((/** @type {any} */ node) => node.html.slice(0, 200)).join(" | ")}`);
}

/** @param {import("../story.mjs").Scene} scene */
export async function quality({ browser, base, tabs }) {
  const pictures = process.env.TALLY_PICTURES;
  if (pictures) fs.mkdirSync(pictures, { recursive: true });
  for (const [look, how] of LOOKS) {
    const tab = await open(browser, base, how);
    tabs.push(tab);
    const { page } = tab;
    await page.goto("/report");
    await test(`axe has no serious finding: log in, ${look}`, async () => {
      await page.getByLabel("Password").waitFor();
      assert.deepEqual(await findings(page), []);
      if (pictures) await page.screenshot({ path: `${pictures}/login-${look}.png` });
      await logIn(page, READER);
      await page.getByRole("navigation", { name: "Views" }).waitFor();
    });
    for (const [view, address] of VIEWS) {
      await test(`axe has no serious finding: ${view}, ${look}`, async () => {
        await page.goto(address);
        await settle(page, view);
        if (pictures) await page.screenshot({ path: `${pictures}/${view}-${look}.png`, fullPage: true });
        assert.deepEqual(await findings(page), []);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `the page is ${wide} pixels too wide`);
      });
    }
  }

  await test("names and values are text, whatever is in them", async () => {
    for (const { page } of tabs) assert.equal(await page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
  });

  await test("the switch of colours is kept, and stronger than the system's", async () => {
    const { page } = tabs[tabs.length - 1];
    await page.goto("/sql");
    await page.getByLabel("Colours").selectOption("dark");
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.reload();
    await page.locator(".cm-content").waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), dark);
    assert.match(dark, /rgb\((\d|[1-5]\d), /);
  });

  await test("API leads to the documentation of the interface", async () => {
    const { page } = tabs[tabs.length - 1];
    await page.getByRole("link", { name: "API" }).click();
    await page.getByText("/api/v1/trees/{tree}/zoom", { exact: false }).first().waitFor();
  });

  await test("no request left the host", () => {
    for (const { requests } of tabs) for (const url of requests) assert.ok(url.startsWith(base) || url.startsWith("blob:") || url.startsWith("data:"), url);
  });

  await test("no view has complained, nor broken the policy", () => {
    assert.deepEqual(tabs.flatMap(({ complaints }) => complaints), []);
  });
}
