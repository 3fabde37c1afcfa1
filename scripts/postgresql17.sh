#!/usr/bin/env bash
# Builds PostgreSQL 17 from the source package of Debian 13, which verifies it; no registry has it with headers for older systems.
#   scripts/postgresql17.sh MIRROR DIRECTORY.part   makes the tree, which works once it is moved to DIRECTORY
# The tree also has PostgreSQL's own tests, in source/ as `make core-regression` wants them.
set -euo pipefail
mirror=$1 tree=$2 place=${2%.part}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A configuration of apt's that knows of sources alone, so that nothing changes on this machine.
mkdir -p "$work"/{lists,cache,build}
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
fetch() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}
cd "$work"
fetch update
fetch source --download-only postgresql-17
tar -xf postgresql-17_*.orig.tar.* -C build --strip-components=1

# Unlike the other versions with assertions: the server then checks memory, locks and reference counts as it goes.
cd build
if ! {
    ./configure --prefix="$place" --enable-cassert --without-icu --without-readline &&
        nice -n 19 make -s -j2 &&
        make -s install-strip DESTDIR="$work/root"
} >"$work/log" 2>&1; then
    tail -n 20 "$work/log" >&2
    exit 1
fi
mkdir -p "$tree/source/src/test/regress"
mv "$work/root$place"/* "$tree"
cp -r src/test/regress/{sql,expected,data,regress.so} "$tree/source/src/test/regress"
