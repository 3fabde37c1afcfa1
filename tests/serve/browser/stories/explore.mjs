// Explore: each number that is drawn is SQL's, at every depth; the address is the view.

import assert from "node:assert/strict";
import { chartOf, logIn, open, shows } from "../browser.mjs";
import { FIRST, OUTLIER, query, READER } from "../server.mjs";
import { test } from "../tap.mjs";

const SERIES = "exchange = 'bybit' AND symbol = 'BTC'";

/**
 * Compares what is drawn with SQL over the rows: the mean to the last digits, as sums of doubles allow, the others exactly.
 * @param {any} page
 */
async function compare(page) {
  const shown = await chartOf(page);
  const isRaw = (await page.locator(".badge.strong").allInnerTexts()).includes("raw");
  assert.ok(shown.at.length > 1);
  const step = isRaw ? 0 : shown.at[1] - shown.at[0];
  const rows = isRaw
    ? query(`SELECT extract(epoch FROM at), price, price, price FROM trades WHERE ${SERIES} AND at >= to_timestamp(${shown.from}) AND at < to_timestamp(${shown.to}) ORDER BY at`)
    : query(`SELECT extract(epoch FROM date_bin('${step} s', at, '2000-01-01Z')), avg(price), min(price), max(price) FROM trades
        WHERE ${SERIES} AND at >= to_timestamp(${shown.at[0]}) AND at < to_timestamp(${shown.at.at(-1)} + ${step}) GROUP BY 1 ORDER BY 1`);
  const filled = shown.at.map((at, i) => i).filter((i) => shown.mean[i] != null);
  assert.equal(filled.length, rows.length);
  filled.forEach((i, place) => {
    const [at, mean, min, max] = rows[place].map(Number);
    assert.ok(Math.abs(shown.at[i] - at) < 1e-6, `${shown.at[i]} is not ${at}`);
    assert.ok(Math.abs(/** @type {number} */ (shown.mean[i]) - mean) <= 1e-12 * Math.abs(mean), `the mean ${shown.mean[i]} is not ${mean}`);
    if (!isRaw) assert.deepEqual([shown.min[i], shown.max[i]], [min, max]);
  });
  return { ...shown, isRaw };
}

/** The highest pixel of the chart's ink near a position, in the rows of the canvas. @param {any} page @param {number} at */
function top(page, at) {
  return page.evaluate((/** @type {number} */ when) => {
    const { plot } = /** @type {any} */ (document.getElementById("chart"));
    const middle = Math.round(plot.valToPos(when, "x", true));
    const reach = 3 * devicePixelRatio;
    const { data, width } = plot.ctx.getImageData(middle - reach, plot.bbox.top, 2 * reach, plot.bbox.height);
    // Blue beyond red and green is the series; the grid is grey.
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 60 && data[i + 2] > data[i] + 25) return Math.floor(i / 4 / width) / plot.bbox.height;
    return 1;
  }, at);
}

