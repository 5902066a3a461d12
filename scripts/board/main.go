// Board boots boards that QEMU emulates, with kernels of Debian and one of Raspberry Pi, and has package board use their real kernel
// interfaces: I2C, SPI and lines of a Raspberry Pi Zero and 3, the lines of a 4, edges of GPIO and RS-485 on a machine of QEMU's own,
// SMBus on user-mode Linux. On the Zero, the 3 and QEMU's own machine the daemon runs as well, built as for the packages, with a
// configuration of the folder station: what changes outside must arrive at a subscriber of its broker. Two more machines have a disk: one that
// is in 1970 at each start loses its power ("clock"), and one is reset by its watchdog because the disk hangs ("hang").
//
// Vocabulary: the guest is the program in the machine (scripts/board/guest). What it asks for with DO is done here: a temperature set,
// edges made, from outside the machine. A turn is what it does from one start to the next.
//
// Guarantee: a machine that does not say END in time has failed. One whose kernel stops before the guest runs is booted again, which is told.
//
// Limits: what the emulator does not have is not tried: 1-Wire, the edges of a Raspberry Pi's lines, I2C and SPI of a Raspberry Pi 4, a Raspberry Pi 5.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	dir := flag.String("dir", "bin/board", "what scripts/board/fetch has fetched, and where machines are built")
	only := flag.String("only", "", "one machine: pi0, pi3, pi4, virt, clock, hang, uml")
	timeout := flag.Duration("timeout", 6*time.Minute, "of one machine, from when it is built")
	ldflags := flag.String("ldflags", "-s -w", "of go build for the daemon")
	tags := flag.String("tags", "", "of go build for the daemon")
	show := flag.Bool("show", false, "show the consoles")
	flag.Parse()
	var failed atomic.Bool
	var wg sync.WaitGroup
	slots := make(chan struct{}, 2) // an emulator keeps a processor busy
	for _, m := range machines(*dir) {
		if *only != "" && *only != m.name {
			continue
		}
		m.daemon = []string{"-ldflags", *ldflags, "-tags", *tags}
		leave := func() {}
		if !m.calm {
			slots <- struct{}{} // here: the first of the list begin first
			leave = sync.OnceFunc(func() { <-slots })
		}
		wg.Go(func() {
			defer leave()
			start := time.Now()
			r := &report{show: *show, idle: leave}
			if err := m.run(*timeout, r); err != nil {
				r.fail(err.Error())
			}
			fmt.Printf("%s: %d ok, %d failed, %.1f s\n%s", m.name, r.ok, len(r.failures), time.Since(start).Seconds(), r.text())
			if len(r.failures) > 0 {
				failed.Store(true)
			}
		})
	}
	wg.Wait()
	if failed.Load() {
		os.Exit(1)
	}
}

// report is what the guest of one machine said.
type report struct {
	show     bool
	idle     func() // called when the machine needs no processor any more
	ok       int
	failures []string
	infos    []string
	last     []string // the end of the console, for a machine that dies
}

func (r *report) findings() int { return r.ok + len(r.failures) }

func (r *report) fail(what string) { r.failures = append(r.failures, what) }

func (r *report) text() string {
	var b strings.Builder
	for _, s := range r.infos {
		fmt.Fprintf(&b, "  %s\n", s)
	}
	for _, s := range r.failures {
		fmt.Fprintf(&b, "  FAILED %s\n", s)
	}
	if len(r.failures) > 0 {
		fmt.Fprintf(&b, "  console:\n    %s\n", strings.Join(r.last, "\n    "))
	}
	return b.String()
}
