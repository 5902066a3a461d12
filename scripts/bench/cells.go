package main

import (
	"context"
	"fmt"
	"time"
)

// A cell measures one thing and adds its rows to the table.
type cell struct {
	name string
	run  func(context.Context, *table) error
}

// cells are all that is measured, in the order of the table.
func (s *settings) cells(folder string) []cell {
	var all []cell
	memory := func(l load) {
		all = append(all, cell{l.name(), func(ctx context.Context, t *table) error { return s.throughput(ctx, t, folder, l) }})
	}
	for qos := range byte(3) {
		memory(load{qos: qos, pubs: 1, subs: 1, window: 100})
	}
	for qos := range byte(2) {
		memory(load{qos: qos, pubs: 50, subs: 1, window: 100})
	}
	for qos := range byte(2) {
		memory(load{qos: qos, pubs: 1, subs: 50, window: 100})
	}
	durable := load{qos: 1, pubs: 1, subs: 1, window: 100, durable: true}
	all = append(all, cell{durable.name(), func(ctx context.Context, t *table) error { return s.durable(ctx, t, folder, durable) }})
	for qos := range byte(2) {
		paced := load{qos: qos, pubs: 1, subs: 1, every: time.Millisecond}
		all = append(all, cell{paced.name(), func(ctx context.Context, t *table) error { return s.paced(ctx, t, folder, paced) }})
	}
	return append(all,
		cell{"idle", func(ctx context.Context, t *table) error { return s.idle(ctx, t, folder) }},
		cell{"start", func(ctx context.Context, t *table) error { return s.starting(ctx, t, folder) }},
		cell{"kill QoS 1", func(ctx context.Context, t *table) error { return s.kills(ctx, t, folder, 1) }},
		cell{"kill QoS 2", func(ctx context.Context, t *table) error { return s.kills(ctx, t, folder, 2) }},
	)
}

func (l *load) name() string {
	switch {
	case l.every > 0:
		return fmt.Sprintf("CPU QoS %d", l.qos)
	case l.durable:
		return fmt.Sprintf("durable QoS %d %d:%d", l.qos, l.pubs, l.subs)
	}
	return fmt.Sprintf("QoS %d %d:%d", l.qos, l.pubs, l.subs)
}

// reading is what a subject did with a load, all repetitions together.
type reading struct {
	subject          *subject
	rate             []float64 // deliveries per second
	cpu              []float64 // CPU seconds per 100,000 deliveries
	lost, wrongOrder uint64
	err              error // it failed, or stopped delivering
}

// compare measures a load with each subject in turn, as often as it is to be repeated.
func (s *settings) compare(ctx context.Context, subjects []*subject, l load) []*reading {
	var all []*reading
	for _, x := range subjects {
		all = append(all, &reading{subject: x})
	}
	for i := range s.repeat {
		for _, r := range all {
			if ctx.Err() == nil && r.err == nil {
				l.clients = fmt.Sprint("bench", i)
				r.err = r.measure(l, s.duration)
			}
		}
	}
	return all
}

// measure runs the load once.
func (r *reading) measure(l load, d time.Duration) error {
	g, err := newGenerator(r.subject.address, l)
	if err != nil {
		return err
	}
	defer g.close()
	if _, _, err := g.run(d / 4); err != nil {
		return err
	}
	before, err := cpuTime(r.subject.process.Pid())
	if err != nil {
		return err
	}
	n, took, err := g.run(d)
	if err != nil {
		return err
	}
	after, err := cpuTime(r.subject.process.Pid())
	if err != nil {
		return err
	}
	r.rate = append(r.rate, float64(n)/took.Seconds())
	r.cpu = append(r.cpu, (after-before).Seconds()/float64(max(n, 1))*100_000)
	r.lost += g.lost
	r.wrongOrder += g.wrongOrder
	return nil
}

// faults is what went wrong, if anything.
func (r *reading) faults() string {
	text := ""
	if r.lost > 0 {
		text += fmt.Sprintf("  %d lost", r.lost)
	}
	if r.wrongOrder > 0 {
		text += fmt.Sprintf("  %d out of order or twice", r.wrongOrder)
	}
	if r.err != nil {
		text += fmt.Sprintf("  FAILED: %v", r.err)
	}
	return text
}

// throughput prints rates; those of the daemon are judged against mosquitto's.
func (s *settings) throughput(ctx context.Context, t *table, folder string, l load) error {
	subjects, stop, err := beginAll(folder, append(s.kinds(), forwarders(false)))
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("%s, %d B, %d on their way per publisher: delivered/s, CPU s of the broker per 100,000\n", l.name(), payloadSize, l.window)
	t.rates(s.compare(ctx, subjects, l), debian, &target{bound: 3, atLeast: true, unit: "x", stretch: 5})
	return ctx.Err()
}

// durable compares with the forwarder that commits groups on the same disk.
func (s *settings) durable(ctx context.Context, t *table, folder string, l load) error {
	subjects, stop, err := beginAll(folder, []kind{s.kinds()[0], forwarders(true)})
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("%s, kept session, acknowledged after fdatasync, %d on their way: delivered/s, CPU s of the broker per 100,000\n", l.name(), l.window)
	t.rates(s.compare(ctx, subjects, l), limit, atLeast(0.6, "x"))
	return ctx.Err()
}

// rates prints a row for each subject, with the ratio to the one that the daemon is judged by.
func (t *table) rates(all []*reading, yardstick string, goal *target) {
	base := 0.0
	for _, r := range all {
		if r.subject.name == yardstick {
			base = median(r.rate)
		}
	}
	for _, r := range all {
		rate := median(r.rate)
		text := fmt.Sprintf("%10.0f/s  %6.2f s", rate, median(r.cpu))
		g := goal
		if r.subject.name != daemon {
			g = nil
		}
		ratio := 0.0
		if base > 0 {
			ratio = rate / base
			text += fmt.Sprintf("  %6.2fx %s", ratio, yardstick)
		} else {
			g = nil
		}
		t.row(r.subject.name, text+r.faults(), ratio, g)
	}
}

// paced prints what a message costs that comes alone.
func (s *settings) paced(ctx context.Context, t *table, folder string, l load) error {
	subjects, stop, err := beginAll(folder, append(s.kinds(), forwarders(false)))
	if err != nil {
		return err
	}
	defer stop()
	long := *s
	long.duration *= 3 // the clock of /proc/PID/stat counts 10 ms
	fmt.Printf("%s, one message each %v: CPU s of the broker per 100,000\n", l.name(), l.every)
	all := long.compare(ctx, subjects, l)
	base := 0.0
	for _, r := range all {
		if r.subject.name == debian {
			base = median(r.cpu)
		}
	}
	for _, r := range all {
		var goal *target
		if r.subject.name == daemon && base > 0 {
			goal = &target{bound: 2.2, unit: "x", stretch: 1}
		}
		cpu := median(r.cpu)
		text := fmt.Sprintf("%6.2f s", cpu)
		if base > 0 {
			text += fmt.Sprintf("  %5.2fx %s", cpu/base, debian)
		}
		t.row(r.subject.name, text+fmt.Sprintf("  at %.0f/s", median(r.rate))+r.faults(), cpu/max(base, 1e-9), goal)
	}
	return ctx.Err()
}
