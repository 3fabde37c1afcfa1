// The database and the service that the browser meets: roles that log in by SCRAM, tables by SQL, `tally serve`.

import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const TALLY = process.env.TALLY ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, "target"), "release/tally");

/** The user who may read, and the one who may not. */
export const READER = { user: "ann", password: "correct horse" };
export const STRANGER = { user: "bob", password: "battery staple" };

/**
 * Runs SQL as the superuser; returns its rows, each an array of texts.
 * @param {string} sql
 * @returns {string[][]}
 */
export function query(sql) {
  const text = execFileSync("psql", ["-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", sql], { encoding: "utf8", maxBuffer: 1 << 28 });
  return text.split("\n").slice(0, -1).map((line) => line.split("\x1f"));
}

/** Has the server ask for passwords where the service connects from. */
function requirePasswords() {
  const [[file]] = query("SHOW hba_file");
  fs.writeFileSync(file, "local all all trust\nhost all all all scram-sha-256\n");
  query(`SET password_encryption = 'scram-sha-256';
    CREATE ROLE ${READER.user} LOGIN PASSWORD '${READER.password}';
    CREATE ROLE ${STRANGER.user} LOGIN PASSWORD '${STRANGER.password}';
    CREATE ROLE ${WATCHER.user} LOGIN PASSWORD '${WATCHER.password}'`);
  query("SELECT pg_reload_conf()");
}

/** The role whose reports the service runs, and which the reader may read. */
const WATCHER = { user: "watcher", password: "night shift" };

/** Rows of each series of the trades: one a second. */
const ROWS = 125_000;
/** The second at which one series rises, and the one of a single far value. */
export const [RISE, OUTLIER] = [80_000, 30_000];
export const FIRST = Date.parse("2026-03-01T00:00:00Z") / 1000;

/** Makes trades of eight series, a million rows, and purchases in three sectors. */
function makeTables() {
  query(`
    CREATE EXTENSION pg_tally;
    CREATE TABLE trades (exchange text, symbol text, at timestamptz, price float8);
    SELECT setseed(0.5);
    INSERT INTO trades
    SELECT e, s, to_timestamp(${FIRST} + i), 100 * k + sin(i / 2000.0) + random()
           + CASE WHEN k = 3 AND i >= ${RISE} THEN 8 ELSE 0 END + CASE WHEN k = 1 AND i = ${OUTLIER} THEN 50 ELSE 0 END
    FROM (VALUES ('bybit', 'BTC', 1), ('bybit', 'ETH', 2), ('bybit', 'SOL', 3), ('bybit', '<script>window.hacked = 1</script>', 4),
                 ('kraken', 'BTC', 5), ('kraken', 'ETH', 6), ('kraken', 'SOL', 7), ('kraken', 'XRP', 8)) AS series (e, s, k),
         generate_series(0, ${ROWS - 1}) i;
    CREATE INDEX ON trades (exchange, symbol, at) INCLUDE (price);
    SELECT powertree_create('trades', at => 'at', "values" => '{price}', series => '{exchange,symbol}', leaf => '1 minute');
    CREATE TABLE purchases (sector text, ticker text, bought date, pnl float8);
    INSERT INTO purchases
    SELECT sector, ticker, '2000-01-01'::date + 30 * i, (random() - 0.4) * 100
    FROM (VALUES ('Energy', 'XOM'), ('Energy', 'CVX'), ('Technology', 'AAPL'), ('Technology', 'MSFT'), ('Utilities', 'NEE'), ('Utilities', 'DUK')) AS t (sector, ticker),
         generate_series(0, 299) i;
    SELECT powertree_create('purchases', at => 'bought', "values" => '{pnl}', series => '{sector,ticker}', leaf => '30 days');
    CREATE TABLE zz_archive (name text, at timestamptz NOT NULL, x float8) PARTITION BY RANGE (at);
    CREATE TABLE zz_archive_1 PARTITION OF zz_archive FOR VALUES FROM ('2026-03-01Z') TO ('2026-03-02Z');
    CREATE TABLE zz_archive_2 PARTITION OF zz_archive FOR VALUES FROM ('2026-03-02Z') TO ('2026-03-03Z');
    INSERT INTO zz_archive SELECT 'one', to_timestamp(${FIRST} + 60 * i), sin(i / 100.0) FROM generate_series(0, 2879) i;
    SELECT powertree_create('zz_archive', at => 'at', "values" => '{x}', series => '{name}', leaf => '1 hour');
    SELECT powertree_archive('zz_archive', 'zz_archive_1');
    DROP TABLE zz_archive_1;
    CREATE TABLE zz_nothing (name text, at timestamptz, x float8);
    SELECT powertree_create('zz_nothing', at => 'at', "values" => '{x}', series => '{name}', leaf => '1 minute');
    CREATE TABLE zz_single (at bigint, x float8);
    INSERT INTO zz_single VALUES (7, 42);
    SELECT powertree_create('zz_single', at => 'at', "values" => '{x}', leaf => '10');
    CREATE TABLE "zz ""odd"" <b>" ("na""me" text, at timestamptz, "x <i>" float8);
    INSERT INTO "zz ""odd"" <b>"
    SELECT name, to_timestamp(${FIRST} + 60 * i), CASE WHEN k = 2 OR i % 7 = 3 THEN NULL WHEN k = 4 AND i = 5 THEN 'NaN' ELSE 1e-7 * sin(i) END
    FROM (VALUES (1, 'it''s "quoted"'), (2, E'two\nlines'), (3, '<script>window.hacked = 5</script>'), (4, ''), (5, repeat('very long ', 30))) AS names (k, name), generate_series(0, 1999) i;
    SELECT powertree_create('"zz ""odd"" <b>"', name => 'zz "odd" <b>', at => 'at', "values" => ARRAY['x <i>'], series => ARRAY['na"me'], leaf => '1 minute');
    CREATE TABLE hostile AS SELECT 1 AS "<img src=x onerror=window.hacked=2>", '<script>window.hacked = 3</script>' AS b;
    CREATE TABLE sales AS SELECT shop, to_timestamp(${FIRST} + 3600 * i) AS at,
        100 + 5 * sin(i * 12.9898 + length(shop) * 78.233) * cos(i * i * 0.37 + length(shop)) + CASE WHEN shop = 'Lisbon' AND i >= 200 THEN 40 ELSE 0 END AS total
    FROM (VALUES ('Lisbon'), ('Porto, north'), ('<script>window.hacked = 4</script>'), ('Faro'), ('Coimbra'), ('Braga airport'), ('Evora')) AS shops (shop), generate_series(0, 399) i;
    GRANT SELECT ON sales TO ${WATCHER.user};
    ALTER DATABASE postgres OWNER TO ${WATCHER.user};
    CREATE TABLE ticks (symbol text, n bigint, note text);
     GRANT SELECT ON trades, purchases, hostile, ticks, zz_archive, zz_nothing, zz_single, "zz ""odd"" <b>" TO ${READER.user}`);
  query("CALL powertree_compact()");
  query("ANALYZE");
}

