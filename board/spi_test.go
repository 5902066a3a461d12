package board_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"skerry/board"
	"skerry/drivers"
)

// spiChip is an SPI port with a chip that answers with the bits of what it got turned over.
type spiChip struct {
	fail   error
	opened int
	closed int
	speeds []physic.Frequency
	mode   spi.Mode
	bits   int
}

func (c *spiChip) open(device string) (spi.PortCloser, error) {
	if _, err := os.Stat(device); err != nil {
		return nil, err
	}
	c.opened++
	return c, nil
}

func (c *spiChip) String() string                      { return "raw" }
func (c *spiChip) Close() error                        { c.closed++; return nil }
func (c *spiChip) LimitSpeed(f physic.Frequency) error { return nil }
func (c *spiChip) Duplex() conn.Duplex                 { return conn.Full }

func (c *spiChip) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	c.speeds, c.mode, c.bits = append(c.speeds, f), mode, bits
	return c, nil
}

func (c *spiChip) Tx(w, r []byte) error {
	for i := range r {
		r[i] = ^w[i]
	}
	return c.fail
}

func (c *spiChip) TxPackets(p []spi.Packet) error { return c.Tx(p[0].W, p[0].R) }

func TestSPIPortThatIsPulledAndReturns(t *testing.T) {
	device := filepath.Join(t.TempDir(), "spidev0.0")
	plug := func() {
		if err := os.WriteFile(device, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	chip := &spiChip{}
	port := board.NewSPI(device, 500*physic.KiloHertz, chip.open)
	if _, err := port.Connect(physic.MegaHertz, spi.Mode3, 8); !errors.Is(err, drivers.ErrUnplugged) {
		t.Errorf("a port that is not there: %v", err)
	}
	plug()
	c, err := port.Connect(physic.MegaHertz, spi.Mode3, 8)
	if err != nil {
		t.Fatal(err)
	}
	r := make([]byte, 1)
	if err := c.Tx([]byte{0x0f}, r); err != nil || r[0] != 0xf0 {
		t.Errorf("%x, %v", r, err)
	}
	if chip.speeds[0] != 500*physic.KiloHertz || chip.mode != spi.Mode3 || chip.bits != 8 {
		t.Errorf("set up with %v, %v, %d bits", chip.speeds, chip.mode, chip.bits)
	}
	if _, err := port.Connect(physic.MegaHertz, spi.Mode3, 8); err == nil {
		t.Error("connected twice")
	}

	os.Remove(device)
	chip.fail = errors.New("cannot send after transport endpoint shutdown")
	if err := c.Tx([]byte{1}, r); !errors.Is(err, drivers.ErrUnplugged) || chip.closed != 1 {
		t.Errorf("pulled: %v, closed %d times", err, chip.closed)
	}
	if err := c.Tx([]byte{1}, r); !errors.Is(err, drivers.ErrUnplugged) {
		t.Errorf("still pulled: %v", err)
	}
	plug()
	chip.fail = nil
	if err := c.TxPackets([]spi.Packet{{W: []byte{1}, R: r}}); err != nil || r[0] != 0xfe {
		t.Errorf("back: %x, %v", r, err)
	}
	if chip.opened != 2 || chip.speeds[1] != 500*physic.KiloHertz {
		t.Errorf("opened %d times, with %v", chip.opened, chip.speeds)
	}
	for range 2 {
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := c.Tx([]byte{1}, r); !errors.Is(err, os.ErrClosed) || chip.closed != 2 {
		t.Errorf("after Close: %v, closed %d times", err, chip.closed)
	}
}

func TestSPIWithoutHardware(t *testing.T) {
	b, err := board.Open(board.Options{Buses: map[string]board.Bus{"missing": {SPI: "/dev/spidev250.0"}, "other": {SPI: os.DevNull}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"missing": "dtparam=spi=on", "other": "not an SPI port"} {
		if _, err := b.SPI(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
