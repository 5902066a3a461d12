package edge

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"periph.io/x/conn/v3/physic"

	"skerry/board"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/queue"
	"skerry/queue/vfs"
)

// openStore opens the data directory, and reports what was found in it.
func (g *Gateway) openStore() (*queue.Store, *queue.Recovery, error) {
	path := g.config.Storage.Path
	store, found, err := queue.Open(g.options.FS, path, g.storeOptions())
	if err == nil {
		if err = store.Prepare(); err != nil {
			err = errors.Join(err, store.Close())
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the data directory %s: %w%s", path, err, storageHint(err))
	}
	report(g.log.With("path", path), found.Report, waiting(store))
	if _, real := g.options.FS.(vfs.OS); real {
		if err := closeToOthers(path); err != nil {
			g.log.Warn("other users of this machine may be able to read the store", "error", err)
		}
	}
	return store, found, nil
}

// waiting is how many deliveries are owed.
func waiting(s *queue.Store) (n uint64) {
	for x := range s.Sessions() {
		n += x.Stats().Messages
	}
	return n
}

// storeOptions are the bounds of the store as the configuration has them.
func (g *Gateway) storeOptions() queue.Options {
	c, boot := g.config.Storage, g.boot
	boot.Wall = g.wall()
	return queue.Options{
		Boot:      boot,
		BlockSize: g.blockSize(), CommitWindow: max(c.CommitWindow, 1), Log: g.log, KeepFree: g.keepFree(),
		Limits: queue.Limits{Messages: c.Messages, Bytes: uint64(c.Limit), Age: c.Age, WhenFull: policy(c.WhenFull)},
	}
}

// blockSize is what a commit writes at least. Where the file system has larger blocks than the configuration asks for, it would
// write durable blocks of the log along with a new one, and a card whose power goes could leave rubbish in all of them.
func (g *Gateway) blockSize() int {
	const safe = 4 << 10
	asked := int(g.config.Storage.Block)
	if _, real := g.options.FS.(vfs.OS); !real || asked == 0 || asked >= safe {
		return asked
	}
	s, err := fileSystem(g.config.Storage.Path)
	if err != nil || int64(s.Bsize) > int64(asked) {
		g.log.Warn("storage.block is smaller than the blocks of the file system: new storage has 4KiB; see docs/storage.md",
			"path", g.config.Storage.Path, "file_system", s.Bsize, "error", err)
		return safe
	}
	return asked
}

// keepFree is what the file system keeps for others. Without a word of the user it is at most a tenth of it: a small card
// should not stay empty for that.
func (g *Gateway) keepFree() int64 {
	most := int64(g.config.Storage.KeepFree)
	if g.config.Storage.KeepFreeGiven {
		return most
	}
	if _, real := g.options.FS.(vfs.OS); !real {
		return 0
	}
	size, err := fileSystemSize(g.config.Storage.Path)
	if err != nil {
		return most
	}
	return min(most, size/10)
}

// fileSystemSize is how large the file system is that a path is on, or will be.
func fileSystemSize(path string) (int64, error) {
	s, err := fileSystem(path)
	return int64(s.Blocks) * int64(s.Bsize), err
}

// fileSystem describes the file system that a path is on, or will be.
func fileSystem(path string) (s unix.Statfs_t, err error) {
	for {
		err := unix.Statfs(path, &s)
		up := filepath.Dir(path)
		if !errors.Is(err, fs.ErrNotExist) || up == path {
			return s, err
		}
		path = up
	}
}

// policy is the queue's word for what the configuration says.
func policy(w config.WhenFull) queue.Policy {
	switch w {
	case config.DropNewest:
		return queue.DropNewest
	case config.Reject:
		return queue.Reject
	}
	return queue.DropOldest
}

// queueLimits bound what waits for one client.
func queueLimits(q config.Queue) queue.Limits {
	return queue.Limits{Messages: q.Messages, Bytes: uint64(q.Bytes), Age: q.Age, WhenFull: policy(q.WhenFull)}
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
		return " (hint: the file system is read-only. If it became so by itself, `dmesg` tells whether the card or disk is failing, and" +
			" `mount -o remount,rw` may bring it back; if it is meant to be, name a directory elsewhere with storage: {path: ...})"
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

// openBoard gives the buses that sensors are asked on, and what gives them back.
func (g *Gateway) openBoard() (drivers.Buses, func(), error) {
	if g.options.Buses != nil {
		return g.options.Buses, func() {}, nil
	}
	if g.simulated != nil {
		b, err := g.simulated.Open()
		if err != nil {
			return nil, nil, err
		}
		return b, func() { b.Close() }, nil
	}
	b, err := board.Open(board.Options{Buses: boardBuses(g.config), Log: g.log})
	if err != nil {
		return nil, nil, fmt.Errorf("open the board: %w", err)
	}
	return b, func() { b.Close() }, nil
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
		case drivers.SPIBus:
			to.SPI, to.MaxSpeed = b.Device, physic.Frequency(b.Speed)*physic.Hertz
		case drivers.OneWireBus:
			to.OneWire = true
		}
		if b.Parity != "" {
			_ = to.Line.Parity.UnmarshalText([]byte(b.Parity)) // the configuration knows the same words
			to.ParityGiven = true
		}
		to.RS485 = rs485(b.RS485)
		buses[name] = to
	}
	return buses
}

func rs485(c *config.RS485) board.RS485 {
	if c == nil {
		return board.RS485{}
	}
	direction := map[string]board.Direction{"auto": board.ByEither, "kernel": board.ByKernel, "adapter": board.ByAdapter}[c.Direction]
	return board.RS485{Direction: direction, Before: c.Before, After: c.After, ActiveLow: c.RTS == "low"}
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
