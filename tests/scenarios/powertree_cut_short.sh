# A statement that a procedural language stops after so many rows of its RETURNING fires no triggers after it: its rows count all the same.
version=$(psql -X -At -c "SHOW server_version_num")
pg_config=$(../scripts/where.sh "pg$((version / 10000))")
module=$(mktemp -d)
trap 'rm -rf "$module"' EXIT
cat >"$module/limited.c" <<'C'
#include "postgres.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(limited);
Datum
limited(PG_FUNCTION_ARGS)
{
    SPI_connect();
    SPI_execute(text_to_cstring(PG_GETARG_TEXT_PP(0)), false, PG_GETARG_INT32(1));
    SPI_finish();
    PG_RETURN_VOID();
}
C
cc -shared -fPIC -I"$("$pg_config" --includedir-server)" -o "$module/limited.so" "$module/limited.c"
chmod -R a+rX "$module"
psql -X -q -v ON_ERROR_STOP=1 -v "module=$module/limited" >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION pg_tally;
CREATE FUNCTION limited(text, int) RETURNS void LANGUAGE c AS :'module', 'limited';
CREATE TABLE cut (at bigint, x float8);
INSERT INTO cut SELECT i, i FROM generate_series(1, 300) i;
SELECT powertree_create('cut', at => 'at', "values" => '{x}', leaf => '100');
CREATE VIEW answers AS SELECT num_vals(powertree_tally('cut', 'x', NULL, NULL)) AS tree, (SELECT count(*) FROM cut) AS rows, (SELECT state FROM powertrees) AS state;
CALL powertree_compact('cut');
SQL
expect() { [ "$1" = "$2" ] || { echo "$1, not $2"; exit 1; }; }
ask() { psql -X -q -At -v ON_ERROR_STOP=1 -c "TABLE answers"; }
insert="SELECT limited('INSERT INTO cut SELECT i, i FROM generate_series(1, 10) i RETURNING x', 3)"
psql -X -q -v ON_ERROR_STOP=1 -c "$insert" >/dev/null
expect "$(ask)" "303|303|reads the table: statement cut short"
psql -X -q -v ON_ERROR_STOP=1 -c "CALL powertree_compact('cut')"
expect "$(ask)" "303|303|live"
# In a subtransaction that is kept and one that is not, before another that fails.
got=$(psql -X -q -At -v ON_ERROR_STOP=1 -c "BEGIN" -c "SAVEPOINT a" -c "$insert" -c "RELEASE a" -c "TABLE answers" -c "SAVEPOINT b" -c "$insert" \
    -c "ROLLBACK TO b" -c "TABLE answers" -c "COMMIT" | grep .)
expect "$got" $'306|306|live\n306|306|live'
expect "$(ask)" "306|306|reads the table: statement cut short"
psql -X -q -v ON_ERROR_STOP=1 -c "CALL powertree_compact('cut')"
psql -X -q -v ON_ERROR_STOP=1 -c "BEGIN" -c "$insert" -c "ROLLBACK" >/dev/null
expect "$(ask)" "306|306|live"
# However many of them a transaction has, one span says so.
psql -X -q -v ON_ERROR_STOP=1 -c "CALL powertree_compact('cut')"
psql -X -q -v ON_ERROR_STOP=1 -c "SELECT count(limited('INSERT INTO cut VALUES (1, 1), (2, 2) RETURNING x', 1)) FROM generate_series(1, 100)" >/dev/null
expect "$(psql -X -q -At -c "SELECT count(*) FROM powertree_span")" 1
expect "$(ask)" "406|406|reads the table: statement cut short"
