package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/warthog618/go-gpiocdev"
	"periph.io/x/conn/v3/i2c"

	"skerry/board"
	"skerry/drivers"
	"skerry/drivers/tmp102"
)

// The chips that are plugged into the emulated board.
const (
	thermometer = 0x48 // TMP105: register 0 is the temperature
	eeprom      = 0x50 // AT24C32: addresses of two bytes
	clock       = 0x68 // DS1338
	nobody      = 0x33
)

// raspberry tries the header of a Raspberry Pi.
func raspberry(b *board.Board) {
	bus, err := b.I2C("")
	if len(adapters()) == 0 {
		check("I2C that is not switched on", wanted(err, "dtparam=i2c_arm=on"))
	} else if check("I2C bus opened", err); err == nil {
		temperatures(bus)
		wrongChip(b)
		_, err := tx(bus, nobody, []byte{0}, 1)
		check("an address where nobody is", wanted(err, ""))
		say("INFO", "nobody at %#x: %v", nobody, err)
		check("EEPROM written and read back", rememberBytes(bus))
		kernelDriver(bus)
		adapterReturns(bus)
		daemonReads(bus)
	}
	lines(b)
	if _, err := os.Stat("/dev/spidev0.0"); err == nil {
		spiFlash(b)
	}
	if _, err := os.Stat("/sys/bus/i2c/drivers/lm75"); err == nil {
		kernelReaders(b)
	}
}

func adapters() []string {
	found, _ := filepath.Glob("/dev/i2c-*") // the only error is a bad pattern
	return found
}

func tx(bus i2c.Bus, addr uint16, w []byte, n int) ([]byte, error) {
	r := make([]byte, n)
	err := bus.Tx(addr, w, r)
	return r, err
}

// wanted turns an error that must come around.
func wanted(err error, text string) error {
	switch {
	case err == nil:
		return errors.New("no error")
	case !strings.Contains(err.Error(), text):
		return fmt.Errorf("the error is %q, not about %q", err, text)
	}
	return nil
}

// temperatures reads what the other side sets, in thousandths of a degree.
func temperatures(bus i2c.Bus) {
	for milli, want := range map[int]byte{23500: 0x17, -10000: 0xF6} {
		say("DO", "temperature %d", milli)
		check(fmt.Sprintf("temperature of %d m°C", milli), eventually(10*time.Second, func() error {
			r, err := tx(bus, thermometer, []byte{0}, 2)
			if err == nil && r[0] != want {
				err = fmt.Errorf("read % x", r)
			}
			return err
		}))
	}
}

// wrongChip has a driver take the thermometer, a TMP105, for the TMP102 that it is made for: registers alike, and not the same.
func wrongChip(b *board.Board) {
	_, err := sense(b, tmp102.Kind, drivers.Setup{Opts: tmp102.Kind.Opts()})
	check("the driver of another chip refuses", wanted(err, "TMP102 at 0x48"))
}

func rememberBytes(bus i2c.Bus) error {
	want := []byte("skerry")
	if _, err := tx(bus, eeprom, append([]byte{0x01, 0x20}, want...), 0); err != nil {
		return err
	}
	got, err := tx(bus, eeprom, []byte{0x01, 0x20}, len(want))
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("read %q", got)
	}
	return err
}

// kernelDriver gives a chip to a driver of the kernel: it must be left alone.
func kernelDriver(bus i2c.Bus) {
	const adapter = "/sys/bus/i2c/devices/i2c-1/"
	if err := write(adapter+"new_device", "ds1338 0x68"); err != nil {
		say("INFO", "no device of the kernel's: %v", err)
		return
	}
	if _, err := os.Stat("/sys/bus/i2c/devices/1-0068/driver"); err != nil {
		say("INFO", "this kernel has no driver for the clock: %v", err)
	} else {
		_, err := tx(bus, clock, []byte{0}, 1)
		check("a chip of the kernel's is left alone", wanted(err, "belongs to the driver rtc-ds1307"))
	}
	check("a chip is taken away from the kernel", write(adapter+"delete_device", "0x68"))
	_, err := tx(bus, clock, []byte{0}, 1)
	check("a chip that the kernel let go", err)
}

