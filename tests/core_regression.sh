#!/usr/bin/env bash
# PostgreSQL's own tests of windows and aggregates with our library preloaded: what it accelerates must give what core gives.
#   tests/core_regression.sh PG_CONFIG SOURCES RESULTS_DIRECTORY
# SOURCES is a PostgreSQL source tree of the same major version. The running cluster preloads nothing else.
set -euo pipefail
pg_config=$1 tests=$2/src/test/regress results=$3
pg_regress=$(dirname "$("$pg_config" --pgxs)")/../test/regress/pg_regress
rm -rf "$results"
mkdir -p "$results"
export PGOPTIONS="-c session_preload_libraries=pg_tally"
"$pg_regress" --bindir="$("$pg_config" --bindir)" --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" \
    --inputdir="$tests" --outputdir="$results" --dlpath="$("$pg_config" --pkglibdir)" --dbname=core_regression \
    test_setup create_index create_aggregate window aggregates groupingsets >"$results/log" || true
# The set-up also wants a library of test functions, which is only in a built tree; none of the tests below needs it.
of_tests() { grep -v test_setup "$results/log" | grep -E "$1"; }
# Up to PostgreSQL 15 and from 16.
of_tests '^(test|ok|not ok) '
! of_tests '^(test .*FAILED|not ok )' >/dev/null
