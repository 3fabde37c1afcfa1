#!/usr/bin/env node
// Tests the page in a real browser, against `tally serve` and the PostgreSQL and the Kafka of the environment.
//   tests/serve/browser/run.mjs [STORY…]      TALLY_PICTURES=DIR keeps pictures of all views

import { execFileSync } from "node:child_process";
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { launch } from "./browser.mjs";
import { start } from "./server.mjs";
import { end, test } from "./tap.mjs";
import { events } from "./stories/events.mjs";
import { explore } from "./stories/explore.mjs";
import { facets } from "./stories/facets.mjs";
import { login } from "./stories/login.mjs";
import { quality } from "./stories/quality.mjs";
import { report } from "./stories/report.mjs";
import { reports } from "./stories/reports.mjs";
import { sql } from "./stories/sql.mjs";

const STORIES = { login, explore, facets, report, reports, sql, events, quality };
const wanted = process.argv.slice(2);

if (!wanted.length) {
  await test("the libraries are those of the lock file, to the byte", () => {
    const vendor = path.resolve(import.meta.dirname, "../../../crates/serve/web/vendor");
    const made = fs.mkdtempSync(path.join(os.tmpdir(), "tally-vendor-"));
    execFileSync(path.join(vendor, "build"), [made], { stdio: ["ignore", "ignore", "inherit"] });
    const files = fs.readdirSync(made);
    assert.ok(files.length >= 4);
    for (const file of files) assert.ok(fs.readFileSync(path.join(made, file)).equals(fs.readFileSync(path.join(vendor, file))), file);
    fs.rmSync(made, { recursive: true });
  });
}

const service = await start();
const browser = await launch();
try {
  const scene = { browser, base: service.base, producer: service.producer, tabs: [] };
  for (const [name, story] of Object.entries(STORIES)) if (!wanted.length || wanted.includes(name)) await story(scene);
} finally {
  await browser.close();
  service.stop();
}
process.exitCode = end() ? 0 : 1;
