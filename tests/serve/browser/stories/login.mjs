// Logging in and out, and what somebody without rights sees.

import assert from "node:assert/strict";
import { logIn, open } from "../browser.mjs";
import { READER, STRANGER } from "../server.mjs";
import { test } from "../tap.mjs";

/** @param {import("../story.mjs").Scene} scene */
export async function login({ browser, base, tabs }) {
  const tab = await open(browser, base);
  tabs.push(tab);
  const { page, context } = tab;

  await test("a wrong password is refused, and said so", async () => {
    await page.goto("/explore");
    await logIn(page, { ...READER, password: "wrong" });
    const problem = page.getByRole("alert");
    await problem.waitFor();
    assert.match(await problem.innerText(), /user or password is wrong/);
  });

  await test("the right one leads to the place of the address, by a cookie that scripts cannot read", async () => {
    await logIn(page, READER);
    await page.getByRole("heading", { level: 1, name: /^\w+ of / }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/explore");
    const [cookie, ...others] = await context.cookies();
    assert.equal(others.length, 0);
    assert.ok(cookie.httpOnly && cookie.sameSite === "Strict", JSON.stringify(cookie));
    assert.equal(await page.evaluate(() => document.cookie), "");
  });

  await test("logging out ends the session, not only in this browser", async () => {
    const cookies = await context.cookies();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Password").waitFor();
    const old = await fetch(`${base}/api/v1/trees`, { headers: { cookie: `${cookies[0].name}=${cookies[0].value}` } });
    assert.equal(old.status, 401);
  });

  await test("a user without SELECT sees no tree", async () => {
    await logIn(page, STRANGER);
    await page.getByText("There is no power tree that you may read").waitFor();
    await page.getByRole("link", { name: "Report", exact: true }).click();
    await page.getByText("There is no power tree that you may read").waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Password").waitFor();
  });
}
