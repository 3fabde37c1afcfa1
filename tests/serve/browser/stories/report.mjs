// The report: the planted change first, and each entry leads to its place.

import assert from "node:assert/strict";
import fs from "node:fs";
import { chartOf, logIn, open } from "../browser.mjs";
import { FIRST, READER, RISE } from "../server.mjs";
import { test } from "../tap.mjs";

/** @param {import("../story.mjs").Scene} scene */
export async function report({ browser, base, tabs }) {
  const tab = await open(browser, base);
  tabs.push(tab);
  const { page } = tab;
  const items = page.locator("ol.report li");

  await test("the planted change comes first, with its sentence, interval and drawing", async () => {
    await page.goto("/report?tree=trades&value=price");
    await logIn(page, READER);
    await items.first().waitFor();
    const first = items.first();
    assert.match(await first.locator(".sentence").innerText(), /bybit\/SOL rose from .* to /);
    assert.match(await first.innerText(), /level/);
    const [low, high] = (await first.locator(".effect p").first().innerText()).split(" to ").map(Number);
    assert.ok(low > 5 && high < 9 && low < high, `${low} to ${high}`);
    await first.locator(".spark polyline").first().waitFor();
    assert.match(await page.getByRole("status").first().innerText(), /Expected share of false alarms: /);
  });

  await test("series and kinds narrow the list, and the address keeps both", async () => {
    await page.getByLabel("Series begins with").fill("bybit/SOL");
    await page.waitForFunction(() => location.search.includes("series=bybit"));
    for (const sentence of await items.locator(".sentence").allInnerTexts()) assert.match(sentence, /^bybit\/SOL/);
    await page.reload();
    await items.first().waitFor();
    assert.equal(await page.getByLabel("Series begins with").inputValue(), "bybit/SOL");
    await page.getByLabel("Series begins with").fill("no such series");
    await page.getByText("No change matches").waitFor();
    await page.getByLabel("Series begins with").fill("");
  });

  await test("the CSV has the same changes", async () => {
    await items.first().waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
    const lines = fs.readFileSync(await download.path(), "utf8").trim().split("\n");
    assert.match(lines[0], /^series,at,kind,probability/);
    assert.equal(lines.length - 1, await items.count());
    assert.match(lines[1], /^bybit\/SOL,/);
  });

  await test("a click lands on the change", async () => {
    await items.first().locator(".sentence").click();
    await page.getByRole("heading", { name: "price of bybit SOL" }).waitFor();
    const { from, to } = await chartOf(page);
    assert.ok(from < FIRST + RISE && to > FIRST + RISE);
    await page.getByText(/changes? in this range/).click();
    const told = await page.locator(".changes li").allInnerTexts();
    assert.ok(told.some((/** @type {string} */ one) => /rose/.test(one)), told.join());
  });
}
