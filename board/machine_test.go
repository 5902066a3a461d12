package board_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"skerry/board"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestMachine(t *testing.T) {
	tests := map[string]struct {
		root fstest.MapFS
		want board.Machine
	}{
		"Raspberry Pi": {fstest.MapFS{
			"proc/device-tree/model": file("Raspberry Pi 4 Model B Rev 1.4\x00"), "proc/device-tree/compatible": file("raspberrypi,4-model-b\x00brcm,bcm2711\x00"),
		}, board.Machine{Model: "Raspberry Pi 4 Model B Rev 1.4", Header: board.Header40}},
		"one that is not known yet": {fstest.MapFS{
			"proc/device-tree/model": file("Raspberry Pi 6\x00"), "proc/device-tree/compatible": file("raspberrypi,6-model-b\x00brcm,bcm2720\x00"),
		}, board.Machine{Model: "Raspberry Pi 6", Header: board.Header40}},
		"another board": {fstest.MapFS{"sys/firmware/devicetree/base/model": file("FriendlyElec NanoPi NEO\x00"),
			"sys/firmware/devicetree/base/compatible": file("friendlyarm,nanopi-neo\x00")}, board.Machine{Model: "FriendlyElec NanoPi NEO"}},
		"a PC": {fstest.MapFS{
			"sys/class/dmi/id/sys_vendor": file("LENOVO\n"), "sys/class/dmi/id/product_name": file("20QD\n"),
		}, board.Machine{Model: "LENOVO 20QD"}},
		"nothing": {fstest.MapFS{}, board.Machine{Model: "unknown board"}},
	}
	for name, test := range tests {
		if got := board.MachineOf(test.root); !strings.HasPrefix(got.Model, test.want.Model) || got.Header != test.want.Header {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// The first Raspberry Pi had two layouts, which the revision tells apart: raspberrypi.com/documentation, "Raspberry Pi revision codes".
func TestModelBByRevision(t *testing.T) {
	for revision, want := range map[string]board.Header{
		"":                 board.Header26Unknown,
		"\x00\x00\x00\x02": board.Header26Rev1,
		"\x00\x00\x00\x03": board.Header26Rev1,
		"\x03\x00\x00\x03": board.Header26Rev1,
		"\x00\x00\x00\x04": board.Header26,
		"\x00\x00\x00\x0e": board.Header26,
		"\x01\x00\x00\x0f": board.Header26,
	} {
		m := board.MachineOf(fstest.MapFS{
			"proc/device-tree/model": file("Raspberry Pi Model B\x00"), "proc/device-tree/compatible": file("raspberrypi,model-b\x00brcm,bcm2835\x00"),
			"proc/device-tree/system/linux,revision": file(revision),
		})
		if m.Header != want {
			t.Errorf("revision %x: header %v (%d), want %d", revision, m.Header, m.Header, want)
		}
	}
}

// known is one line of testdata/models.tsv.
type known struct {
	source, header string
	machine        board.Machine
	chip           board.Chip
}

func knownBoards(t *testing.T) []known {
	t.Helper()
	b, err := os.ReadFile("testdata/models.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []known
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		m := board.MachineOf(fstest.MapFS{"proc/device-tree/model": file(f[2] + "\x00"),
			"proc/device-tree/compatible": file(strings.ReplaceAll(f[3], " ", "\x00") + "\x00")})
		all = append(all, known{f[0], f[1], m, board.Chip{Name: "gpiochip0", Label: f[4], Lines: strings.Split(f[5], ",")}})
	}
	return all
}

// Each place of the header of each model is the line with the number that the header's drawing has there, whatever the device tree
// of its kernel calls it. The drawing: pinout.xyz, and elinux.org "RPi Low-level peripherals" for the first models.
func TestHeaderOfEachModel(t *testing.T) {
	boards := knownBoards(t)
	if len(boards) < 40 {
		t.Fatalf("%d boards are known", len(boards))
	}
	for _, k := range boards {
		t.Run(k.source, func(t *testing.T) {
			places := map[int]int{3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25, 23: 11, 24: 8, 26: 7}
			switch k.header {
			case "26?":
				delete(places, 3)
				delete(places, 5)
				delete(places, 13)
			case "40":
				for place, line := range map[int]int{27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21} {
					places[place] = line
				}
			case "0":
				clear(places)
			}
			for place := 1; place <= 41; place++ {
				name := fmt.Sprint("P1_", place)
				chip, offset, err := board.FindLine(k.machine, []board.Chip{k.chip}, name)
				want, is := places[place]
				if is != (err == nil) || is && (offset != want || chip != "gpiochip0") {
					t.Errorf("%s is line %d of %s, %v; want line %d: %v", name, offset, chip, err, want, is)
				}
			}
			for n := range 28 {
				chip, offset, err := board.FindLine(k.machine, []board.Chip{k.chip}, "GPIO"+strconv.Itoa(n))
				if known := k.chip.Label != "-"; known != (err == nil) || known && (offset != n || chip != "gpiochip0") {
					t.Errorf("GPIO%d is line %d of %q, %v", n, offset, chip, err)
				}
			}
		})
	}
}

func TestFirstRevision(t *testing.T) {
	chip := board.Chip{Name: "gpiochip0", Label: "pinctrl-bcm2835", Lines: make([]string, 54)}
	m := board.Machine{Header: board.Header26Rev1}
	for name, want := range map[string]int{"P1_3": 0, "P1_5": 1, "P1_13": 21, "P1_11": 17} {
		if _, offset, err := board.FindLine(m, []board.Chip{chip}, name); err != nil || offset != want {
			t.Errorf("%s is line %d, %v; want %d", name, offset, err, want)
		}
	}
	if got := board.ChooseI2C(m, []string{"/dev/i2c-0", "/dev/i2c-1"}); got != "/dev/i2c-0" {
		t.Errorf("its header has the bus %s, want /dev/i2c-0", got)
	}
}

// Whatever a device tree and a configuration say, a line is found on a chip that has it, or the error says something.
func FuzzFindLine(f *testing.F) {
	for _, name := range []string{"GPIO17", "P1_11", "P1_", "P1_-1", "1-0020:3", ":", "a:b:c", "GPIO-1", "GPIO99999999999999999999"} {
		f.Add("raspberrypi,4-model-b\x00brcm,bcm2711\x00", "\x00\x00\x00\x02", name)
		f.Add("raspberrypi,model-b\x00", "", name)
	}
	chips := append(append([]board.Chip{}, pi4...), generic...)
	f.Fuzz(func(t *testing.T, compatible, revision, name string) {
		m := board.MachineOf(fstest.MapFS{"proc/device-tree/compatible": file(compatible), "proc/device-tree/system/linux,revision": file(revision)})
		chip, offset, err := board.FindLine(m, chips, name)
		if err != nil {
			if err.Error() == "" || chip != "" {
				t.Errorf("%q: chip %q, error %q", name, chip, err)
			}
			return
		}
		for _, c := range chips {
			if c.Name == chip && offset >= 0 && offset < len(c.Lines) {
				return
			}
		}
		t.Errorf("%q is line %d of %s", name, offset, chip)
	})
}
