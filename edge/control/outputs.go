package control

import (
	"context"
	"errors"
)

// Outputs are those of a running station.
type Outputs interface {
	List() []Output
	// Set sets one. The row is how it stands then; an error beside it is why it is not what was asked for, and one without a row that there
	// is none of that name, or no such value, or that ctx ended.
	Set(ctx context.Context, name, value string) (Output, error)
}

// Output is a row of OutputList, and a part of that of OutputSet.
type Output struct {
	Name     string  `json:"output"`
	Driver   string  `json:"driver"`
	Device   string  `json:"device,omitempty"` // as the driver names it; none: it was not found yet, or is just being set
	Value    string  `json:"value,omitempty"`  // as it is published; none: there was none
	Unit     string  `json:"unit,omitempty"`
	Known    bool    `json:"known"` // the device has it
	Since    float64 `json:"since_s,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Wanted   string  `json:"wanted,omitempty"` // what is asked for and not set yet
	Waits    string  `json:"waits,omitempty"`  // what that waits for
	Failures int     `json:"failures"`         // in a row
	Failing  float64 `json:"failing_s,omitempty"`
	Error    string  `json:"error,omitempty"` // of the last attempt
	Topic    string  `json:"topic"`
	Command  string  `json:"command_topic,omitempty"`
	Done     uint64  `json:"done"` // commands, since the start, as are the next two
	Refused  uint64  `json:"refused"`
	Failed   uint64  `json:"failed"`
}

// OutputAnswer is the row of OutputSet.
type OutputAnswer struct {
	Output
	Problem string `json:"problem,omitempty"` // why it is not what was asked for
}

// ErrNoOutputs says that nobody sets the outputs.
var ErrNoOutputs = errors.New("the station does not run: its outputs are what they were set to at its end, or what their devices make of it (hint: docs/outputs.md)")

func (s *Station) listOutputs(emit func(any) error) error {
	if s.Outputs == nil {
		return ErrNoOutputs
	}
	for _, o := range s.Outputs.List() {
		if err := emit(o); err != nil {
			return err
		}
	}
	return nil
}

func (s *Station) setOutput(ctx context.Context, r Request, emit func(any) error) error {
	if s.Outputs == nil {
		return ErrNoOutputs
	}
	o, err := s.Outputs.Set(ctx, r.Output, r.Value)
	switch {
	case o.Name == "":
		return err
	case err != nil:
		return emit(OutputAnswer{o, err.Error()})
	}
	return emit(OutputAnswer{Output: o})
}
