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
	iioChannel   = regexp.MustCompile(`^in_(.+)_(input|raw)$`)
	hwmonChannel = regexp.MustCompile(`^((?:temp|in|curr|power|energy|humidity|fan|freq)[0-9]+)_input$`)
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
func class(ctx context.Context, f drivers.Files, title, driver, pattern string, channel *regexp.Regexp) Section {
	s := Section{Title: title}
	seen := map[string]int{}
	for _, folder := range glob(f, pattern) {
		name, err := drivers.ReadText(ctx, f, folder[1:]+"/name")
		if err != nil || name == "" {
			continue
		}
		channels := channelsOf(f, folder[1:], channel)
		what := name + ": " + strings.Join(channels, ", ")
		if len(channels) == 0 {
			s.add(path.Base(folder), name+": no channels to read", nil)
			continue
		}
		b := &block{name: word(name), keys: []string{"driver: " + driver, fmt.Sprintf("device: %q", name)}}
		for _, c := range channels {
			b.values = append(b.values, fmt.Sprintf("%s: {channel: %q}", cmp.Or(usual[c], word(c)), c))
		}
		if seen[name]++; seen[name] > 1 {
			b.doubt = "several devices are called " + name + ": say which by at"
		}
		s.add(path.Base(folder), what+", driver "+driver, b)
	}
	return s
}

func channelsOf(f drivers.Files, folder string, channel *regexp.Regexp) []string {
	var all []string
	for _, file := range glob(f, folder+"/*") {
		if m := channel.FindStringSubmatch(path.Base(file)); m != nil && !slices.Contains(all, m[1]) {
			all = append(all, m[1])
		}
	}
	return all
}

// word makes a name of the configuration.
func word(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return '_'
	}, s), "_")
}
