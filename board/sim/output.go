package sim

import (
	"fmt"
	"os"

	"skerry/drivers"
)

// Output takes the line of that name as an output.
func (b *Board) Output(name string, on bool) (drivers.Output, error) {
	l := b.Line(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.missing:
		return nil, fmt.Errorf("no line %s; plug the adapter in", l.name)
	case l.taken != nil || l.driven != nil:
		return nil, fmt.Errorf("line %s: in use; name another pin", l.name)
	}
	l.driven, l.level = &output{l}, on
	return l.driven, nil
}

// Level tells what an output was set to, and whether somebody has it.
func (l *Line) Level() (on, taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.level, l.driven != nil
}

type output struct{ line *Line }

func (o *output) Set(on bool) error {
	o.line.mu.Lock()
	defer o.line.mu.Unlock()
	switch {
	case o.line.driven != o:
		return os.ErrClosed
	case o.line.missing:
		return fmt.Errorf("line %s: %w", o.line.name, drivers.ErrUnplugged)
	}
	o.line.level = on
	return nil
}

func (o *output) Close() error {
	o.line.mu.Lock()
	defer o.line.mu.Unlock()
	if o.line.driven == o {
		o.line.driven = nil
	}
	return nil
}
