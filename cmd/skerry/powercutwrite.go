package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"

	"skerry/queue/canary"
	"skerry/queue/vfs"
)

// powercutWriteCmd is `skerry powercut write`.
type powercutWriteCmd struct {
	Dir    string   `arg:"" type:"path" help:"A directory on the card, for this test alone. It is made."`
	Size   capacity `default:"32MiB" placeholder:"SIZE" help:"How much is laid out before (${default})."`
	Rounds int      `default:"10" placeholder:"N" help:"How many rounds are meant to be (${default})."`
	Within interval `default:"60s" placeholder:"TIME" help:"The plug is asked for at a random moment of this time (${default})."`
	Cut    string   `placeholder:"COMMAND" help:"A command that cuts the power, run at that moment: of a switched socket, for instance."`
	Forget bool     `help:"Begin anew though the round before was not checked."`
	reportFlags
}

// Help stands behind the flags.
func (*powercutWriteCmd) Help() string {
	return `It writes blocks of 4 KiB to a file that was made before, and lines to one that grows, as the log and other programs do; each
number that it prints was confirmed by fdatasync. Go on watching until the power has gone: the last number counts, so watch from
another machine, over ssh, or use --journal or --report. Rather a number too low than one too high.`
}

// Validate finds wrong usage.
func (c *powercutWriteCmd) Validate() error {
	switch {
	case c.Rounds < 1:
		return errors.New("--rounds wants at least 1")
	case c.Within.duration < time.Second || c.Within.duration == never:
		return errors.New("--within wants at least 1s")
	}
	if err := c.options().Check(); err != nil {
		return fmt.Errorf("--%w (hint: 32MiB, for instance)", err)
	}
	return c.reportFlags.validate()
}

// Run writes until the power goes, or a signal comes. A round begins when all who are to hear of it are there.
func (c *powercutWriteCmd) Run(ctx context.Context) error {
	if above, err := existing(c.Dir); err == nil && inMemory(above) {
		return fmt.Errorf("%s lies in memory (hint: name a directory on the card that is to be tested)", c.Dir)
	}
	var notes *journal
	if c.Journal != "" {
		var err error
		if notes, err = openJournal(c.Journal, c.Dir); err != nil {
			return err
		}
		defer notes.file.Close()
	}
	return c.withRemote(ctx, func(talking context.Context, remote reporters) error {
		round, err := c.begin(notes)
		if err != nil {
			return err
		}
		defer round.Close()
		told := reporters{newDisplay(os.Stdout)}
		if notes != nil {
			told = append(told, notes)
		}
		err = c.write(talking, round, append(told, remote...))
		if err == nil && ctx.Err() == nil { // no signal: the connection has ended, and nobody would hear of more
			err = fmt.Errorf("tell what is confirmed: %w", context.Cause(talking))
		}
		return err
	})
}

func (c *powercutWriteCmd) options() canary.Options {
	return canary.Options{Size: int64(c.Size), Boot: kernelBoot(), Rounds: c.Rounds, Forget: c.Forget}
}

// begin lays out a round.
func (c *powercutWriteCmd) begin(notes *journal) (*canary.Round, error) {
	round, err := canary.Begin(vfs.OS{}, c.Dir, c.options())
	if errors.Is(err, canary.ErrUnchecked) {
		return nil, fmt.Errorf("%w (hint: skerry powercut check %s --confirmed N; or --forget)", err, c.Dir)
	}
	if err == nil && notes != nil {
		err = notes.begin()
	}
	if err != nil {
		return nil, fmt.Errorf("lay out the files in %s: %w", c.Dir, err)
	}
	fmt.Fprintf(os.Stderr, "Round %d of %d in %s. The last number below is the one that the check wants.\n", round.Number, c.Rounds, c.Dir)
	return round, nil
}

// write never ends by itself but for an error.
func (c *powercutWriteCmd) write(ctx context.Context, round *canary.Round, to reporters) error {
	earliest := min(5*time.Second, c.Within.duration/2)
	moment := time.After(earliest + rand.N(c.Within.duration-earliest))
	confirmed := uint64(0)
	for ctx.Err() == nil {
		select {
		case <-moment:
			if err := c.ask(ctx); err != nil {
				return err
			}
		default:
		}
		last, err := round.Step(1 + rand.IntN(16))
		if err != nil {
			return fmt.Errorf("write to %s: %w (hint: a card that fails without a cut of power needs no test)", c.Dir, err)
		}
		confirmed = last
		if err := to.tell(told{round.Number, confirmed}); err != nil {
			return fmt.Errorf("tell what is confirmed: %w", err)
		}
		if rand.IntN(8) == 0 { // so that the power goes between flushes too
			pause(ctx, rand.N(20*time.Millisecond))
		}
	}
	fmt.Fprintf(os.Stderr, "\nEnded with the power on. (hint: skerry powercut check %s --confirmed %d)\n", c.Dir, confirmed)
	return nil
}

// ask is the moment.
func (c *powercutWriteCmd) ask(ctx context.Context) error {
	fmt.Fprint(os.Stderr, "\nPULL THE PLUG NOW. Writing goes on until you do.\n")
	if c.Cut == "" {
		return nil
	}
	command := exec.CommandContext(ctx, "sh", "-c", c.Cut)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Start(); err != nil {
		return fmt.Errorf("--cut: %w", err)
	}
	go func() { // the power, or the end of this program, ends it
		if err := command.Wait(); err != nil && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "\nThe command of --cut has failed: %v. Is the power still on? Pull the plug yourself, or end this with Control-C.\n", err)
		}
	}()
	return nil
}
