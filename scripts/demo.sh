#!/usr/bin/env bash
# The demonstration, in the running cluster; KEEP=1 leaves the data to look at, in the browser too.
set -euo pipefail
cd "$(dirname "$0")"

psql -X -q -c "CREATE DATABASE demo"
database=${DATABASE_URL%/*}/demo
programs=$CARGO_TARGET_DIR/release

# The page for whoever comes, as a role that may only read. It ends with the cluster.
serve() {
    local port postmaster
    port=$(python3 -B -c 'import service; print(service.free_port())')
    postmaster=$(head -n 1 "$PGHOST/postmaster.pid")
    psql -X -q -d demo <<SQL
CREATE ROLE visitor LOGIN;
GRANT USAGE ON SCHEMA tally_demo TO visitor;
GRANT SELECT ON ALL TABLES IN SCHEMA tally_demo TO visitor;
ALTER ROLE visitor SET search_path = tally_demo, public;
ALTER ROLE visitor SET session_preload_libraries = 'pg_tally';
SQL
    RUST_LOG=warn setsid "$programs/tally" serve --listen "127.0.0.1:$port" --config <(
        echo "database = '$database'"
        echo "serve.anonymous.database = '${database/postgres@/visitor@}'"
    ) </dev/null >/dev/null 2>>"${PGHOST%/*}/log" &
    local service=$!
    setsid sh -c "tail --pid=$postmaster -f /dev/null; kill $service" </dev/null >/dev/null 2>&1 &
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        kill -0 $service
        sleep 0.1
    done
    echo "They are in the browser, too: http://127.0.0.1:$port/"
}

keep=()
[ "${KEEP:-0}" = 0 ] || keep=(--keep)
"$programs/tally-market" demo --database "$database" "${keep[@]}"
[ "${KEEP:-0}" = 0 ] || serve
