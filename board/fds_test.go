package board_test

import (
	"os"
	"path/filepath"
	"testing"

	"skerry/board"
	"skerry/drivers"
)

// descriptors counts those of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestNoDescriptorIsLeft: attempts to open what cannot be opened, and adapters that are pulled and return, leave none behind.
func TestNoDescriptorIsLeft(t *testing.T) {
	tty, p := silentTTY(t)
	waitForBytes(t, tty, p) // the poller is running now
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := drivers.SerialConfig{Baud: 9600, DataBits: 8, StopBits: 1}
	free := newTTY(t)
	null := board.Adapter(os.DevNull)
	before := descriptors(t)
	for range 20 {
		for _, c := range []struct {
			device string
			config drivers.SerialConfig
			rs485  board.RS485
		}{
			{file, good, board.RS485{}}, {filepath.Join(dir, "none"), good, board.RS485{}}, {tty.Device(), good, board.RS485{}},
			{free.Device(), drivers.SerialConfig{Baud: 12345, DataBits: 8, StopBits: 1}, board.RS485{}},
			{free.Device(), drivers.SerialConfig{Baud: 9600, DataBits: 9, StopBits: 1}, board.RS485{}},
			{free.Device(), drivers.SerialConfig{Baud: 9600, DataBits: 8, StopBits: 3}, board.RS485{}},
			{free.Device(), good, board.RS485{Direction: board.ByKernel}},
		} {
			if _, err := board.OpenPort(c.device, c.config, c.rs485); err == nil {
				t.Fatalf("%+v was opened", c)
			}
		}
		if err := null.Tx(0x76, []byte{1}, nil); err == nil {
			t.Fatal("a transfer on what is no bus")
		}
	}
	for range 3 {
		if err := tty.Unplug(); err != nil {
			t.Fatal(err)
		}
		p.Write([]byte("x"))
		if err := tty.Plug(); err != nil {
			t.Fatal(err)
		}
		waitForBytes(t, tty, p)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, there were %d", after, before)
	}
}
