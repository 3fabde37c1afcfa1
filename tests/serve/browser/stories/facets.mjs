// Facets, the slider and the tables of purchases: the dashboard of profit and loss.

import assert from "node:assert/strict";
import { chartOf, logIn, open, shows } from "../browser.mjs";
import { query, READER } from "../server.mjs";
import { test } from "../tap.mjs";

/** The rows of the table as texts. @param {any} page */
async function tableOf(page) {
  await shows(page, "tallies");
  return page.locator("#tallies tbody tr").evaluateAll((/** @type {HTMLTableRowElement[]} */ rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
}

/** @param {string} text */
const toNumber = (text) => Number(text.replace(/,/g, "").replace("−", "-"));

/** Compares the table with SQL. @param {any} page @param {string} condition */
async function compare(page, condition) {
  const shown = await tableOf(page);
  const rows = query(`SELECT sector, ticker, count(pnl), sum(pnl), avg(pnl), stddev(pnl), min(pnl), max(pnl) FROM purchases WHERE ${condition} GROUP BY 1, 2 ORDER BY 1, 2`);
  assert.deepEqual(shown.map((/** @type {string[]} */ row) => row.slice(0, 2)), rows.map((row) => row.slice(0, 2)));
  shown.forEach((/** @type {string[]} */ row, /** @type {number} */ i) => {
    assert.equal(toNumber(row[2]), Number(rows[i][2]));
    for (const place of [3, 5, 6, 7]) {
      const exact = Number(rows[i][place]);
      assert.ok(Math.abs(toNumber(row[place]) - exact) <= Math.abs(exact) * 1e-3, `${row[place]} is not ${exact}`);
    }
    assert.ok(Math.abs(toNumber(row[4].split(" ± ")[0]) - Number(rows[i][4])) < 0.6, `${row[4]} is not ${rows[i][4]}`);
  });
}

/** @param {import("../story.mjs").Scene} scene */
export async function facets({ browser, base, tabs }) {
  const tab = await open(browser, base);
  tabs.push(tab);
  const { page } = tab;

  await test("two sectors leave their tickers alone", async () => {
    await page.goto("/explore?tree=purchases&value=pnl");
    await logIn(page, READER);
    await chartOf(page);
    await page.getByRole("group", { name: "sector" }).getByLabel("Energy").check();
    await page.getByRole("group", { name: "sector" }).getByLabel("Utilities").check();
    await shows(page, "tallies");
    assert.deepEqual(await page.getByRole("group", { name: "ticker" }).getByRole("checkbox").evaluateAll((/** @type {HTMLElement[]} */ boxes) => boxes.map((box) => box.parentElement?.textContent)), ["CVX", "DUK", "NEE", "XOM"]);
    await compare(page, "sector IN ('Energy', 'Utilities')");
  });

  await test("the slider moves, and the table is SQL's", async () => {
    const grip = page.getByRole("slider", { name: "Begin of the range" });
    const box = await grip.boundingBox();
    const strip = await page.locator(".strip").boundingBox();
    await page.mouse.move(box.x + 5, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(strip.x + strip.width / 3, box.y + 20, { steps: 5 });
    await page.mouse.up();
    await page.waitForTimeout(200);
    const from = new URL(page.url()).searchParams.get("from") ?? "";
    await compare(page, `sector IN ('Energy', 'Utilities') AND bought >= '${from}'::timestamptz::date`);
    await grip.focus();
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((/** @type {string} */ old) => new URL(location.href).searchParams.get("from") !== old, from);
  });

  await test("columns sort, and a row is a series", async () => {
    await page.getByRole("button", { name: "sum", exact: true }).click();
    const sums = (await tableOf(page)).map((/** @type {string[]} */ row) => toNumber(row[3]));
    assert.deepEqual(sums, [...sums].sort((a, b) => b - a));
    await page.locator("#tallies tbody").getByRole("button", { name: "NEE" }).click();
    await page.getByRole("heading", { name: "pnl of Utilities NEE" }).waitFor();
  });

  await test("all together: the sums of the steps are SQL's", async () => {
    await page.goto("/explore?tree=purchases&value=pnl&s.sector=Energy&together=1");
    await chartOf(page);
    const [at, sums] = await page.evaluate(() => /** @type {any} */ (document.getElementById("sums")).plot.data);
    const rows = query("SELECT extract(epoch FROM date_trunc('month', bought::timestamp)), sum(pnl) FROM purchases WHERE sector = 'Energy' GROUP BY 1 ORDER BY 1");
    const filled = at.map((/** @type {number} */ _, /** @type {number} */ i) => i).filter((/** @type {number} */ i) => sums[i] != null && sums[i] !== 0);
    assert.deepEqual(filled.map((/** @type {number} */ i) => at[i]), rows.map(([month]) => Number(month)));
    filled.forEach((/** @type {number} */ i, /** @type {number} */ place) => assert.ok(Math.abs(sums[i] - Number(rows[place][1])) < 1e-9, `${sums[i]} is not ${rows[place][1]}`));
    await page.getByRole("button", { name: "Running total" }).click();
    const total = await page.locator("#sums .plot").getAttribute("aria-label");
    const [[sum]] = query("SELECT sum(pnl) FROM purchases WHERE sector = 'Energy'");
    assert.ok(Math.abs(toNumber(/in all (.*)\.$/.exec(total)?.[1] ?? "") - Number(sum)) < 1e-2, `${total} is not ${sum}`);
  });
}
