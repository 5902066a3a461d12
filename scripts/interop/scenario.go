package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"skerry/edge/uplink"
)

const (
	stateTopic = "farm/lake/wx-042/uplink/cloud"
	commands   = 20 // of each QoS, each way of losing the connection
)

// play is one run.
type play struct {
	ctx      context.Context
	n        int
	kind     *candidate
	cluster  *cluster
	way      *proxy
	station  *station
	observer *observer
	result   *result
}

// try runs a candidate from its start to its end.
func try(ctx context.Context, s *settings, c *candidate) (r *result, err error) {
	dir, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return nil, err
	}
	if !s.keep {
		defer os.RemoveAll(dir)
	}
	all, err := newCluster(s, c, dir)
	if all != nil {
		defer func() { err = errFirst(err, all.end()) }()
	}
	if err != nil {
		return nil, err
	}
	for _, one := range all.servers {
		if err := one.start(); err != nil {
			return nil, err
		}
	}
	log := slog.New(slog.DiscardHandler)
	if s.verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	p := &play{ctx: ctx, n: s.n, kind: c, cluster: all, observer: newObserver("observer"), result: &result{name: c.name, release: c.release(), n: s.n}}
	if err := p.open(dir, log); err != nil {
		return nil, err
	}
	defer p.close()
	defer func() { p.result.status = p.station.uplink.Status() }()
	script := []func() error{p.traffic, p.retain, p.commands, p.will}
	if c.size > 1 {
		script = []func() error{p.failOver}
	}
	for _, step := range script {
		if err := step(); err != nil {
			return p.result, err
		}
	}
	return p.result, nil
}

// open starts everything but the servers. The observer is at the last of them, which is never killed.
func (p *play) open(dir string, log *slog.Logger) error {
	last := p.cluster.servers[len(p.cluster.servers)-1].address
	if _, err := p.observer.join(p.ctx, last); err != nil {
		return err
	}
	if err := p.observer.subscribe(p.ctx, "farm/#", 2); err != nil {
		return err
	}
	var addresses []string
	var err error
	if p.kind.size > 1 {
		for _, s := range p.cluster.servers {
			addresses = append(addresses, s.address)
		}
	} else {
		if p.way, err = newProxy(last); err != nil {
			return err
		}
		addresses = []string{p.way.address}
	}
	p.station, err = newStation(dir, p.kind.profile, addresses, log)
	return err
}

func (p *play) close() {
	if p.station != nil {
		p.station.stop()
	}
	p.observer.leave()
	if p.way != nil {
		p.way.close()
		p.way.wg.Wait()
	}
}

