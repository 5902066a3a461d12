# The two commands of the README are `make run` and `make test`. The others are for who works on the project.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --abbrev=8 --dirty 2>/dev/null || scripts/deb/version 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -X main.version=$(VERSION)
# HTTP serves WebSockets and metrics, which are HTTP/1.1: the half megabyte that is HTTP/2 in package net/http stays out.
TAGS     = nethttpomithttp2
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -tags '$(TAGS)' -ldflags '$(LDFLAGS)'
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build run test check race lint fuzz crash powercut wear bench benchmarks packbench link soak interop modbus board pulses cross deb debsame debtest arm clean

build: bin/skerry

bin/skerry: FORCE
	$(BUILD) -o $@ ./cmd/skerry
FORCE:

# A weather station on simulated devices, through a day of four minutes; its broker on 127.0.0.1:1883, its data in ./data.
run: bin/skerry
	./bin/skerry run --show docs/examples/simulated.yaml

# Many tests wait for real time or for programs: twice as many packages at a time as two cores would have.
AT_ONCE ?= -p=4
# Those that take longest begin first, and of these those that mostly wait, so that nothing is waited for alone at the end.
FIRST = ./edge/uplink ./edge ./cmd/skerry ./broker/server ./queue

# Every test that needs no root; what was skipped, and why, stands at the end.
test:
	$(GO) run ./scripts/gotest $(AT_ONCE) $(FIRST) ./...

# Percent by which heaps may grow before they are collected, where time is dearer than memory: up to a third less processor time.
ROOMY = 400

# With the race detector, which makes it all three to ten times as slow: what is only long by repetition is repeated less often (-short).
# A process ends without the second of sleep in which others of its goroutines might still race.
race:
	GOGC=$(ROOMY) GORACE=atexit_sleep_ms=0 $(GO) run ./scripts/gotest $(AT_ONCE) -race -short $(FIRST) ./...

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

# Power cuts and kills at every write and sync point, on all processors, by other plans each time; one that fails says how to
# play it again. `make test` always plays the same few.
CRASHPOINTS ?= 100000
CRASHSEED ?= $(shell date +%s)000
crash:
	GOGC=$(ROOMY) $(GO) test ./queue/queuetest -run Crash -count=1 -timeout 60m -v -crash.points=$(CRASHPOINTS) -crash.seed=$(CRASHSEED)

# A million messages for one offline session: memory, reopening after SIGKILL with a cold cache, drain, space. As root the cache is colder.
backlog:
	$(GO) test ./queue -run '^TestMillion$$' -count=1 -timeout 30m -v -million=1000000

# The daemon on ext4 on a device that records every write and flush, and loses power; what it and its peers do to a flash card.
# Both need root, /dev/fuse and a free loop device.
powercut: bin/skerry
	$(GO) build -o bin/powercut ./scripts/powercut
	bin/powercut -skerry bin/skerry $(POWERCUT)

wear: bin/skerry
	$(GO) build -o bin/wear ./scripts/wear
	bin/wear -skerry bin/skerry $(WEAR)

# The broker beside Debian's mosquitto, mochi-mqtt and a bare forwarder, in one run: docs/speed.md. BENCH='-only durable -strict'
bench: bin/skerry
	$(GO) build -o bin/bench ./scripts/bench
	cd scripts/bench/peer && CGO_ENABLED=0 $(GO) build -o ../../../bin/mochi .
	bin/bench $(BENCH)

# The uplink beside mosquitto's bridge over bad links, with IP bytes, on network namespaces and TUN devices of its own; needs root and
# iproute2: docs/links-lab.md. LINK='-only drain -strict'
link: bin/skerry
	$(GO) build -o bin/link ./scripts/link
	bin/link $(LINK)

# A million readings through the real gateway to Debian's mosquitto, over cuts, SIGKILLs, restarts and lost sessions: docs/uplink.md.
# SOAK='-readings 100000 -seed 7 -v'
soak: bin/skerry
	$(GO) build -o bin/soak ./scripts/soak
	bin/soak $(SOAK)

