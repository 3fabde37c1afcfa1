#!/usr/bin/env bash
# `tally load csv` against psql's \copy of the same files into a table of the same types.
#
#   DATABASE_URL=postgres://... benches/files/run.sh [SIZE] [FILES]     (default 200MB in 50 files; needs psql, `tally` and `tally-market`)
#
# Prints, for each of three rounds, the rates in MB/s of: \copy, one file after the other; as many \copy at once as there
# are cores; the loader into a table that exists; the loader with a table to make, so that all files are scanned first. The
# ratios are over the first; only they mean anything elsewhere.
set -euo pipefail
: "${DATABASE_URL:?names the database to measure in; it is written to}"
size=${1:-200MB}
files=${2:-50}
rounds=${ROUNDS:-3}
tally=${TALLY:-${CARGO_TARGET_DIR:-target}/release/tally}
dir=$(mktemp -d)
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$DATABASE_URL" "$@"; }

cleanup() {
    sql -c "DROP SCHEMA IF EXISTS files_bench CASCADE" -c "DELETE FROM loader.files WHERE job LIKE 'files_bench%'" \
        2>"$dir/cleanup" || true
    rm -rf "$dir"
}
trap cleanup EXIT

"$tally-market" simulate csv --dir "$dir/csv" --bytes "$size" --files "$files"
megabytes=$(($(cat "$dir"/csv/* | wc -c) / 1000000))
sql -c "DROP SCHEMA IF EXISTS files_bench CASCADE" -c "CREATE SCHEMA files_bench" 2>"$dir/log"

seconds() { local start=$EPOCHREALTIME; "$@" >"$dir/log"; awk "BEGIN { print $EPOCHREALTIME - $start }"; }
load() { "$tally" load csv --quiet --database "$DATABASE_URL" --table files_bench.prices --job "files_bench_$1" "$dir/csv"; }
copy() { sql -c "\\copy files_bench.prices FROM '$1' (FORMAT csv, HEADER)"; }
copy_all() { printf "\\\\copy files_bench.prices FROM '%s' (FORMAT csv, HEADER)\n" "$dir"/csv/* | sql; }
export -f sql copy
export DATABASE_URL
copy_at_once() { printf '%s\n' "$dir"/csv/* | xargs -P "$(nproc)" -I{} bash -c 'copy {}'; }
# A server that is still writing the last run's table would be measured, too.
again() { sql -c "$1" -c "CHECKPOINT"; }
empty="TRUNCATE files_bench.prices"

load first
rows=$(sql -c "SELECT count(*) FROM files_bench.prices")
for ((round = 1; round <= rounds; round++)); do
    again "$empty"; one=$(seconds copy_all)
    again "$empty"; many=$(seconds copy_at_once)
    again "$empty"; into=$(seconds load "into_$round")
    again "DROP TABLE files_bench.prices"; new=$(seconds load "new_$round")
    loaded=$(sql -c "SELECT count(*) FROM files_bench.prices")
    [ "$loaded" = "$rows" ] || { echo "loaded $loaded of $rows rows" >&2; exit 1; }
    seconds load "new_$round" >"$dir/again"
    [ "$(sql -c "SELECT count(*) FROM files_bench.prices")" = "$rows" ] || { echo "a second run added rows" >&2; exit 1; }
    awk "BEGIN { printf \"round $round: \\\\copy %.1f MB/s; $(nproc) at once %.1f, ratio %.2f; \", \
                 $megabytes / $one, $megabytes / $many, $one / $many
                 printf \"loader %.1f, ratio %.2f; with a new table %.1f, ratio %.2f\\n\", \
                 $megabytes / $into, $one / $into, $megabytes / $new, $one / $new }"
done
echo "$rows rows; types: $(sql -c "SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = 'files_bench.prices'::regclass AND attnum > 0")"
