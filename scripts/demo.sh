#!/usr/bin/env bash
# The demonstration, in the running cluster; KEEP=1 leaves the data to look at.
set -euo pipefail

psql -X -q -c "CREATE DATABASE demo"
database=${DATABASE_URL%/*}/demo
keep=()
[ "${KEEP:-0}" = 0 ] || keep=(--keep)
"$CARGO_TARGET_DIR/release/tally-market" demo --database "$database" "${keep[@]}"
