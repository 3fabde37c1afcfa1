// Events of a topic as they come, in several tabs, one of which stands still for a while.

import assert from "node:assert/strict";
import { logIn, open } from "../browser.mjs";
import { READER } from "../server.mjs";
import { test } from "../tap.mjs";

/** @param {any} page */
async function countOf(page) {
  const text = await page.getByRole("status").first().innerText();
  return Number(/^([\d,]+) events?/.exec(text)?.[1].replaceAll(",", "") ?? 0);
}

/** @param {() => Promise<boolean>} holds @param {string} what */
async function until(holds, what) {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(what);
}

/** @param {import("../story.mjs").Scene} scene */
export async function events({ browser, base, tabs, producer }) {
  /** @type {any[]} */
  const pages = [];
  for (let i = 0; i < 3; i += 1) {
    const tab = await open(browser, base);
    tabs.push(tab);
    await tab.page.goto("/events");
    await logIn(tab.page, READER);
    pages.push(tab.page);
  }
  const [first, second, still] = pages;

  await test("events come as they happen, as text, and what is no event is told", async () => {
    // The topic is read from here on.
    await first.getByRole("columnheader", { name: "symbol" }).waitFor();
    producer.send({ symbol: "<script>window.hacked = 4</script>", n: 1 }, "no JSON", { symbol: "BTC", n: 2 });
    for (const page of pages) {
      await page.getByRole("cell", { name: "<script>window.hacked = 4</script>" }).waitFor();
      await page.getByText("cannot be decoded", { exact: false }).waitFor();
      await page.getByRole("cell", { name: "BTC" }).waitFor();
      assert.equal(await page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
    }
  });

  await test("only those of some keys, by the address", async () => {
    await second.getByLabel("Only symbol").fill("ETH, SOL");
    await second.getByLabel("Only symbol").press("Enter");
    await second.waitForURL(/key=ETH&key=SOL/);
    producer.send({ symbol: "ETH", n: 3 }, { symbol: "BTC", n: 4 }, { symbol: "SOL", n: 5 });
    await second.getByRole("cell", { name: "SOL" }).waitFor();
    await second.getByRole("cell", { name: "ETH" }).waitFor();
    assert.equal(await second.getByRole("cell", { name: "BTC" }).count(), 0);
    await second.goBack();
    await second.getByRole("cell", { name: "BTC" }).first().waitFor();
  });

  await test("a tab that stands still says what it has missed; the others miss nothing", async () => {
    const count = 6000;
    const wide = "x".repeat(5000);
    // The last event so far.
    for (const page of [first, second]) await page.getByRole("cell", { name: "SOL" }).first().waitFor();
    const before = await Promise.all([first, second].map(countOf));
    const session = await still.context().newCDPSession(still);
    await session.send("Debugger.enable");
    await session.send("Debugger.pause");
    for (let n = 0; n < count; n += 100) {
      producer.send(...Array.from({ length: 100 }, (_, i) => ({ symbol: "wide", n: n + i, note: wide })));
      await until(async () => (await countOf(first)) >= before[0] + n && (await countOf(second)) >= before[1] + n, "the others stand still too");
    }
    await until(async () => (await countOf(first)) === before[0] + count && (await countOf(second)) === before[1] + count, "the others lack some");
    await session.send("Debugger.resume");
    await session.send("Debugger.disable");
    await still.getByText(/events missed/).first().waitFor();
    for (const page of [first, second]) assert.equal(await page.getByText(/events missed/).count(), 0);
  });

  await test("pausing holds what is shown, not what comes", async () => {
    await first.getByRole("button", { name: "Pause" }).click();
    const before = await countOf(first);
    producer.send({ symbol: "late", n: 1 });
    await until(async () => (await countOf(first)) === before + 1, "it does not come");
    assert.equal(await first.getByRole("cell", { name: "late" }).count(), 0);
    await first.getByRole("button", { name: "Pause" }).click();
  });

  await test("a session that ends ends the stream, in all tabs", async () => {
    const other = await first.context().newPage();
    await other.goto("/events");
    await other.getByRole("columnheader", { name: "symbol" }).waitFor();
    await other.getByRole("button", { name: "Log out" }).click();
    await first.getByLabel("Password").waitFor();
    await other.close();
  });
}
