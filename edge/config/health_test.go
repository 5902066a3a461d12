package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/drivers/health"
	"skerry/edge/config"
)

func loadText(t *testing.T, text string, kinds []drivers.Kind) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "skerry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, kinds)
}

// TestHealth: the section is a sensor of that name on the disk of the log, also where it is the only one.
func TestHealth(t *testing.T) {
	const gateway = "gateway: {id: g, site: s}\n"
	for _, c := range []struct {
		text  string
		every time.Duration
		disk  string
		count int
	}{
		{"health: {every: 1min}\nstorage: {path: /srv/log}\n", time.Minute, "/srv/log", 1},
		{"health: {}\nsensors: {air: {driver: bme280}}\n", 5 * time.Minute, "/var/lib/skerry", 2},
		{"health:\n", 5 * time.Minute, "/var/lib/skerry", 1},
		{"health: {}\ndefaults: {every: 10s}\nalarms: {full: {when: \"health.disk_free < 100\"}}\n", 5 * time.Minute, "/var/lib/skerry", 1},
	} {
		cfg, err := loadText(t, gateway+c.text, all.Kinds())
		if err != nil {
			t.Errorf("%s%v", c.text, err)
			continue
		}
		s := cfg.Sensors[len(cfg.Sensors)-1]
		if opts, ok := s.Setup.Opts.(*health.Opts); !ok || opts.Disk != c.disk {
			t.Errorf("%s%+v, want disk %s", c.text, s.Setup.Opts, c.disk)
		}
		if len(cfg.Sensors) != c.count || s.Name != "health" || s.Every != c.every || s.Kind.Name != "health" || len(s.Values) == 0 ||
			s.Values[0].Topic != "s/g/health/cpu_temperature" || s.Get != "s/g/health/get" || s.Stale != 5*c.every {
			t.Errorf("%s%+v", c.text, s)
		}
	}
}

func TestHealthWrong(t *testing.T) {
	for text, want := range map[string]string{
		"sensors: {health: {driver: bme280}}\nhealth: {every: 5min}\n": "2:9: health: sensors has one of this name already",
		"health: {every: 5min}\nsensors: {health: {driver: health}}\n": "1:9: health: sensors has one of this name already",
		"health: {every: 5}\n": "1:17: health.every: ",
		"health: {disk: /}\n":  "1:10: health.disk: unknown key",
		"gateway: {id: g, site: s}\ndefaults: {topic: x/y}\nhealth: {}\nsensors: {b: {driver: bme280}}\n": `3:9: health: topic "x/y" is taken by sensors.b`,
	} {
		if _, err := loadText(t, text, all.Kinds()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s%v, want %q", text, err, want)
		}
	}
	if _, err := loadText(t, "health: {}\n", nil); err == nil || !strings.Contains(err.Error(), "no driver health") {
		t.Errorf("%v", err)
	}
}
