package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"skerry/scripts/cutdisk"
	"skerry/scripts/rig"
)

// A weather station has its own readings and an uplink that is there, but whose acknowledgements are late.
type weather struct {
	name     string
	retained bool
	port     int // its broker's; the next one is the upstream's
}

const (
	sensors   = 20
	every     = 10 * time.Second
	late      = 10 * time.Second
	pacedPort = 3100
	share     = 0.02 // target: of the bytes that one commit per reading writes
)

// paced is what a message costs that a client publishes as often as the sensors are read, so that each has a commit of its own. It is
// more than without a pause between them: the journal writes the time of the change of a slot every few seconds.
func (s *settings) paced(ctx context.Context) (f figure, err error) {
	err = s.onDisk(cutdisk.Options{Latency: s.latency()}, func(disk *cutdisk.Disk) error {
		x, err := skerry(s.skerry, "", pacedPort)(disk.Folder, work{qos: 1, inflight: 1, online: true})
		if err != nil {
			return err
		}
		defer x.close()
		if err := pause(ctx, 10*time.Second); err != nil { // what a start writes
			return err
		}
		n := int(s.readings * sensors / every)
		c, err := between(disk, func() error {
			for range n {
				if err := errors.Join(x.run(1, size, 1), pause(ctx, every/sensors)); err != nil {
					return err
				}
			}
			return nil
		})
		f = perMessage(c, n)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("one commit per reading: %w", err)
	}
	return f, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// config is a file with all the sensors.
func (w weather) config(folder string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "gateway: {id: wear, board: sim}\nstorage: {path: %q}\n", filepath.Join(folder, "queue"))
	fmt.Fprintf(&b, "broker: {listeners: {local: {tcp: \"127.0.0.1:%d\", anonymous: true}}}\n", w.port)
	fmt.Fprintf(&b, "uplinks: {cloud: {mqtt: \"tcp://127.0.0.1:%d\", prefix: up/}}\n", w.port+1)
	fmt.Fprintf(&b, "defaults: {every: %v, retain: %v}\nbuses:\n", every, w.retained)
	for i := range sensors {
		fmt.Fprintf(&b, "  bus%d: {i2c: /dev/i2c-%d}\n", i, i)
	}
	b.WriteString("sensors:\n")
	for i := range sensors {
		fmt.Fprintf(&b, "  air%d: {driver: bme280, bus: bus%d, values: {pressure: {}}}\n", i, i)
	}
	return b.String()
}

// reading is what one reading of a station costs.
func (s *settings) reading(ctx context.Context, w weather) (f figure, err error) {
	err = s.onDisk(cutdisk.Options{Latency: s.latency()}, func(disk *cutdisk.Disk) error {
		config := filepath.Join(filepath.Dir(disk.Folder), "skerry.yaml")
		if err := os.WriteFile(config, []byte(w.config(disk.Folder)), 0o600); err != nil {
			return err
		}
		up, err := rig.NewUpstream(fmt.Sprintf("127.0.0.1:%d", w.port+1), late)
		if err != nil {
			return err
		}
		defer up.Close()
		p, err := rig.Start(s.skerry, "run", config)
		if err != nil {
			return err
		}
		defer p.Kill()
		f, err = s.watch(ctx, disk, p, up)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("readings, %s: %w", w.name, err)
	}
	return f, nil
}

// watch waits until the station has settled, and then counts.
func (s *settings) watch(ctx context.Context, disk *cutdisk.Disk, p *rig.Process, up *rig.Upstream) (figure, error) {
	if err := pause(ctx, settle); err != nil {
		return figure{}, err
	}
	before := up.Taken()
	c, err := between(disk, func() error { return pause(ctx, s.readings) })
	n := up.Taken() - before
	if err == nil && n == 0 {
		err = errors.New("nothing came upstream; the daemon wrote:\n" + p.Log())
	}
	return perMessage(c, max(n, 1)), err
}

// settle is how long a station needs to learn how late its uplink is, and to write what that leaves.
const settle = 75 * time.Second

// A forecast is what stations cost, measured side by side in real time: none of them has much to do.
type forecast struct {
	stations []weather
	figures  []figure
	alone    figure // one commit for each reading
	err      error
}

// measureReadings runs the stations. It takes long and disturbs nobody, so it runs beside the other works.
func (s *settings) measureReadings(ctx context.Context) *forecast {
	f := &forecast{stations: []weather{{"not retained", false, 3000}, {"retained, the default", true, 3002}}}
	f.figures = make([]figure, len(f.stations))
	errs := make([]error, len(f.stations)+1)
	var wg sync.WaitGroup
	wg.Go(func() { f.alone, errs[len(f.stations)] = s.paced(ctx) })
	for i, w := range f.stations {
		wg.Go(func() { f.figures[i], errs[i] = s.reading(ctx, w) })
	}
	wg.Wait()
	f.err = errors.Join(errs...)
	return f
}

func (t *table) printReadings(f *forecast) {
	fmt.Printf("own readings while the uplink is up: %d sensors, every %v, acknowledged after %v, for %v\n", sensors, every, late, t.readings)
	fmt.Printf("  %-26s %5.0f B  %.4f flushes  of %d messages\n", "one commit each, same pace", f.alone.bytes, f.alone.flushes, f.alone.messages)
	for i, w := range f.stations {
		t.printShare(w, f.figures[i], f.alone)
	}
}

func (t *table) printShare(w weather, f, alone figure) {
	part := f.bytes / alone.bytes
	verdict := "ok"
	if part > share {
		verdict = "NOT MET"
		t.missed = append(t.missed, fmt.Errorf("own readings, %s: %.1f %% of one commit per reading, target <= %.0f %%", w.name, 100*part, 100*share))
	}
	fmt.Printf("  %-26s %5.0f B  %.4f flushes  of %d readings  %.2f %% of the bytes, target <= %.0f %%: %s\n", w.name, f.bytes,
		f.flushes, f.messages, 100*part, 100*share, verdict)
}
