#!/usr/bin/env bash
# Runs each tests/scenarios/*.sh, from the directory tests, in a fresh database of the running cluster (PGDATABASE); a scenario fails by its exit status.
set -uo pipefail
cd "$(dirname "$0")"

status=0
for scenario in scenarios/*.sh; do
    name=$(basename "$scenario" .sh)
    psql -X -q -c "CREATE DATABASE $name" || exit 1
    if output=$(PGDATABASE=$name bash -euo pipefail "$scenario" 2>&1); then
        echo "ok - $name"
    else
        printf 'not ok - %s\n%s\n' "$name" "$output"
        status=1
    fi
done
exit $status
