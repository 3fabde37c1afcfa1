#!/usr/bin/env bash
# The loader against a bare binary COPY of the same rows, in the same commits, into the same unindexed table.
#
#   DATABASE_URL=postgres://... benches/loader/run.sh [ROWS]        (default 2,000,000; needs psql and `make loader`)
#
# Prints, for each of three rounds, both rates and their ratio; only the ratio means anything elsewhere. With KAFKA_BROKERS it
# reads from that Kafka; without it from the embedded broker, which alone needs more of the machine than the loader:
#
#   scripts/kafka/broker.py run -- benches/loader/run.sh
#
# WRITERS="1 2 4" compares so many lanes.
set -euo pipefail
: "${DATABASE_URL:?names the database to measure in; it is written to}"
rows=${1:-2000000}
commit=${COMMIT_ROWS:-10000}
writers=${WRITERS:-2}
topic=trades_$$
tally=${TALLY:-${CARGO_TARGET_DIR:-target}/release/tally}
dir=$(mktemp -d)
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$DATABASE_URL" "$@"; }
columns="exchange, symbol, price, size, taker_side, trade_id, event_time"

cleanup() {
    exec 3>&- # the embedded broker ends with its standard input
    sql -c "DROP SCHEMA IF EXISTS loader_bench CASCADE" -c "DELETE FROM loader.offsets WHERE job LIKE 'loader_bench%'" \
        -c "DELETE FROM loader.schema_history WHERE job LIKE 'loader_bench%'" 2>"$dir/cleanup" || true
    rm -rf "$dir"
}
trap cleanup EXIT

if [ -n "${KAFKA_BROKERS:-}" ]; then
    brokers=$KAFKA_BROKERS
    "$tally-market" simulate --brokers "$brokers" --topic "$topic" --partitions 16 --count "$rows" --symbols 5000 >"$dir/simulate" 2>&1
else
    # So many partitions that none of them outgrows the broker's memory.
    mkfifo "$dir/stdin"
    "$tally-market" broker --topic "$topic:$((rows / 12000 + 1))" <"$dir/stdin" >"$dir/broker" &
    exec 3>"$dir/stdin"
    until brokers=$(grep -o '127.0.0.1:[0-9]*' "$dir/broker"); do sleep 0.1; done
    "$tally-market" simulate --brokers "$brokers" --topic "$topic" --count "$rows" --symbols 5000 >"$dir/simulate" 2>&1
fi

config() {
    cat <<END
job = "loader_bench_$1"
database = "$DATABASE_URL"
brokers = "$brokers"
writers = $2
batch = { rows = $commit }
[[topic]]
name = "$topic"
table = "loader_bench.trades"
unknown_fields = "ignore"
columns = [
    { name = "exchange", type = "text" }, { name = "symbol", type = "text" },
    { name = "price", type = "double precision" }, { name = "size", type = "double precision" },
    { name = "taker_side", type = "text" }, { name = "trade_id", type = "text" },
    { name = "event_time", type = "timestamptz", from = "event_timestamp", unit = "ms" },
]
END
}

empty_table() { sql -c "TRUNCATE loader_bench.trades" -c "CHECKPOINT"; }
seconds() { local start=$EPOCHREALTIME; "$@"; awk "BEGIN { print $EPOCHREALTIME - $start }"; }
load() { "$tally" load --config "$dir/$1.toml" --until-end --quiet 2>"$dir/log"; }
bare() { sql -f "$dir/copies"; }

# The first load makes the table and the rows for the bare COPY, a file for each commit.
sql -c "DROP SCHEMA IF EXISTS loader_bench CASCADE" -c "CREATE SCHEMA loader_bench" 2>"$dir/log"
config 0 1 >"$dir/0.toml"
load 0
loaded=$(sql -c "SELECT count(*) FROM loader_bench.trades")
[ "$loaded" = "$rows" ] || { echo "loaded $loaded of $rows rows: the broker dropped some" >&2; exit 1; }
sql -c "CREATE TABLE loader_bench.numbered AS SELECT row_number() OVER () AS n, * FROM loader_bench.trades" \
    -c "CREATE INDEX ON loader_bench.numbered (n)" -c "ANALYZE loader_bench.numbered"
for ((n = 0; n < rows; n += commit)); do
    echo "\\copy (SELECT $columns FROM loader_bench.numbered WHERE n > $n AND n <= $n + $commit) TO '$dir/$n' (FORMAT binary)"
    echo "\\copy loader_bench.trades ($columns) FROM '$dir/$n' (FORMAT binary)" >>"$dir/copies"
done >"$dir/exports"
sql -f "$dir/exports"

for round in 1 2 3; do
    empty_table
    bare_seconds=$(seconds bare)
    for lanes in $writers; do
        config "$round.$lanes" "$lanes" >"$dir/$round.$lanes.toml"
        empty_table
        load_seconds=$(seconds load "$round.$lanes")
        awk "BEGIN { printf \"round $round: bare COPY %.0f rows/s, loader with $lanes writers %.0f rows/s with its start, ratio %.2f\\n\",
                     $rows / $bare_seconds, $rows / $load_seconds, $bare_seconds / $load_seconds }"
    done
done
