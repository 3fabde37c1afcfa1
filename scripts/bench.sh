#!/usr/bin/env bash
# Runs every benchmark, benches/*.sql and benches/*/run.*, each in a fresh database of the running cluster.
set -euo pipefail
cd "$(dirname "$0")/../benches"

shopt -s nullglob
number=0
for benchmark in *.sql */run.*; do
    echo "== $benchmark"
    number=$((number + 1))
    export PGDATABASE=bench_$number DATABASE_URL=${DATABASE_URL%/*}/bench_$number
    psql -X -q -d postgres -c "CREATE DATABASE $PGDATABASE"
    psql -X -q -c "CREATE EXTENSION pg_tally"
    case $benchmark in
    *.sql) psql -X -q -v ON_ERROR_STOP=1 -f "$benchmark" ;;
    *) "./$benchmark" ;;
    esac
done
