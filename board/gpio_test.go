package board_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warthog618/go-gpiocdev"

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
	expander = board.Chip{Name: "gpiochip0", Label: "raspberrypi-exp-gpio", Lines: []string{"BT_ON", "WL_ON"}}
	pi4      = []board.Chip{{Name: "gpiochip1", Label: "pinctrl-bcm2711", Lines: numbered(58)}, expander}
	pi5      = []board.Chip{
		{Name: "gpiochip0", Label: "pinctrl-rp1", Lines: numbered(54)},
		{Name: "gpiochip10", Label: "gpio-brcmstb@107d508500", Lines: numbered(32)},
	}
	oldNames = []board.Chip{{Name: "gpiochip0", Label: "pinctrl-bcm2835", Lines: append([]string{"ID_SDA", "ID_SCL", "SDA1", "SCL1"}, numbered(54)[4:]...)}}
	generic  = []board.Chip{{Name: "gpiochip3", Label: "1c20800.pinctrl", Lines: []string{"PA0", "PA1"}}, {Name: "gpiochip4", Label: "1f02c00.pinctrl", Lines: []string{"PL0", "PA1"}}}
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
		{"by its other name", oldNames, "SDA1", "gpiochip0", 2, ""},
		{"another chip's line", pi4, "BT_ON", "gpiochip0", 0, ""},
		{"a generic board", generic, "PL0", "gpiochip4", 0, ""},
		{"a name on two chips", generic, "PA1", "", 0, "more than one chip"},
		{"supply", pi4, "P1_1", "", 0, "supply or ground"},
		{"beyond the header", pi4, "P1_41", "", 0, "P1_1 to P1_40"},
		{"no number", pi4, "P1_x", "", 0, "P1_1 to P1_40"},
		{"unknown", pi4, "GPIO99", "", 0, "pinctrl-bcm2711 with 58 lines"},
		{"no header, so no numbers", generic, "GPIO17", "", 0, "no line GPIO17"},
		{"no chips", nil, "GPIO17", "", 0, "no GPIO chips"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chip, offset, err := board.FindLine(test.chips, test.line)
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

func TestEachPlaceOfTheHeaderIsAnotherLine(t *testing.T) {
	seen := map[int]int{}
	for place := 1; place <= 40; place++ {
		if _, offset, err := board.FindLine(pi4, fmt.Sprint("P1_", place)); err == nil {
			if other, taken := seen[offset]; taken {
				t.Errorf("places %d and %d are both GPIO%d", place, other, offset)
			}
			seen[offset] = place
		}
	}
	if len(seen) != 28 {
		t.Errorf("%d lines on the header, want 28", len(seen))
	}
}

func TestEdgesKeepTheKernelsTimeAndNumber(t *testing.T) {
	closed := 0
	q, pin := board.NewQueue(8, &closed)
	now := time.Now()
	q.Put(gpiocdev.LineEvent{Timestamp: 98 * time.Second, LineSeqno: 7, Seqno: 9, Type: gpiocdev.LineEventRisingEdge}, now, 100*time.Second)
	got, err := pin.Read(nil)
	want := drivers.Edge{Seq: 7, Time: now.Add(-2 * time.Second), Rising: true}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestAFullQueueDropsTheOldestAndShowsIt(t *testing.T) {
	closed := 0
	q, pin := board.NewQueue(4, &closed)
	for round := range uint32(3) {
		for n := range uint32(10) {
			q.Put(gpiocdev.LineEvent{LineSeqno: round*10 + n + 1}, time.Now(), 0)
		}
		got, err := pin.Read(nil)
		var seqs []uint32
		for _, e := range got {
			seqs = append(seqs, e.Seq)
		}
		want := []uint32{round*10 + 7, round*10 + 8, round*10 + 9, round*10 + 10}
		if err != nil || !slices.Equal(seqs, want) {
			t.Errorf("round %d: %v, %v; want %v", round, seqs, err, want)
		}
		if rest, _ := pin.Read(nil); len(rest) != 0 {
			t.Errorf("%v were read twice", rest)
		}
	}
}

func TestAPinIsGivenBackOnce(t *testing.T) {
	closed := 0
	_, pin := board.NewQueue(4, &closed)
	for range 2 {
		if err := pin.Close(); err != nil {
			t.Error(err)
		}
	}
	if closed != 1 {
		t.Errorf("given back %d times", closed)
	}
	if _, err := pin.Read(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestLineOptions(t *testing.T) {
	tests := []struct {
		config drivers.PinConfig
		want   []gpiocdev.LineReqOption
	}{
		{drivers.PinConfig{}, []gpiocdev.LineReqOption{gpiocdev.AsInput, gpiocdev.WithBiasAsIs, gpiocdev.WithFallingEdge}},
		{drivers.PinConfig{Pull: drivers.PullUp, Trigger: drivers.Falling, Debounce: 8 * time.Millisecond},
			[]gpiocdev.LineReqOption{gpiocdev.AsInput, gpiocdev.WithPullUp, gpiocdev.WithFallingEdge, gpiocdev.WithDebounce(8 * time.Millisecond)}},
		{drivers.PinConfig{Pull: drivers.PullDown, Trigger: drivers.BothEdges}, []gpiocdev.LineReqOption{gpiocdev.AsInput, gpiocdev.WithPullDown, gpiocdev.WithBothEdges}},
		{drivers.PinConfig{Trigger: drivers.Rising}, []gpiocdev.LineReqOption{gpiocdev.AsInput, gpiocdev.WithBiasAsIs, gpiocdev.WithRisingEdge}},
	}
	for _, test := range tests {
		if got := board.LineOptions(test.config); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.config, got, test.want)
		}
	}
}

// The stamp of an edge and Go's clock are of the same kind: what was stamped just now is just now.
func TestMonotonicIsTheKernelsClock(t *testing.T) {
	closed := 0
	q, pin := board.NewQueue(1, &closed)
	q.Put(gpiocdev.LineEvent{Timestamp: board.Monotonic()}, time.Now(), board.Monotonic())
	got, _ := pin.Read(nil)
	if age := time.Since(got[0].Time); age < 0 || age > patience {
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
