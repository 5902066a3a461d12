package simulate

import (
	"fmt"
	"math"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/ds18b20"
	"skerry/drivers/hwmon"
	"skerry/drivers/iio"
)

// file is one whose content is made up.
func file(text func() string) sim.File {
	return sim.File{Read: func() (string, error) { return text() + "\n", nil }}
}

// folder are the files of a device that the kernel drives.
type folder struct {
	name  string
	files map[string]sim.File // by their names in it
}

// put makes the files, or takes them away.
func (f folder) put(to *sim.Files, there bool) {
	for name, file := range f.files {
		if there {
			to.Set(f.name+"/"+name, file)
		} else {
			to.Remove(f.name + "/" + name)
		}
	}
}

// folders puts devices of the kernel on the board. other is what stands in their place when they are other ones.
func (b *bench) folders(all, other []folder) *handle {
	files := b.board.Kernel()
	put := func(list []folder, there bool) {
		for _, f := range list {
			f.put(files, there)
		}
	}
	put(all, true)
	return &handle{
		unplug: func(on bool) { put(all, !on) },
		wrong: func(on bool) {
			put(all, !on)
			put(other, on)
		},
		hang: func(on bool) {
			for _, f := range all {
				files.Hang(f.name, on)
			}
		},
	}
}

const w1 = "sys/bus/w1/devices/"

// probes plays DS18B20s on the kernel's 1-Wire. A value that names no probe has the only one.
func probes(b *bench, s *source) (*handle, error) {
	b.board.Kernel().Set(w1+"w1_bus_master1/therm_bulk_read", sim.File{
		Read: func() (string, error) { return "0\n", nil }, Write: func(string) error { return nil }})
	sensor := ""
	if o, ok := s.Setup.Opts.(*ds18b20.Opts); ok {
		sensor = o.Probe
	}
	names := map[string]string{} // of values by probe
	for name, opts := range s.Setup.Values {
		probe := sensor
		if o, ok := opts.(*ds18b20.ValueOpts); ok && o.Probe != "" {
			probe = o.Probe
		}
		if probe == "" {
			probe = sim.Probe10
		}
		names[probe] = name
	}
	var all, other []folder
	for probe, name := range names {
		pad := func() string { return sim.Scratchpad(s.now(name)) }
		all = append(all, folder{w1 + probe, map[string]sim.File{"w1_slave": {Read: func() (string, error) { return pad(), nil }}}})
		other = append(other, folder{w1 + probe[:3] + "00000badc0de"[:len(probe)-3], map[string]sim.File{"w1_slave": {Read: func() (string, error) { return pad(), nil }}}})
	}
	return b.folders(all, other), nil
}

// channels plays a device of the kernel with a file for each value.
func (b *bench) channels(s *source, class, device, at, format string, channel func(s drivers.Setup, value string) (string, float64)) *handle {
	f := folder{fmt.Sprintf("%s%d", class, b.devices), map[string]sim.File{
		"name": sim.Text(device + "\n"), "uevent": sim.Text("OF_NAME=" + at + "\n"),
	}}
	b.devices++
	for _, v := range s.Values {
		if v.Derive.Formula != nil {
			continue
		}
		name, factor := channel(s.Setup, v.Name)
		f.files[fmt.Sprintf(format, name)] = file(func() string { return fmt.Sprintf("%.6f", s.now(v.Name)/factor) })
	}
	other := folder{f.name, map[string]sim.File{"name": sim.Text("stranger\n")}}
	return b.folders([]folder{f}, []folder{other})
}

func industrial(b *bench, s *source) (*handle, error) {
	o, _ := s.Setup.Opts.(*iio.Opts)
	return b.channels(s, "sys/bus/iio/devices/iio:device", o.Device, o.At, "in_%s_input", iio.ChannelOf), nil
}

func monitor(b *bench, s *source) (*handle, error) {
	o, _ := s.Setup.Opts.(*hwmon.Opts)
	return b.channels(s, "sys/class/hwmon/hwmon", o.Device, o.At, "%s_input", hwmon.ChannelOf), nil
}

// machine plays the board itself.
func machine(b *bench, s *source) (*handle, error) {
	const zone = "sys/class/thermal/thermal_zone0/"
	files := b.board.Kernel()
	files.Set(zone+"type", sim.Text("cpu-thermal\n"))
	files.Set(zone+"temp", file(func() string { return fmt.Sprintf("%.0f", 1000*s.now("cpu_temperature")) }))
	files.Set("proc/meminfo", file(func() string {
		return fmt.Sprintf("MemTotal: 443008 kB\nMemAvailable: %.0f kB", 1024*s.now("memory_free"))
	}))
	files.Set("proc/loadavg", file(func() string { return fmt.Sprintf("%.2f 0.08 0.05 1/98 1234", s.now("load")) }))
	files.Set("sys/devices/platform/soc/soc:firmware/get_throttled", file(func() string {
		flags := 0
		if math.Round(s.now("under_voltage")) != 0 {
			flags |= 1 << 0
		}
		if math.Round(s.now("throttled")) != 0 {
			flags |= 1 << 2
		}
		return fmt.Sprintf("%x", flags)
	}))
	files.SetUsed(func() float64 { return s.now("disk_used") })
	started := time.Now()
	files.Set("proc/uptime", file(func() string { return fmt.Sprintf("%.2f 0.00", time.Since(started).Seconds()) }))
	return &handle{}, nil
}
