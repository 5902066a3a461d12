package hwmon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"skerry/drivers"
	"skerry/drivers/channel"
)

const devices = "sys/class/hwmon/hwmon*"

type sensor struct {
	files    drivers.Files
	device   string
	at       string
	values   []string // in order
	channels map[string]string
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	o := channel.Options(s)
	x := &sensor{files: b.Files(), device: o.Device, at: o.At, values: slices.Sorted(maps.Keys(s.Values)), channels: channels.Channels(s)}
	_, err := x.find(ctx)
	return x, err
}

// String names the device.
func (x *sensor) String() string { return "hwmon device " + x.device }

func (x *sensor) find(ctx context.Context) (string, error) {
	folder, err := drivers.Device(ctx, x.files, devices, x.device, x.at)
	if err != nil {
		return "", fmt.Errorf("hwmon: %w", err)
	}
	return folder, nil
}

// Sense reads each channel. One that fails does not hide the others.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	folder, err := x.find(ctx)
	if err != nil {
		return dst, err
	}
	var errs []error
	for _, v := range x.values {
		k := kindOf(x.channels[v])
		n, err := x.read(ctx, folder+"/"+x.channels[v])
		switch {
		case err == errFault:
			dst = append(dst, drivers.Missing(v, k.unit, time.Now()))
			errs = append(errs, fmt.Errorf("%s, value %s: %w", x, v, err))
		case err != nil:
			errs = append(errs, fmt.Errorf("%s, value %s: %w", x, v, err))
		default:
			dst = append(dst, drivers.Number(v, n*k.factor, k.unit, time.Now()))
		}
	}
	return dst, errors.Join(errs...)
}

var errFault = errors.New("the chip reports a fault: an open or shorted probe")

func (x *sensor) read(ctx context.Context, channel string) (float64, error) {
	fault, err := drivers.ReadNumber(ctx, x.files, channel+"_fault")
	switch {
	case err == nil && fault != 0:
		return 0, errFault
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return 0, err
	}
	n, err := drivers.ReadNumber(ctx, x.files, channel+"_input")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("the device has no such channel: %w; ls /sys/class/hwmon/hwmon*/*_input shows those there are", err)
	}
	return n, err
}

// Halt has nothing to do: the kernel owns the device.
func (x *sensor) Halt() error { return nil }
