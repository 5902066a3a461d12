package board_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"

	"skerry/board"
	"skerry/drivers"
)

// numbered names n lines as recent device trees do.
func numbered(n int) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprint("GPIO", i))
	}
	return lines
}

// The chips as the kernel lists them on three machines.
var (
	pi       = board.Machine{Model: "Raspberry Pi", Header: board.Header40}
	expander = board.Chip{Name: "gpiochip0", Label: "raspberrypi-exp-gpio", Device: "soc:firmware:gpio", Lines: []string{"BT_ON", "WL_ON"}}
	pi4      = []board.Chip{{Name: "gpiochip1", Label: "pinctrl-bcm2711", Device: "fe200000.gpio", Lines: numbered(58)}, expander}
	pi5      = []board.Chip{
		{Name: "gpiochip0", Label: "pinctrl-rp1", Lines: numbered(54)},
		{Name: "gpiochip10", Label: "gpio-brcmstb@107d508500", Lines: numbered(32)},
	}
	oldNames = []board.Chip{{Name: "gpiochip0", Label: "pinctrl-bcm2835", Lines: append([]string{"ID_SDA", "ID_SCL", "SDA1", "SCL1"}, numbered(54)[4:]...)}}
	generic  = []board.Chip{
		{Name: "gpiochip3", Label: "1c20800.pinctrl", Device: "1c20800.pinctrl", Lines: []string{"PA0", "PA1"}},
		{Name: "gpiochip4", Label: "1f02c00.pinctrl", Device: "1f02c00.pinctrl", Lines: []string{"PL0", "PA1"}},
		{Name: "gpiochip5", Label: "mcp23017", Device: "1-0020", Lines: make([]string, 16)},
		{Name: "gpiochip6", Label: "mcp23017", Device: "1-0021", Lines: make([]string, 16)},
	}
)

func TestFindLine(t *testing.T) {
	tests := []struct {
		name   string
		chips  []board.Chip
		line   string
		chip   string
		offset int
		err    string
	}{
		{"by name on a Pi 4", pi4, "GPIO17", "gpiochip1", 17, ""},
		{"by place on the header", pi4, "P1_11", "gpiochip1", 17, ""},
		{"last place", pi4, "P1_40", "gpiochip1", 21, ""},
		{"the header's chip before one with the same names", []board.Chip{pi5[1], pi5[0]}, "GPIO17", "gpiochip0", 17, ""},
		{"by number where the tree says SDA1", oldNames, "GPIO2", "gpiochip0", 2, ""},
		{"by number, beyond the header", []board.Chip{{Name: "gpiochip0", Label: "pinctrl-bcm2835", Lines: make([]string, 54)}}, "GPIO28", "", 0, "no line GPIO28"},
		{"by its other name", oldNames, "SDA1", "gpiochip0", 2, ""},
		{"another chip's line", pi4, "BT_ON", "gpiochip0", 0, ""},
		{"a generic board", generic, "PL0", "gpiochip4", 0, ""},
		{"a name on two chips", generic, "PA1", "", 0, "write 1c20800.pinctrl:PA1 or 1f02c00.pinctrl:PA1"},
		{"by label and name", generic, "1f02c00.pinctrl:PA1", "gpiochip4", 1, ""},
		{"by label and number", generic, "1c20800.pinctrl:0", "gpiochip3", 0, ""},
		{"by device and number", generic, "1-0021:15", "gpiochip6", 15, ""},
		{"a device with colons", pi4, "soc:firmware:gpio:WL_ON", "gpiochip0", 1, ""},
		{"a label of two chips", generic, "mcp23017:3", "", 0, "write 1-0020:3 or 1-0021:3"},
		{"a number beyond the chip", generic, "1-0021:16", "", 0, "0 to 15"},
		{"an unknown chip", generic, "gpiochip3:0", "", 0, "1c20800.pinctrl with 2 lines"},
		{"no chip", generic, ":0", "", 0, "no GPIO chip"},
		{"supply", pi4, "P1_1", "", 0, "supply or ground"},
		{"beyond the header", pi4, "P1_41", "", 0, "P1_1 to P1_40"},
		{"no number", pi4, "P1_x", "", 0, "P1_1 to P1_40"},
		{"unknown", pi4, "GPIO99", "", 0, "pinctrl-bcm2711 with 58 lines"},
		{"no header, so no numbers", generic, "GPIO17", "", 0, "no line GPIO17"},
		{"no chips", nil, "GPIO17", "", 0, "no GPIO chips"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chip, offset, err := board.FindLine(pi, test.chips, test.line)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%s: %v, want %q", test.line, err, test.err)
				}
				return
			}
			if err != nil || chip != test.chip || offset != test.offset {
				t.Errorf("%s: line %d of %s, %v; want line %d of %s", test.line, offset, chip, err, test.offset, test.chip)
			}
		})
	}
}

func TestNoHeaderNoPlaces(t *testing.T) {
	_, _, err := board.FindLine(board.Machine{Model: "Banana Pi BPI-M5"}, generic, "P1_11")
	if err == nil || !strings.Contains(err.Error(), "Banana Pi BPI-M5") || !strings.Contains(err.Error(), "CHIP:NUMBER") {
		t.Errorf("%v", err)
	}
}

// kernel is a pipe in the place of the descriptor that the kernel gives for a line. Events go through it as the kernel lays them out.
type kernel struct {
	t  *testing.T
	fd int // where events are put in
}

func newKernel(t *testing.T) (*kernel, drivers.Edges) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	pin := board.NewPin(fds[0])
	t.Cleanup(func() { pin.Close() })
	return &kernel{t, fds[1]}, pin
}

