package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"skerry/edge"
	"skerry/edge/config"
	"skerry/edge/pages"
	"skerry/edge/service"
)

// runCmd is the verb run.
type runCmd struct {
	simulation
	Show bool   `help:"Show every message of the broker on standard output: topic and payload."`
	File string `arg:"" optional:"" default:"/etc/skerry/skerry.yaml" help:"Configuration file (default: ${default})."`
}

// Run runs the station that the file describes until ctx ends.
func (c *runCmd) Run(ctx context.Context) error {
	cfg, err := c.load(c.File)
	if err != nil {
		return err
	}
	remove, err := c.own(cfg)
	if err != nil {
		return err
	}
	defer remove()
	return runStation(ctx, cfg, c.Show)
}

// runStation runs a station until ctx ends.
func runStation(ctx context.Context, cfg *config.Config, show bool) error {
	lines := newLineQueue(os.Stderr)
	defer lines.Close()
	manager, err := service.Open()
	if err != nil {
		return err
	}
	defer manager.Close()
	o := edge.Options{Log: slog.New(slog.NewTextHandler(lines, nil)), Version: programVersion(), Service: manager, Stacks: os.Stderr}
	if show {
		o.Show = os.Stdout
	}
	g, err := edge.New(cfg, o)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-g.Listening():
			fmt.Fprint(lines, pointer(cfg, g))
		case <-ctx.Done():
			return
		}
		settle(ctx, g)
	}()
	defer reloadOnHangup(g)()
	return g.Run(ctx)
}

// settle gives back the memory that only the start needed, and has the broker map again what it needs for its first Client. That
// this could not be done is not worth a word.
func settle(ctx context.Context, g *edge.Gateway) {
	const moment = 5 * time.Second
	select {
	case <-time.After(moment):
	case <-ctx.Done():
		return
	}
	if pages.Drop() == nil {
		ctx, end := context.WithTimeout(ctx, moment)
		defer end()
		_ = g.Answers(ctx)
		debug.FreeOSMemory()
	}
}

// reloadOnHangup has SIGHUP read the files again that may change while the station runs, until it is told to end.
func reloadOnHangup(g *edge.Gateway) (end func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			g.Reload()
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}
