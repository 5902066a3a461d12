package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"skerry/broker/packet"
	"skerry/scripts/link/emulate"
	"skerry/scripts/rig"
)

// Where things listen, in namespaces of their own.
const (
	subjectAddress  = "127.0.0.1:1883"
	observerAddress = "127.0.0.1:1883"
	serverPort      = 8883
	interfaceName   = "wan0"
)

// setting is what a scene is made of.
type setting struct {
	subject   subject
	terrain   terrain
	nat       emulate.NAT
	window    int           // max_inflight_messages of the server; 0: as it comes, 20
	keepAlive time.Duration // of the subject
	seed      uint64
}

// scene is one subject at its link.
type scene struct {
	setting
	settings *settings
	world    *emulate.World
	link     *emulate.Link
	folder   string
	server   *rig.Process
	process  *rig.Process // the subject; nil: it does not run
	observer *observer
	device   *rig.Wire // publishes to the subject
	id       uint16
	readings *readings

	mu    sync.Mutex
	signs []emulate.Sighting // beginnings and ends of connections, from the subject
}

// open makes a scene, its server running and its subject not.
func (s *settings) open(o setting) (*scene, error) {
	folder, err := os.MkdirTemp(s.folder, "scene-")
	if err != nil {
		return nil, err
	}
	c := &scene{setting: o, settings: s, folder: folder, readings: newReadings(s.seed, s.hard)}
	if err := c.build(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *scene) build() (err error) {
	if c.world, err = emulate.NewWorld(); err != nil {
		return err
	}
	c.link, err = c.world.Join(emulate.Options{Name: interfaceName, Up: c.terrain.up, Down: c.terrain.down, NAT: c.nat, Seed: c.seed, Saw: c.saw})
	if err != nil {
		return err
	}
	config := filepath.Join(c.folder, "server.conf")
	if err := os.WriteFile(config, []byte(c.serverConfig()), 0o600); err != nil {
		return err
	}
	if c.server, err = c.world.Far.Start(c.settings.mosquitto, "-c", config); err != nil {
		return err
	}
	return c.world.Far.Do(func() (err error) {
		if err = c.server.Listens(observerAddress, 30*time.Second); err == nil {
			c.observer, err = observe(observerAddress)
		}
		return err
	})
}

// saw notes connections that begin and end. It is called for every packet.
func (c *scene) saw(v emulate.Sighting) {
	if v.Up && (v.SYN || v.FIN || v.RST) {
		c.mu.Lock()
		c.signs = append(c.signs, v)
		c.mu.Unlock()
	}
}

// newConnection tells when the subject has first tried to connect anew since a time; zero: it has not.
func (c *scene) newConnection(since time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.signs {
		if v.SYN && v.At.After(since) {
			return v.At
		}
	}
	return time.Time{}
}

func (c *scene) close() {
	if c.device != nil {
		c.device.Close()
	}
	if c.observer != nil {
		c.observer.close()
	}
	if c.world != nil {
		c.world.Close()
	}
}

// start starts the subject and waits until devices can connect.
func (c *scene) start() (err error) {
	name, args, err := c.subject.command(c)
	if err != nil {
		return err
	}
	if c.process, err = c.world.Near.Start(name, args...); err != nil {
		return err
	}
	return c.world.Near.Do(func() error {
		if err := c.process.Listens(subjectAddress, 30*time.Second); err != nil {
			return err
		}
		c.device, _, err = rig.Connect(subjectAddress, "device", true)
		return err
	})
}

// stop ends the subject orderly.
func (c *scene) stop() error {
	c.device.Close()
	err := c.process.Stop(10 * time.Second)
	c.device, c.process = nil, nil
	return err
}

// meet lets the subject connect once: the first time is different, the server knows no session. A reading shows that it has.
func (c *scene) meet(ctx context.Context) error {
	if err := c.start(); err != nil {
		return err
	}
	n := c.readings.made
	if err := c.publish(1); err != nil {
		return err
	}
	if _, err := c.observer.until(ctx, n, time.Minute); err != nil {
		return fmt.Errorf("%w; %s wrote:\n%s", err, c.subject.name, c.process.Log())
	}
	return pause(ctx, 2*c.terrain.roundTrip()+200*time.Millisecond) // the acknowledgement
}

// publish gives readings to the subject at QoS 1, and returns when all are acknowledged.
func (c *scene) publish(n int) error {
	const window = 100
	for sent, acked := 0, 0; acked < n; {
		for ; sent < n && sent-acked < window; sent++ {
			topic, payload := c.readings.next()
			c.id = c.id%60000 + 1
			c.device.Put(&packet.Publish{QoS: 1, PacketID: c.id, TopicName: []byte(topic), Payload: payload})
		}
		if err := c.device.Flush(); err != nil {
			return err
		}
		if _, err := c.device.Expect(packet.PUBACK); err != nil {
			return err
		}
		acked++
	}
	return nil
}

// alarm publishes one message of the stream of alarms, with a number like a reading, which it returns.
func (c *scene) alarm() (int, error) {
	n := c.readings.made
	_, payload := c.readings.next()
	c.id = c.id%60000 + 1
	err := c.device.Send(&packet.Publish{QoS: 1, PacketID: c.id, TopicName: []byte("farm/alarm/north/gh01/frost"), Payload: payload})
	if err == nil {
		_, err = c.device.Expect(packet.PUBACK)
	}
	return n, err
}

// bytes are the sums of what the link has carried since an earlier state of it.
func (c *scene) bytes(up, down emulate.Count) (emulate.Count, emulate.Count) {
	u, d := c.link.Counts()
	return u.Sub(up), d.Sub(down)
}

// each opens scenes and runs f in all of them at the same time.
func (s *settings) each(all []setting, f func(i int, c *scene) error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, o := range all {
		wg.Go(func() {
			c, err := s.open(o)
			if err == nil {
				defer c.close()
				err = f(i, c)
			}
			if err != nil {
				errs[i] = fmt.Errorf("%s, %s: %w", o.subject.name, o.terrain.name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
