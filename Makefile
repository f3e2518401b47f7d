# The two commands of a newcomer are `make run` and `make test`; `make help` lists all.
#
# Every cargo call has the same profile and the same packages (`--release --workspace`), so that RocksDB, ten
# minutes on two cores, is compiled once for all of them. The flags of the build are in .cargo/config.toml;
# an exported RUSTFLAGS would replace them, so it is not passed on.

unexport RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
# A toolchain that was installed a minute ago may not be on this shell's path yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run build wasm test peers soak town check-wasm check-format check-dependencies lint doc

ALL := --release --workspace --locked
TARGET := $(or $(CARGO_TARGET_DIR),target)
# The verifier of proofs, for browsers and other hosts of WebAssembly. Its folder is its own: other packages
# with other features would take turns with the workspace's in the same one.
WASM := wasm32-unknown-unknown
WASM_BUILD = cargo build -p starling-verifier --release --locked --target $(WASM) --target-dir "$(TARGET)/wasm"
HAS_WASM = [ -d "$$(rustc --print sysroot)/lib/rustlib/$(WASM)/lib" ]
# Kills of `make soak`, over all phases.
KILLS ?= 200
# Simulations of each scenario in `make soak`.
RUNS ?= 25
# More arguments for `starling dev`, as in: make run ARGS="--block-time 5"
ARGS ?=

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1 #\2/p' Makefile | column -t -s '#'

run: build ## build, then start a private chain: `starling dev`
	@exec "$(TARGET)/release/starling" dev $(ARGS)

build: ## build the binary, after installing what the build needs
	@scripts/prerequisites build
	cargo build $(ALL)
	@echo 'built $(TARGET)/release/starling'

wasm: ## build the verifier of proofs for wasm32-unknown-unknown
	@$(HAS_WASM) || rustup target add $(WASM)
	$(WASM_BUILD)

# The binary comes first: the end-to-end tests start it, and cargo does not build it for them.
test: check-format check-dependencies lint doc check-wasm build ## everything that CI checks
	@cargo test $(ALL) --no-fail-fast 2>&1 | scripts/test-totals

peers: ## install js-libp2p, for the test with a peer of another language
	npm --prefix tests/peers/js ci --no-audit --no-fund

# The same tests with other numbers: how many kills is read in tests/src/kills.rs, how many trees of blocks and
# from which seed in tests/tests/all/model.rs. A run that fails prints the seed, and the command that repeats it.
soak: build ## what has no place in `make test`: 200 kills (KILLS=N), 300 trees, load, simulations, calibration
	@STARLING_KILLS=$(KILLS) cargo test $(ALL) --test all -- --nocapture survives_kills
	@PROPTEST_RNG_SEED=$${PROPTEST_RNG_SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')} \
		PROPTEST_CASES=$${PROPTEST_CASES:-300} cargo test $(ALL) --test all -- model::
	@STARLING_LOAD_SECONDS=300 cargo test $(ALL) --test all -- --nocapture five_hundred_payments_a_second
	@for scenario in mixed crashes division silent found; do \
		echo "simulating $$scenario, $(RUNS) seeds"; \
		"$(TARGET)/release/starling-sim" $$scenario --runs $(RUNS) \
			--seed $${SEED:-$$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')} >/dev/null || exit 1; \
	done
	@"$(TARGET)/release/starling-sim" calibrate

town: build ## twenty nodes in network namespaces, found from one and divided for ten minutes; as root
	@STARLING_TOWN=$${STARLING_TOWN:-600} cargo test $(ALL) --test all -- --nocapture twenty_nodes_in_namespaces

check-format:
	@scripts/prerequisites test
	cargo fmt --all --check

# It looks at every platform's dependencies, and a build fetches those of one.
check-dependencies: ## licences, sources and banned crates, where cargo-deny is installed
	@if cargo deny --version >/dev/null 2>&1; then \
		echo 'cargo deny --offline check bans licenses sources'; \
		cargo fetch --locked; \
		cargo deny --offline check bans licenses sources; \
	else \
		echo 'skipped: cargo deny check bans licenses sources (to have it: cargo install --locked cargo-deny)'; \
	fi

check-wasm: ## the verifier builds for WebAssembly, where that target is installed
	@if $(HAS_WASM); then \
		echo '$(WASM_BUILD)'; \
		$(WASM_BUILD); \
	else \
		echo 'skipped: the verifier for $(WASM) (to have it: make wasm)'; \
	fi

lint: ## clippy, warnings are errors
	@scripts/prerequisites test
	cargo clippy $(ALL) --all-targets -- -D warnings

doc: ## the API documentation, warnings are errors
	@scripts/prerequisites build
	RUSTDOCFLAGS='-D warnings' cargo doc $(ALL) --no-deps
