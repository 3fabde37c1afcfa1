# Tables with tallies and detectors come back from pg_dump with equal values, in the same extension.
psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION pg_tally;
CREATE TABLE hourly AS
SELECT g AS hour, tally(x) AS t FROM generate_series(1, 20) g, LATERAL (SELECT sqrt(g * i) + 1e9 FROM generate_series(1, g) i) AS v(x) GROUP BY g;
INSERT INTO hourly SELECT 100 + i, tally(x) FROM unnest('{NaN,Infinity,-Infinity,-0,1e308,5e-324,NULL}'::float8[]) WITH ORDINALITY AS v(x, i) GROUP BY i;
CREATE TABLE watch AS
SELECT g AS series, detect(CASE WHEN i < 30 THEN g % 4 WHEN g % 3 = 0 THEN 10.0 ^ g ELSE g * random() END) OVER (PARTITION BY g ORDER BY i) AS d
FROM generate_series(1, 60) g, generate_series(1, 60) i;
SQL
psql -X -q -c "CREATE DATABASE restored"
pg_dump | psql -X -q -v ON_ERROR_STOP=1 -d restored >/dev/null
contents="SELECT hour, t, encode(tally_send(t), 'hex') FROM hourly ORDER BY hour"
states="SELECT series, d FROM watch ORDER BY num_rows(d), series"
before=$(psql -X -At -c "$contents")
after=$(psql -X -At -d restored -c "$contents")
[ "$(wc -l <<<"$before")" = 27 ]
diff <(echo "$before") <(echo "$after")
[ "$(psql -X -At -c "$states" | wc -l)" = 3600 ]
diff <(psql -X -At -c "$states") <(psql -X -At -d restored -c "$states")
