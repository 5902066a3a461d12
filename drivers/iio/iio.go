package iio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"skerry/drivers"
	"skerry/drivers/channel"
)

const devices = "sys/bus/iio/devices/iio:device*"

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
func (x *sensor) String() string { return "IIO device " + x.device }

// find gives the folder of the device.
func (x *sensor) find(ctx context.Context) (string, error) {
	folder, err := drivers.Device(ctx, x.files, devices, x.device, x.at)
	if err != nil {
		return "", fmt.Errorf("IIO: %w", err)
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
		n, err := x.read(ctx, folder+"/in_"+x.channels[v])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s, value %s: %w", x, v, err))
			continue
		}
		n = mended(x.device, k, n)
		dst = append(dst, drivers.Number(v, n*k.factor, k.unit, time.Now()))
	}
	return dst, errors.Join(errs...)
}

// read reads a channel in the kernel's unit: (raw + offset) * scale.
func (x *sensor) read(ctx context.Context, channel string) (float64, error) {
	n, err := drivers.ReadNumber(ctx, x.files, channel+"_input")
	if !errors.Is(err, fs.ErrNotExist) {
		return n, err
	}
	raw, err := drivers.ReadNumber(ctx, x.files, channel+"_raw")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("the device has no channel %s; ls /%s* shows those it has", strings.TrimPrefix(path.Base(channel), "in_"), path.Dir(channel)+"/in_")
		}
		return 0, err
	}
	offset, err := x.optional(ctx, channel, "_offset", 0)
	if err != nil {
		return 0, err
	}
	scale, err := x.optional(ctx, channel, "_scale", 1)
	return (raw + offset) * scale, err
}

// optional reads a property of a channel, from the first file that there is.
func (x *sensor) optional(ctx context.Context, channel, property string, otherwise float64) (float64, error) {
	for _, name := range places(channel, property) {
		if n, err := drivers.ReadNumber(ctx, x.files, name); !errors.Is(err, fs.ErrNotExist) {
			return n, err
		}
	}
	return otherwise, nil
}

// places are the files that may hold a property of a channel: its own, that of all channels of its kind, that of all channels (the
// kernel's drivers/iio/industrialio-core.c, __iio_device_attr_init). Of in_accel_x they are in_accel_x_scale, in_accel_scale, in_scale,
// scale; of the difference in_voltage0-voltage1 the second one is in_voltage-voltage_scale.
func places(channel, property string) []string {
	folder, name := path.Split(channel)
	kind, _, _ := strings.Cut(strings.TrimPrefix(name, "in_"), "_")
	first, second, difference := strings.Cut(kind, "-")
	first = strings.TrimRight(first, "0123456789")
	files := []string{name}
	if difference {
		files = append(files, "in_"+first+"-"+strings.TrimRight(second, "0123456789"))
	}
	files = append(files, "in_"+first, "in")
	for i := range files {
		files[i] = folder + files[i] + property
	}
	return append(files, folder+strings.TrimPrefix(property, "_"))
}

// mended is a number in the kernel's unit, from drivers of the kernel that give another one. That of the BME680 gives the humidity in
// percent, and until Linux 6.10 the pressure in hPa: they are told by sizes that no air has, so that a kernel where it is right is right too.
func mended(device string, k kind, n float64) float64 {
	switch {
	case device != "bme680":
	case k.name == "humidityrelative" && n <= 100:
		return n * 1000
	case k.name == "pressure" && n > 200:
		return n / 10
	}
	return n
}

// Halt has nothing to do: the kernel owns the device.
func (x *sensor) Halt() error { return nil }
