# What this repository can do; README.md says when to use it. Works with the
# GNU make 3.81 of macOS.

GO ?= go
CARGO ?= cargo
PREFIX ?= $(HOME)/.local
FUZZ ?= 3600
# GO and CARGO are not exported: who sets them has them in the environment already. A GO
# there that nobody has set would be another one to build.rs, and all be compiled anew
# between `cargo test` and `make check`.

# dist is what is shipped: it takes longer to build.
ifneq ($(filter package wheel release,$(MAKECMDGOALS)),)
PROFILE ?= dist
endif
PROFILE ?= release
built = $(or $(CARGO_TARGET_DIR),target)/$(PROFILE)/poof
# What is installed or packaged: another is taken as it is, and nothing is built.
PROGRAM ?= $(built)
needs_build = $(if $(filter $(built),$(PROGRAM)),build)
place = PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' RECEIPT='$(RECEIPT)'

help:
	@echo 'make setup        install what the build needs and this machine lacks'
	@echo 'make build        target/release/poof'
	@echo 'make install      build, and install below PREFIX (default ~/.local; DESTDIR, too)'
	@echo 'make uninstall    remove what `make install` brought below PREFIX'
	@echo 'make package      build, and make a .deb, a .rpm and one for pacman in target/package'
	@echo 'make wheel        build, and make a wheel for PyPI in target/wheel'
	@echo 'make release      build, and make all that a release has in target/release-files'
	@echo 'make demo         setup, build with few remote types, and poof demo'
	@echo 'make check        formatters, linters and unit tests; no server, no root'
	@echo 'make lint         formatters, linters, spelling'
	@echo 'make test         setup, lint and every test'
	@echo 'make link-macos   link the program for macOS, on Debian'
	@echo 'make soak         the tests that take long: kills by the hundred, large trees,'
	@echo '                  and the parsers, FUZZ seconds each (an hour)'
	@echo 'make fuzz         the parsers, a minute each'
	@echo 'make bench        poof beside its peers: time, memory, requests'
	@echo 'make ledger       write vendor/modules.tsv and vendor/NOTICES anew'
	@echo 'make vendor-fill  fill the module cache for POOF_OFFLINE=1 (vendor/README.md)'
	@echo 'make clean        remove what was built'

setup:
	@scripts/setup.sh

build:
	@scripts/build.sh build --profile '$(PROFILE)' --locked

# With the remote types s3, crypt, local and alias alone, of some seventy; without what
# the system has for secrets and copied texts; and not optimised. All that takes most of
# the time.
demo: setup small
	target/small/demo/poof demo

small:
	@scripts/build.sh build --profile demo --locked --no-default-features --features slim \
		--target-dir target/small

install: $(needs_build)
	@$(place) scripts/install.sh '$(PROGRAM)'

uninstall:
	@$(place) scripts/uninstall.sh

package: $(needs_build)
	@scripts/package.sh '$(PROGRAM)'

# WHEELS: where it goes.
wheel: $(needs_build)
	@scripts/wheel.sh '$(PROGRAM)' '$(or $(WHEELS),target/wheel)'

# RELEASING.md
release: $(needs_build)
	@scripts/release.sh '$(PROGRAM)'

# What takes neither a server nor root, in two minutes once all is compiled; nothing is
# installed but actionlint, into the cache.
check:
	@scripts/count-skipped.sh $(MAKE) --no-print-directory check-all

check-all:
	@scripts/lint.sh --as-is
	cd go && $(GO) test -trimpath ./...
	$(CARGO) test --locked --lib
	$(CARGO) test --locked --test it -- rules:: documents:: hazard_page:: workflows::

lint:
	@scripts/lint.sh

# Servers and programs of others that the tests run.
test-tools:
	@scripts/test-tools.sh

# What was skipped is counted; in CI it may be a failure.
test: setup test-tools
	@scripts/count-skipped.sh $(MAKE) --no-print-directory test-all

# Go's tests are compiled as the stock rclone of test-tools is, and so find
# most of it in Go's build cache. The tests of Rust wait for servers and disks two
# fifths of their time, so there are more of them at once than processors.
test-all: lint
	cd go && $(GO) test -trimpath ./...
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(( ($$(getconf _NPROCESSORS_ONLN) * 3 + 1) / 2 ))} \
		$(CARGO) test --locked

# The whole program for macOS, linked on Linux; it runs nowhere here.
link-macos: setup
	@scripts/link-macos.sh

# Kills at every other request, trees of hundreds of thousands of files, and the parsers.
# What is to be so whether small files go into bundles or not.
BUNDLED = bundles:: mirror:: roundtrip:: fidelity:: upload_kills:: upload_faults:: homecoming:: \
    history::every_snapshot history::what_is_kept_stays residue:: tamper:: download::

soak: setup test-tools
	@scripts/server-tools.sh
	$(CARGO) test --locked --lib soak_ -- --ignored
	$(CARGO) test --locked --test it soak_ -- --ignored --test-threads=2
	POOF_TEST_BUNDLES=1 $(CARGO) test --locked --test it -- --test-threads=2 $(BUNDLED)
	$(CARGO) clippy --locked --no-default-features --features slim --lib --bins -- -D warnings
	TARGETS='aarch64-apple-darwin x86_64-apple-darwin' scripts/check-macos.sh
	scripts/link-macos.sh
	scripts/fuzz.sh '$(FUZZ)'

# The parsers of what comes from disks and servers, a minute each.
fuzz:
	@scripts/fuzz.sh 60

# Beside rclone, the Python poof and restic; takes half an hour.
bench: setup test-tools
	scripts/test-tools.sh --peers
	scripts/build.sh bench --locked --bench peers
	scripts/build.sh build --release --locked --features slim --target-dir target/slim
	@ls -l target/slim/release/poof

ledger:
	cd vendor/ledger && $(GO) run . ../..

# -modcacherw: so that `make clean` can remove it.
vendor-fill:
	cd go && GOMODCACHE='$(CURDIR)/vendor/modcache' $(GO) mod download -modcacherw
	$(CARGO) fetch --locked

clean:
	$(CARGO) clean
	rm -rf vendor/modcache vendor/crates

.PHONY: help setup build demo small install uninstall package wheel release check check-all lint test-tools test test-all \
	link-macos soak fuzz bench ledger vendor-fill clean
