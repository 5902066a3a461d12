package board

import (
	"errors"
	"fmt"
	"time"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// kernelQueue is how many edges the kernel keeps for a line: the most that it offers.
const kernelQueue = 1024

// Pin takes a line as an input, see drivers.Buses.
func (b *Board) Pin(name string, c drivers.PinConfig) (drivers.Edges, error) {
	chips, err := listChips()
	if err != nil {
		return nil, gpioHints.explain(name, err)
	}
	chip, offset, err := findLine(chips, name)
	if err != nil {
		return nil, err
	}
	queue := newEdgeQueue(keepEdges)
	options := append(lineOptions(c), gpiocdev.WithConsumer("skerry"), gpiocdev.WithABIVersion(2), gpiocdev.WithEventBufferSize(kernelQueue),
		gpiocdev.WithEventHandler(func(e gpiocdev.LineEvent) { queue.put(edgeOf(e, time.Now(), monotonic())) }))
	line, err := gpiocdev.RequestLine(chip, offset, options...)
	if err != nil {
		return nil, fmt.Errorf("take %s as an input with edges: %w", name, gpioHints.explain(fmt.Sprintf("%s line %d", chip, offset), err))
	}
	b.log.Info("GPIO line taken", "line", name, "chip", chip, "offset", offset)
	return &pin{queue: queue, close: line.Close}, nil
}

// lineOptions are the settings in the words of the kernel's interface.
func lineOptions(c drivers.PinConfig) []gpiocdev.LineReqOption {
	options := []gpiocdev.LineReqOption{gpiocdev.AsInput}
	switch c.Pull {
	case drivers.PullUp:
		options = append(options, gpiocdev.WithPullUp)
	case drivers.PullDown:
		options = append(options, gpiocdev.WithPullDown)
	default:
		options = append(options, gpiocdev.WithBiasAsIs)
	}
	switch c.Trigger {
	case drivers.Rising:
		options = append(options, gpiocdev.WithRisingEdge)
	case drivers.BothEdges:
		options = append(options, gpiocdev.WithBothEdges)
	default:
		options = append(options, gpiocdev.WithFallingEdge)
	}
	if c.Debounce > 0 {
		options = append(options, gpiocdev.WithDebounce(c.Debounce))
	}
	return options
}

// edgeOf turns the kernel's event around: its stamp counts from the start of the machine, and mono is that clock at now.
func edgeOf(e gpiocdev.LineEvent, now time.Time, mono time.Duration) drivers.Edge {
	return drivers.Edge{Seq: e.LineSeqno, Time: now.Add(e.Timestamp - mono), Rising: e.Type == gpiocdev.LineEventRisingEdge}
}

func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0 // cannot fail on Linux: the clock exists and the pointer is good
	}
	return time.Duration(ts.Nano())
}

// pin is a line in use.
type pin struct {
	queue *edgeQueue
	close func() error
}

// Read takes the edges seen since the last Read, see drivers.Edges.
func (p *pin) Read(dst []drivers.Edge) ([]drivers.Edge, error) { return p.queue.take(dst) }

// Close gives the line back.
func (p *pin) Close() error {
	if !p.queue.end() {
		return nil
	}
	return p.close()
}

// listChips reads the names and labels of all chips and lines.
func listChips() ([]gpioChip, error) {
	var (
		chips  []gpioChip
		failed []error
	)
	for _, name := range gpiocdev.Chips() {
		chip, err := readChip(name)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
			continue
		}
		chips = append(chips, chip)
	}
	if len(chips) == 0 {
		return nil, errors.Join(failed...)
	}
	return chips, nil
}

func readChip(name string) (gpioChip, error) {
	c, err := gpiocdev.NewChip(name)
	if err != nil {
		return gpioChip{}, err
	}
	defer c.Close()
	chip := gpioChip{name: name, label: c.Label}
	for offset := range c.Lines() {
		info, err := c.LineInfo(offset)
		if err != nil {
			return gpioChip{}, fmt.Errorf("line %d: %w", offset, err)
		}
		chip.lines = append(chip.lines, info.Name)
	}
	return chip, nil
}
