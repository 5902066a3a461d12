package edge

import (
	"context"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/control"
	"skerry/edge/output"
	"skerry/edge/sampler"
)

// startOutputs starts what sets the outputs. They are the last to start and the first to stop: what they are set to at the end is still
// heard, and nothing keeps them waiting.
func (g *Gateway) startOutputs(layers *layers, b *broker.Broker, buses drivers.Buses, session *sampler.Session) error {
	if len(g.config.Outputs) == 0 {
		return nil
	}
	commands, err := output.NewCommands(b, g.config.Outputs, g.log)
	if err != nil {
		return err
	}
	layers.start("outputs", 3*time.Second, func(ctx context.Context) error {
		g.outputs.Run(ctx, buses, session)
		return nil
	})
	layers.start("commands of outputs", time.Second, func(ctx context.Context) error {
		commands.Run(ctx, g.outputs.Take)
		return nil
	})
	return nil
}

// outputs shows the outputs to who asks through the control socket.
type outputs struct{ *output.Panel }

// List gives them in the order of the configuration.
func (o outputs) List() []control.Output {
	var all []control.Output
	for _, s := range o.Statuses() {
		all = append(all, outputRow(s))
	}
	return all
}

// Set sets one.
func (o outputs) Set(ctx context.Context, name, value string) (control.Output, error) {
	s, err := o.Panel.Set(ctx, name, value)
	return outputRow(s), err
}

func outputRow(s output.Status) control.Output {
	now := time.Now()
	row := control.Output{Name: s.Name, Driver: s.Driver, Device: s.Device, Value: s.Value, Unit: s.Unit, Known: s.Known, Reason: string(s.Reason),
		Wanted: s.Wanted, Waits: s.Waits, Failures: s.Failures, Topic: s.Topic, Command: s.Command,
		Done: s.Counts.Done, Refused: s.Counts.Refused, Failed: s.Counts.Failed}
	if s.Value != "" {
		row.Since = now.Sub(s.Since).Seconds()
	}
	if s.Failures > 0 {
		row.Failing = now.Sub(s.Failing).Seconds()
	}
	if s.Err != nil {
		row.Error = s.Err.Error()
	}
	return row
}