func (k *kernel) put(events ...uapi.LineEvent) {
	k.t.Helper()
	var b bytes.Buffer
	binary.Write(&b, binary.NativeEndian, events)
	if _, err := unix.Write(k.fd, b.Bytes()); err != nil {
		k.t.Fatal(err)
	}
}

func TestEdgesKeepTheKernelsTimeAndNumber(t *testing.T) {
	now := time.Now()
	got := board.EdgeOf(uapi.LineEvent{Timestamp: uint64(98 * time.Second), LineSeqno: 7, Seqno: 9, ID: uapi.LineEventRisingEdge}, now, 100*time.Second)
	if want := (drivers.Edge{Seq: 7, Time: now.Add(-2 * time.Second), Rising: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEdgesAreReadOnceAndInOrder(t *testing.T) {
	k, pin := newKernel(t)
	next := uint32(0)
	for _, n := range []int{0, 1, 64, 65, 1000, 0} {
		for range n {
			next++
			k.put(uapi.LineEvent{LineSeqno: next, ID: uapi.LineEventFallingEdge})
		}
		got, err := pin.Read(nil)
		if err != nil || len(got) != n {
			t.Fatalf("%d edges, %v; want %d", len(got), err, n)
		}
		for i, e := range got {
			if want := next - uint32(n-i-1); e.Seq != want || e.Rising {
				t.Errorf("edge %d has number %d, want %d", i, e.Seq, want)
			}
		}
	}
}

// A chip on an adapter that is pulled: what came before is not lost.
func TestLineThatGoesAway(t *testing.T) {
	k, pin := newKernel(t)
	k.put(uapi.LineEvent{LineSeqno: 1}, uapi.LineEvent{LineSeqno: 2})
	unix.Close(k.fd)
	got, err := pin.Read(nil)
	if len(got) != 2 || !errors.Is(err, drivers.ErrUnplugged) {
		t.Errorf("%d edges, %v; want 2 and that it is unplugged", len(got), err)
	}
}

func TestAPinIsGivenBackOnce(t *testing.T) {
	k, pin := newKernel(t)
	for range 2 {
		if err := pin.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := unix.Write(k.fd, []byte{1}); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the line is still held: %v", err)
	}
	if _, err := pin.Read(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestLineRequest(t *testing.T) {
	tests := []struct {
		config   drivers.PinConfig
		flags    uapi.LineFlagV2
		debounce uint32 // µs
	}{
		{drivers.PinConfig{}, uapi.LineFlagV2EdgeFalling, 0},
		{drivers.PinConfig{Pull: drivers.PullUp, Debounce: 8 * time.Millisecond}, uapi.LineFlagV2EdgeFalling | uapi.LineFlagV2BiasPullUp, 8000},
		{drivers.PinConfig{Pull: drivers.PullDown, Trigger: drivers.BothEdges}, uapi.LineFlagV2EdgeBoth | uapi.LineFlagV2BiasPullDown, 0},
		{drivers.PinConfig{Trigger: drivers.Rising}, uapi.LineFlagV2EdgeRising, 0},
	}
	for _, test := range tests {
		r := board.LineRequest(17, test.config)
		if r.Lines != 1 || r.Offsets[0] != 17 || r.Config.Flags != uapi.LineFlagV2Input|test.flags || r.EventBufferSize != 1024 {
			t.Errorf("%+v: %+v", test.config, r)
		}
		a := r.Config.Attrs[0]
		if test.debounce > 0 != (r.Config.NumAttrs == 1) || a.Attr.Value32() != test.debounce {
			t.Errorf("%+v: debounce of %d µs, %d attributes", test.config, a.Attr.Value32(), r.Config.NumAttrs)
		}
	}
}

// An output has its level in the moment in which the line is taken: a relay does not click.
func TestOutputRequest(t *testing.T) {
	for on, want := range map[bool]uint64{false: 0, true: 1} {
		r := board.OutputRequest(17, on)
		a := r.Config.Attrs[0]
		if r.Lines != 1 || r.Offsets[0] != 17 || r.Config.Flags != uapi.LineFlagV2Output || r.Config.NumAttrs != 1 || a.Mask != 1 || a.Attr.ID != uapi.LineAttributeIDOutputValues || a.Attr.Value64() != want {
			t.Errorf("on %t: %+v", on, r)
		}
	}
}

func TestLineThatCannotBeTaken(t *testing.T) {
	for reason, want := range map[error]string{unix.ENXIO: "no interrupts", unix.ENOTTY: "older than 5.10", unix.EBUSY: "in use", unix.EACCES: "usermod -aG gpio", unix.ENODEV: "no interrupts", unix.EIO: "does not answer"} {
		if err := board.InputError("gpiochip0 line 3", reason); !strings.HasPrefix(err.Error(), "gpiochip0 line 3: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", reason, err, want)
		}
	}
}

// The stamp of an edge and Go's clock are of the same kind: what was stamped just now is just now.
func TestMonotonicIsTheKernelsClock(t *testing.T) {
	e := board.EdgeOf(uapi.LineEvent{Timestamp: uint64(board.Monotonic())}, time.Now(), board.Monotonic())
	if age := time.Since(e.Time); age < 0 || age > patience {
		t.Errorf("an edge of now is %v old", age)
	}
}

func TestPinWithoutHardware(t *testing.T) {
	if chips, _ := os.ReadDir("/sys/bus/gpio/devices"); len(chips) > 0 {
		return // a machine with lines would take the one named below; then the other tests say all there is
	}
	b, err := board.Open(board.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Pin("GPIO17", drivers.PinConfig{}); err == nil || !strings.Contains(err.Error(), "no GPIO chips") {
		t.Errorf("%v, want that there are no chips", err)
	}
}