/** @param {import("../story.mjs").Scene} scene */
export async function explore({ browser, base, tabs }) {
  const tab = await open(browser, base);
  tabs.push(tab);
  const { page } = tab;
  const outlier = FIRST + OUTLIER;

  await test("from all to single rows by drags of the mouse: every number is SQL's, and the far value is seen at each depth", async () => {
    await page.goto("/explore?tree=trades&value=price&k=bybit&k=BTC");
    await logIn(page, READER);
    let drags = 0;
    for (let shown = await compare(page); !shown.isRaw; shown = await compare(page)) {
      assert.ok(drags <= 8, "too many drags");
      assert.ok((await top(page, outlier)) < 0.15, `the far value is not at the top after ${drags} drags`);
      const zooms = () => tab.requests.filter((url) => url.includes("/zoom?") && !url.includes("points=400")).length;
      const before = zooms();
      const over = await page.locator("#chart .u-over").boundingBox();
      const at = over.x + ((outlier - shown.from) / (shown.to - shown.from)) * over.width;
      const [left, right] = [Math.max(over.x + 1, at - over.width * 0.11), Math.min(over.x + over.width - 1, at + over.width * 0.11)];
      await page.mouse.move(left, over.y + 100);
      await page.mouse.down();
      await page.mouse.move(right, over.y + 120, { steps: 4 });
      await page.mouse.up();
      await shows(page, "chart");
      assert.equal(zooms() - before, 1, "one request a step");
      drags += 1;
    }
  });

  await test("the back button restores each view, from the cache where nothing changed", async () => {
    const near = await chartOf(page);
    const answered = page.waitForResponse((/** @type {any} */ answer) => answer.url().includes("/zoom?"));
    await page.goBack();
    const answer = await answered;
    const status = await page.evaluate(async (/** @type {[string, string]} */ [url, etag]) => (await fetch(url, { headers: { "if-none-match": etag }, cache: "no-store" })).status,
      [answer.url(), answer.headers().etag]);
    assert.equal(status, 304);
    const wider = await compare(page);
    assert.ok(wider.to - wider.from > near.to - near.from);
    await page.goForward();
    const again = await chartOf(page);
    assert.deepEqual([again.from, again.to, again.mean], [near.from, near.to, near.mean]);
  });

  await test("turns of the wheel ask once, when it rests", async () => {
    await page.goto("/explore?tree=trades&value=price&k=bybit&k=BTC");
    const all = await chartOf(page);
    const zooms = () => tab.requests.filter((url) => url.includes("/zoom?")).length;
    const before = zooms();
    await page.locator("#chart .u-over").evaluate((/** @type {HTMLElement} */ over) => {
      const { left, width } = over.getBoundingClientRect();
      for (let turn = 0; turn < 6; turn += 1) over.dispatchEvent(new WheelEvent("wheel", { deltaY: -100, clientX: left + width / 2, cancelable: true }));
    });
    await page.waitForFunction(() => location.search.includes("from="));
    const closer = await compare(page);
    assert.ok(closer.to - closer.from < (all.to - all.from) / 3);
    assert.equal(zooms() - before, 1);
    await page.goBack();
    assert.deepEqual((await chartOf(page)).mean, all.mean);
    await page.goForward();
  });

  await test("a link opened elsewhere shows the same", async () => {
    const shown = await chartOf(page);
    const other = await open(browser, base);
    await other.page.goto(page.url());
    await logIn(other.page, READER);
    const there = await chartOf(other.page);
    assert.deepEqual(there, shown);
    await other.context.close();
  });

  await test("a late row shows at the next look", async () => {
    await page.goto("/explore?tree=trades&value=price&k=kraken&k=XRP");
    const before = await chartOf(page);
    query(`INSERT INTO trades VALUES ('kraken', 'XRP', to_timestamp(${FIRST} + 1000.5), 2000)`);
    await page.goto("/explore?tree=trades&value=price&k=kraken&k=XRP");
    const after = await chartOf(page);
    assert.equal(Math.max(.../** @type {number[]} */ (after.max)), 2000);
    assert.ok(Math.max(.../** @type {number[]} */ (before.max)) < 2000);
    query("DELETE FROM trades WHERE price = 2000");
  });

  await test("live follows new rows", async () => {
    const [[last]] = query("SELECT extract(epoch FROM max(at)) FROM trades");
    const iso = (/** @type {number} */ at) => new Date(at * 1000).toISOString();
    await page.goto(`/explore?tree=trades&value=price&k=kraken&k=XRP&from=${iso(Number(last) - 600)}&to=${iso(Number(last))}&live=1`);
    await chartOf(page);
    query(`INSERT INTO trades VALUES ('kraken', 'XRP', to_timestamp(${last} + 60), 801)`);
    await page.waitForFunction((/** @type {number} */ at) => /** @type {any} */ (document.getElementById("chart")).plot.data[0].at(-1) >= at, Number(last) + 60);
    await page.getByRole("button", { name: "Live" }).click();
    query(`DELETE FROM trades WHERE at > to_timestamp(${last})`);
  });

  await test("rows that are in the archive are shown in whole leaves, wherever the range begins", async () => {
    for (const [from, to, rows] of [["2026-03-01T10:20:00Z", "2026-03-02T03:10:00Z", ""], ["2026-03-01T10:20:00Z", "2026-03-01T10:30:00Z", "60"]]) {
      await page.goto(`/explore?tree=zz_archive&from=${from}&to=${to}`);
      await chartOf(page);
      await shows(page, "tallies");
      await page.locator(".badge.warn", { hasText: "archived" }).waitFor();
      assert.equal(await page.getByRole("alert").count(), 0);
      if (rows) assert.equal(await page.locator("#tallies tbody td.number").first().innerText(), rows);
    }
  });

  await test("a series whose name is no text is one like others", async () => {
    await page.goto(`/explore?tree=${encodeURIComponent('zz "odd" <b>')}`);
    await chartOf(page);
    await page.getByRole("heading", { name: "x <i> of (empty)" }).waitFor();
    await page.getByRole("group", { name: 'na"me' }).getByLabel("(empty)").check();
    await page.waitForFunction(() => location.search.endsWith("="));
    await shows(page, "tallies");
    assert.equal(await page.locator("#tallies tbody tr").count(), 1);
  });

  await test("the keyboard reads values, zooms and goes back to all", async () => {
    await page.goto("/explore?tree=trades&value=price&k=bybit&k=BTC");
    const all = await chartOf(page);
    await page.locator("#chart .plot").focus();
    await page.keyboard.press("ArrowRight");
    assert.match(await page.locator("#chart .readout").innerText(), /mean .*\bn \d/s);
    await page.keyboard.press("+");
    await page.waitForFunction(() => location.search.includes("from="));
    const closer = await compare(page);
    assert.ok(closer.to - closer.from < (all.to - all.from) * 0.6);
    await page.keyboard.press("Home");
    await page.waitForFunction(() => !location.search.includes("from="));
  });
}
