# Build, install and test pg_tally; `make help` lists the targets.

# As everywhere in PostgreSQL: the pg_config of the server to build for.
PG_CONFIG ?= pg_config
# Put before the commands that write into PostgreSQL's directories: make install SUDO=sudo
SUDO ?=
# Outside the clone, one directory below it for each PostgreSQL version.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/pg_tally/target
# rust-toolchain.toml pins the compiler. Where that very release is not installed and cannot be fetched, the stable one does;
# Cargo.toml says how old it may be.
ifeq ($(shell cargo --version 2>/dev/null),)
export RUSTUP_TOOLCHAIN ?= stable
endif
# NIST's published data sets, where there are any: the tests of the accuracy read them too.
export NIST_STRD ?= $(abspath $(wildcard ../shared/data/nist))
# The change-point and anomaly sets and their scorers, likewise: benches/detection/run.py prints the scores, domains.py their intervals.
export TCPD_DATA ?= $(abspath $(wildcard ../shared/data/tcpd))
export NAB_DATA ?= $(abspath $(wildcard ../shared/data/nab))
export TALLY_SCORERS ?= $(abspath $(wildcard ../shared/bench))

pg_version := $(shell $(PG_CONFIG) --version 2>/dev/null | sed -n 's/^PostgreSQL //p')
pg_major := $(filter 15 16 17 18,$(firstword $(subst ., ,$(pg_version))))
supported = $(if $(pg_major),,$(error pg_tally needs PostgreSQL 15 to 18, but PG_CONFIG=$(PG_CONFIG) is \
  $(or $(pg_version),no pg_config); say make PG_CONFIG=/path/to/pg_config, or run scripts/setup.sh build for PostgreSQL 15))

# Everything is compiled in the release profile, tests and lints too: nothing is compiled twice.
# The extension is optimised across its crates: what runs for every row is in crates/stats.
extension_cargo = CARGO_PROFILE_RELEASE_LTO=$(or $(CARGO_PROFILE_RELEASE_LTO),fat) \
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS=$(or $(CARGO_PROFILE_RELEASE_CODEGEN_UNITS),1) \
  PGRX_PG_CONFIG_PATH=$(shell command -v $(PG_CONFIG)) cargo
extension_flags = --release --target-dir $(CARGO_TARGET_DIR)/pg$(pg_major) \
  -p pg_tally --lib --no-default-features --features pg$(pg_major)
library = $(CARGO_TARGET_DIR)/pg$(pg_major)/release/libpg_tally.so
# What CREATE EXTENSION reads: the parts of sql/ in their order, put together.
version := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" pg_tally.control)
script = $(CARGO_TARGET_DIR)/pg$(pg_major)/pg_tally--$(version).sql
libdir = $(DESTDIR)$(shell $(PG_CONFIG) --pkglibdir)
extensiondir = $(DESTDIR)$(shell $(PG_CONFIG) --sharedir)/extension

pg15 := $(shell scripts/where.sh pg15)

# Where the sources of that PostgreSQL are, for its own tests; scripts/setup.sh all keeps those of 17.
POSTGRES_SOURCE ?= $(or $(wildcard $(shell $(PG_CONFIG) --bindir)/../source),$(error POSTGRES_SOURCE=DIRECTORY is a PostgreSQL source tree of the version of PG_CONFIG))

