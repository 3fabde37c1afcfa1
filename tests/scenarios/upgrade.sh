# ALTER EXTENSION UPDATE from each version that can be installed makes the same catalogue as a fresh CREATE EXTENSION, and keeps what users have made.
current=$(psql -X -At -c "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_tally'")
psql -X -q -c "CREATE DATABASE upgrade_fresh"
psql -X -q -d upgrade_fresh -c "CREATE EXTENSION pg_tally"
fresh=$(psql -X -At -d upgrade_fresh -f catalogue.sql)
[ "$(wc -l <<<"$fresh")" -gt 300 ]

read_all="SELECT hour, t, encode(tally_send(t), 'hex'), level(d) FROM hourly ORDER BY hour;
SELECT name, base, at, \"values\", series, leaf FROM powertrees;
SELECT bucket, tally FROM powertree_buckets('m', 'x', '2026-01-01', '2026-01-02', '1 hour', 's1')"
old=$(psql -X -At -c "SELECT version FROM pg_available_extension_versions WHERE name = 'pg_tally' AND version <> '$current' ORDER BY 1")
[ -n "$old" ]
for version in $old; do
    export PGDATABASE=upgrade_${version//./_}
    psql -X -q -d postgres -c "CREATE DATABASE $PGDATABASE"
    psql -X -q -v ON_ERROR_STOP=1 -v version="$version" <<'SQL'
CREATE EXTENSION pg_tally VERSION :'version';
CREATE TABLE hourly AS
SELECT h AS hour, tally(x) AS t, detect(x ORDER BY g) AS d
FROM generate_series(1, 5) h, generate_series(1, 100) g, LATERAL (SELECT sqrt(g * h)) v(x) GROUP BY h;
CREATE INDEX ON hourly USING hash (t);
CREATE VIEW described AS SELECT hour, (describe(t)).*, t + t AS twice, t::jsonb AS json FROM hourly;
CREATE TABLE m (at timestamptz, s text, x float8);
INSERT INTO m SELECT '2026-01-01'::timestamptz + g * interval '1 minute', 's' || g % 3, g FROM generate_series(0, 999) g;
SELECT powertree_create('m', 'at', '{x}', '1 minute', '{s}');
SQL
    # What this library would store, those tables cannot tell from what was stored before.
    error=$(psql -X -At -c "CALL powertree_compact('m')" 2>&1 || true)
    [[ $error == *"tables of extension pg_tally are those of another version"* ]]
    before=$(psql -X -At -v ON_ERROR_STOP=1 -c "$read_all")
    psql -X -q -v ON_ERROR_STOP=1 -c "ALTER EXTENSION pg_tally UPDATE"
    diff <(echo "$fresh") <(psql -X -At -f catalogue.sql)
    diff <(echo "$before") <(psql -X -At -v ON_ERROR_STOP=1 -c "$read_all")
    # The trees are as new ones: nothing is wrong with them when their table is looked at, nor in the middle of a statement.
    psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
ALTER TABLE m ADD COLUMN note text;
CREATE FUNCTION agrees() RETURNS boolean LANGUAGE sql VOLATILE AS
    $$ SELECT powertree_tally('m', 'x', NULL::timestamptz, NULL, 's1') = (SELECT tally(x) FROM m WHERE s = 's1') $$;
SQL
    [ "$(psql -X -At -c "INSERT INTO m VALUES ('2026-01-01 13:00', 's1', 8) RETURNING agrees()" | head -1)" = t ]
    # And the tree goes on: what is written after the update is counted, before and after compaction.
    [ "$(psql -X -At -c "SELECT state FROM powertrees")" = 'reads the table: made by an earlier version, not built yet' ]
    psql -X -q -v ON_ERROR_STOP=1 -c "CALL powertree_compact('m')" -c "INSERT INTO m VALUES ('2026-01-01 12:00', 's1', 7)"
    for _ in 1 2; do
        [ "$(psql -X -At -c "SELECT powertree_tally('m', 'x', NULL::timestamptz, NULL, 's1') = (SELECT tally(x) FROM m WHERE s = 's1'), state FROM powertrees")" = 't|live' ]
        psql -X -q -c "CALL powertree_compact('m')"
    done
    psql -X -q -v ON_ERROR_STOP=1 -c "DROP EXTENSION pg_tally CASCADE"
done
