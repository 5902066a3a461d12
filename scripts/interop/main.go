package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// settings come from the command line.
type settings struct {
	n       int
	only    string
	classes string // folder with the jars of HiveMQ
	verbose bool
	keep    bool
	brief   bool // NATS sends again what a cut took after 2 s instead of 30
	steady  bool // the server is not restarted
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // whoever reads no further must not leave servers behind
	var s settings
	flag.IntVar(&s.n, "n", 300, "messages of each QoS")
	flag.StringVar(&s.only, "only", "", "servers whose names begin so")
	flag.StringVar(&s.classes, "hivemq", "bin/interop/hivemq", "folder with the jars of HiveMQ CE; see scripts/interop/fetch")
	flag.BoolVar(&s.verbose, "v", false, "show what the uplink logs")
	flag.BoolVar(&s.keep, "keep", false, "leave the folders of the servers in the temporary folder")
	flag.BoolVar(&s.steady, "steady", false, "do not restart the servers: what comes twice is then due to the cuts")
	flag.Parse()
	var failed []error
	printHead(os.Stdout)
	for _, c := range candidates(&s) {
		if !strings.HasPrefix(c.name, s.only) || ctx.Err() != nil {
			continue
		}
		if why := c.missing(); why != "" {
			fmt.Printf("%-16s not run: %s\n", c.name, why)
			continue
		}
		began := time.Now()
		r, err := try(ctx, &s, c)
		if r != nil {
			r.took = time.Since(began)
			r.print(os.Stdout)
			err = errors.Join(err, r.verdict(c))
		}
		if err != nil {
			fmt.Printf("%-16s FAILED: %v\n", c.name, err)
			failed = append(failed, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(append(failed, ctx.Err())...)
}
