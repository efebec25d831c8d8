# make            sets up and builds build/tempera
# make run        builds and makes a picture: make run PROMPT="a red heart"
# make test       builds and runs every test
# make check      format, lint, layers, the tests of the sanitizer build, and fuzz
# make fuzz       builds the readers of files and texts from strangers with clang and runs each on random input for 30 seconds
# make bench      measures beside peers, a while: bench/run says how to choose; make test-full MODEL=DIR checks full-size SD 1.5 (docs/testing.md)
# make install    PREFIX=/usr/local
PROMPT ?= a red heart
PREFIX ?= /usr/local
MODEL ?=
BUILD := build

.PHONY: all setup build run test check test-full bench install fuzz clean
all: build

setup:
	@tools/bootstrap

$(BUILD)/build.ninja: CMakeLists.txt CMakePresets.json | setup
	@cmake --preset release >$(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }
	@rm -f $(BUILD)-configure.log

build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

run: build
	@$(BUILD)/tempera generate "$(PROMPT)"

test: build
	@cd $(BUILD) && ctest --output-on-failure -j2 --no-tests=error

check: setup
	tools/format --check
	tools/check_layers
	@$(MAKE) --no-print-directory build
	tools/lint
	cmake --preset sanitize
	ninja -C $(BUILD)/sanitize
	cd $(BUILD)/sanitize && ctest --output-on-failure -j2 --no-tests=error -LE slow
	@$(MAKE) --no-print-directory fuzz

test-full: build
	@test -n "$(MODEL)" || { echo "make test-full MODEL=DIR: the folder that goldens/make/sd15_random.py wrote" >&2; exit 2; }
	@test/full/run "$(MODEL)"

bench: build
	@bench/run

fuzz: setup
	cmake --preset fuzz
	ninja -C $(BUILD)/fuzz -j2 run_fuzz

install: build
	@cmake --install $(BUILD) --prefix "$(PREFIX)"

clean:
	rm -rf $(BUILD)
