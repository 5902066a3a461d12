// Command bench compares brokers: the daemon, Debian's mosquitto, a broker made of mochi-mqtt (module peer) and a bare forwarder,
// with the same clients, in one run.
//
// Vocabulary: a subject is a broker under load. A cell is one kind of work; it is measured with each subject in turn (A B A B), and
// the median of the repetitions counts. The limit is a forwarder in this program that keeps no state and checks nothing: it shows
// that the clients are not what bounds a cell, and what the machine could do. A target stands beside each figure of the daemon;
// most are ratios.
//
// Guarantees: all clients of a cell are one thread on raw sockets; every message is numbered, and what is missing, out of order or
// came twice is told. A subject that stops delivering ends its cell with an error, not with a figure.
//
// Limits: loopback, MQTT 3.1.1, Linux. The subjects share the machine with the clients and with whatever else runs: only ratios
// of one run mean something, and those of two runs differ by up to a factor of two when the machine is busy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

// settings come from the command line.
type settings struct {
	skerry, mosquitto, peer string
	dir                     string
	duration                time.Duration
	repeat                  int
	only                    string
	strict                  bool
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var s settings
	var forward, journal string
	flag.StringVar(&s.skerry, "skerry", "bin/skerry", "the daemon")
	flag.StringVar(&s.mosquitto, "mosquitto", "/usr/sbin/mosquitto", "a peer; an empty name leaves it out")
	flag.StringVar(&s.peer, "mochi", "bin/mochi", "the peer of module scripts/bench/peer; an empty name leaves it out")
	flag.StringVar(&s.dir, "dir", "bin", "where the stores lie: a folder on a real disk")
	flag.DurationVar(&s.duration, "duration", time.Second, "how long a cell is measured, each time")
	flag.IntVar(&s.repeat, "repeat", 5, "how often")
	flag.StringVar(&s.only, "only", "", "a regular expression: the cells whose names match")
	flag.BoolVar(&s.strict, "strict", false, "exit status 1 when a target is missed")
	flag.StringVar(&forward, "forward", "", "be the limit: a forwarder at this address")
	flag.StringVar(&journal, "journal", "", "with -forward: a file that every message is in before it is acknowledged")
	flag.Parse()
	if forward != "" {
		return serveForwarder(forward, journal)
	}
	if _, err := regexp.Compile(s.only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return s.measure(ctx)
}

// measure runs all cells, prints their figures and, if it is asked to be strict, fails when one misses its target.
func (s *settings) measure(ctx context.Context) error {
	folder, err := os.MkdirTemp(s.dir, "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	t := &table{}
	for _, c := range s.cells(folder) {
		if ok, _ := regexp.MatchString(s.only, c.name); !ok {
			continue
		}
		if err := c.run(ctx, t); err != nil {
			return fmt.Errorf("%s: %w", c.name, errors.Join(err, context.Cause(ctx)))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	fmt.Printf("%d of %d targets met\n", t.met, t.met+t.missed)
	if t.missed > 0 && s.strict {
		return fmt.Errorf("%d targets missed", t.missed)
	}
	return nil
}