# The coder of blocks beside zstd level 3, in bytes and processor time, here and as ARMv6 under qemu-user (Debian: qemu-user-static):
# docs/pack.md. PACKBENCH='-readings 20000 -strict'
PACKBENCH ?=
packbench:
	mkdir -p bin
	cd scripts/packbench && CGO_ENABLED=0 $(GO) build -o ../../bin/packbench . && CGO_ENABLED=0 GOARCH=arm GOARM=6 $(GO) build -o ../../bin/packbench-armv6 .
	bin/packbench $(PACKBENCH)
	qemu-arm-static bin/packbench-armv6 $(PACKBENCH)

# Modbus on a bad line, on a pseudo-terminal: replies that come late, twice, torn, damaged, from elsewhere. Counts values under a wrong
# name, ours and those of a well-known Go library in the same scenario; and our Modbus TCP against that library's server.
MODBUSPOLLS ?= 10000
MODBUSSEED ?= 1
modbus:
	$(GO) test ./drivers/modbus -run OnAPTY -count=1 -timeout 30m -v -args -modbus.polls=$(MODBUSPOLLS) -modbus.seed=$(MODBUSSEED)
	cd scripts/modbus/peer && $(GO) run . -polls $(MODBUSPOLLS) -seed $(MODBUSSEED)

# The benchmarks of the packages.
benchmarks:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# A million pulses counted by a program that is killed (SIGKILL) again and again: nobody hears a total, at any QoS, that is lost.
# `make test` has a few, and a million with power cuts.
pulses:
	$(GO) test ./edge/sampler -run '^TestPulsesThroughKills$$' -count=1 -timeout 10m -v -pulses=1000000

# Package board on the real kernel interfaces of boards that QEMU emulates: I2C, SPI, GPIO, RS-485, SMBus; and the daemon there, which
# publishes a temperature and pulses that are made outside, outlasts cuts of power in 1970, and is reset by a watchdog when its disk hangs. What it boots is fetched from Debian's archive into bin/board (0.9 GB), one
# kernel as a module of Go, and nothing is installed. BOARD='-only pi3 -show'
board:
	scripts/board/fetch bin/board
	$(GO) run ./scripts/board -ldflags '$(LDFLAGS)' -tags '$(TAGS)' $(BOARD)

# An uplink through real servers, over cuts, restarts and the death of a node: docs/servers.md. As root it installs the servers of Debian that
# are missing, and fetches HiveMQ CE (72 MB) into bin/interop with Maven. INTEROP='-only nats -v'
interop:
	scripts/interop/fetch bin/interop
	$(GO) build -o bin/interop/interop ./scripts/interop
	bin/interop/interop $(INTEROP)

# Static binaries for every board, stripped, with their sizes.
cross:
	scripts/cross '$(LDFLAGS)' '$(TAGS)'

# Packages for Raspberry Pi OS and Debian, with their sizes: docs/install.md.
deb:
	scripts/deb/build '$(LDFLAGS)' '$(TAGS)'

# Builds this machine's package twice and compares the bytes.
debsame:
	scripts/deb/same '$(LDFLAGS)' '$(TAGS)'

# The package in clean Debians under systemd: installed from an older version's and upgraded while messages wait, rolled back, made to hang,
# on disks that fill and fail, by cloud-init, removed, purged: docs/install.md. Root, mmdebstrap and systemd-container; the Debian and the older
# package are made once, in ~/.cache/skerry. SUITE=trixie DEBTEST='-only "rolled back"'
SUITE ?= bookworm
debtest:
	scripts/debtest/run '$(LDFLAGS)' '$(TAGS)' $(SUITE) $(DEBTEST)

# The tests of what must not depend on a processor, as ARMv6 and ARM64 under qemu-user, and the armhf program with mosquitto's clients.
arm:
	scripts/arm '$(LDFLAGS)' '$(TAGS)'

clean:
	rm -rf bin dist