/**
 * The configuration: events of a topic; a report that runs each second, one that fails, and one that is not for the reader.
 * @param {number} port
 */
function configuration(port) {
  const database = `host=127.0.0.1 port=${process.env.PGPORT} dbname=postgres`;
  const report = (/** @type {string} */ name, /** @type {string} */ rest) => `[[report]]
name = "${name}"
${rest}
[report.database]
url = "${database} user=${WATCHER.user}"
password = "${WATCHER.password}"
`;
  const sales = 'table = "sales"\nseries = ["shop"]\ntime = "at"\nvalue = "total"';
  return `database = "host=${process.env.PGHOST} port=${process.env.PGPORT} user=${process.env.PGUSER} dbname=postgres"
job = "page"
brokers = "${BROKERS}"
[serve]
database = "${database}"
listen = "127.0.0.1:${port}"
[[serve.events]]
topic = "ticks"
key = "symbol"
memory_mb = 4
[[topic]]
name = "ticks"
${report("sales", `every = "1s"\nkeep_runs = 1000\nreaders = ["${READER.user}"]\n${sales}`)}
${report("secret", `every = "1h"\n${sales}`)}
${report("broken", `every = "1h"\nreaders = ["${READER.user}"]\nquery = "SELECT shop AS series, at, totl AS value FROM sales"`)}`;
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** Kafka's own producer, which sends each line to the topic `ticks`. */
function startProducer() {
  const kafka = execFileSync(path.join(ROOT, "scripts/where.sh"), ["kafka"], { encoding: "utf8" }).trim();
  const program = ["-Xmx512m", "-cp", `${kafka}/*`, "org.apache.kafka.tools.ConsoleProducer"];
  const producer = spawn("java", [...program, "--bootstrap-server", BROKERS, "--topic", "ticks", "--timeout", "5"], { stdio: ["pipe", "ignore", "ignore"] });
  return {
    /** @param {...(string | object)} messages */
    send(...messages) {
      for (const message of messages) producer.stdin.write(`${typeof message === "string" ? message : JSON.stringify(message)}\n`);
    },
    stop: () => producer.stdin.end(),
  };
}

/** The broker of the environment. */
const BROKERS = process.env.KAFKA_BROKERS ?? "";

/**
 * Makes the database ready and starts the service.
 * @returns {Promise<{base: string, producer: import("./story.mjs").Producer, stop: () => void}>}
 */
export async function start() {
  requirePasswords();
  makeTables();
  // The page's own queries are to find PostgreSQL's functions among those that look the same.
  execFileSync(path.join(ROOT, "tests/serve/lookalikes.py"), [READER.user]);
  const port = await freePort();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tally-page-"));
  const log = fs.openSync(path.join(folder, "log"), "w");
  const producer = startProducer();
  // It makes the topic.
  producer.send({ symbol: "first", n: 0 });
  const config = path.join(folder, "tally.toml");
  fs.writeFileSync(config, configuration(port));
  const service = spawn(TALLY, ["serve", "--config", config], { stdio: ["ignore", log, log] });
  const base = `http://127.0.0.1:${port}`;
  for (let attempt = 0; ; attempt += 1) {
    if (await fetch(`${base}/health`).then((answer) => answer.ok, () => false)) break;
    if (attempt > 200 || service.exitCode != null) throw new Error(`tally serve does not start:\n${fs.readFileSync(path.join(folder, "log"), "utf8")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    base,
    producer,
    stop() {
      producer.stop();
      service.kill("SIGTERM");
      fs.rmSync(folder, { recursive: true });
    },
  };
}
