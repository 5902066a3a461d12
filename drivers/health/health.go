package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"skerry/drivers"
)

// The processor's zone has one of these types: Raspberry Pis, other boards. The first zone counts where there is none.
var processorZones = []string{"cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "x86_pkg_temp"}

const (
	zones     = "sys/class/thermal/thermal_zone*"
	firmware  = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
	mebibyte  = 1 << 20
	lowNow    = 1 << 0
	slowNow   = 1<<1 | 1<<2 | 1<<3 // capped, throttled, soft limit of temperature
	lowSince  = 1 << 16
	slowSince = 1<<17 | 1<<18 | 1<<19
)

type sensor struct {
	files drivers.Files
	disk  string
	seen  uint64 // flags of all readings
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	disk := path.Clean(options(s).Disk)
	return &sensor{files: b.Files(), disk: cmp.Or(strings.TrimPrefix(disk, "/"), ".")}, ctx.Err()
}

// String says what this is.
func (x *sensor) String() string { return "the board" }

// Sense reads everything that there is. What fails does not hide the rest.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	var errs []error
	for _, part := range []func(context.Context, []drivers.Reading) ([]drivers.Reading, error){x.temperature, x.supply, x.load, x.memory, x.space, x.uptime} {
		var err error
		if dst, err = part(ctx, dst); err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return dst, errors.Join(errs...)
}

// temperature reads the processor's zone.
func (x *sensor) temperature(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	folders, err := x.files.Glob(zones)
	if err != nil || len(folders) == 0 {
		return dst, err
	}
	best, rank := folders[0], len(processorZones)
	for _, f := range folders {
		name, err := drivers.ReadText(ctx, x.files, f+"/type")
		if err != nil {
			return dst, err
		}
		for i, zone := range processorZones {
			if zone == name && i < rank {
				best, rank = f, i
			}
		}
	}
	milli, err := drivers.ReadNumber(ctx, x.files, best+"/temp")
	if err != nil {
		return dst, err
	}
	return append(dst, drivers.Number("cpu_temperature", milli/1000, "°C", time.Now())), nil
}

// supply reads the flags of a Raspberry Pi's firmware; other boards have none.
func (x *sensor) supply(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	names, err := x.files.Glob(firmware)
	if err != nil || len(names) == 0 {
		return dst, err
	}
	text, err := drivers.ReadText(ctx, x.files, names[0])
	if err != nil {
		return dst, err
	}
	flags, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 32)
	if err != nil {
		return dst, fmt.Errorf("/%s is not a number: %.40q", names[0], text)
	}
	x.seen |= flags
	now := time.Now()
	for _, f := range []struct {
		value       string
		flags, mask uint64
	}{{"under_voltage", flags, lowNow}, {"throttled", flags, slowNow},
		{"under_voltage_seen", x.seen, lowNow | lowSince}, {"throttled_seen", x.seen, slowNow | slowSince}} {
		n := 0.0
		if f.flags&f.mask != 0 {
			n = 1
		}
		dst = append(dst, drivers.Number(f.value, n, "", now))
	}
	return dst, nil
}

func (x *sensor) load(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	n, err := x.first(ctx, "proc/loadavg")
	if err != nil {
		return dst, err
	}
	return append(dst, drivers.Number("load", n, "", time.Now())), nil
}

func (x *sensor) uptime(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	n, err := x.first(ctx, "proc/uptime")
	if err != nil {
		return dst, err
	}
	return append(dst, drivers.Number("uptime", n, "s", time.Now())), nil
}

// first reads the first number of a file.
func (x *sensor) first(ctx context.Context, name string) (float64, error) {
	text, err := drivers.ReadText(ctx, x.files, name)
	if err != nil {
		return 0, err
	}
	word, _, _ := strings.Cut(text, " ")
	n, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return 0, fmt.Errorf("/%s does not begin with a number: %.40q", name, text)
	}
	return n, nil
}

// memory reads "MemAvailable:  412345 kB".
func (x *sensor) memory(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	const name = "proc/meminfo"
	text, err := drivers.ReadText(ctx, x.files, name)
	if err != nil {
		return dst, err
	}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "MemAvailable:")
		if !ok {
			continue
		}
		kB, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
		if err != nil {
			return dst, fmt.Errorf("/%s: not a number: %.40q", name, line)
		}
		return append(dst, drivers.Number("memory_free", kB/1024, "MiB", time.Now())), nil
	}
	return dst, fmt.Errorf("/%s has no MemAvailable", name)
}

func (x *sensor) space(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	free, size, err := x.files.Space(ctx, x.disk)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dst, fmt.Errorf("disk: %w; name a folder that exists", err)
	case err != nil:
		return dst, err
	case size == 0:
		return dst, nil
	}
	now := time.Now()
	return append(dst, drivers.Number("disk_free", float64(free)/mebibyte, "MiB", now),
		drivers.Number("disk_used", 100*(1-float64(free)/float64(size)), "%", now)), nil
}

// Halt has nothing to do.
func (x *sensor) Halt() error { return nil }
