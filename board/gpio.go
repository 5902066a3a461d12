package board

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
	"unsafe"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// kernelQueue is how many edges the kernel keeps for a line: the most that it offers. It drops the oldest, which the numbers show.
const kernelQueue = 1024

// Pin takes a line as an input, see drivers.Buses.
func (b *Board) Pin(name string, c drivers.PinConfig) (drivers.Edges, error) {
	chip, offset, err := b.line(name)
	if err != nil {
		return nil, err
	}
	request := lineRequest(offset, c)
	if err := requestLine(chip, &request); err != nil {
		return nil, fmt.Errorf("take %s as an input with edges: %w", name, inputError(fmt.Sprintf("%s line %d", chip, offset), err))
	}
	b.log.Info("GPIO line taken", "line", name, "chip", chip, "offset", offset)
	return newPin(name, int(request.Fd)), nil
}

// inputError explains why a line cannot be taken as an input with edges.
func inputError(line string, err error) error {
	switch {
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV): // what the kernel says of a line without interrupts; its chip was opened
		return fmt.Errorf("%s: its chip makes no interrupts, so edges are not seen; take a line of the board itself", line)
	case errors.Is(err, unix.EIO):
		return fmt.Errorf("%s: %w; its chip does not answer the kernel", line, err)
	case errors.Is(err, unix.ENOTTY):
		return fmt.Errorf("%s: %w; the kernel is older than 5.10", line, err)
	}
	return gpioHints.explain(line, err)
}

// line finds a line by what stands in the configuration. Chips are listed anew each time: those on USB adapters come and go.
func (b *Board) line(name string) (chip string, offset int, err error) {
	chips, err := listChips()
	if err != nil {
		return "", 0, gpioHints.explain(name, err)
	}
	return findLine(b.machine, chips, name)
}

// requestLine takes the line. Its descriptor does not block.
func requestLine(chip string, request *uapi.LineRequest) error {
	fd, err := unix.Open("/dev/"+chip, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := uapi.GetLine(uintptr(fd), request); err != nil {
		return err
	}
	if err := unix.SetNonblock(int(request.Fd), true); err != nil {
		unix.Close(int(request.Fd))
		return err
	}
	return nil
}

// lineRequest is what the kernel is asked for.
func lineRequest(offset int, c drivers.PinConfig) uapi.LineRequest {
	r := uapi.LineRequest{Lines: 1, EventBufferSize: kernelQueue}
	r.Offsets[0] = uint32(offset)
	copy(r.Consumer[:], "skerry")
	r.Config.Flags = uapi.LineFlagV2Input | pullFlags[c.Pull] | triggerFlags[c.Trigger]
	if c.Debounce > 0 {
		r.Config.AddAttribute(uapi.LineConfigAttribute{Attr: uapi.DebouncePeriod(c.Debounce).Encode(), Mask: 1})
	}
	return r
}

var (
	pullFlags    = map[drivers.Pull]uapi.LineFlagV2{drivers.PullUp: uapi.LineFlagV2BiasPullUp, drivers.PullDown: uapi.LineFlagV2BiasPullDown}
	triggerFlags = map[drivers.Trigger]uapi.LineFlagV2{drivers.Falling: uapi.LineFlagV2EdgeFalling, drivers.Rising: uapi.LineFlagV2EdgeRising, drivers.BothEdges: uapi.LineFlagV2EdgeBoth}
)

// pin is a line in use. Edges wait in the kernel until they are read, so that a pulse wakes nothing up. A watcher that waits for
// them, as that of gpiocdev, would besides turn idle rounds for ever when the chip is unplugged.
type pin struct {
	name string

	mu     sync.Mutex
	fd     int // -1: closed
	events [64]uapi.LineEvent
}

func newPin(name string, fd int) *pin { return &pin{name: name, fd: fd} }

// Read takes the edges seen since the last Read, see drivers.Edges.
func (p *pin) Read(dst []drivers.Edge) ([]drivers.Edge, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return dst, os.ErrClosed
	}
	for range 2 * kernelQueue / len(p.events) { // a line that oscillates would hold us for ever
		n, err := p.take()
		now, mono := time.Now(), monotonic()
		for _, e := range p.events[:n] {
			dst = append(dst, edgeOf(e, now, mono))
		}
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return dst, nil
		case err != nil:
			return dst, fmt.Errorf("line %s: %w", p.name, gpioError(err))
		}
	}
	return dst, nil
}

// take reads as many events as there are and fit.
func (p *pin) take() (int, error) {
	const size = unsafe.Sizeof(p.events[0])
	b := unsafe.Slice((*byte)(unsafe.Pointer(&p.events)), unsafe.Sizeof(p.events)) // the structure is the kernel's
	n, err := unix.Read(p.fd, b)
	if err == nil && n < int(size) {
		err = unix.ENODEV // the end of something that has none
	}
	return max(n, 0) / int(size), err
}

// gpioError tells a chip that is gone, as when a USB adapter is pulled.
func gpioError(err error) error {
	if gone(err) {
		return drivers.ErrUnplugged
	}
	return err
}

// edgeOf turns the kernel's event around: its stamp counts from the start of the machine, and mono is that clock at now.
func edgeOf(e uapi.LineEvent, now time.Time, mono time.Duration) drivers.Edge {
	return drivers.Edge{Seq: e.LineSeqno, Time: now.Add(time.Duration(e.Timestamp) - mono), Rising: e.ID == uapi.LineEventRisingEdge}
}

func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0 // cannot fail on Linux: the clock exists and the pointer is good
	}
	return time.Duration(ts.Nano())
}

// Close gives the line back.
func (p *pin) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return nil
	}
	fd := p.fd
	p.fd = -1
	return unix.Close(fd)
}
