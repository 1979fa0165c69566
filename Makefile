# Tokenmeter. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# One set of flags for running, testing and packaging: another set compiles OpenGL and
# SQLite again, which is most of a cold build. clang does OpenGL in a sixth of gcc's time.
export GOFLAGS := -trimpath -buildvcs=false
export GOTOOLCHAIN ?= auto
export CGO_ENABLED := 1
export PATH := $(PATH):/usr/local/go/bin
ifeq ($(origin CC),default)
CC := $(shell command -v clang >/dev/null && echo clang || echo cc)
endif
export CC

version := $(shell sed -n 's/^Version = "\(.*\)"/\1/p' FyneApp.toml)
system := $(shell uname -s)
stamp := -s -w -X main.version=$(version)
# Without HTTP/2: one file a day does not need it, and it is half a megabyte.
meter_tags := netgo,osusergo,sqlite_omit_load_extension,nethttpomithttp2
window_tags := no_emoji
out := build
export TEST_TAGS := sqlite_omit_load_extension,no_emoji

# On Linux the meter is static, so that it runs on a server without any library; what nobody
# calls is left out.
ifeq ($(system),Linux)
export CGO_CFLAGS := -O2 -g0 -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables
meter_stamp := $(stamp) -funcalign=16 -linkmode external -extldflags "-static -Wl,--gc-sections"
else
meter_stamp := $(stamp)
endif
ifneq ($(filter MINGW% MSYS%,$(system)),)
exe := .exe
window_stamp := $(stamp) -H=windowsgui
else
window_stamp := $(stamp)
endif

.PHONY: help run build meter test lint fuzz soak bench screenshots compare prices clean checks

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null || grep '##' Makefile

run: ## install what building needs, build, start
	@assets/packaging/deps.sh build
	@$(MAKE) --no-print-directory build
	@build/tokenmeter$(exe) demo --offer

build: meter ## build both programs into build/
	go build -tags $(window_tags) -ldflags '$(window_stamp)' -o build/tokenmeter-window$(exe) ./app/window

meter:
	go build -tags $(meter_tags) -ldflags '$(meter_stamp)' -o $(out)/tokenmeter$(exe) ./app

test: ## install what testing needs and run all tests
	@assets/packaging/deps.sh build test
	@$(MAKE) --no-print-directory checks

checks:
	@assets/tools/checks.sh all

lint: ## gofmt, go vet, staticcheck, the scripts
	@assets/tools/checks.sh lint

fuzz: ## run each fuzz target, or those that FUZZ names, for FUZZTIME (20s)
	@assets/tools/checks.sh fuzz

soak: ## inject faults at random for SOAK (10m)
	@assets/packaging/deps.sh build test
	@$(MAKE) --no-print-directory meter
	TOKENMETER_E2E=1 TOKENMETER_BUILD=$(CURDIR)/build TOKENMETER_SOAK=$(or $(SOAK),10m) \
		go test -count=1 -timeout 0 -tags $(TEST_TAGS) -v -run '^TestSoak$$' ./app/fault
	TOKENMETER_SOAK=1 go test -count=1 -timeout 0 -tags $(TEST_TAGS) ./internal/store

screenshots: ## take the pictures of the README in a desktop of their own
	@assets/packaging/deps.sh build test
	@$(MAKE) --no-print-directory build
	TOKENMETER_E2E=1 TOKENMETER_BUILD=$(CURDIR)/build TOKENMETER_SCREENSHOTS=$(CURDIR)/assets/screenshots \
		go test -count=1 -tags $(TEST_TAGS) -run '^TestScreenshots$$' ./app/endtoend

bench: ## measure all that is promised of speed and size; ARGS=-h lists the flags
	@$(MAKE) --no-print-directory build
	@go run -tags $(TEST_TAGS) ./app/bench $(ARGS)

compare: ## compare with ccusage (npm) on a simulated home
	@$(MAKE) --no-print-directory build
	@assets/tools/compare-ccusage.sh

prices: ## rebuild the broad base of the price table from npm, print what changed
	@assets/tools/prices.sh

clean: ## remove what was built
	rm -rf build
