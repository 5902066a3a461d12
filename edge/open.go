package edge

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"syscall"
	"time"

	"skerry/board"
	"skerry/board/sim"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/queue"
)

// openStore opens the data directory, and reports what was found in it.
func (g *Gateway) openStore() (*queue.Store, *queue.Recovery, error) {
	path := g.config.Storage.Path
	store, found, err := queue.Open(g.options.FS, path, queue.Options{CommitWindow: g.config.Storage.CommitWindow, Log: g.log})
	if err != nil {
		return nil, nil, fmt.Errorf("open the data directory %s: %w%s", path, err, storageHint(err))
	}
	report(g.log.With("path", path), found.Report)
	return store, found, nil
}

// storageHint tells what can be done about the usual errors.
func storageHint(err error) string {
	switch {
	case errors.Is(err, queue.ErrLocked):
		return " (hint: another skerry runs on it; stop that one, or give this one a directory of its own with storage: {path: ...})"
	case errors.Is(err, fs.ErrPermission):
		return " (hint: make it writable for the user that skerry runs as, or name another one with storage: {path: ...})"
	case errors.Is(err, syscall.ENOSPC):
		return " (hint: the file system is full; `df -h` shows which)"
	case errors.Is(err, syscall.EROFS):
		return " (hint: the file system is read-only; name a directory elsewhere with storage: {path: ...})"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return " (hint: it, or something above it, is a file; name another one with storage: {path: ...})"
	case errors.Is(err, fs.ErrNotExist):
		return " (hint: it cannot be made there; name another one with storage: {path: ...})"
	}
	return ""
}

// storageFailure says what ended the store while it was used.
func storageFailure(err error) error {
	if err == nil {
		return nil
	}
	hint := storageHint(err)
	if hint == "" {
		hint = " (hint: `dmesg` tells whether the disk or card is failing; what was acknowledged is kept)"
	}
	return fmt.Errorf("storage: %w%s", err, hint)
}

func report(log *slog.Logger, r queue.Report) {
	log.Info("storage is open", "messages", r.Messages, "records", r.Records, "clean", !r.Unclean, "took", r.Duration.Round(time.Millisecond))
	if r.Damaged > 0 || r.LostRecords > 0 || len(r.Quarantined) > 0 {
		log.Error("storage was damaged: what could be read is used, and copies of the rest are kept",
			"ranges", r.Damaged, "lost", r.LostRecords, "copies", r.Quarantined)
	}
}

// openBoard gives the buses that sensors are asked on, and what gives them back.
func (g *Gateway) openBoard() (drivers.Buses, func(), error) {
	if g.options.Buses != nil {
		return g.options.Buses, func() {}, nil
	}
	if g.config.Gateway.Board == "sim" {
		b := sim.New(sim.Options{Location: place(g.config.Gateway.Location), Log: g.log})
		return b, func() { b.Close() }, nil
	}
	b, err := board.Open(board.Options{Buses: boardBuses(g.config), Log: g.log})
	if err != nil {
		return nil, nil, fmt.Errorf("open the board: %w", err)
	}
	return b, func() { b.Close() }, nil
}

// place is where a simulated receiver finds itself.
func place(l *config.Location) sim.Location {
	if l == nil {
		return sim.Location{}
	}
	return sim.Location{Latitude: l.Latitude, Longitude: l.Longitude, Altitude: float64(l.Altitude)}
}

func boardBuses(c *config.Config) map[string]board.Bus {
	buses := make(map[string]board.Bus, len(c.Buses))
	for name, b := range c.Buses {
		to := board.Bus{Timeout: b.Timeout, Line: drivers.SerialConfig{Baud: b.Baud, DataBits: b.Data, StopBits: b.Stop}}
		switch b.Kind {
		case drivers.I2CBus:
			to.I2C = b.Device
		case drivers.SerialBus:
			to.Serial = b.Device
		}
		if b.Parity != "" {
			_ = to.Line.Parity.UnmarshalText([]byte(b.Parity)) // the configuration knows the same words
		}
		buses[name] = to
	}
	return buses
}

// clockFloor is a time that is certainly past: that of the build where it is known.
func clockFloor() time.Time {
	floor := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return floor
	}
	for _, s := range info.Settings {
		if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil && t.After(floor) {
			return t
		}
	}
	return floor
}
