#!/usr/bin/env bash
# kill -9 of the server, and of the background worker, in the middle of compactions, while partitions are archived and restored: right after recovery, each time.
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
# A table whose partitions go to the archive and come back; its shadow has every row.
ask "CREATE TABLE m (s int, at bigint, x float8) PARTITION BY RANGE (at); CREATE TABLE m_rest PARTITION OF m DEFAULT; CREATE TABLE shadow (s int, at bigint, x float8);
    DO \$\$ BEGIN FOR i IN 0 .. 9 LOOP EXECUTE format('CREATE TABLE part_%s PARTITION OF m FOR VALUES FROM (%s) TO (%s)', i, i * 1000, i * 1000 + 1000); END LOOP; END \$\$"
ask "SELECT powertree_create('m', at => 'at', \"values\" => '{x}', series => '{s}', leaf => '100')" >/dev/null 2>&1
ask "CREATE PROCEDURE work_late() LANGUAGE plpgsql AS \$\$ BEGIN LOOP BEGIN
    WITH new AS (INSERT INTO shadow SELECT i % 5, random() * 9999, random() FROM generate_series(1, 200) i RETURNING *) INSERT INTO m TABLE new;
    EXCEPTION WHEN deadlock_detected THEN NULL; END; COMMIT; END LOOP; END \$\$"
ask "CREATE PROCEDURE work_archive() LANGUAGE plpgsql AS \$\$ DECLARE part regclass; is_part bool; a bigint; BEGIN LOOP BEGIN
    SELECT oid, relispartition, substr(relname, 6)::bigint * 1000 INTO part, is_part, a FROM pg_class WHERE relname ~ '^part_' AND relkind = 'r' ORDER BY random() LIMIT 1;
    IF is_part THEN
        PERFORM powertree_archive('m', part);
    ELSE
        LOCK m;
        PERFORM powertree_unarchive('m', a, a + 1000);
        EXECUTE format('WITH late AS (DELETE FROM m_rest WHERE at >= %s AND at < %s RETURNING *) INSERT INTO %s TABLE late', a, a + 1000, part);
        EXECUTE format('ALTER TABLE m ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)', part, a, a + 1000);
    END IF;
    INSERT INTO turns VALUES (is_part);
    EXCEPTION WHEN deadlock_detected THEN NULL; END; COMMIT; END LOOP; END \$\$; CREATE TABLE turns (archived bool)"
check_archive() {
    ask "SELECT count(*) FROM generate_series(0, 4) k, (VALUES (0, 10000), (1000, 7000), (3100, 4200)) r(a, b)
        WHERE powertree_tally('m', 'x', a, b, k::text) <> (SELECT tally(x) FROM shadow WHERE s = k AND at >= a AND at < b)"
}
check() {
    ask "SELECT count(*) FROM generate_series(0, 4) k, (VALUES (0, 100000), (4950, 77777), (30000, 70123)) r(a, b)
        WHERE powertree_tally('t', 'x', a, b, k::text) <> (SELECT tally(x) FROM t WHERE s = k AND at >= a AND at < b)"
}
verdict() {
    local wrong compactions
    wrong=$(($(check) + $(check_archive)))
    compactions=$(ask "SELECT compactions FROM powertrees WHERE name = 't'")
    if [ "$wrong" = 0 ] && [ "$(ask "SELECT count(*) FROM powertrees WHERE state LIKE 'stale%'")" = 0 ] && [ "$compactions" -gt "$2" ]; then
        echo "ok - $1, after $compactions compactions"
    else
        echo "not ok - $1: $wrong wrong answers, $compactions compactions"
        exit 1
    fi
}
for round in 1 2 3; do
    before=$(ask "SELECT compactions FROM powertrees WHERE name = 't'")
    ask "TRUNCATE turns"
    for work in work work work work_late work_archive; do psql -X -q -c "CALL $work()" >/dev/null 2>&1 & done
    psql -X -q -v ON_ERROR_STOP=1 -c "SELECT pg_sleep(0.5)" -c "DO \$\$ BEGIN FOR i IN 1 .. 100000 LOOP CALL powertree_compact('t'); COMMIT; END LOOP; END \$\$" >/dev/null 2>&1 &
    # In the middle of the work, however slow the machine is.
    for _ in $(seq 600); do [ "$(ask "SELECT compactions FROM powertrees WHERE name = 't'")" -le $((before + 3)) ] || break; sleep 0.1; done
    for _ in $(seq 600); do [ "$(ask "SELECT count(DISTINCT archived) FROM turns")" -lt 2 ] || break; sleep 0.1; done
    [ "$(ask "SELECT count(DISTINCT archived) FROM turns")" = 2 ] || { echo "not ok - no partition was archived and restored"; exit 1; }
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
before=$(ask "SELECT compactions FROM powertrees WHERE name = 't'")
ask "INSERT INTO t SELECT i % 5, random() * 1e5, random() FROM generate_series(1, 1000) i"
for _ in $(seq 600); do [ "$(ask "SELECT sum(log_rows) FROM powertrees")" = 0 ] && break; sleep 0.2; done
verdict "the worker compacts" "$before"
