package cutdisk

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main is the main function of a program that works on a device: it is the server of the device if it was started as that,
// or else runs, apart from the rest of the machine, until it is done or told to stop. It ends the process.
func Main(name string, run func(context.Context) error) {
	if code, was := Served(); was {
		os.Exit(code)
	}
	code, done, err := Isolate()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	}
	if done || err != nil {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
