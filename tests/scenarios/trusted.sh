# An owner of the database who is not a superuser can create the extension and use it.
psql -X -q -v ON_ERROR_STOP=1 <<SQL
CREATE ROLE owner LOGIN;
ALTER DATABASE "$PGDATABASE" OWNER TO owner;
SQL
result=$(PGUSER=owner psql -X -At -v ON_ERROR_STOP=1 -c "CREATE EXTENSION pg_tally" -c "SELECT avg(tally(x)) FROM unnest('{1,2,3}'::float8[]) x" -q)
[ "$result" = 2 ]
