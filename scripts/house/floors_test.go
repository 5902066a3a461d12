package house

import (
	"strings"
	"testing"
)

// floors gives each package its floor. Steps of ten leave room for the order inside a floor: the configuration and the
// mapping stand below sampler, uplink and console, which they serve.
var floors = map[string]int{
	"cmd/skerry": 50,

	"edge": 40,

	"edge/sampler":         32,
	"edge/uplink":          32,
	"edge/alarm":           32,
	"edge/output":          32,
	"edge/control":         32,
	"edge/scan":            32,
	"edge/doctor":          32,
	"edge/service":         30,
	"edge/watchdog":        30,
	"edge/metric":          32,
	"edge/hass":            33,
	"edge/cost":            34,
	"edge/simulate":        32,
	"edge/mapping":         31,
	"edge/config":          30,
	"edge/clock":           30,
	"edge/pages":           30,
	"broker/server":        30,
	"edge/formula":         25,
	"edge/uplink/pace":     0,
	"edge/uplink/repeats":  0,
	"edge/uplink/arrivals": 0,
	"edge/uplink/watchdog": 0,
	"edge/change":          25,
	"edge/reduce":          31,

	// What is usual on a kind of link: data, that the configuration takes defaults from.
	"edge/uplink/kind": 0,

	// What an uplink is made of, each knowing nothing of the others.
	"edge/uplink/interfaces": 10,
	"edge/uplink/road":       10,
	"edge/uplink/schedule":   10,
	"edge/uplink/keepalive":  10,
	"edge/uplink/ticket":     10,

	// Parts of the uplink that know nothing of it; the configuration has their types.
	"edge/uplink/budget": 20,

	// The blocks of the encoding pack, the arrays of json, and readings to pack for tests and the benchmark.
	"edge/uplink/pack":          10,
	"edge/uplink/pack/packtest": 11,
	"edge/uplink/array":         11,
	"edge/uplink/primers":       11,

	"edge/uplink/profile":             25,
	"edge/uplink/profile/profiletest": 26,

	"broker":      20,
	"drivers/all": 20,
	"board/sim":   20,

	// What Home Assistant makes of a message, for tests.
	"edge/hass/hasstest": 5,

	// The modem of a link, which the uplink asks; and one for tests.
	"edge/uplink/modem":           25,
	"edge/uplink/modem/modemtest": 5,
	// A link that exists only in the program, for tests.
	"edge/uplink/linktest": 31,

	// A slave for tests and for board/sim.
	"drivers/modbus/modbustest": 5,

	"queue":              10,
	"broker/client":      10,
	"broker/access":      10,
	"board":              10,
	"drivers/drivertest": 10,

	"broker/filter":    5,
	"broker/watch":     5,
	"queue/slotlog":    5,
	"queue/checkpoint": 5,
	"queue/canary":     5,
	"queue/vfs":        0,
	"broker/packet":    0,
	"broker/scram":     0,
	"broker/stack":     0,
	"broker/topic":     0,
	"drivers/chip":     5,
	"drivers/crc16":    0,
	"drivers/channel":  5,
	"drivers":          0,

	// What several programs under scripts share.
	"scripts/cutdisk":  55,
	"scripts/loopback": 55,
	"scripts/rig":      55,

	// A laboratory for programs under scripts and for tests.
	"scripts/link/emulate": 57,

	// A suite beside what it tests; nothing but tests imports it.
	"queue/queuetest":   15,
	"broker/brokertest": 15,
}

// floor returns the floor of a package of the project. A driver's package needs no line of its own in the table.
func floor(pkg string) (int, bool) {
	if n, ok := floors[pkg]; ok {
		return n, true
	}
	if strings.HasPrefix(pkg, "drivers/") && strings.Count(pkg, "/") == 1 {
		return 10, true
	}
	if under(pkg, "scripts") {
		return 60, true
	}
	return 0, false
}

// apart lists who knows nothing of whom, whatever the floors would allow.
var apart = map[string][]string{
	"queue":   {"broker", "drivers", "board"},
	"broker":  {"drivers", "board", "edge"},
	"drivers": {"broker", "queue", "board", "edge"},
	"board":   {"broker", "queue", "edge"},
}

func TestFloors(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		mine, ok := floor(s.pkg)
		if !ok {
			t.Errorf("%s: package %s has no floor: give it one in scripts/house/floors_test.go", s.path, s.pkg)
			continue
		}
		for _, imp := range s.imports {
			dep, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			theirs, ok := floor(dep)
			if ok && theirs >= mine {
				t.Errorf("%s: %s (floor %d) imports %s (floor %d): a package leans only on lower floors", s.path, s.pkg, mine, dep, theirs)
			}
		}
	}
}

func TestApart(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for dir, strangers := range apart {
			if !under(s.pkg, dir) {
				continue
			}
			for _, imp := range s.imports {
				if dep, ours := strings.CutPrefix(imp, module); ours && underAny(dep, strangers...) {
					t.Errorf("%s: %s imports %s: %s knows nothing of it", s.path, s.pkg, dep, dir)
				}
			}
		}
	}
}

// owners lists the folders that alone may import a library.
var owners = []struct {
	path    string
	folders []string
	why     string
}{
	{"periph.io/x/host/v3", []string{"board"}, "the machine has one owner; and only the sysfs package, see TestHostOnlyBySysfs"},
	{"github.com/tarm/serial", []string{"board"}, "its end-of-file means two things, which the wrapper tells apart"},
	{"github.com/warthog618/go-gpiocdev", []string{"board"}, "drivers see pins, not chips"},
	{"go.etcd.io/bbolt", []string{"queue"}, "the checkpoint is disposable only where the log can rebuild it"},
	{"go.yaml.in/yaml/v3", []string{"edge/config"}, "one decoder gives every error its place and hint"},
	{"github.com/coder/websocket", []string{"broker/server", "cmd"}, "its end of a frame is no end of a packet, which the wrapper knows"},
	{"github.com/expr-lang/expr", []string{"broker/filter", "edge/formula"}, "what expressions may cost is decided where they are compiled"},
	{"github.com/alecthomas/kong", []string{"cmd"}, "the command line is not an API"},
}

func TestLibrariesHaveOwners(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || under(s.pkg, "scripts") {
			continue
		}
		for _, imp := range s.imports {
			for _, o := range owners {
				if under(imp, o.path) && !underAny(s.pkg, o.folders...) {
					t.Errorf("%s imports %s, which belongs to %v: %s", s.path, imp, o.folders, o.why)
				}
			}
		}
	}
}

// TestHostOnlyBySysfs keeps the packages out that map physical memory: as root on a Raspberry Pi 5 they would write to the
// address at which a Pi 4 has its GPIO block.
func TestHostOnlyBySysfs(t *testing.T) {
	for _, s := range sources(t) {
		for _, imp := range s.imports {
			if under(imp, "periph.io/x/host/v3") && imp != "periph.io/x/host/v3/sysfs" {
				t.Errorf("%s imports %s: only periph.io/x/host/v3/sysfs is allowed", s.path, imp)
			}
		}
	}
}
