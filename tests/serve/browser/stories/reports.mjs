// Stored reports: those that the reader may read, what is new, what each run found, and the feeds.

import assert from "node:assert/strict";
import fs from "node:fs";
import { logIn, open } from "../browser.mjs";
import { FIRST, query, READER, STRANGER } from "../server.mjs";
import { test } from "../tap.mjs";

/** @param {import("../story.mjs").Scene} scene */
export async function reports({ browser, base, tabs }) {
  const tab = await open(browser, base);
  tabs.push(tab);
  const { page } = tab;
  const items = page.locator("ol.stored li");
  const links = page.getByRole("navigation", { name: "Reports" }).getByRole("link");

  await test("the reader sees the reports that are for the reader, and one of any tree", async () => {
    await page.goto("/report?report=sales");
    await logIn(page, READER);
    await items.first().waitFor();
    const labels = (await links.allInnerTexts()).map((/** @type {string} */ label) => label.split("\n")[0]);
    assert.deepEqual(labels, ["broken", "sales", "Any tree"]);
    assert.match(await items.first().innerText(), /told before[^]*Lisbon rose from .* to /);
    assert.match(await page.getByRole("status").first().innerText(), /1 change, 0 new.*Runs every 1s as watcher/);
  });

  await test("the first run told the change as new, and its link shows it", async () => {
    const [[run]] = query("SELECT min(run) FROM serve.report_runs WHERE report = 'sales' AND num_new > 0");
    await page.goto(`/report?report=sales&run=${run}&new=1`);
    await items.first().waitFor();
    assert.equal(await items.count(), 1);
    assert.match(await items.first().innerText(), /^new/);
  });

  await test("a run of the history has nothing new", async () => {
    await page.getByRole("region", { name: "Runs" }).getByRole("link").first().click();
    await page.getByText("Nothing is new").waitFor();
    await page.getByLabel("Changes", { exact: true }).selectOption("");
    await items.first().waitFor();
    assert.match(await items.first().innerText(), /^told before/);
  });

  await test("Atom and CSV have the new change", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
    const lines = fs.readFileSync(await download.path(), "utf8").trim().split("\n");
    assert.equal(lines.length, 2);
    assert.match(lines[1], /,Lisbon,/);
    const feed = await page.evaluate(async (/** @type {string} */ to) => {
      const text = await (await fetch(to)).text();
      const parsed = new DOMParser().parseFromString(text, "application/xml");
      return { wrong: parsed.querySelectorAll("parsererror").length, titles: [...parsed.querySelectorAll("entry > title")].map((title) => title.textContent) };
    }, await page.getByRole("link", { name: "Atom" }).getAttribute("href"));
    assert.equal(feed.wrong, 0);
    assert.match(feed.titles.join(), /^Lisbon rose/);
  });

  await test("a report that fails says so, with its SQLSTATE", async () => {
    await links.filter({ hasText: "broken" }).click();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    assert.match(await alert.innerText(), /column "totl" does not exist \[42703\]/);
  });

  await test("any tree leads to the report on demand, and back", async () => {
    await links.filter({ hasText: "Any tree" }).click();
    await page.getByRole("heading", { name: "What changed" }).waitFor();
    await page.goBack();
    await page.getByRole("alert").waitFor();
  });

  await test("what a run tells while one looks is counted at once, and a click leads there", async () => {
    await page.goto("/report?report=sales");
    await items.first().waitFor();
    const before = await items.allInnerTexts();
    query(`UPDATE sales SET total = total - 30 WHERE shop = 'Faro' AND at >= to_timestamp(${FIRST} + 3600 * 250)`);
    const hint = page.getByRole("status").getByRole("link");
    await hint.waitFor();
    assert.equal(await hint.innerText(), "1 new change");
    assert.match(await links.filter({ hasText: "sales" }).innerText(), /1 new$/);
    assert.deepEqual(await items.allInnerTexts(), before, "what is looked at stays");
    await hint.click();
    await items.filter({ hasText: "Faro" }).waitFor();
    assert.equal(await items.count(), 1);
    assert.match(await items.first().innerText(), /^new[^]*Faro fell from .* to /);
    assert.equal(await hint.count(), 0);
  });

  await test("a stranger sees no report", async () => {
    const other = await open(browser, base);
    tabs.push(other);
    await other.page.goto("/report");
    await logIn(other.page, STRANGER);
    await other.page.getByText("There is no power tree that you may read").waitFor();
    assert.equal(await other.page.getByRole("navigation", { name: "Reports" }).count(), 0);
  });
}