# The crates beside the extension.
crates := $(notdir $(patsubst %/Cargo.toml,%,$(wildcard crates/*/Cargo.toml)))

.PHONY: help all build loader install installcheck core-regression test test-all faults mutants demo
.PHONY: bench bench-archive bench-compare bench-costs bench-dashboard bench-detection bench-peers bench-report bench-debezium bench-large bench-planning
.PHONY: soak lint audit clean
.PHONY: lint-format lint-words lint-names lint-pages lint-mutants lint-walls lint-unsafe lint-web lint-crates lint-extension lint-deploy lint-dependencies

all: build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
	@echo; echo "PG_CONFIG=$(PG_CONFIG), PostgreSQL $(or $(pg_version),not found)"

build: ## build the extension for the PostgreSQL of PG_CONFIG
	$(supported)$(extension_cargo) build $(extension_flags)

loader: ## build the loader, the program tally, and tally-market, which simulates what it loads
	cargo build --release -p tally-loader -p tally-market $(LOADER_FEATURES)

install: build ## install the extension, below DESTDIR if given, by SUDO=sudo if needed
	printf '%s\n' '\echo Use "CREATE EXTENSION pg_tally" to load this file. \quit' | cat - $(sort $(wildcard sql/*.sql)) >$(script)
	$(SUDO) install -d $(libdir) $(extensiondir)
	$(SUDO) install -m 755 $(library) $(libdir)/pg_tally.so
	$(SUDO) install -m 644 pg_tally.control $(script) $(wildcard sql/upgrade/*) $(extensiondir)

installcheck: ## run the golden SQL tests against the installed extension, in a cluster of their own
	$(supported)scripts/cluster.py run --pg-config $(PG_CONFIG) -- tests/regress.sh $(PG_CONFIG) $(CARGO_TARGET_DIR)/regress/pg$(pg_major)

core-regression: ## run PostgreSQL's own tests of grouped queries and windows, of POSTGRES_SOURCE, with our library preloaded
	$(supported)scripts/cluster.py run --pg-config $(PG_CONFIG) -- \
	  tests/core_regression.sh $(PG_CONFIG) $(POSTGRES_SOURCE) $(CARGO_TARGET_DIR)/regress/core$(pg_major)

test: ## run the tests on PostgreSQL 15 and 18 and a real Kafka; SUITES="docs lint" runs only those
	scripts/setup.sh test
	scripts/test.py $(SUITES)

test-all: ## run also the tests that take long, on PostgreSQL 15, 16, 17 and 18: some hours
	scripts/setup.sh all
	scripts/test.py all

faults: ## break everything around the loader that can break, one after the other, for a quarter of an hour
	scripts/setup.sh test
	scripts/test.py faults-all

mutants: ## break the node that answers grouped queries in one way after the other: each time a test must fail; half an hour
	$(supported)tests/rollups/mutants/run.py $(PG_CONFIG); status=$$?; $(MAKE) install; exit $$status

demo: ## show it all at work in a cluster of its own; KEEP=1 leaves that running, with a page to look at it
	scripts/setup.sh build
	# Side by side: the optimisation across crates at the end of the extension's build keeps only one processor busy.
	# Topics alone are loaded: files, archives and object storage are a third of the work, the service another.
	$(MAKE) -j2 loader install PG_CONFIG=$(pg15) LOADER_FEATURES="--no-default-features $(if $(KEEP:0=),--features serve)"
	scripts/cluster.py run --pg-config $(pg15) -- scripts/demo.sh

bench: ## run the benchmarks on the PostgreSQL of PG_CONFIG
	scripts/setup.sh build
	# As the image of the loader is built.
	CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 $(MAKE) loader
	$(MAKE) install
	scripts/cluster.py run --pg-config $(PG_CONFIG) --set shared_buffers=1GB -- scripts/bench.sh

bench-detection: ## run the detector on simulated series whose truth is known; SIMULATION="--seed 2 --against FILE", as its main.rs says
	cargo run --release --quiet -p tally-stats --example simulation -- $(SIMULATION)

bench-peers: ## compare detection with other implementations, which come from crates.io and PyPI, on simulated series, and published ones if there are any
	benches/detection/peers.sh

bench-report: ## what important_changes reports of published series with a daily rhythm, and how well they are forecast; the series are those of NAB_DATA
	$(MAKE) install
	scripts/cluster.py run --pg-config $(PG_CONFIG) -- benches/detection/report.py
	benches/detection/forecast.py

bench-debezium: ## compare the loader with Debezium's JDBC sink, and Avro with JSON; ROWS="--rows 300000 --own-rows 1000000"
	scripts/setup.sh peers
	$(MAKE) loader
	scripts/cluster.py run --pg-config $(PG_CONFIG) --set track_commit_timestamp=on --set shared_buffers=1GB -- \
	  scripts/kafka/broker.py run -- scripts/kafka/registry.py run -- benches/loader/debezium.py $(ROWS)

bench-large: ## run the benchmark of the power tree with up to 10^8 rows, on the PostgreSQL of PG_CONFIG
	$(MAKE) install
	scripts/cluster.py run --pg-config $(PG_CONFIG) --set shared_buffers=4GB --set max_wal_size=32GB -- \
	  sh -c 'psql -X -q -c "CREATE EXTENSION pg_tally" && LARGEST=100000000 benches/powertree/run.sh'

bench-archive: ## archive and drop eleven of twelve months of a table with a power tree, by ROWS="--rows 200000000" (the default; 20 GB of disk), on the PostgreSQL of PG_CONFIG
	$(MAKE) install
	$(MAKE) loader
	scripts/cluster.py run --pg-config $(PG_CONFIG) --set shared_buffers=1GB -- benches/archive/large.py $(ROWS)

bench-compare: ## nine statements of dashboards beside DuckDB and ClickHouse, which come from PyPI; ROWS="--rows 100000000"
	$(MAKE) install
	scripts/cluster.py run --pg-config $(PG_CONFIG) --set shared_buffers=4GB --set max_wal_size=8GB --set work_mem=64MB -- \
	  sh -c 'psql -X -q -c "CREATE EXTENSION pg_tally" && benches/rollups/compare.py $(ROWS)'

bench-costs: ## the choice between tree and table over a grid of tables and questions; ROWS="--rows 200000"
	$(MAKE) install
	scripts/cluster.py run --pg-config $(PG_CONFIG) --set shared_buffers=1GB --set max_wal_size=8GB -- \
	  sh -c 'psql -X -q -c "CREATE EXTENSION pg_tally" && benches/rollups/costs.py $(ROWS)'

bench-planning: ## what planning takes with answers from trees, and without
	$(MAKE) install
	scripts/cluster.py run --pg-config $(PG_CONFIG) -- \
	  sh -c 'psql -X -q -c "CREATE EXTENSION pg_tally" && benches/rollups/planning.py'

bench-dashboard: ## a dashboard of twelve panels over a table that changes all the time; ROWS="--rows 100000000"
	$(MAKE) install
	scripts/cluster.py run --pg-config $(PG_CONFIG) --set shared_buffers=4GB --set max_wal_size=8GB --set work_mem=64MB -- \
	  sh -c 'psql -X -q -c "CREATE EXTENSION pg_tally" && benches/rollups/dashboard.py $(ROWS)'

soak: ## compare power trees with their tables for 10 minutes while six writers change them; PG_CONFIG as above
	$(MAKE) install
	scripts/cluster.py run --pg-config $(PG_CONFIG) --set max_prepared_transactions=10 -- tests/powertree/soak.py 600

lint: lint-format lint-walls lint-unsafe lint-words lint-names lint-pages lint-mutants lint-web lint-crates lint-extension lint-deploy lint-dependencies ## check format, walls between folders, unsafe blocks, words of comments, names of types, maintainers' pages, places of mutants, types of the page, clippy, units and dependencies

lint-format:
	cargo fmt --all --check
	@echo "ok - format"

lint-walls:
	tests/walls.py

lint-unsafe:
	tests/unsafe.py

lint-words:
	tests/words.py

lint-names:
	tests/names.py

lint-pages:
	tests/pages.py

lint-mutants:
	tests/rollups/mutants/run.py --check
	tests/files/mutants/run.py --check
	tests/serve/mutants/run.py --check

# TypeScript, which only checks, is among what scripts/setup.sh test installs.
lint-web:
	@checker=$$(scripts/where.sh browser)/node_modules/.bin/tsc; \
	if [ -x "$$checker" ]; then \
	  "$$checker" --project tests/serve/browser && echo "ok - types of the page"; \
	else \
	  echo "the types of the page are not checked: run scripts/setup.sh test"; \
	fi

lint-crates:
	cargo clippy --release $(addprefix -p tally-,$(crates)) --all-targets -- -D warnings
	cargo clippy --release -p tally-loader --test faults -- -D warnings
	cargo clippy --release -p tally-loader --no-default-features -- -D warnings
	# As the demonstration with its page is built.
	cargo clippy --release -p tally-loader --no-default-features --features serve -- -D warnings
	@echo "ok - clippy, crates"

lint-extension:
	$(supported)$(extension_cargo) clippy $(extension_flags) -- -D warnings
	@echo "ok - clippy, extension on PostgreSQL $(pg_major)"

# The units name a program that need not be installed here.
lint-deploy:
	@if command -v systemd-analyze >/dev/null; then \
	  mkdir -p $(CARGO_TARGET_DIR)/units; \
	  for unit in deploy/systemd/*.service; do \
	    checked=$(CARGO_TARGET_DIR)/units/$${unit##*/}; \
	    sed 's|/usr/local/bin/tally|/bin/true|' $$unit >$$checked || exit; \
	    complaints=$$(systemd-analyze --man=no verify $$checked 2>&1); \
	    [ -z "$$complaints" ] || { echo "$$complaints"; exit 1; } && echo "ok - systemd unit $${unit##*/}"; \
	  done; \
	else \
	  echo "the systemd units are not checked: there is no systemd-analyze"; \
	fi

# Without the advisories, which need the network.
lint-dependencies:
	@if command -v cargo-deny >/dev/null; then \
	  cargo deny --offline check licenses bans sources && echo "ok - dependencies"; \
	else \
	  echo "dependencies are not checked: there is no cargo-deny (make audit installs it)"; \
	fi

audit: ## check the dependencies' licences, sources and security advisories
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check

# Only what is ours: a target directory may be shared with other work, and its dependencies take minutes to compile.
clean: ## remove what was built of pg_tally itself, for every PostgreSQL version; compiled dependencies stay
	cargo clean --release $(addprefix -p tally-,$(crates))
	for target in $(wildcard $(CARGO_TARGET_DIR)/pg1[5-8]); do \
	  cargo clean --release --target-dir $$target -p pg_tally -p tally-stats || exit; done
	rm -rf $(CARGO_TARGET_DIR)/regress
