#!/usr/bin/env bash
# Builds the images of docker/ and takes docker/compose.yaml through its life: up, simulate, load, query, serve, down.
#   tests/containers/run.sh PG_CONFIG
#
# No registry is needed: images made here stand in for the official ones, and what `make` has built already for stages that
# compile. Everything else is as a user has it.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
    echo "ok - containers # SKIP $*"
    exit
}
here=$(scripts/where.sh containers)
[ "$(id -u)" = 0 ] || skip "only root can make the images' base without a registry"
[ -e "$here/debian.tar" ] || skip "the base of the images could not be made; scripts/setup.sh test tries again"
work=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf PYTHONPATH=$here/podman-compose
# In a container runc gets by with less than crun, and limits cannot be raised.
printf '%s\n' '[engine]' 'runtime = "runc"' '[containers]' \
    'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]' >"$CONTAINERS_CONF"
for driver in overlay vfs; do
    printf '%s\n' '[storage]' "driver = \"$driver\"" "graphroot = \"$work/storage-$driver\"" \
        "runroot = \"$work/run-$driver\"" >"$CONTAINERS_STORAGE_CONF"
    ! podman info >/dev/null 2>&1 || break
done
port() { PYTHONPATH=scripts python3 -B -c 'import service; print(service.free_port())'; }
POSTGRES_PORT=$(port)
TALLY_PORT=$(port)
SERVE_PORT=$(port)
export POSTGRES_PORT TALLY_PORT SERVE_PORT KAFKA_IMAGE=localhost/pg_tally/test-kafka

compose() { python3 -B -m podman_compose --no-ansi -p pg_tally_test -f docker/compose.yaml "$@" </dev/null; }
sql() { compose exec -T postgres psql -XAtq -U tally market -c "$1" 2>/dev/null; }
get() { curl -s -m 5 "http://127.0.0.1:$TALLY_PORT/$1"; }

finish() {
    local status=$? service
    if [ $status != 0 ]; then
        for service in kafka postgres loader serve; do compose logs $service 2>&1 | tail -n 20; done
    fi
    compose down -v -t 5 >"$work/down" 2>&1 || true
    podman rm -af >/dev/null 2>&1 || true
    podman rmi -af >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

until_it_holds() { # DESCRIPTION COMMAND...
    local what=$1 attempt
    shift
    for attempt in $(seq 180); do
        if "$@"; then
            echo "ok - $what"
            return
        fi
        sleep 1
    done
    echo "not ok - $what"
    return 1
}

build() { # IMAGE FILE CONTEXT OPTION...
    buildah bud -q --isolation chroot --layers=false -t "localhost/pg_tally/$1" -f "$2" "${@:4}" "$3" >"$work/build" 2>&1 ||
        { cat "$work/build"; echo "not ok - image $1"; return 1; }
    echo "ok - image $1"
}

target=${CARGO_TARGET_DIR:-$HOME/.cache/pg_tally/target}
make -s install loader DESTDIR="$work/extension/staged" PG_CONFIG="$1" >"$work/make" 2>&1 || { cat "$work/make"; exit 1; }
install -D -t "$work/loader/staged/usr/local/bin" "$target/release/tally" "$target/release/tally-market"
podman import -q "$here/debian.tar" localhost/pg_tally/debian >/dev/null
podman run --rm localhost/pg_tally/debian true || skip "this machine cannot run containers"
build test-kafka tests/containers/kafka.Dockerfile tests/containers --build-context kafka="$(scripts/where.sh kafka)"
build test-postgres tests/containers/postgres.Dockerfile tests/containers
build postgres docker/postgres/Dockerfile . \
    --build-context build="$work/extension" --build-arg BASE=localhost/pg_tally/test-postgres
build tally docker/loader/Dockerfile . \
    --build-context build="$work/loader" --build-arg BASE=localhost/pg_tally/debian

compose up -d --no-build >"$work/up" 2>&1 || { cat "$work/up"; exit 1; }
extension_is_there() { [ "$(sql "SELECT extversion FROM pg_extension WHERE extname = 'pg_tally'")" ]; }
until_it_holds "the database has the extension" extension_is_there
simulated() {
    compose run -T --rm loader simulate --brokers kafka:9092 --topic trades --partitions 8 --count 100000 >"$work/simulate" 2>&1
}
until_it_holds "trades are produced" simulated
loaded() { [ "$(sql 'SELECT count(*) FROM trades')" = 100000 ]; }
until_it_holds "all of them are loaded" loaded
ready() { get ready | grep -q '"ready":true.*"behind":0'; }
until_it_holds "the loader says that it is ready" ready
counted() { get metrics | grep -q 'tally_rows_total{table=".*trades"} 100000'; }
until_it_holds "and has counted the rows" counted
same() { [ "$(sql 'SELECT num_vals(tally(price)) = count(*) FROM trades')" = t ]; }
until_it_holds "the extension answers over them" same
healthy() { podman healthcheck run "$(podman ps -q --filter name=serve)" >/dev/null 2>&1; }
until_it_holds "the service is healthy" healthy
served() {
    curl -s -m 5 -u "$1" "http://127.0.0.1:$SERVE_PORT/api/v1/query" -H 'Content-Type: application/json' \
        -d '{"sql": "SELECT count(*) FROM trades"}'
}
counted_by() { served tally:tally | grep -q '"rows":\[\[100000\]\]'; }
until_it_holds "and answers a user of the database" counted_by
refused() { served tally:wrong | grep -q '"status":401'; }
until_it_holds "but nobody with another password" refused
compose stop -t 30 loader serve >"$work/stop" 2>&1
stopped_well() { [ "$(podman inspect --format '{{.State.ExitCode}}' "$(podman ps -aq --filter name="$1")")" = 0 ]; }
until_it_holds "the loader ends well when it is told to" stopped_well loader
until_it_holds "so does the service" stopped_well serve
