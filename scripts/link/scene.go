package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"skerry/broker/packet"
	"skerry/edge/uplink"
	"skerry/scripts/link/emulate"
	"skerry/scripts/rig"
)

// Where things listen, in namespaces of their own.
const (
	subjectAddress  = "127.0.0.1:1883"
	observerAddress = "127.0.0.1:1883"
	serverPort      = 8883
)

// The interfaces of the first link and of the second.
var interfaceNames = []string{"wan0", "wan1"}

// setting is what a scene is made of.
type setting struct {
	subject   subject
	terrain   terrain
	spare     *terrain // of a second link; nil: there is none
	nat       emulate.NAT
	window    int           // max_inflight_messages of the server; 0: as it comes, 20
	keepAlive time.Duration // of the subject
	upTo      time.Duration // the daemon learns its keep-alive between keepAlive and this; 0: it is fixed
	budget    string        // of the daemon's links; "": none
	stamped   bool          // what is published says when, as the daemon adds it to what leaves late; devices speak MQTT 5 then
	encode    string        // of the daemon's streams; "": pass
	backlog   int           // readings that wait when the link comes up; 0: 1,000
	noStamps  bool          // the subject's kernel does without the time stamps of TCP (net.ipv4.tcp_timestamps=0)
	warm      int           // messages that leave before any are counted
	noTickets bool          // of TLS, for the daemon: each connect is a full one
	tls12     bool          // the server speaks TLS 1.2 and nothing newer
	seed      uint64
}

// terrains are those of its links, in order of preference.
func (o setting) terrains() []terrain {
	if o.spare == nil {
		return []terrain{o.terrain}
	}
	return []terrain{o.terrain, *o.spare}
}

// sign is a beginning or an end of a connection, with the number of the link that it was seen on.
type sign struct {
	emulate.Sighting
	link int
}

// scene is one subject at its links.
type scene struct {
	setting
	settings *settings
	world    *emulate.World
	link     *emulate.Link // the first
	spare    *emulate.Link // nil: there is none
	folder   string
	server   *rig.Process
	process  *rig.Process // the subject; nil: it does not run
	observer *observer
	device   *rig.Wire // publishes to the subject
	id       uint16
	readings *readings

	mu    sync.Mutex
	signs []sign // SYN both ways, FIN and RST of the subject
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
	if c.noStamps {
		if err := c.world.Near.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/tcp_timestamps", []byte("0"), 0o644) }); err != nil {
			return err
		}
	}
	if c.link, err = c.join(0, c.terrain); err != nil {
		return err
	}
	if c.setting.spare != nil {
		if c.spare, err = c.join(1, *c.setting.spare); err != nil {
			return err
		}
	}
	name, args, err := c.serverCommand()
	if err != nil {
		return err
	}
	if c.server, err = c.world.Far.Start(name, args...); err != nil {
		return err
	}
	return c.world.Far.Do(func() (err error) {
		if err = c.server.Listens(observerAddress, 30*time.Second); err == nil {
			c.observer, err = observe(observerAddress)
		}
		return err
	})
}

// join lays one of the links.
func (c *scene) join(number int, t terrain) (*emulate.Link, error) {
	return c.world.Join(emulate.Options{Name: interfaceNames[number], Up: t.up, Down: t.down, NAT: c.nat, Seed: c.seed + uint64(number),
		Saw: func(v emulate.Sighting) { c.saw(number, v) }})
}

// saw notes connections that begin and end. It is called for every packet.
func (c *scene) saw(link int, v emulate.Sighting) {
	if v.SYN || v.Up && (v.FIN || v.RST) {
		c.mu.Lock()
		c.signs = append(c.signs, sign{v, link})
		c.mu.Unlock()
	}
}

// first tells when the first of some signs came after a time; zero: none has.
func (c *scene) first(since time.Time, wanted func(sign) bool) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.signs {
		if v.At.After(since) && wanted(v) {
			return v.At
		}
	}
	return time.Time{}
}

// newConnection tells when the subject has first tried to connect anew since a time; zero: it has not.
func (c *scene) newConnection(since time.Time) time.Time {
	return c.first(since, func(v sign) bool { return v.Up && v.SYN })
}

// accepted counts the connections to which the server has said yes since a time.
func (c *scene) accepted(since time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[netip.AddrPort]bool{}
	for _, v := range c.signs {
		if !v.Up && v.At.After(since) {
			all[v.Near] = true
		}
	}
	return len(all)
}

// tell prints what the subject has written, if that is wanted.
func (c *scene) tell() {
	if c.settings.verbose && c.process != nil {
		fmt.Printf("%s, %s, wrote:\n%s", c.subject.name, filepath.Base(c.folder), c.process.Log())
	}
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
		c.device, _, err = rig.ConnectWith(c.version(), subjectAddress, "device", true)
		return err
	})
}

// version is what devices speak.
func (o setting) version() packet.Version {
	if o.stamped {
		return packet.V5
	}
	return packet.V311
}

// properties of what is published.
func (o setting) properties() packet.Properties {
	if !o.stamped {
		return nil
	}
	return packet.Properties(nil).AppendUserProperty(uplink.TimeProperty, strconv.FormatInt(time.Now().UnixMilli(), 10))
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
	const window = 50 // no more than a broker of MQTT 5 takes
	for sent, acked := 0, 0; acked < n; {
		for ; sent < n && sent-acked < window; sent++ {
			topic, payload := c.readings.next()
			c.id = c.id%60000 + 1
			c.device.Put(&packet.Publish{QoS: 1, PacketID: c.id, TopicName: []byte(topic), Properties: c.properties(), Payload: payload})
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

const alarmTopic = "farm/alarm/north/gh01/frost"

// alarm publishes one message of the stream of alarms, with a number like a reading, which it returns.
func (c *scene) alarm() (int, error) {
	n := c.readings.made
	_, payload := c.readings.next()
	c.id = c.id%60000 + 1
	err := c.device.Send(&packet.Publish{QoS: 1, PacketID: c.id, TopicName: []byte(alarmTopic), Payload: payload})
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
				c.tell()
			}
			if err != nil {
				errs[i] = fmt.Errorf("%s, %s: %w", o.subject.name, o.terrain.name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
