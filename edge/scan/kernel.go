package scan

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"skerry/drivers"
	"skerry/drivers/channel"
)

// families are those of 1-Wire that measure temperature, which driver ds18b20 reads.
var families = map[string]string{"10": "DS18S20", "22": "DS1822", "28": "DS18B20", "3b": "DS1825 or MAX31850", "42": "DS28EA00"}

var wireID = regexp.MustCompile(`^([0-9a-f]{2})-[0-9a-f]{12}$`)

// oneWire lists the ids that the kernel has found. All probes become values of one sensor, which reads them together.
func oneWire(f drivers.Files) Section {
	s := Section{Title: "1-Wire"}
	b := &block{bus: "w1", device: "onewire: kernel", name: "probes", keys: []string{"driver: ds18b20"}}
	for _, folder := range glob(f, "sys/bus/w1/devices/*") {
		id := path.Base(folder)
		match := wireID.FindStringSubmatch(id)
		if match == nil {
			continue
		}
		chip, ok := families[match[1]]
		if !ok {
			s.add(id, "a device of family "+match[1]+": no driver", nil)
			continue
		}
		s.add(id, chip+", driver ds18b20", nil)
		b.values = append(b.values, fmt.Sprintf("temperature_%d: {probe: %q}", len(b.values)+1, id))
	}
	if len(b.values) > 0 {
		s.Findings[len(s.Findings)-1].block = b
	}
	if len(s.Findings) == 0 && len(glob(f, "sys/bus/w1/devices/w1_bus_master*")) == 0 {
		s.add("", "the kernel has no 1-Wire bus; one on GPIO4: dtoverlay=w1-gpio in /boot/firmware/config.txt", nil)
	}
	return s
}

var (
	iioChannel   = regexp.MustCompile(`^in_([a-z][a-z0-9_-]{0,63})_(input|raw)$`)
	hwmonChannel = regexp.MustCompile(`^((?:temp|in|curr|power|energy|humidity|fan|freq)[0-9]{1,3})_input$`)
)

// iio lists the devices of Industrial I/O.
func iio(ctx context.Context, f drivers.Files) Section {
	return class(ctx, f, "IIO", "iio", "sys/bus/iio/devices/iio:device*", iioChannel)
}

// hwmon lists those of hardware monitoring.
func hwmon(ctx context.Context, f drivers.Files) Section {
	return class(ctx, f, "hwmon", "hwmon", "sys/class/hwmon/hwmon*", hwmonChannel)
}

// usual are better names for the values of channels.
var usual = map[string]string{"temp": "temperature", "humidityrelative": "humidity", "concentration_co2": "co2", "temp1": "temperature", "humidity1": "humidity"}

// class lists the devices of a class with their channels, each of which becomes a value.
func class(ctx context.Context, f drivers.Files, title, driver, pattern string, of *regexp.Regexp) Section {
	s := Section{Title: title}
	folders, called := glob(f, pattern), map[string]int{}
	for _, folder := range folders {
		called[nameIn(ctx, f, folder)]++
	}
	for _, folder := range folders {
		name := nameIn(ctx, f, folder)
		if name == "" {
			continue
		}
		channels := channelsOf(f, folder[1:], of)
		if len(channels) == 0 {
			s.add(path.Base(folder), name+": no channels to read", nil)
			continue
		}
		b := &block{name: cmp.Or(word(name), driver), keys: []string{"driver: " + driver, fmt.Sprintf("device: %q", name)}}
		for _, c := range channels {
			b.values = append(b.values, fmt.Sprintf("%s: {channel: %q}", cmp.Or(usual[c], word(c)), c))
		}
		switch {
		case !channel.IsDevice(name):
			b.doubt = "its name cannot stand in a configuration"
		case called[name] > 1:
			b.placed(f, path.Base(folder))
		}
		what := name + ": " + strings.Join(channels, ", ") + ", driver " + driver
		if b.doubt != "" {
			what += "; " + b.doubt
		}
		s.add(path.Base(folder), what, b)
	}
	return s
}

// nameIn is what a device is called; empty: it does not say.
func nameIn(ctx context.Context, f drivers.Files, folder string) string {
	name, err := drivers.ReadText(ctx, f, folder[1:]+"/name")
	if err != nil {
		return ""
	}
	return name
}

// placed says which of several devices of one name this one is, by the folder of its bus.
func (b *block) placed(f drivers.Files, device string) {
	for _, pattern := range []string{"sys/bus/*/devices/*/" + device, "sys/bus/*/devices/*/hwmon/" + device} {
		for _, at := range glob(f, pattern) {
			at = strings.TrimSuffix(path.Dir(at), "/hwmon")
			b.keys = append(b.keys, fmt.Sprintf("at: %q", path.Base(at)))
			return
		}
	}
	b.doubt = "several devices are called so: say which by at"
}

func channelsOf(f drivers.Files, folder string, of *regexp.Regexp) []string {
	var all []string
	for _, file := range glob(f, folder+"/*") {
		if m := of.FindStringSubmatch(path.Base(file)); m != nil && !slices.Contains(all, m[1]) {
			all = append(all, m[1])
		}
	}
	return all
}

// longest is that of a name, with room for what tells it from others; the configuration takes 64 letters.
const longest = 56

// word makes a name of the configuration; empty: there is nothing in it to make one of.
func word(s string) string {
	w := strings.Trim(strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return '_'
	}, s), "_")
	return w[:min(len(w), longest)]
}
