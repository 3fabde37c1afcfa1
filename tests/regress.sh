#!/usr/bin/env bash
# Golden tests: runs tests/sql/*.sql, or those named, by pg_regress in the running cluster and compares with tests/expected/*.out.
#   tests/regress.sh PG_CONFIG RESULTS_DIRECTORY [NAME ...]
set -euo pipefail
cd "$(dirname "$0")"
pg_config=$1 results=$2
shift 2

# A server whose own pg_regress does not run (that of the relocatable PostgreSQL 18 is damaged) borrows version 15's:
# it only drives psql, which is the server's own in any case.
for provider in "$pg_config" "$(../scripts/where.sh pg15)"; do
    pg_regress=$(dirname "$("$provider" --pgxs)")/../test/regress/pg_regress
    if { "$pg_regress" --version; } >/dev/null 2>&1; then break; fi
done

shopt -s nullglob
tests=(sql/*.sql)
tests=("${tests[@]##*/}")
tests=("${@:-${tests[@]%.sql}}")
# What trees are compared with is the table itself, unless a test says that a tree may answer for it.
export PGOPTIONS="-c pg_tally.answer_from_trees=off ${PGOPTIONS:-}"
rm -rf "$results"
mkdir -p "$results"
"$pg_regress" \
    --bindir="$("$pg_config" --bindir)" --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" \
    --inputdir=. --outputdir="$results" --dbname=pg_tally_regression --load-extension=pg_tally \
    "${tests[@]}" || {
    [ ! -e "$results/regression.diffs" ] || cat "$results/regression.diffs"
    exit 1
}
