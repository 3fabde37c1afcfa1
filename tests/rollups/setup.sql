-- The tables that the templates ask, with power trees. Prices are multiples of 1/8, so that core's own sums of them are exact in any order.
SET client_min_messages = warning;
CREATE TABLE trades (exchange text NOT NULL, symbol text NOT NULL, at timestamptz NOT NULL, price float8, size int);
CREATE INDEX ON trades (exchange, symbol, at) INCLUDE (price, size);
-- Trades of the last year, for what asks relative to now.
CREATE TABLE recent (LIKE trades);
CREATE INDEX ON recent (exchange, symbol, at) INCLUDE (price, size);
-- Positions in seconds since 1970.
CREATE TABLE ticks (sensor int NOT NULL, at_unix bigint NOT NULL, reading float4, total bigint, cost numeric(12,2));
CREATE INDEX ON ticks (sensor, at_unix);
CREATE TABLE visits (host text NOT NULL, at timestamp NOT NULL, ms int, paid numeric(10,2), score float8);
CREATE INDEX ON visits (host, at);
CREATE TABLE days (region text NOT NULL, day date NOT NULL, amount numeric(12,2), items bigint, rate float8);
CREATE INDEX ON days (region, day);
-- Dimensions: a symbol without trades, trades without a symbol; one that is there twice.
CREATE TABLE symbols (symbol text, sector text, since timestamptz);
INSERT INTO symbols VALUES ('BTC', 'Coin', '2026-01-10Z'), ('ETH', 'Coin', '2026-01-20Z'), ('SAP', 'Tech', '2025-12-01Z'),
    ('SAP', 'Software', '2026-02-01Z'), ('XYZ', 'None', NULL);
CREATE TABLE watchlist (symbol text);
INSERT INTO watchlist VALUES ('BTC'), ('SAP'), ('SAP'), (NULL);
CREATE TABLE dates (date date PRIMARY KEY, month text, weekday int);
INSERT INTO dates SELECT d, to_char(d, 'YYYY-MM'), extract(isodow FROM d) FROM generate_series('2025-10-01'::date, '2026-06-30', '1 day') d;

-- Gaps, NULLs, a night without prices, and nights on which clocks change: 26 October 2025 and 29 March 2026 in Berlin,
-- 2 November 2025 and 8 March 2026 in New York.
CREATE VIEW made AS
SELECT (ARRAY['bybit', 'kraken'])[1 + s % 2] AS exchange, (ARRAY['BTC', 'ETH', 'SAP', 'B-2', 'btc'])[1 + s % 5] AS symbol,
    begin + i * step + s * interval '1.25 s' AS at,
    CASE WHEN i % 97 = 3 OR s = 4 AND i % 2 = 0 THEN NULL ELSE 100 + (i * 7919 % 4001) / 8.0 END::float8 AS price,
    CASE WHEN i % 89 = 5 THEN NULL ELSE 1 + (i * 31 % 500) END AS size
FROM generate_series(0, 9) s, (VALUES
    ('2025-10-20Z'::timestamptz, interval '31 min', 8000), ('2026-01-01Z', interval '41 s', 5000), ('2026-01-20Z', interval '11 min', 1500),
    ('2025-10-25 22:30Z', interval '2 min', 150), ('2025-11-02 04:30Z', interval '3 min', 80), ('2026-03-08 06:00Z', interval '3 min', 80),
    ('2026-03-28 23:30Z', interval '2 min', 150)) stretch(begin, step, count), LATERAL generate_series(0, count) i
WHERE (i + s) % 13 <> 0;
INSERT INTO trades SELECT * FROM made;
INSERT INTO trades SELECT 'kraken', 'quiet', '2026-02-03 01:00Z'::timestamptz + i * interval '7 min', NULL, NULL FROM generate_series(1, 300) i;
INSERT INTO recent SELECT 'bybit', (ARRAY['BTC', 'ETH'])[1 + i % 2], now() - interval '300 days' + i * interval '9 min', (i * 7919 % 4001) / 8.0, i % 500 FROM generate_series(1, 48500) i;
INSERT INTO ticks
SELECT s, 1767225600 + i * 7 + s, (i % 1000) / 4.0, CASE WHEN i % 50 = 1 THEN NULL ELSE i * 1000003::bigint END, (i * 37 % 100000) / 100.0
FROM generate_series(1, 4) s, generate_series(0, 14999) i WHERE i % 29 <> s;
INSERT INTO visits
SELECT (ARRAY['www', 'api', 'img'])[1 + s], '2026-01-01'::timestamp + i * interval '3 min 7 s' + s * interval '5 s', NULLIF(i * 17 % 900, 13),
    CASE WHEN i % 5 = 0 THEN (i * 13 % 9999) / 100.0 END, (i % 256) / 16.0
FROM generate_series(0, 2) s, generate_series(0, 14999) i WHERE i % 31 <> s;
INSERT INTO days
SELECT (ARRAY['north', 'south', 'west'])[1 + s], '2019-12-25'::date + i % 2200, NULLIF(i * 271 % 100000, 271) / 100.0, i % 40, (i % 64) / 32.0
FROM generate_series(0, 2) s, generate_series(0, 14999) i WHERE i % 17 <> s;

SELECT powertree_create('trades', at => 'at', "values" => '{price,size}', series => '{exchange,symbol}', leaf => '5 minutes');
SELECT powertree_create('recent', at => 'at', "values" => '{price,size}', series => '{exchange,symbol}', leaf => '10 minutes');
SELECT powertree_create('ticks', at => 'at_unix', "values" => '{reading,total,cost}', series => '{sensor}', leaf => '60');
SELECT powertree_create('visits', at => 'at', "values" => '{ms,paid,score}', series => '{host}', leaf => '15 minutes');
SELECT powertree_create('days', at => 'day', "values" => '{amount,items,rate}', series => '{region}', leaf => '1 day');
CALL powertree_compact();

-- Late rows that wait in the log, and leaves that are read from the table until the next compaction.
INSERT INTO trades SELECT exchange, symbol, at + interval '17 s', price + 1, size FROM made WHERE symbol IN ('BTC', 'quiet') AND at < '2025-10-27Z' AND size % 5 = 0;
UPDATE trades SET price = price + 0.5 WHERE symbol = 'ETH' AND at BETWEEN '2026-01-02Z' AND '2026-01-02 02:00Z';
DELETE FROM trades WHERE symbol = 'SAP' AND at BETWEEN '2026-03-29 00:50Z' AND '2026-03-29 01:10Z';
INSERT INTO ticks SELECT 2, 1767225600 + i * 501, 2, i, 2.5 FROM generate_series(1, 60) i;
SET pg_tally.powertree_bulk = on;
INSERT INTO trades SELECT 'bybit', 'BTC', '2026-01-03 05:00Z'::timestamptz + i * interval '20 s', 200 + i % 8, i FROM generate_series(1, 200) i;
UPDATE visits SET ms = ms + 1 WHERE host = 'api' AND at BETWEEN '2026-01-10' AND '2026-01-10 03:00';
DELETE FROM days WHERE region = 'west' AND day BETWEEN '2021-02-03' AND '2021-02-10';
SET pg_tally.powertree_bulk = off;
DROP VIEW made;
ANALYZE trades, recent, ticks, visits, days, symbols, watchlist, dates;
