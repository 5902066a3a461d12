package drivers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Device finds a device of a class that the kernel numbers as it likes, such as sys/class/hwmon/hwmon*, by its file "name". Where
// several have one name, at is a part of its place in the device tree that only one has. It gives the folder.
func Device(ctx context.Context, f Files, class, name, at string) (folder string, err error) {
	folders, err := f.Glob(class)
	if err != nil {
		return "", err
	}
	var found, others []string
	for _, folder := range folders {
		called, err := ReadText(ctx, f, folder+"/name")
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", err
		case isCalled(called, name) && isAt(ctx, f, folder, at):
			found = append(found, folder)
		default:
			others = append(others, called)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &NoDeviceError{Name: name, Others: others}
	}
	return "", fmt.Errorf("%d devices are called %s; say which by its place: at: 1-0076", len(found), name)
}

// isCalled tells whether a name is that of a device. One that is on no bus, as a DHT11, is called by its node in the device tree:
// "dht11@4".
func isCalled(called, name string) bool {
	chip, _, _ := strings.Cut(called, "@")
	return called == name || chip == name
}

// isAt tells whether a device is at a place. Classes differ in where they say it.
func isAt(ctx context.Context, f Files, folder, at string) bool {
	if at == "" {
		return true
	}
	for _, name := range []string{"/of_node/full_name", "/device/of_node/full_name", "/uevent", "/device/uevent"} {
		if text, err := ReadText(ctx, f, folder+name); err == nil && strings.Contains(text, at) {
			return true
		}
	}
	base := path.Base(folder)
	for _, pattern := range []string{"sys/bus/*/devices/" + at + "/" + base, "sys/bus/*/devices/" + at + "/hwmon/" + base} {
		if names, err := f.Glob(pattern); err == nil && len(names) > 0 {
			return true
		}
	}
	return false
}

// NoDeviceError says that the kernel has no device of that name.
type NoDeviceError struct {
	Name   string
	Others []string // those that it has
}

func (e *NoDeviceError) Error() string {
	const overlay = "a chip on I2C needs a line such as dtoverlay=i2c-sensor,bme280 in /boot/firmware/config.txt"
	if len(e.Others) == 0 {
		return fmt.Sprintf("%s is not there, nor any other; %s", e.Name, overlay)
	}
	others := slices.Sorted(slices.Values(e.Others))
	return fmt.Sprintf("%s is not there; there are %s; %s", e.Name, strings.Join(slices.Compact(others), ", "), overlay)
}
