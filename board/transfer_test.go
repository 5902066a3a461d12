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
	message, set, data := board.Layout()
	if want := 1 + 8/(bits.UintSize/8); data != 8 || set != 2 || int(message) != want {
		t.Errorf("a message of %d words with its pointer at %d, a set of %d words", message, data, set)
	}
}

func TestTransfersAreRefused(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	if err := board.Transfer(fd, 0x76, []byte{1}, nil); !errors.Is(err, unix.ENOTTY) || !strings.Contains(err.Error(), "0x76") {
		t.Errorf("on what is no bus: %v", err)
	}
	if err := board.Transfer(fd, 0x80, []byte{1}, nil); err == nil || !strings.Contains(err.Error(), "7 bits") {
		t.Errorf("to address 0x80: %v", err)
	}
	if err := board.Transfer(fd, 0x76, make([]byte, 8193), nil); err == nil || !strings.Contains(err.Error(), "8193") {
		t.Errorf("of 8193 bytes: %v", err)
	}
	if err := board.Transfer(fd, 0x76, nil, nil); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	if err := board.OpenTransfers(os.DevNull); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("open what is no bus: %v", err)
	}
}

func TestTimeoutIsNeverZero(t *testing.T) {
	for d, want := range map[time.Duration]int{time.Millisecond: 1, 10 * time.Millisecond: 1, 11 * time.Millisecond: 2, 200 * time.Millisecond: 20} {
		if got := board.TimeoutUnits(d); got != want {
			t.Errorf("%v is %d units, want %d", d, got, want)
		}
	}
}
