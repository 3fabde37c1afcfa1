# A dump holds the definitions of power trees; restored they read their tables until they are rebuilt.
psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION pg_tally;
CREATE TABLE pt (s text, at timestamptz, x float8) PARTITION BY RANGE (at);
CREATE TABLE pt_1 PARTITION OF pt FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
CREATE TABLE pt_2 PARTITION OF pt DEFAULT;
INSERT INTO pt SELECT 'a', '2026-01-01Z'::timestamptz + i * interval '1 hour', i FROM generate_series(1, 1000) i;
SELECT powertree_create('pt', at => 'at', "values" => '{x}', series => '{s}', leaf => '1 hour');
CALL powertree_compact('pt');
INSERT INTO pt VALUES ('a', '2026-01-03Z', 7);
SQL
right="SELECT powertree_tally('pt', 'x', NULL, NULL, 'a') = (SELECT tally(x) FROM pt WHERE s = 'a'), state, (SELECT count(*) FROM powertree_node) FROM powertrees"
for format in plain custom data-only; do
    restored=${PGDATABASE}_${format/-/_}
    psql -X -q -c "CREATE DATABASE $restored"
    case $format in
    plain) pg_dump | psql -X -q -v ON_ERROR_STOP=1 -d "$restored" >/dev/null ;;
    custom) pg_dump -Fc | pg_restore -j 2 -d "$restored" /dev/stdin 2>/dev/null || { f=$(mktemp); pg_dump -Fc >"$f"; pg_restore --exit-on-error -d "$restored" "$f"; rm "$f"; } ;;
    data-only)
        pg_dump --schema-only | psql -X -q -v ON_ERROR_STOP=1 -d "$restored" >/dev/null
        pg_dump --data-only --disable-triggers | psql -X -q -v ON_ERROR_STOP=1 -d "$restored" >/dev/null 2>&1
        ;;
    esac
    got=$(psql -X -At -d "$restored" -c "$right")
    [ "$got" = "t|stale: restored from a dump|0" ] || { echo "$format: $got"; exit 1; }
    psql -X -q -d "$restored" -c "INSERT INTO pt VALUES ('a', '2026-01-04Z', 8)"
    [ "$(psql -X -At -d "$restored" -c "$right")" = "$got" ]
    psql -X -q -d "$restored" -c "SELECT powertree_rebuild('pt')" -c "CALL powertree_compact('pt')" -c "INSERT INTO pt VALUES ('a', '2026-01-05Z', 8)" >/dev/null 2>&1
    got=$(psql -X -At -d "$restored" -c "$right")
    [[ $got =~ ^t\|live\|[1-9] ]] || { echo "$format, rebuilt: $got"; exit 1; }
    # The extension goes with its triggers.
    psql -X -q -v ON_ERROR_STOP=1 -d "$restored" -c "SET client_min_messages = warning; DROP EXTENSION pg_tally CASCADE" -c "INSERT INTO pt VALUES ('a', '2026-01-06Z', 8)"
done
# Only the data, into a database where trees exist, one of them under another number: definitions are left out, and what is loaded is logged.
existing=${PGDATABASE}_existing
psql -X -q -c "CREATE DATABASE $existing"
psql -X -q -v ON_ERROR_STOP=1 -d "$existing" >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION pg_tally;
CREATE TABLE other (at bigint, x float8);
SELECT powertree_create('other', at => 'at', "values" => '{x}', leaf => '10');
CREATE TABLE pt (s text, at timestamptz, x float8) PARTITION BY RANGE (at);
CREATE TABLE pt_1 PARTITION OF pt FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
CREATE TABLE pt_2 PARTITION OF pt DEFAULT;
SELECT powertree_create('pt', at => 'at', "values" => '{x}', series => '{s}', leaf => '1 hour');
CALL powertree_compact();
SQL
pg_dump --data-only --exclude-table-data='powertree_*' | psql -X -q -v ON_ERROR_STOP=1 -d "$existing" >/dev/null
here="$right WHERE name = 'pt'"
[ "$(psql -X -At -d "$existing" -c "$here")" = "t|live|0" ]
dump=$(mktemp)
pg_dump -Fc >"$dump"
pg_restore -l "$dump" | grep -v powertree_ >"$dump.list"
psql -X -q -d "$existing" -c "TRUNCATE pt" -c "CALL powertree_compact()"
pg_restore --data-only --exit-on-error -L "$dump.list" -d "$existing" "$dump"
[ "$(psql -X -At -d "$existing" -c "$here")" = "t|live|0" ]
# A restore with the definitions fails for them, and may set the numbers of trees back.
psql -X -q -d "$existing" -c "TRUNCATE pt" -c "CALL powertree_compact()"
said=$(pg_restore --data-only -d "$existing" "$dump" 2>&1 || true)
[[ $said == *powertree_definition_pkey*'errors ignored on restore: 1'* ]] || { echo "$said"; exit 1; }
rm "$dump" "$dump.list"
[ "$(psql -X -At -d "$existing" -c "$here")" = "t|live|0" ]
psql -X -q -v ON_ERROR_STOP=1 -d "$existing" >/dev/null 2>&1 -c "SELECT powertree_create('other', at => 'at', \"values\" => '{x}', leaf => '20', name => 'another')"
