// The editor of SQL: completion, running, stopping, what is refused, and rows by the million.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { logIn, open, putSql, runSql } from "../browser.mjs";
import { query, READER } from "../server.mjs";
import { test } from "../tap.mjs";

/** Waits until no statement sleeps any more. */
async function nobodySleeps() {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const [[sleeping]] = query("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()");
    if (sleeping === "0") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("the statement still runs");
}

/** @param {any} page */
async function sleeps(page) {
  await runSql(page, "SELECT pg_sleep(60)");
  await page.getByRole("button", { name: "Stop" }).waitFor();
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (query("SELECT FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(60)'").length || attempt > 20) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** @param {import("../story.mjs").Scene} scene */
export async function sql({ browser, base, tabs }) {
  const tab = await open(browser, base, { acceptDownloads: true });
  tabs.push(tab);
  const { page } = tab;
  const rows = page.getByRole("region", { name: "Rows" });

  await test("completion knows the functions, the tables and their columns", async () => {
    await page.goto("/sql");
    await logIn(page, READER);
    await page.locator(".cm-content").click();
    await page.waitForLoadState("networkidle");
    await page.keyboard.type("SELECT powertree_tal");
    await page.locator(".cm-tooltip-autocomplete li", { hasText: "powertree_tally" }).waitFor();
    await page.keyboard.press("Enter");
    await page.keyboard.type("'trades') FROM purch");
    await page.locator(".cm-tooltip-autocomplete li", { hasText: "purchases" }).waitFor();
    await page.keyboard.press("Escape");
  });

  await test("Ctrl-Enter runs the statement at the cursor, or the selection", async () => {
    await runSql(page, "SELECT 1 AS first;\nSELECT 'a;b' AS second;\n");
    await rows.getByText("a;b").waitFor();
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("Control+Enter");
    await rows.getByText("first").waitFor();
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("Control+Enter");
    await rows.getByText("first").waitFor();
    assert.match(page.url(), /q=SELECT/);
  });

  await test("Stop ends the statement in the database", async () => {
    await sleeps(page);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText(/stopped after/).waitFor();
    await nobodySleeps();
  });

  await test("closing the tab ends it too", async () => {
    const other = await page.context().newPage();
    await other.goto("/sql");
    await other.locator(".cm-content").waitFor();
    await sleeps(other);
    await other.close();
    await nobodySleeps();
  });

  for (const [statement, state] of [["SET ROLE postgres", ""], ["SET TRANSACTION READ WRITE", ""], ["DELETE FROM trades RETURNING 1", "25006|42501"], ["SELECT 1; SELECT 2", ""], ["SELECT * FROM pg_authid", "42501"]]) {
    await test(`refused, and shown as a problem: ${statement}`, async () => {
      await runSql(page, "SELECT 1 AS before");
      await rows.getByText("before").waitFor();
      await putSql(page, statement);
      await page.keyboard.press("Control+A");
      await page.keyboard.press("Control+Enter");
      const problem = page.getByRole("alert");
      await problem.waitFor();
      if (state) assert.match(await problem.innerText(), new RegExp(`SQLSTATE (${state})`));
    });
  }

  await test("the place of an error is marked in the editor", async () => {
    await runSql(page, "SELECT 1;\nSELECT 'ä', no_such_column FROM trades");
    await page.getByRole("alert").getByText(/no_such_column/).first().waitFor();
    assert.equal(await page.locator(".cm-lintRange-error").innerText(), "no_such_column");
    assert.match(await page.getByRole("alert").innerText(), /42703/);
  });

  await test("a million rows scroll, and few are elements", async () => {
    await page.getByLabel("Rows at the most").selectOption("1000000");
    await runSql(page, "SELECT i, 'row ' || i::text AS name FROM generate_series(1, 1000000) i");
    await rows.getByText("row 1", { exact: true }).waitFor({ timeout: 60_000 });
    await rows.evaluate((/** @type {HTMLElement} */ box) => (box.scrollTop = box.scrollHeight));
    await rows.getByText("row 1000000", { exact: true }).waitFor();
    await rows.evaluate((/** @type {HTMLElement} */ box) => (box.scrollTop = box.scrollHeight / 2));
    await page.waitForFunction(() => Math.abs(Number(document.querySelector("table.grid tbody tr:nth-child(3) td")?.textContent) - 500_000) < 5_000);
    assert.ok(await rows.locator("tr").count() < 120);
    await page.getByLabel("Rows at the most").selectOption("10000");
  });

  await test("the CSV is psql's, and rows of NDJSON are objects", async () => {
    const statement = "SELECT at, symbol, price, NULL AS none, 'a \"b\", c' AS text FROM trades WHERE exchange = 'kraken' ORDER BY symbol, at LIMIT 20000";
    await runSql(page, statement);
    await page.getByText("there are more rows").waitFor();
    const [csv] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV", exact: true }).click()]);
    const [[zone]] = query(`SELECT setting FROM pg_settings WHERE name = 'TimeZone'`);
    const expected = execFileSync("psql", ["-X", "-q", "-c", `COPY (${statement}) TO STDOUT (FORMAT csv, HEADER)`], { encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, PGTZ: zone } });
    assert.equal(fs.readFileSync(await csv.path(), "utf8"), expected);
    await page.getByRole("button", { name: "Run" }).waitFor();
    const [ndjson] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "NDJSON" }).click()]);
    const lines = fs.readFileSync(await ndjson.path(), "utf8").trim().split("\n");
    assert.equal(lines.length, 20_000);
    assert.equal(JSON.parse(lines[0]).none, null);
  });

  await test("times with numbers are drawn; Explain says whether a tree answers", async () => {
    await runSql(page, "SELECT date_trunc('hour', at) AS hour, symbol, avg(price) FROM trades WHERE exchange = 'kraken' GROUP BY 1, 2");
    await page.getByRole("img", { name: /over time/ }).waitFor();
    await page.getByRole("button", { name: /^ETH/ }).waitFor();
    await page.getByRole("button", { name: "Explain" }).click();
    await page.locator(".plan pre").waitFor();
    assert.match(await page.locator(".plan").innerText(), /tree trades/);
  });

  await test("history brings a statement back", async () => {
    await page.getByRole("button", { name: "History" }).click();
    await page.locator(".history").getByText("generate_series").first().click();
    assert.match(await page.locator(".cm-content").innerText(), /generate_series/);
    await page.getByRole("button", { name: "History" }).click();
  });

  await test("markup in data and in names of columns stays text", async () => {
    await runSql(page, "SELECT * FROM hostile");
    await rows.getByText("<img src=x onerror=window.hacked=2>").waitFor();
    await rows.getByText("<script>window.hacked = 3</script>").waitFor();
    await page.goto("/explore?tree=trades&value=price");
    await page.getByRole("group", { name: "symbol" }).getByText("<script>window.hacked = 1</script>").waitFor();
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
  });
}
