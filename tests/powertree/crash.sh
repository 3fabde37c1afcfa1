#!/usr/bin/env bash
# kill -9 of the server, and of the background worker, in the middle of compactions: right after recovery, each time.
#   tests/powertree/crash.sh PG_CONFIG
set -euo pipefail
cd "$(dirname "$0")/../.."
directory=$(mktemp -d)
trap 'scripts/cluster.py stop "$directory" >/dev/null 2>&1 || true; rm -rf "$directory"' EXIT
chmod 755 "$directory"
start() {
    scripts/cluster.py start "$directory" --pg-config "$1" --set shared_preload_libraries=pg_tally \
        --set pg_tally.powertree_databases=postgres --set pg_tally.powertree_compact_rows=50 \
        --set pg_tally.powertree_compact_seconds=1 --set restart_after_crash=on
}
environment=$(start "$1")
eval "$environment"
ask() { psql -X -q -At -v ON_ERROR_STOP=1 -c "$1"; }
# After a crash the server may take a moment.
awake() { for _ in $(seq 600); do ask 'SELECT 1' >/dev/null 2>&1 && return; sleep 0.1; done; return 1; }

ask "CREATE EXTENSION pg_tally; CREATE TABLE t (s int, at bigint, x float8); CREATE INDEX ON t (s, at);"
ask "SELECT powertree_create('t', at => 'at', \"values\" => '{x}', series => '{s}', leaf => '100')" >/dev/null 2>&1
ask "CREATE PROCEDURE work() LANGUAGE plpgsql AS \$\$ BEGIN LOOP
    INSERT INTO t SELECT i % 5, random() * 1e5, random() FROM generate_series(1, 200) i; COMMIT;
    DELETE FROM t WHERE s = floor(random() * 5) AND at BETWEEN 5e4 AND 5e4 + 300; COMMIT;
    UPDATE t SET x = x + 1 WHERE s = floor(random() * 5) AND at BETWEEN 7e4 AND 7e4 + 300; COMMIT;
    END LOOP; END \$\$"
check() {
    ask "SELECT count(*) FROM generate_series(0, 4) k, (VALUES (0, 100000), (4950, 77777), (30000, 70123)) r(a, b)
        WHERE powertree_tally('t', 'x', a, b, k::text) <> (SELECT tally(x) FROM t WHERE s = k AND at >= a AND at < b)"
}
verdict() {
    local wrong compactions
    wrong=$(check)
    compactions=$(ask "SELECT compactions FROM powertrees")
    if [ "$wrong" = 0 ] && [[ $(ask 'SELECT state FROM powertrees') != stale* ]] && [ "$compactions" -gt "$2" ]; then
        echo "ok - $1, after $compactions compactions"
    else
        echo "not ok - $1: $wrong wrong answers, $compactions compactions"
        exit 1
    fi
}
for round in 1 2 3; do
    before=$(ask "SELECT compactions FROM powertrees")
    for _ in 1 2 3; do psql -X -q -c 'CALL work()' >/dev/null 2>&1 & done
    psql -X -q -v ON_ERROR_STOP=1 -c "SELECT pg_sleep(0.5)" -c "DO \$\$ BEGIN FOR i IN 1 .. 100000 LOOP CALL powertree_compact('t'); COMMIT; END LOOP; END \$\$" >/dev/null 2>&1 &
    # In the middle of the work, however slow the machine is.
    for _ in $(seq 600); do [ "$(ask "SELECT compactions FROM powertrees")" -le $((before + 3)) ] || break; sleep 0.1; done
    sleep "0.$round"
    if [ $round = 2 ]; then
        # A worker may be done before the signal comes.
        killed=
        for _ in $(seq 1200); do
            worker=$(ask "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_tally power trees' LIMIT 1")
            if [ -n "$worker" ] && kill -9 "$worker" 2>/dev/null; then killed=yes; break; fi
            sleep 0.05
        done
        [ "$killed" ] || { echo "not ok - no worker could be killed"; exit 1; }
        what="kill -9 of the worker"
    else
        scripts/cluster.py kill "$directory"
        what="kill -9 of the server"
    fi
    wait
    [ $round = 2 ] || environment=$(start "$1")
    eval "$environment"
    awake
    verdict "$what" $((before + 3))
done
# The worker goes on by itself.
before=$(ask "SELECT compactions FROM powertrees")
ask "INSERT INTO t SELECT i % 5, random() * 1e5, random() FROM generate_series(1, 1000) i"
for _ in $(seq 600); do [ "$(ask "SELECT log_rows FROM powertrees")" = 0 ] && break; sleep 0.2; done
verdict "the worker compacts" "$before"
