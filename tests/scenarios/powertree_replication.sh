# Logical replication applies rows where no statement trigger fires: a subscriber's own tree is right all the same, and
# what the publisher's tree stores does not come into it.
if [ "$(psql -X -At -c 'SHOW wal_level')" != logical ]; then
    echo "wal_level is not logical: not tried"
    exit 0
fi
tables="CREATE EXTENSION pg_tally; CREATE TABLE r (id int PRIMARY KEY, s text, at bigint, x float8) PARTITION BY RANGE (id);
    CREATE TABLE r_1 PARTITION OF r FOR VALUES FROM (0) TO (500); CREATE TABLE r_2 PARTITION OF r DEFAULT;
    SET client_min_messages = warning; SELECT powertree_create('r', at => 'at', \"values\" => '{x}', series => '{s}', leaf => '100')"
subscriber=${PGDATABASE}_subscriber
psql -X -q -c "CREATE DATABASE $subscriber"
psql -X -q -v ON_ERROR_STOP=1 -c "$tables" >/dev/null
psql -X -q -v ON_ERROR_STOP=1 -d "$subscriber" -c "$tables" >/dev/null
psql -X -q -v ON_ERROR_STOP=1 -c "INSERT INTO r SELECT i, substr('ab', 1 + i % 2, 1), i, i FROM generate_series(1, 1000) i" \
    -c "CREATE PUBLICATION everything FOR ALL TABLES" -c "SELECT pg_create_logical_replication_slot('$subscriber', 'pgoutput')" >/dev/null
psql -X -q -v ON_ERROR_STOP=1 -d "$subscriber" -c "CALL powertree_compact('r')" \
    -c "CREATE SUBSCRIPTION s CONNECTION 'dbname=$PGDATABASE host=$PGHOST port=$PGPORT user=postgres' PUBLICATION everything WITH (create_slot = false, slot_name = '$subscriber')"
right="SELECT bool_and(powertree_tally('r', 'x', a, b, k) = (SELECT tally(x) FROM r WHERE s = k AND at >= a AND at < b)), (SELECT concat_ws('|', count(*), sum(x)) FROM r)
    FROM (VALUES ('a'), ('b')) k(k), (VALUES (0, 10000), (250, 777)) e(a, b)"
caught_up() {
    local wanted
    wanted=$(psql -X -At -c "$right")
    [[ $wanted = t* ]]
    for _ in $(seq 600); do
        [ "$(psql -X -At -d "$subscriber" -c "$right")" = "$wanted" ] && return
        sleep 0.2
    done
    psql -X -d "$subscriber" -c "$right" -c "TABLE powertrees"
    return 1
}
caught_up
psql -X -q -v ON_ERROR_STOP=1 -c "CALL powertree_compact('r')" -c "INSERT INTO r SELECT i, 'a', i % 900, i FROM generate_series(1001, 1500) i" \
    -c "UPDATE r SET x = x + 1 WHERE id % 7 = 0" -c "DELETE FROM r WHERE id % 11 = 0" -c "UPDATE r SET at = at + 450 WHERE id % 13 = 0" -c "CALL powertree_compact('r')"
caught_up
psql -X -q -d "$subscriber" -c "CALL powertree_compact('r')"
caught_up
psql -X -q -c "TRUNCATE r" -c "INSERT INTO r VALUES (1, 'a', 1, 1)"
caught_up
psql -X -q -d "$subscriber" -c "CALL powertree_compact('r')"
caught_up
psql -X -q -d "$subscriber" -c "ALTER SUBSCRIPTION s DISABLE" -c "ALTER SUBSCRIPTION s SET (slot_name = NONE)" -c "DROP SUBSCRIPTION s"
# The publisher's process goes a moment after the subscriber's.
for _ in $(seq 150); do
    [ "$(psql -X -At -c "SELECT active FROM pg_replication_slots WHERE slot_name = '$subscriber'")" = t ] || break
    sleep 0.2
done
psql -X -q -c "SELECT pg_drop_replication_slot('$subscriber')" >/dev/null
