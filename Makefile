# The two commands of the README are `make run` and `make test`. The others are for who works on the project.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -X main.version=$(VERSION)
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build run test check race lint fuzz crash bench cross clean

build: bin/skerry

bin/skerry: FORCE
	$(BUILD) -o $@ ./cmd/skerry
FORCE:

# A station on a simulated board, its broker on 127.0.0.1:1883, its data in ./data.
run: bin/skerry
	./bin/skerry run --show docs/examples/simulated.yaml

# Every test that needs no root; what was skipped, and why, stands at the end.
test:
	$(GO) run ./scripts/gotest ./...

race:
	$(GO) run ./scripts/gotest -race ./...

lint:
	@test -z "$$(gofmt -l .)" || { echo 'gofmt would change:'; gofmt -l .; exit 1; }
	$(GO) vet ./...
	GOARCH=arm GOARM=6 CGO_ENABLED=0 $(GO) vet ./...
	$(STATICCHECK) ./...

check: lint test

# Each fuzz target for a while: make fuzz FUZZTIME=5m
FUZZTIME ?= 20s
fuzz:
	scripts/fuzz $(FUZZTIME)

# Power cuts at every write and sync point: make crash CRASHPOINTS=100000
CRASHPOINTS ?= 20000
crash:
	$(GO) test ./queue/queuetest -run Crash -count=1 -timeout 60m -crash.points=$(CRASHPOINTS)

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Static binaries for every board, stripped, with their sizes.
cross:
	scripts/cross '$(LDFLAGS)'

clean:
	rm -rf bin dist
