# Names and series are kept as UTF-8: elsewhere no tree is made.
psql -X -q -v ON_ERROR_STOP=1 -c "CREATE DATABASE ${PGDATABASE}_latin1 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
refused=$(PGDATABASE=${PGDATABASE}_latin1 psql -X -q -v VERBOSITY=verbose -c "CREATE EXTENSION pg_tally" -c 'CREATE TABLE "größe" (at bigint, x float8)' \
    -c "SELECT powertree_create('größe', 'at', '{x}', '9')" 2>&1 || true)
[[ $refused = *"0A000: power trees need a database in encoding UTF8"* ]]
