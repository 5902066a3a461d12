package board

import (
	"fmt"
	"os"
	"sync"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// Output takes a line as an output, see drivers.Buses. The kernel sets the level in the moment in which it takes the line.
func (b *Board) Output(name string, on bool) (drivers.Output, error) {
	chip, offset, err := b.line(name)
	if err != nil {
		return nil, err
	}
	request := outputRequest(offset, on)
	if err := requestLine(chip, &request); err != nil {
		return nil, fmt.Errorf("take %s as an output: %w", name, gpioHints.explain(fmt.Sprintf("%s line %d", chip, offset), err))
	}
	b.log.Info("GPIO line taken as an output", "line", name, "chip", chip, "offset", offset, "on", on)
	return &output{name: name, fd: int(request.Fd)}, nil
}

// outputRequest is what the kernel is asked for.
func outputRequest(offset int, on bool) uapi.LineRequest {
	r := uapi.LineRequest{Lines: 1}
	r.Offsets[0] = uint32(offset)
	copy(r.Consumer[:], "skerry")
	r.Config.Flags = uapi.LineFlagV2Output
	r.Config.AddAttribute(uapi.LineConfigAttribute{Attr: uapi.OutputValues(level(on)).Encode(), Mask: 1})
	return r
}

// level is the first line of a set as bits.
func level(on bool) uapi.LineBitmap {
	if on {
		return 1
	}
	return 0
}

// output is a line in use as an output.
type output struct {
	name string

	mu sync.Mutex
	fd int // -1: closed
}

// Set sets the level, see drivers.Output.
func (o *output) Set(on bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fd < 0 {
		return os.ErrClosed
	}
	if err := uapi.SetLineValuesV2(uintptr(o.fd), uapi.LineValues{Mask: 1, Bits: level(on)}); err != nil {
		return fmt.Errorf("set line %s: %w", o.name, gpioError(err))
	}
	return nil
}

// Close gives the line back, as the end of the program does. The level is the chip's business from then on: docs/boards.md.
func (o *output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fd < 0 {
		return nil
	}
	fd := o.fd
	o.fd = -1
	return unix.Close(fd)
}
