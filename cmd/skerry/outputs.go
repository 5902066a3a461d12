package main

import (
	"context"
	"fmt"
	"time"

	"skerry/edge/control"
)

// outputsCmd is `skerry outputs`.
type outputsCmd struct {
	List outputsListCmd `cmd:"" help:"List the outputs of a station that runs: what they have, since when and why, what waits, errors."`
	Set  outputsSetCmd  `cmd:"" help:"Set one output of a station that runs."`
}

// outputsListCmd is `skerry outputs list`.
type outputsListCmd struct {
	lookFlags
}

// Help stands behind the flags.
func (*outputsListCmd) Help() string {
	return `The station must run; it is asked through the socket "control" in its data directory. Only root and the user that the station
runs as may. VALUE is what the device has; with a ? nobody knows whether it still has it. SINCE is how long it has had it, WANTED what it is to
have and waits for, ERRORS how many attempts have failed in a row.`
}

// Run prints the list.
func (c *outputsListCmd) Run(ctx context.Context) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	if !control.Running(dir) {
		return control.ErrNoOutputs
	}
	return ask(ctx, &c.lookFlags, control.Request{Do: control.OutputList}, unseen, listOutputs)
}

func listOutputs(_ control.Desk, rows []control.Output) error {
	failing := 0
	if len(rows) > 0 {
		t := columns()
		fmt.Fprintln(t, "OUTPUT\tVALUE\tSINCE\tREASON\tWANTED\tERRORS")
		for i := range rows {
			o := &rows[i]
			errors, since := "0", "-"
			if o.Failures > 0 {
				failing++
				errors = fmt.Sprintf("%d in %s: %s", o.Failures, lasting(o.Failing), shown(o.Error))
			}
			if o.Value != "" {
				since = lasting(o.Since)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", o.Name, hasValue(o), since, dash(o.Reason), wanted(o), errors)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Printf("%s, %d of them failing\n", several(len(rows), "output"), failing)
	return err
}

// hasValue is what an output has.
func hasValue(o *control.Output) string {
	switch {
	case o.Value == "":
		return "-"
	case !o.Known:
		return withUnit(o.Value, o.Unit) + " ?"
	}
	return withUnit(o.Value, o.Unit)
}

// wanted is what an output is to have, and what that waits for.
func wanted(o *control.Output) string {
	if o.Wanted == "" {
		return "-"
	}
	if o.Waits == "" {
		return withUnit(o.Wanted, o.Unit)
	}
	return withUnit(o.Wanted, o.Unit) + ", waits for " + shown(o.Waits)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// outputsSetCmd is `skerry outputs set`.
type outputsSetCmd struct {
	lookFlags
	Timeout time.Duration `default:"30s" help:"How long to wait for the device (${default})."`
	Name    string        `arg:"" help:"Name of the output in the configuration."`
	Value   string        `arg:"" help:"on or off, or a number."`
}

// Help stands behind the flags.
func (*outputsSetCmd) Help() string {
	return `The station must run; see skerry outputs list. The value counts like a command that is given now: interlocks hold, and min_on and
min_off are waited for, by the station and not by this program. A number below 0 stands behind --: skerry outputs set setpoint -- -5.
Exit status 1: the output does not have the value, or not yet; the text says why.`
}

// Run sets the output.
func (c *outputsSetCmd) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("the output was not set within %v (hint: `skerry outputs list` shows how it stands)", c.Timeout))
	defer cancel()
	dir, err := c.dir()
	if err != nil {
		return err
	}
	if !control.Running(dir) {
		return control.ErrNoOutputs
	}
	var problem error
	see := func(a *control.OutputAnswer) {
		if a.Problem != "" {
			problem = fmt.Errorf("output %s has %s: %s", a.Name, hasValue(&a.Output), a.Problem)
		}
	}
	if err := ask(ctx, &c.lookFlags, control.Request{Do: control.OutputSet, Output: c.Name, Value: c.Value}, see, showSet); err != nil {
		return err
	}
	return problem
}

func showSet(_ control.Desk, rows []control.OutputAnswer) error {
	for i := range rows {
		if rows[i].Problem == "" {
			fmt.Printf("%s is %s\n", rows[i].Name, hasValue(&rows[i].Output))
		}
	}
	return nil
}
