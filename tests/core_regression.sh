#!/usr/bin/env bash
# PostgreSQL's own tests of what we accelerate, windows and grouped queries, and of what is built of them, with our library preloaded:
# all must return what core returns.
#   tests/core_regression.sh PG_CONFIG SOURCES RESULTS_DIRECTORY
# SOURCES is a PostgreSQL source tree of the same major version that was built: its tests call C functions of src/test/regress/regress.so.
# The running cluster preloads nothing else.
set -euo pipefail
pg_config=$1 tests=$2/src/test/regress results=$3
pg_regress=$(dirname "$("$pg_config" --pgxs)")/../test/regress/pg_regress
[ -e "$tests/regress.so" ] || {
    echo "there is no $tests/regress.so: build PostgreSQL in that tree, or remove $2 and run scripts/setup.sh all"
    exit 1
}
# What the others ask for, in the order of core's own schedule.
made=(test_setup create_function_c create_misc create_operator create_procedure create_type create_table create_index create_view create_aggregate create_function_sql)
asked=(select select_distinct select_having subselect union case join aggregates groupingsets window portals prepare plancache limit
    select_views with misc rowsecurity inherit matview transactions tsrf select_parallel partition_prune partition_join partition_aggregate incremental_sort tuplesort memoize equivclass)
# The server itself writes there, and may run as another user, to whom our directories may be closed.
open=$(mktemp -d)
trap 'rm -rf "$open"' EXIT
chmod 755 "$open"
mkdir -m 777 "$open/results"
export PGOPTIONS="-c session_preload_libraries=pg_tally"
"$pg_regress" --bindir="$("$pg_config" --bindir)" --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" \
    --inputdir="$tests" --outputdir="$open" --dlpath="$tests" --dbname=core_regression "${made[@]}" "${asked[@]}" >"$open/log" || true
rm -rf "$results"
mkdir -p "$results"
cp -r "$open/." "$results"
# Up to PostgreSQL 15 and from 16.
grep -E '^(test|ok|not ok) ' "$results/log"
! grep -E '^(test .*FAILED|not ok )' "$results/log" >/dev/null