// adapterReturns pulls the adapter and puts it back.
func adapterReturns(bus i2c.Bus) {
	err := unplugged("/sys/bus/platform/devices/*804000.i2c", func() {
		check("an adapter that was pulled", eventually(5*time.Second, func() error { // a busy emulator may be late for the deadline
			_, err := tx(bus, thermometer, []byte{0}, 2)
			if !errors.Is(err, drivers.ErrUnplugged) {
				return fmt.Errorf("it is not unplugged: %w", err)
			}
			return nil
		}))
	})
	check("an adapter is pulled and put back", err)
	check("a chip on an adapter that returned", eventually(5*time.Second, func() error {
		_, err := tx(bus, thermometer, []byte{0}, 2)
		return err
	}))
}

// lines tries the pins of the header.
func lines(b *board.Board) {
	out, err := b.Output("P1_11", true)
	check("GPIO17 as an output", err)
	if err == nil {
		check("GPIO17 is high", level(17, 1))
		check("GPIO17 set low", out.Set(false))
		check("GPIO17 is low", level(17, 0))
		check("GPIO17 set high", out.Set(true))
		_, err := b.Output("GPIO17", true)
		check("GPIO17 is taken once", wanted(err, "in use"))
		check("GPIO17 given back", out.Close())
		say("INFO", "GPIO17 after it was given back high: %s", left(17))
	}
	chip := "pinctrl-bcm2835"
	if slices.Contains(b.Machine().Compatible, "brcm,bcm2711") {
		chip = "pinctrl-bcm2711"
		_, err := b.Pin("BT_ON", drivers.PinConfig{}) // its chip is the firmware, which the emulator has not
		check("a line whose chip does not answer", wanted(err, "does not answer"))
	}
	for name, config := range map[string]drivers.PinConfig{
		"GPIO2": {}, "P1_13": {Pull: drivers.PullUp, Trigger: drivers.BothEdges}, chip + ":22": {Debounce: time.Millisecond},
	} {
		in, err := b.Pin(name, config)
		check(name+" as an input with edges", err)
		if err != nil {
			continue
		}
		_, err = in.Read(nil)
		check(name+" is read", err)
		check(name+" is given back", in.Close())
	}
	_, err = b.Pin("GPIO99", drivers.PinConfig{})
	check("a line that is not there", wanted(err, chip+" with 5")) // 54 lines, or 58
}

// level compares what the kernel says of a line that is held as an output.
func level(offset, want int) error {
	if got := direction(offset); got != "output" {
		return fmt.Errorf("it is an %s", got)
	}
	table, err := os.ReadFile("/sys/kernel/debug/gpio")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(table)) {
		if strings.Contains(line, "|skerry ") {
			return wanted(errors.New(line), map[int]string{0: "out lo", 1: "out hi"}[want])
		}
	}
	return fmt.Errorf("no line of this program's among those of the kernel: %s", table)
}

// left is what became of a line that was given back: its direction and its level.
func left(offset int) string {
	before := direction(offset)
	l, err := gpiocdev.RequestLine(headerChip(), offset, gpiocdev.AsIs)
	if err != nil {
		return err.Error()
	}
	defer l.Close()
	value, err := l.Value()
	return fmt.Sprintf("%s; taken again as it is: %s, level %d, %v", before, direction(offset), value, err)
}

// direction is that of a line by the kernel.
func direction(offset int) string {
	c, err := gpiocdev.NewChip(headerChip())
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	info, err := c.LineInfo(offset)
	if err != nil {
		return err.Error()
	}
	if info.Config.Direction == gpiocdev.LineDirectionOutput {
		return "output"
	}
	return "input"
}

// headerChip is the chip of the header by its number, which package board does not tell.
func headerChip() string {
	for _, name := range gpiocdev.Chips() {
		c, err := gpiocdev.NewChip(name)
		if err != nil {
			continue
		}
		label := c.Label
		c.Close()
		if strings.HasPrefix(label, "pinctrl-") {
			return name
		}
	}
	return "gpiochip0"
}
