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
