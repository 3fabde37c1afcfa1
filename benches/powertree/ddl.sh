#!/usr/bin/env bash
# What power trees cost commands that do not concern them: CREATE TEMP TABLE, and CREATE and DROP of a table, beside the same
# without the extension, in turns. TREES=10 PARTITIONS=100 SECONDS_EACH=5 ROUNDS=3
set -euo pipefail
scripts=$(mktemp -d)
trap 'rm -rf "$scripts"' EXIT
echo 'CREATE TEMP TABLE scratch (a int, b text) ON COMMIT DROP;' >"$scripts/temp"
printf 'CREATE TABLE scratch (a int, b text);\nDROP TABLE scratch;\n' >"$scripts/drop"

psql -X -q -v ON_ERROR_STOP=1 -c "CREATE DATABASE without" -c "CREATE DATABASE \"with\""
PGDATABASE=with psql -X -q -v ON_ERROR_STOP=1 <<SQL
SET client_min_messages = warning;
CREATE EXTENSION pg_tally;
DO \$\$ BEGIN
    FOR t IN 1 .. ${TREES:-10} LOOP
        EXECUTE format('CREATE TABLE base%s (at bigint, x float8) PARTITION BY RANGE (at)', t);
        FOR p IN 1 .. ${PARTITIONS:-100} LOOP
            EXECUTE format('CREATE TABLE base%1\$s_%2\$s PARTITION OF base%1\$s FOR VALUES FROM (%2\$s) TO (%3\$s)', t, p, p + 1);
        END LOOP;
        PERFORM powertree_create(format('base%s', t)::regclass, 'at', '{x}', '1');
    END LOOP;
END \$\$;
SQL
for script in temp drop; do
    for _ in $(seq "${ROUNDS:-3}"); do
        for database in without with; do
            echo "$database $(PGDATABASE=$database pgbench -n -T "${SECONDS_EACH:-5}" -f "$scripts/$script" | sed -n 's/^latency average = \([0-9.]*\).*/\1/p')"
        done
    done | awk -v script="$script" '{ if (!($1 in best) || $2 < best[$1]) best[$1] = $2 }
        END { printf "%s: %.3f ms without, %.3f ms with trees: %.2f times\n", script, best["without"], best["with"], best["with"] / best["without"] }'
done
