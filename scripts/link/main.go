// Command link measures what carries readings over bad links: the daemon's uplink beside the bridge of Debian's mosquitto, each with
// mosquitto as the server upstream, in one run.
//
// Vocabulary: a scene is a world of package emulate with one link or two, a server in its far namespace and a subject in its near one: the
// daemon or a mosquitto with a bridge. What is measured is published to the subject and seen by an observer beside the server. A
// figure is one kind of work, with several scenes; all of a figure run at the same time, because they wait more than they work. Links
// are called after what they resemble (conditions.go).
//
// Guarantees: bytes are those of IP packets in both directions, headers included, counted between the two TUN devices. Every reading is
// numbered, and what is missing or came twice is told. Whoever connects does so by TLS 1.3 with a chain of two ECDSA P-256
// certificates that is made for the run. Nothing of the host's network is touched and nothing is left behind.
//
// Limits: Linux as root, with /dev/net/tun and iproute2. Times are those of a machine that others may use: a few hundredths of a second
// mean nothing. Readings are synthetic. What a modem and a radio do is not in the model: no wake-up of a sleeping radio, no loss in bursts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"skerry/scripts/link/emulate"
)

// settings come from the command line.
type settings struct {
	skerry, mosquitto, peer string
	dir                     string
	only                    string
	strict, verbose         bool
	hard                    bool
	seed                    uint64
	repeat                  int
	window                  int
	noDelay                 bool
	singles                 int
	aliases                 int
	forgets                 time.Duration // the NAT of figure learn

	folder string // of this run
	chain  *chain
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "link:", err)
		os.Exit(1)
	}
}

func run() error {
	var s settings
	flag.StringVar(&s.skerry, "skerry", "bin/skerry", "the daemon")
	flag.StringVar(&s.mosquitto, "mosquitto", "/usr/sbin/mosquitto", "the server upstream")
	flag.StringVar(&s.peer, "peer", "", "the mosquitto whose bridge is measured; default: that of -mosquitto")
	flag.StringVar(&s.dir, "dir", "bin", "where the stores lie: a folder on a real disk")
	flag.StringVar(&s.only, "only", "", "a regular expression: the figures whose names match")
	flag.BoolVar(&s.strict, "strict", false, "exit status 1 when a target is missed")
	flag.BoolVar(&s.verbose, "v", false, "print what the subjects have written")
	flag.BoolVar(&s.hard, "hard", false, "readings that are hard to foresee: sensors in any order, random intervals, four noisy decimals")
	flag.Uint64Var(&s.seed, "seed", 1, "of readings and losses")
	flag.IntVar(&s.repeat, "repeat", 3, "how often what depends on losses is measured, with other losses each time; the median counts")
	flag.IntVar(&s.window, "window", 1000, "how many messages the server takes at a time where it does not stay as it comes")
	flag.BoolVar(&s.noDelay, "nodelay", false, "the server has set_tcp_nodelay, which it has not as it comes")
	flag.IntVar(&s.singles, "singles", 100, "how many messages leave one by one")
	flag.IntVar(&s.aliases, "aliases", 0, "how many topic aliases the server takes; 0: as it comes, 10")
	flag.DurationVar(&s.forgets, "nat", 30*time.Second, "after how much silence the NAT of figure learn forgets a connection")
	flag.Parse()
	if s.peer == "" {
		s.peer = s.mosquitto
	}
	if s.forgets < 6*pingEvery {
		return fmt.Errorf("-nat: at least %v, because the keep-alive is at least %v", 6*pingEvery, pingEvery)
	}
	if s.singles < 1 || s.aliases < 0 || s.aliases > 65535 {
		return errors.New("-singles must be at least 1, -aliases in 0..65535")
	}
	if s.window < 1 || s.window > 65535 || s.repeat < 1 {
		return errors.New("-window must be in 1..65535, -repeat at least 1")
	}
	if _, err := regexp.Compile(s.only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if err := emulate.Able(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return s.measure(ctx)
}

// prepare makes what all figures use.
func (s *settings) prepare() (err error) {
	if s.skerry, err = filepath.Abs(s.skerry); err != nil {
		return err
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	if s.folder, err = os.MkdirTemp(s.dir, "link-"); err != nil {
		return err
	}
	s.chain, err = newChain(s.folder)
	return err
}

// figures are all that can be measured.
func (s *settings) figures() []figure {
	return []figure{
		{"drain", s.drain},
		{"alarm", s.alarm},
		{"dead", s.dead},
		{"failover", s.failOver},
		{"learn", s.learn},
		{"kernel", s.kernel},
		{"idle", s.idle},
		{"flash", s.flash},
		{"blocks", s.blocks},
		{"deep", s.deep},
		{"single", s.single},
		{"lone-alarm", s.loneAlarm},
		{"connect", s.connect},
		{"forecast", s.forecast},
	}
}

// A figure prints its rows.
type figure struct {
	name string
	run  func(context.Context, *table) error
}

// measure runs the figures and, if it is asked to be strict, fails when one misses its target.
func (s *settings) measure(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	defer os.RemoveAll(s.folder)
	fmt.Printf("server: %s; bridge: %s; certificates: leaf %d bytes, intermediate %d\n",
		version(s.mosquitto), version(s.peer), s.chain.leaf, s.chain.intermediate)
	t := &table{}
	for _, f := range s.figures() {
		if ok, _ := regexp.MatchString(s.only, f.name); !ok {
			continue
		}
		err := f.run(ctx, t)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	fmt.Printf("%d of %d targets met\n", t.met, t.met+t.missed)
	if t.early+t.later > 0 {
		fmt.Printf("%d of %d targets of what is not built yet met; they do not count for -strict\n", t.early, t.early+t.later)
	}
	if t.missed > 0 && s.strict {
		return errors.New("not all targets met")
	}
	return nil
}

// version is the first line of what mosquitto says of itself.
func version(mosquitto string) string {
	out, _ := exec.Command(mosquitto, "-h").Output() // its exit status is that of a mistake
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}
