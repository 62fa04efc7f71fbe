# SPDX-License-Identifier: Apache-2.0
# A short front for CMake. Programs end in build/release/bin; every knob is a cmake preset (CMakePresets.json).
PREFIX ?= /usr/local
DESTDIR ?=
BUILD := build/release

.PHONY: all demo check check-long bench install format lint clean
all:
	@tools/install-deps --missing build || { echo "Run: tools/install-deps build" >&2; exit 1; }
	@mkdir -p build; cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX) >build/configure.log 2>&1 \
	  || { cat build/configure.log >&2; exit 1; }
	cmake --build $(BUILD)

demo:
	tools/install-deps demo
	@$(MAKE) --no-print-directory all
	$(BUILD)/bin/platoon demo

check:
	tools/install-deps check
	tests/check.py short

# Sizes: make check-long FUZZ_S=600 BIG_MB=1000 SOAK_S=3600; BUDGET_S: begin nothing later
check-long:
	tools/install-deps check
	tests/check.py long $(if $(FUZZ_S),--fuzz-s $(FUZZ_S)) $(if $(BIG_MB),--big-mb $(BIG_MB)) $(if $(SOAK_S),--soak-s $(SOAK_S)) $(if $(BUDGET_S),--budget-s $(BUDGET_S))

bench: all
	bench/run.py

install: all
	DESTDIR=$(DESTDIR) cmake --install $(BUILD)
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

format:
	tools/format

lint:
	tools/install-deps lint
	tools/lint

clean:
	rm -rf build
