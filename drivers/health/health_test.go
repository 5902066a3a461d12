package health_test

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/health"
)

const throttled = "sys/devices/platform/soc/soc:firmware/get_throttled"

func pi() *drivertest.Machine {
	return &drivertest.Machine{Kernel: map[string]string{
		"sys/class/thermal/thermal_zone0/type": "gpu-thermal\n",
		"sys/class/thermal/thermal_zone0/temp": "40000\n",
		"sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
		"sys/class/thermal/thermal_zone1/temp": "48312\n",
		throttled:                              "50005\n",
		"proc/loadavg":                         "0.52 0.40 0.31 1/123 4567\n",
		"proc/meminfo":                         "MemTotal:         948304 kB\nMemFree:          101234 kB\nMemAvailable:     524288 kB\n",
		"proc/uptime":                          "86423.51 340000.12\n",
		"var/lib/skerry":                       "",
	}}
}

func setup(disk string) drivers.Setup { return drivers.Setup{Opts: &health.Opts{Disk: disk}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: health.Kind, Setup: func() drivers.Setup { return setup("/var/lib/skerry") }, Healthy: pi}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := pi()
		want := map[string]float64{"cpu_temperature": 48.312, "under_voltage": 1, "throttled": 1, "under_voltage_seen": 1, "throttled_seen": 1,
			"load": 0.52, "memory_free": 512, "disk_free": 3072, "disk_used": 62.5, "uptime": 86423.51}
		check(t, m, want)
		m.Kernel[throttled] = "0\n"
		for _, v := range []string{"under_voltage", "throttled", "under_voltage_seen", "throttled_seen"} {
			want[v] = 0
		}
		check(t, m, want)
		delete(m.Kernel, throttled) // another board
		for _, v := range []string{"under_voltage", "throttled", "under_voltage_seen", "throttled_seen"} {
			delete(want, v)
		}
		check(t, m, want)
	})
}

func check(t *testing.T, m *drivertest.Machine, want map[string]float64) {
	t.Helper()
	x, err := health.Kind.New(t.Context(), m, setup("/var/lib/skerry"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Sense(t.Context(), nil)
	if err != nil || len(got) != len(want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, r := range got {
		if math.Abs(r.Number-want[r.Value]) > 1e-9 {
			t.Errorf("%+v, want %v", r, want[r.Value])
		}
	}
}

func TestNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, text := range map[string]string{throttled: "low", "proc/loadavg": "", "proc/meminfo": "MemAvailable: much kB", "proc/uptime": "x",
			"sys/class/thermal/thermal_zone1/temp": "hot"} {
			m := pi()
			m.Kernel[name] = text
			x, err := health.Kind.New(t.Context(), m, setup("/var/lib/skerry"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Sense(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), name) || len(got) < 6 {
				t.Errorf("%s %q: %v, %d readings", name, text, err, len(got))
			}
		}
	})
}

// TestSeenStays: the kernel asks the firmware every two seconds and has it forget what it has seen, so that the file shows a dip for a moment
// only.
func TestSeenStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := pi()
		x, err := health.Kind.New(t.Context(), m, setup("/var/lib/skerry"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			flags                        string
			low, slow, lowSeen, slowSeen float64
		}{{"0", 0, 0, 0, 0}, {"10000", 0, 0, 1, 0}, {"0", 0, 0, 1, 0}, {"4", 0, 1, 1, 1}, {"0", 0, 0, 1, 1}} {
			m.Kernel[throttled] = c.flags + "\n"
			got, err := x.Sense(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range got {
				want, ok := map[string]float64{"under_voltage": c.low, "throttled": c.slow, "under_voltage_seen": c.lowSeen, "throttled_seen": c.slowSeen}[r.Value]
				if ok && r.Number != want {
					t.Errorf("%s: %s is %v, want %v", c.flags, r.Value, r.Number, want)
				}
			}
		}
	})
}
