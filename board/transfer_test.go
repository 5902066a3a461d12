package board_test

import (
	"errors"
	"math/bits"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/board"
	"skerry/drivers"
)

func TestMessages(t *testing.T) {
	tests := []struct {
		name string
		w, r []byte
		want []board.Message
	}{
		{"nothing", nil, nil, nil},
		{"write", []byte{7, 8}, nil, []board.Message{{0x76, 0, 2, 7}}},
		{"read", nil, []byte{9}, []board.Message{{0x76, 1, 1, 9}}},
		{"write, then read", []byte{7}, []byte{9, 0, 0}, []board.Message{{0x76, 0, 1, 7}, {0x76, 1, 3, 9}}},
	}
	for _, test := range tests {
		if got := board.Messages(0x76, test.w, test.r); !slices.Equal(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// The kernel's structures: three shorts, filled up to 8 bytes, and a pointer; a pointer and an int.
func TestLayout(t *testing.T) {
	message, set, smbus, data := board.Layout()
	if want := 1 + 8/(bits.UintSize/8); data != 8 || set != 2 || int(message) != want || smbus != 8+bits.UintSize/8 {
		t.Errorf("a message of %d words with its pointer at %d, a set of %d words, %d bytes for SMBus", message, data, set, smbus)
	}
}

func TestTransfersAreRefused(t *testing.T) {
	null := board.Adapter(os.DevNull)
	tests := []struct {
		name string
		err  error
		is   error
		want string
	}{
		{"on what is no bus", null.Tx(0x76, []byte{1}, nil), unix.ENOTTY, "not such a device"},
		{"to address 0x80", null.Tx(0x80, []byte{1}, nil), nil, "7 bits"},
		{"of 8193 bytes", null.Tx(0x76, make([]byte, 8193), nil), nil, "8193"},
		{"on an adapter that was pulled", board.Adapter("/dev/i2c-250").Tx(0x76, []byte{1}, nil), drivers.ErrUnplugged, "/dev/i2c-250"},
		{"with a chip of the kernel's", board.ExplainAddress("/dev/i2c-1", 0x76, unix.EBUSY), unix.EBUSY, "driver ? of the kernel"},
		{"while the adapter is busy, as that of a PC", board.ExplainTransfer("/dev/i2c-1", unix.EBUSY), unix.EBUSY, "another master"},
		{"while a line is held", board.ExplainTransfer("/dev/i2c-1", unix.ETIMEDOUT), unix.ETIMEDOUT, "held low"},
		{"beside another master", board.ExplainTransfer("/dev/i2c-1", unix.EAGAIN), unix.EAGAIN, "arbitration"},
		{"while it is pulled", board.ExplainTransfer("/dev/i2c-1", unix.ENODEV), drivers.ErrUnplugged, ""},
		{"with nobody", board.ExplainTransfer("/dev/i2c-1", unix.EREMOTEIO), unix.EREMOTEIO, "remote I/O error"},
	}
	for _, test := range tests {
		if test.err == nil || !strings.Contains(test.err.Error(), test.want) || test.is != nil && !errors.Is(test.err, test.is) {
			t.Errorf("%s: %v, want %q", test.name, test.err, test.want)
		}
	}
	if err := null.Tx(0x76, nil, nil); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

func TestTimeoutIsNeverZero(t *testing.T) {
	for d, want := range map[time.Duration]int{time.Millisecond: 1, 10 * time.Millisecond: 1, 11 * time.Millisecond: 2, 200 * time.Millisecond: 20} {
		if got := board.TimeoutUnits(d); got != want {
			t.Errorf("%v is %d units, want %d", d, got, want)
		}
	}
}
