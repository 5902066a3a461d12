package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skerry/board"
	"skerry/board/sim"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/control"
	"skerry/edge/doctor"
)

// doctorCmd is `skerry doctor`.
type doctorCmd struct {
	File string `arg:"" optional:"" help:"Configuration of the station (default: /etc/skerry/skerry.yaml, if it is there)."`
}

// Help stands behind the flags.
func (*doctorCmd) Help() string {
	return `It looks at the supply, the devices that the configuration needs and the groups that may open them, consoles on serial ports, the
clock, the card, the file system and what is free on it, listeners, and the sensors and outputs of a station that runs. It changes nothing. A problem
comes with its fix. Exit status: 0 nothing to fix was found, 1 there is something to fix, 78 the configuration itself is wrong.`
}

// Run prints what was found.
func (c *doctorCmd) Run(ctx context.Context) error {
	cfg, wrong := perhaps(c.File)
	if _, is := errors.AsType[config.Errors](wrong); wrong != nil && !is {
		return wrong
	}
	files, closes, err := filesOf(cfg)
	if err != nil {
		return err
	}
	defer closes()
	s := &doctor.Subject{Files: files, Resolve: followed, Config: cfg, Now: time.Now(), Synced: synced(), Sync: lastSync()}
	if cfg != nil && cfg.Gateway.Board == "sim" {
		s.Synced = true // as the clock of a simulated station is
	}
	if cfg != nil {
		if s.Store, err = filepath.Abs(cfg.Storage.Path); err != nil {
			return err
		}
		s.User, s.StoreOwner = runsAs(s.Store), storeOwner(s.Store)
		if err := c.station(ctx, s); err != nil {
			fmt.Fprintln(os.Stderr, "skerry: the running station was not asked:", err)
		}
	}
	s.Unit = unit(ctx)
	report := doctor.Examine(ctx, s)
	if err := report.Write(os.Stdout); err != nil {
		return err
	}
	if wrong != nil {
		return wrong // with places in the file; the report is of the rest
	}
	if n := report.Problems(); n > 0 {
		return denied{} // the report has said it
	}
	return nil
}

// filesOf are the files of the board that a configuration names.
func filesOf(cfg *config.Config) (drivers.Files, func(), error) {
	if cfg != nil && cfg.Gateway.Board == "sim" {
		b := sim.New(sim.Options{})
		return b.Files(), func() { b.Close() }, nil
	}
	b, err := board.Open(board.Options{})
	if err != nil {
		return nil, nil, err
	}
	return b.Files(), func() { b.Close() }, nil
}

// station asks the station for its sensors and outputs, if it runs.
func (c *doctorCmd) station(ctx context.Context, s *doctor.Subject) error {
	if s.Running = control.Running(s.Store); !s.Running {
		return nil
	}
	d, err := control.Open(s.Store, false)
	if err != nil {
		return err
	}
	defer d.Close()
	if s.Config != nil && len(s.Config.Outputs) > 0 {
		err = control.Rows(ctx, d, control.Request{Do: control.OutputList}, func(x control.Output) error {
			s.Outputs = append(s.Outputs, doctor.Output{Name: x.Name, Failures: x.Failures, Error: x.Error})
			return nil
		})
	}
	if err != nil {
		return err
	}
	return control.Rows(ctx, d, control.Request{Do: control.SensorList}, func(x control.Sensor) error {
		sensor := doctor.Sensor{Name: x.Name, Failures: x.Failures, Error: x.Error}
		if l := x.Late; l != nil {
			second := float64(time.Second)
			sensor.Late = drivers.Lateness{Asked: l.Asked, Late: l.Late, Slowest: time.Duration(l.Slowest * second), Timeout: time.Duration(l.Timeout * second)}
		}
		for _, v := range x.Values {
			if v.Quality == drivers.Stale.String() {
				sensor.Stale = append(sensor.Stale, v.Name)
			}
		}
		s.Sensors = append(s.Sensors, sensor)
		return nil
	})
}

// runsAs is the user whom a store belongs to; before there is one, the user of the package, or who asks.
func runsAs(dir string) string {
	if uid, _, err := owner(dir); err == nil && uid != 0 {
		if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
			return u.Username
		}
		return ""
	}
	if u, err := user.Lookup("skerry"); err == nil {
		return u.Username
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// storeOwner is whose a data directory is, empty if there is none or nobody knows.
func storeOwner(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return ""
	}
	u, err := user.LookupId(strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid)))
	if err != nil {
		return ""
	}
	return u.Username
}

// unit asks systemd for the unit of the package; nil: there is none, or no systemd.
func unit(ctx context.Context) doctor.Unit {
	ctx, end := context.WithTimeout(ctx, 5*time.Second)
	defer end()
	out, err := exec.CommandContext(ctx, "systemctl", "show", "skerry.service").Output()
	if err != nil {
		return nil
	}
	u := doctor.Unit{}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			u[name] = value
		}
	}
	if u["LoadState"] != "loaded" && u["LoadState"] != "masked" {
		return nil
	}
	return u
}

// synced asks the kernel whether its clock is kept in step.
func synced() bool {
	state, err := unix.Adjtimex(&unix.Timex{})
	return err == nil && state != unix.TIME_ERROR
}

// lastSync is when systemd-timesyncd last set the clock; zero: not known.
func lastSync() time.Time {
	info, err := os.Stat("/run/systemd/timesync/synchronized")
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
