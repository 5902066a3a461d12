package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"sync"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// Run plays the devices of the local broker, and lets faults come and go, until ctx ends. address is where a listener of the
// configuration listens.
func (x *Station) Run(ctx context.Context, address func(listener string) net.Addr) error {
	var wg sync.WaitGroup
	wg.Go(func() { x.watch(ctx) })
	for _, c := range x.scenario.Devices {
		d := x.device(c)
		wg.Go(func() { d.run(ctx, address(c.Listener).String()) })
	}
	wg.Wait()
	return nil
}

// device is an MQTT client.
type device struct {
	config.SimDevice
	station *Station
	signals map[string]signal
}

func (x *Station) device(c config.SimDevice) *device {
	d := &device{SimDevice: c, station: x, signals: map[string]signal{}}
	for name, s := range c.Values {
		if !s.IsText() {
			d.signals[name] = compile(s, x.scenario.Seed)
		}
	}
	return d
}

// run connects again and again.
func (d *device) run(ctx context.Context, address string) {
	failing := false
	for ctx.Err() == nil {
		err := d.connection(ctx, address)
		if ctx.Err() != nil {
			return
		}
		if !failing {
			d.station.log.Warn("a simulated device has lost the broker", "device", d.Name, "err", err)
		}
		failing = err != nil
		sleep(ctx, time.Second)
	}
}

// connection publishes until it is lost.
func (d *device) connection(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	c, err := client.Connect(ctx, conn, &packet.Connect{Version: packet.V5, CleanStart: true, KeepAlive: 30, ClientID: []byte(d.ClientID)}, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	running, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var lost error
	wg.Go(func() { lost = c.Run(running); stop() })
	defer wg.Wait()
	defer stop()
	for running.Err() == nil {
		m := &packet.Publish{TopicName: []byte(d.Topic), Payload: d.payload(), QoS: d.QoS, Retain: d.Retain}
		if err := c.Publish(running, m); err != nil {
			break
		}
		sleep(running, d.Every)
	}
	if ctx.Err() != nil {
		c.Disconnect(packet.NormalDisconnection)
		return nil
	}
	stop()
	wg.Wait()
	return fmt.Errorf("connection of device %s: %w", d.Name, lost)
}

// payload is an object of all values, with three digits behind the point.
func (d *device) payload() []byte {
	at := d.station.at(time.Now())
	all := map[string]any{}
	for name, s := range d.Values {
		if f := d.signals[name]; f != nil {
			all[name] = math.Round(f(at)*1000) / 1000
			continue
		}
		all[name] = s.Text
	}
	text, err := json.Marshal(all)
	if err != nil { // a number that is none
		return []byte("{}")
	}
	return text
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
