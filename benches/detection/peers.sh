#!/usr/bin/env bash
# Time per row and accuracy beside other implementations, on the same series in the same run; of times only the ratios
# mean anything.
#
#   [SEED=7 SERIES=68] [TCPD_DATA=… TALLY_SCORERS=…] benches/detection/peers.sh [ROWS]      (default 20,000)
#
# Peers, fetched from crates.io and PyPI: the crate changepoint (BOCPD with a truncated tail), ruptures (PELT and binary
# segmentation, offline), bayesian-changepoint-detection (BOCPD), changepoint-online (FOCuS) and river (ADWIN, half-space
# trees). Two are timed on a tenth of the rows, since their time grows with the square. Accuracy is measured on simulated
# series, and on published ones where TCPD_DATA and TALLY_SCORERS are given, as for benches/detection/run.py; all are set
# as their own examples are, and since those are for values of about 1, the peers see every series scaled to mean 0 and
# standard deviation 1, a look ahead. pg_tally sees it as it is.
set -euo pipefail
rows=${1:-20000}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cp "$here/peers.rs" "$dir/src/main.rs"
cat >"$dir/Cargo.toml" <<END
[package]
name = "peers"
version = "0.0.0"
edition = "2021"
[workspace]
[dependencies]
changepoint = "=0.15.0"
cpu-time = "1.0.0"
rv = "0.19"
tally-stats = { path = "$root/crates/stats" }
[profile.release.package.tally-stats]
codegen-units = 1
END
target=${CARGO_TARGET_DIR:-$root/target}/peers
cargo build --quiet --release --manifest-path "$dir/Cargo.toml" --target-dir "$target"
python=${CARGO_TARGET_DIR:-$root/target}/peers/venv/bin/python
[ -x "$python" ] || python3 -m venv "${python%/bin/python}"
"$python" -m pip install --quiet --disable-pip-version-check numpy scipy ruptures bayesian-changepoint-detection changepoint-online river

python3 - "$rows" >"$dir/series" <<'END'
import random, sys

random.seed(1)
level = 0.0
for i in range(int(sys.argv[1])):
    if i % 500 == 499:
        level += random.gauss(0, 5)
    print(level + random.gauss(0, 1))
END
{
    "$target/release/peers" time "$dir/series"
    "$python" -B "$here/peers.py" time "$dir/series" $((rows / 10))
} | awk '{ if (NR == 1) own = $2; printf "%-32s %10.2f us/row %10.1f times pg_tally\n", $1, $2, $2 / own }'

cargo run --quiet --release --manifest-path "$root/Cargo.toml" -p tally-stats --example simulation -- \
    --seed "${SEED:-7}" --series "${SERIES:-68}" --print "$dir/simulated" >"$dir/scores"
"$python" -B "$here/peers.py" simulated "$dir/simulated"
if [ -n "${TCPD_DATA:-}" ]; then
    PYTHONPATH=${TALLY_SCORERS:?} "$python" -B "$here/peers.py" scores "$target/release/peers"
else
    echo "accuracy is not measured: TCPD_DATA and TALLY_SCORERS name the directories of the series and the scorer"
fi
