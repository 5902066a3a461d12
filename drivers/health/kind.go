package health

import (
	"path"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: health`.
type Opts struct {
	Disk string `yaml:"disk"` // a folder on the file system to watch
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "health",
	Doc:  "the board itself: temperature, supply voltage, load, memory, disk",
	Values: []drivers.ValueDoc{
		{Name: "cpu_temperature", Unit: "°C", Doc: "temperature of the processor"},
		{Name: "under_voltage", Doc: "1 while the supply is below 4.63 V; Raspberry Pi only"},
		{Name: "throttled", Doc: "1 while the processor is slowed down, by heat or low voltage; Raspberry Pi only"},
		{Name: "under_voltage_seen", Doc: "1 when a reading has shown that the supply was too low, since the start of Skerry; Raspberry Pi only"},
		{Name: "throttled_seen", Doc: "1 when a reading has shown that the processor was slowed down, since the start of Skerry; Raspberry Pi only"},
		{Name: "load", Doc: "tasks that want to run, on average of a minute"},
		{Name: "memory_free", Unit: "MiB", Doc: "memory that programs can have"},
		{Name: "disk_free", Unit: "MiB", Doc: "free space of the disk for users without privileges"},
		{Name: "disk_used", Unit: "%", Doc: "how full the disk is"},
		{Name: "uptime", Unit: "s", Doc: "since the start of the board"},
	},
	Opts:  func() any { return &Opts{Disk: "/"} },
	Check: check,
	New:   open,
}

func check(s drivers.Setup) error {
	if !path.IsAbs(options(s).Disk) {
		return &drivers.OptionError{Key: "disk", Problem: "is not the path of a folder", Hint: "/var/lib/skerry"}
	}
	return nil
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return Opts{Disk: "/"}
}
