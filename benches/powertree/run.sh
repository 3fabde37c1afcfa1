#!/usr/bin/env bash
# The power tree: what it costs to write, what it saves to read, and eight writers at once. LARGEST=100000000 for 10^8 rows.
set -euo pipefail
cd "$(dirname "$0")"
psql -X -q -v ON_ERROR_STOP=1 -f ../include/compare.sql
copy=$(psql -X -At -c "SHOW data_directory")/powertree.copy
psql -X -q -v ON_ERROR_STOP=1 -v copy="$copy" -f write.sql
psql -X -q -v ON_ERROR_STOP=1 -c "DROP TABLE plain, kept" -c "COPY (SELECT) TO '$copy'"
psql -X -q -v ON_ERROR_STOP=1 -v largest="${LARGEST:-10000000}" -f read.sql
psql -X -q -v ON_ERROR_STOP=1 -f many.sql

# Eight writers of two statements each, 2 ms held inside the transaction, random series.
psql -X -q -v ON_ERROR_STOP=1 <<SQL
SET client_min_messages = warning;
CREATE TABLE plain (series int, at timestamptz, x float8);
CREATE INDEX ON plain (series, at);
CREATE TABLE kept (LIKE plain);
CREATE INDEX ON kept (series, at);
SELECT powertree_create('kept', at => 'at', "values" => '{x}', series => '{series}', leaf => '1 second');
CALL powertree_compact('kept');
SQL
scripts=$(mktemp -d)
trap 'rm -rf "$scripts"' EXIT
for table in plain kept; do
    cat >"$scripts/$table" <<SQL
\\set a random(1, 10)
\\set b random(1, 10)
BEGIN;
INSERT INTO $table SELECT :a, now() + i * interval '1 ms', random() FROM generate_series(1, 10) i;
\\sleep 2 ms
INSERT INTO $table SELECT :b, now() + i * interval '1 ms', random() FROM generate_series(1, 10) i;
COMMIT;
SQL
done
for round in 1 2 3; do
    for table in plain kept; do
        echo "$table $(pgbench -n -c 8 -j 2 -T 5 -f "$scripts/$table" | sed -n 's/^tps = \([0-9.]*\).*/\1/p')"
    done
done | sort | awk '{ tps[$1] = tps[$1] " " $2 } END { split(tps["plain"], p); split(tps["kept"], k)
    print "eight writers, transactions per second without and with a tree:" tps["plain"] " /" tps["kept"] }'
echo "deadlocks: $(psql -X -At -c "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")"

# A steady load, compacted a thousand times: tables of the extension do not grow.
psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE PROCEDURE steady(rounds int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. rounds LOOP
        INSERT INTO kept SELECT j % 10, '2026-01-01Z'::timestamptz + j * interval '100 ms', random() FROM generate_series(1, 200) j;
        DELETE FROM kept WHERE at < '2026-01-02Z';
        COMMIT;
        CALL powertree_compact('kept');
    END LOOP;
END $$;
SQL
for many in 100 900; do
    for _ in $(seq 10); do
        psql -X -q -c "CALL steady($((many / 10)))" -c "VACUUM powertree_log, powertree_node, powertree_state, kept"
    done
    psql -X -At -c "SELECT 'after $many compactions more: ' || string_agg(format('%s %s', relname, pg_size_pretty(pg_total_relation_size(oid))), ', ' ORDER BY relname)
        FROM pg_class WHERE relname IN ('powertree_log', 'powertree_node', 'powertree_state', 'powertree_span')"
done
