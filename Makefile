# `make help` lists what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := $(CURDIR)/.bin

# Pinned: newer ones want a newer Go than go.mod names.
GOLANGCI_VERSION := v2.14.0
GOLANGCI := $(BIN)/golangci-lint-$(GOLANGCI_VERSION)

# The version `rally version` prints.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help run build test check dev bench generate tools clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Serve Rally on https://localhost:8443, with a PostgreSQL of its own
	@.ci/need postgres
	@$(MAKE) build
	@exec $(BIN)/rally serve

build: ## Build .bin/rally
	@go build -ldflags "-X main.version=$(VERSION)" -o $(BIN)/rally ./cmd/rally

test: ## Install what tests need, then check and run every test
	@.ci/need postgres chromium fonts
	@$(MAKE) check
	@# Never from the cache: the browser tests run a program that it does not know of.
	@go test -race -count=1 ./...

check: tools ## Formatting, vet, linters, generated files, import rules
	@unformatted=$$(go tool gofumpt -l .); [[ -z $$unformatted ]] || { \
		printf 'Not formatted (run "go tool gofumpt -w ."):\n%s\n' "$$unformatted" >&2; exit 1; }
	@go tool templ generate -check -log-level warn || { \
		echo 'Generated templates are stale (run "make generate").' >&2; exit 1; }
	@go vet ./...
	@$(GOLANGCI) run
	@go test -run '^TestArchitecture' .

dev: ## Serve on http://localhost:7331 and reload at every change
	@.ci/need postgres
	@.ci/dev

# Matches at once: `make bench MATCHES=500`. Wants a server; see CONTRIBUTING.md.
MATCHES ?= 50
bench: build ## Play MATCHES=50 matches at once against the running server
	@$(BIN)/rally bench --matches $(MATCHES)

generate: ## Write the Go files of the templates anew
	@go tool templ generate -log-level warn
	@go tool gofumpt -w .

tools: $(GOLANGCI) ## Install the pinned tools into .bin

$(GOLANGCI):
	@echo "Building golangci-lint $(GOLANGCI_VERSION) ..."
	@GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@

clean: ## Remove what was built (the data folder .data stays)
	@rm -rf $(BIN) .cache
