package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"skerry/edge"
	"skerry/edge/control"
)

// sensorsCmd is `skerry sensors`.
type sensorsCmd struct {
	List sensorsListCmd `cmd:"" help:"List the sensors of a station that runs: last values, their age and quality, errors, the next reading."`
	Read sensorsReadCmd `cmd:"" help:"Read one sensor now and show what the device said and what came of it."`
}

// sensorsListCmd is `skerry sensors list`.
type sensorsListCmd struct {
	lookFlags
}

// Help stands behind the flags.
func (*sensorsListCmd) Help() string {
	return `The station must run; it is asked through the socket "control" in its data directory. Only root and the user that the station
runs as may. AGE is the time since the sensor last said something, NEXT the time until it is asked again, ERRORS how many attempts have
failed in a row.`
}

// Run prints the list.
func (c *sensorsListCmd) Run(ctx context.Context) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	if !control.Running(dir) {
		return control.ErrNoSensors
	}
	return ask(ctx, &c.lookFlags, control.Request{Do: control.SensorList}, unseen, listSensors)
}

func listSensors(_ control.Desk, rows []control.Sensor) error {
	t := columns()
	fmt.Fprintln(t, "SENSOR\tVALUE\tNOW\tQUALITY\tAGE\tNEXT\tERRORS\t")
	failing := 0
	for i := range rows {
		s := &rows[i]
		errors := "0"
		if s.Failures > 0 {
			failing++
			errors = fmt.Sprintf("%d in %s: %s", s.Failures, lasting(s.Failing), shown(s.Error))
		}
		if l := s.Late; l != nil {
			errors += fmt.Sprintf("; %d of %d answers late", l.Late, l.Asked)
		}
		head := fmt.Sprintf("%s\t%s\t%s", ago(s.Age), ago(s.Next), errors)
		name := s.Name
		for _, v := range published(s) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", name, v.Name, becomes(&v), v.Quality, head)
			name, head = "", "\t\t"
		}
		if name != "" {
			fmt.Fprintf(t, "%s\t-\t-\t-\t%s\n", name, head)
		}
	}
	if len(rows) > 0 {
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Printf("%s, %d of them failing\n", several(len(rows), "sensor"), failing)
	return err
}

// published are the values that the configuration has.
func published(s *control.Sensor) (all []control.SensorValue) {
	for _, v := range s.Values {
		if v.Quality != "" {
			all = append(all, v)
		}
	}
	return all
}

func ago(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return lasting(*seconds)
}

// becomes is what a value is after all that is done to it.
func becomes(v *control.SensorValue) string {
	switch {
	case v.Text != "":
		return shown(v.Text)
	case v.Shown != "":
		return withUnit(v.Shown, v.Unit)
	case v.Rejected != nil:
		return "none: " + withUnit(decimal(*v.Rejected), v.Unit) + " cannot be true"
	}
	return "none"
}

// said is what the device said.
func said(v *control.SensorValue) string {
	switch {
	case v.RawText != "":
		return shown(v.RawText)
	case v.Raw != nil:
		return withUnit(decimal(*v.Raw), v.RawUnit)
	}
	return "-"
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'g', 9, 64) }

func withUnit(number, unit string) string {
	if unit == "" {
		return number
	}
	return number + " " + shown(unit)
}

// sensorsReadCmd is `skerry sensors read`.
type sensorsReadCmd struct {
	lookFlags
	Timeout time.Duration `default:"30s" help:"How long to wait for the reading (${default})."`
	Name    string        `arg:"" help:"Name of the sensor in the configuration."`
}

// Help stands behind the flags.
func (*sensorsReadCmd) Help() string {
	return `A station that runs reads it as soon as its bus is free, and publishes the reading like any other. Without one the board is opened,
the sensor is read, and nothing is published; a counter begins at zero then. DEVICE SAID is what came from the sensor, PUBLISHED is that
in the unit of the configuration, calibrated and rounded. Exit status 1: the sensor cannot be read.`
}

// Run reads the sensor.
func (c *sensorsReadCmd) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("no reading within %v (hint: the bus may be held up by another sensor, and the total of a counter waits for storage.commit_window; `skerry sensors list` shows it)", c.Timeout))
	defer cancel()
	dir, err := c.dir()
	if err != nil {
		return err
	}
	if control.Running(dir) {
		return ask(ctx, &c.lookFlags, control.Request{Do: control.SensorRead, Sensor: c.Name}, unseen, c.show)
	}
	cfg, err := load(c.Config)
	switch {
	case err != nil && c.Store != "":
		return fmt.Errorf("no station runs on %s, and without one its configuration is needed: %w", c.Store, err)
	case err != nil:
		return err
	}
	s, err := edge.ReadSensor(ctx, cfg, c.Name, edge.Options{})
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
			return err
		}
		return failure(&s)
	}
	return c.show(nil, []control.Sensor{s})
}

func (c *sensorsReadCmd) show(_ control.Desk, rows []control.Sensor) error {
	for i := range rows {
		s := &rows[i]
		if s.Device != "" {
			fmt.Println(shown(s.Device))
		}
		if len(s.Values) > 0 {
			t := columns()
			fmt.Fprintln(t, "VALUE\tDEVICE SAID\tPUBLISHED\tQUALITY\tTIME")
			for _, v := range s.Values {
				what, quality := becomes(&v), v.Quality
				if quality == "" {
					what, quality = "not configured", v.RawQuality
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", v.Name, said(&v), what, quality, v.Time)
			}
			if err := t.Flush(); err != nil {
				return err
			}
		}
		if err := failure(s); err != nil {
			return err
		}
	}
	return nil
}

// failure is what a sensor has against being read.
func failure(s *control.Sensor) error {
	if s.Error == "" {
		return nil
	}
	old := ""
	if len(s.Values) > 0 && s.Age != nil {
		old = fmt.Sprintf(" (what it said last is of %s ago)", lasting(*s.Age))
	}
	return fmt.Errorf("sensor %s: %s%s", s.Name, s.Error, old)
}
