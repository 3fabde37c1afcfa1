-- Errors of PostgreSQL inside the extension come without a Rust backtrace, although the server's environment asks for it.
CREATE TABLE plain (at timestamptz, x float8);
SELECT powertree_create('plain', 'at', '{x}', 'nonsense');
DROP TABLE plain;

-- An accessor where an aggregate is meant: PostgreSQL's error, and the line that does it.
CREATE TABLE hourly (hour int, "Price" tally, price tally, plain float8);
SELECT hour / 24, avg(price) FROM hourly GROUP BY 1;
SELECT hour / 24, AVG ( hourly."Price" ) AS "AVG(Price)" FROM hourly GROUP BY 1 ORDER BY 1;
SELECT 'größe', sum(price) FROM hourly GROUP BY hour;
SELECT hour / 24, avg(tally(price)) FROM hourly GROUP BY 1;
-- No hint where something else is missing.
SELECT hour / 24, plain, avg(plain) FROM hourly GROUP BY 1;
SELECT hour / 24, round(plain) FROM hourly GROUP BY 1;
DROP TABLE hourly;

-- A function of the extension's library declared with arguments of other types: an error, no crash.
CREATE FUNCTION drop_number(int) RETURNS void AS '$libdir/pg_tally', 'powertree_drop_wrapper' LANGUAGE C;
SELECT drop_number(1);
DROP FUNCTION drop_number;

-- Arguments of megabytes are refused before they are copied, and not repeated.
CREATE TABLE numbered (at bigint, n int, x float8);
SELECT powertree_create('numbered', 'at', '{x}', '10', '{n}');
SELECT powertree_series('numbered', repeat('1', 10000000));
SELECT powertree_tally('numbered', 'x', repeat('1', 10000000), NULL, '1');
SELECT powertree_buckets('numbered', 'x', 0, 10, repeat('1', 10000000), '1');
SELECT powertree_tally('numbered', repeat('x', 10000000), 0, 10, '1');
SELECT powertree_series(repeat('x', 10000000));
-- Spaces do not count, as everywhere.
SELECT powertree_series('numbered', repeat(' ', 1000) || '1');
SELECT powertree_drop('numbered');
DROP TABLE numbered;