// publish publishes the numbers from..to-1 at each QoS.
func (p *play) publish(from, to int) error {
	for i := from; i < to; i++ {
		for qos := range byte(3) {
			if err := p.station.publish(fmt.Sprintf("t/%d", qos), fmt.Sprint(i), qos, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// online waits for the uplink.
func (p *play) online() error {
	if !soon(p.ctx, patience, func() bool { return p.station.uplink.Status().Online }) {
		return fmt.Errorf("%w: the uplink is not online: %s", errInVain, p.station.uplink.Status().Err)
	}
	return nil
}

// arrived waits until the server has everything and the observer too, and judges.
func (p *play) arrived() error {
	status := func() uplink.Status { return p.station.uplink.Status() }
	if !soon(p.ctx, patience, func() bool { s := status(); return s.Online && s.Backlog["all"] == 0 }) {
		return fmt.Errorf("%w: %d messages are still owed to the server; %s", errInVain, status().Backlog["all"], status().Err)
	}
	soon(p.ctx, 30*time.Second, func() bool {
		return len(p.observer.payloads("farm/t/1")) >= p.n && len(p.observer.payloads("farm/t/2")) >= p.n
	})
	time.Sleep(time.Second) // for what comes twice
	for qos := range p.result.came {
		p.result.came[qos] = judge(p.observer.payloads(fmt.Sprintf("farm/t/%d", qos)), p.n)
	}
	return nil
}

// traffic publishes through four cuts of the connection and an orderly restart of the server.
func (p *play) traffic() error {
	if err := p.online(); err != nil {
		return err
	}
	eighth := p.n / 8
	for i := range 4 {
		if err := p.publish(i*eighth, (i+1)*eighth); err != nil {
			return err
		}
		p.way.cut()
	}
	if err := p.station.publish("t/state", "kept", 1, true); err != nil {
		return err
	}
	if !soon(p.ctx, patience, func() bool { return len(p.observer.payloads("farm/t/state")) > 0 }) {
		return fmt.Errorf("%w: nothing comes through", errInVain)
	}
	if err := p.keeps(&p.result.before); err != nil {
		return err
	}
	p.observer.leave()
	s := p.cluster.servers[0]
	if err := p.restart(s, func() error { return p.publish(4*eighth, 6*eighth) }); err != nil {
		return err
	}
	present, err := p.observer.join(p.ctx, s.address)
	if err != nil {
		return err
	}
	if p.result.kept = present; !present {
		if err := p.observer.subscribe(p.ctx, "farm/#", 2); err != nil {
			return err
		}
	}
	if err := p.publish(6*eighth, p.n); err != nil {
		return err
	}
	return p.arrived()
}

// restart stops a server in order and starts it again; meanwhile is done in between.
func (p *play) restart(s *server, meanwhile func() error) error {
	if p.cluster.settings.steady {
		return meanwhile()
	}
	p.result.restarted = true
	if err := s.stop(); err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		return err
	}
	return s.start()
}

// keeps looks whether the server has the retained message, for a filter without and with wildcards.
func (p *play) keeps(into *[2]bool) (err error) {
	for i, filter := range []string{"farm/t/state", "farm/t/+"} {
		if into[i], err = retained(p.ctx, p.cluster.servers[0].address, filter, "farm/t/state"); err != nil {
			return err
		}
	}
	return nil
}

// retain looks once more, after the restart.
func (p *play) retain() error { return p.keeps(&p.result.after) }

// commands sends messages to the station: while it is there, through a cut, and while it is away.
func (p *play) commands() error {
	send := func(from int) error {
		for i := from; i < from+commands; i++ {
			for qos := byte(1); qos <= p.kind.qos; qos++ {
				if err := p.observer.publish(p.ctx, fmt.Sprintf("cmd/wx-042/q%d", qos), fmt.Sprint(i), qos); err != nil {
					return fmt.Errorf("publish a command: %w", err)
				}
			}
		}
		return nil
	}
	if err := errFirst(p.online(), send(0)); err != nil {
		return err
	}
	p.way.cut()
	if err := send(commands); err != nil {
		return err
	}
	p.way.close()
	if err := errFirst(send(2*commands), p.way.open()); err != nil {
		return err
	}
	most := 3 * commands
	soon(p.ctx, 30*time.Second, func() bool {
		for qos := byte(1); qos <= p.kind.qos; qos++ {
			if len(p.station.received(fmt.Sprintf("cmd/q%d", qos))) < most {
				return false
			}
		}
		return true
	})
	time.Sleep(time.Second)
	for qos := byte(1); qos <= p.kind.qos; qos++ {
		p.result.went[qos] = judge(p.station.received(fmt.Sprintf("cmd/q%d", qos)), most)
	}
	return nil
}

// will cuts the connection for good and looks what the state topic says, then and after.
func (p *play) will() error {
	last := func() string {
		all := p.observer.payloads(stateTopic)
		if len(all) == 0 {
			return ""
		}
		return all[len(all)-1]
	}
	if err := p.online(); err != nil {
		return err
	}
	soon(p.ctx, 10*time.Second, func() bool { return last() == "online" })
	p.way.close()
	p.result.will = soon(p.ctx, 30*time.Second, func() bool { return last() == "offline" })
	if err := p.way.open(); err != nil {
		return err
	}
	p.result.back = soon(p.ctx, 30*time.Second, func() bool { return last() == "online" })
	return nil
}

// failOver publishes while the server that the uplink is connected to is killed, and starts again.
func (p *play) failOver() error {
	if err := p.online(); err != nil {
		return err
	}
	third := p.n / 3
	if err := p.publish(0, third); err != nil {
		return err
	}
	p.cluster.servers[0].kill()
	if err := p.publish(third, 2*third); err != nil {
		return err
	}
	began := time.Now()
	p.result.failOver = "not before it was back"
	if soon(p.ctx, 30*time.Second, func() bool {
		s := p.station.uplink.Status()
		return s.Online && s.Server != "tcp://"+p.cluster.servers[0].address && s.Backlog["all"] == 0
	}) {
		p.result.failOver = fmt.Sprintf("drained %.1f s later", time.Since(began).Seconds())
	}
	if err := p.cluster.servers[0].start(); err != nil { // its own affair: the others are there
		p.cluster.servers[0].kill()
		p.result.failOver += ", and it did not come back"
	}
	if err := p.publish(2*third, p.n); err != nil {
		return err
	}
	return p.arrived()
}
