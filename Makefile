# Thin on purpose: CMake builds, scripts/ does the rest.
.PHONY: all demo test bench lint format fuzz clean packages

all: packages
	@scripts/build release callisto

packages:
	@scripts/install-packages

demo: all
	@scripts/demo $(CARRIER)

test: packages
	@scripts/test

bench: all
	@scripts/bench

lint: packages
	@scripts/lint

format:
	@scripts/format

fuzz: packages
	@scripts/fuzz

clean:
	rm -rf build build-dev build-asan build-tsan build-fuzz var
