package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"skerry/broker/client"
	"skerry/scripts/loopback"
)

// play is one run.
type play struct {
	settings   *settings
	gateway    *party
	server     *server
	way        *way
	ground     *party // nil: there is none, and the subscriber is at the server
	below      *way   // of the ground end to the server
	ledger     *ledger
	publishers [2]*publisher
	subscriber *subscriber
	result     *result
	release    []func()
}

// try does one run from its start to its end.
func try(ctx context.Context, s *settings) (r *result, err error) {
	dir, err := os.MkdirTemp(s.dir, "soak-")
	if err != nil {
		return nil, err
	}
	p := &play{settings: s, ledger: newLedger(), result: &result{settings: s, drop: s.drop}}
	defer func() {
		p.end()
		if s.keep {
			err = errors.Join(err, p.logs(dir))
		} else {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := p.open(dir); err != nil {
		return nil, err
	}
	began := time.Now()
	err = p.run(ctx)
	p.result.took = time.Since(began)
	p.account()
	return p.result, err
}

// open makes and starts everything but the publishers.
func (p *play) open(dir string) error {
	var at [3]string
	for i := range at {
		port, release, err := loopback.Reserve()
		if err != nil {
			return err
		}
		p.release = append(p.release, release)
		at[i] = loopback.Address(port)
	}
	var err error
	if p.server, err = newServer(dir, at[0]); err != nil {
		return err
	}
	if p.way, err = newWay(at[0]); err != nil {
		return err
	}
	if p.gateway, err = newGateway(p.settings, dir, at[1], p.way.address); err != nil {
		return err
	}
	for i := range p.publishers {
		p.publishers[i] = newPublisher(i+1, p.settings.readings/2, at[1], p.tooMuch)
		if p.settings.alarms {
			p.publishers[i].calm = calm
		}
	}
	p.subscriber = &subscriber{address: at[0], ledger: p.ledger, session: client.NewSession()}
	if err := p.server.start(); err != nil || !p.settings.pack {
		return err
	}
	return p.openGround(dir, at[0], at[2])
}

// openGround puts a ground end between server and subscriber.
func (p *play) openGround(dir, server, address string) (err error) {
	if p.below, err = newWay(server); err != nil {
		return err
	}
	if p.ground, err = newGround(p.settings, dir, address, p.below.address); err != nil {
		return err
	}
	p.subscriber.address = address
	return p.ground.start()
}

func (p *play) end() {
	if p.below != nil {
		p.below.close()
	}
	if p.ground != nil {
		p.ground.end()
	}
	if p.way != nil {
		p.way.close()
	}
	if p.gateway != nil {
		p.gateway.end()
	}
	if p.server != nil {
		p.server.end()
	}
	for _, release := range p.release {
		release()
	}
}

// logs leaves what the programs wrote last.
func (p *play) logs(dir string) error {
	var all []error
	for name, one := range map[string]*party{"skerry.log": p.gateway, "ground.log": p.ground, "mosquitto.log": &p.server.party} {
		if one != nil && one.process != nil {
			all = append(all, os.WriteFile(filepath.Join(dir, name), []byte(one.process.Log()), 0o600))
		}
	}
	fmt.Println("left in", dir)
	return errors.Join(all...)
}

// calm is how long a publisher of alarms waits after each: a block has few of them.
const calm = 3 * time.Millisecond

// acked is what the gateway has acknowledged.
func (p *play) acked() int {
	return int(p.publishers[0].acked.Load() + p.publishers[1].acked.Load())
}

// tooMuch tells the publishers to wait, so that the events find the uplink at work until the end.
func (p *play) tooMuch() bool { return p.acked()-p.ledger.count() > p.settings.ahead }

// run publishes through all events and waits for what is still owed.
func (p *play) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	trouble := make(chan error, 3)
	wg.Go(func() { trouble <- p.subscriber.run(ctx) })
	if err := p.until(ctx, trouble, "the subscriber subscribes", func() bool { return p.subscriber.joins() > 0 }); err != nil {
		return err
	}
	if err := p.until(ctx, trouble, "the ground end subscribes", func() bool { return p.below == nil || p.below.subscribed() > 0 }); err != nil {
		return err
	}
	if err := p.gateway.start(); err != nil {
		return err
	}
	for _, one := range p.publishers {
		wg.Go(func() {
			if err := one.run(ctx); err != nil {
				trouble <- err
			}
		})
	}
	for _, e := range plan(p.settings) {
		what := fmt.Sprintf("%d readings arrive", e.at)
		if err := p.until(ctx, trouble, what, func() bool { return p.ledger.count() >= e.at }); err != nil {
			return err
		}
		if err := p.happen(ctx, trouble, e); err != nil {
			return fmt.Errorf("%v at %d: %w", e.kind, e.at, err)
		}
		p.result.events[e.kind]++
	}
	n := p.settings.readings / 2 * 2
	if err := p.until(ctx, trouble, "all are acknowledged", func() bool { return p.acked() >= n }); err != nil {
		return err
	}
	return p.settle(ctx, trouble, n)
}

// settle waits for the rest, and for what comes twice.
func (p *play) settle(ctx context.Context, trouble <-chan error, n int) error {
	const rest = 20 * time.Second // nothing is owed that comes later
	if err := p.until(ctx, trouble, "the rest arrives", func() bool {
		quiet := p.ledger.quiet()
		return p.ledger.count() >= n || quiet > rest || quiet > 3*time.Second && p.ledger.owed(n/2) == 0
	}); err != nil {
		return err
	}
	return p.until(ctx, trouble, "nothing more comes", func() bool { return p.ledger.quiet() > time.Second })
}

// until waits for a condition. That nothing at all arrives for long is an error.
func (p *play) until(ctx context.Context, trouble <-chan error, what string, ok func() bool) error {
	begun := time.Now()
	for !ok() {
		select {
		case err := <-trouble:
			return fmt.Errorf("while %s: %w", what, errors.Join(err, ctx.Err()))
		case <-time.After(2 * time.Millisecond):
		}
		if min(time.Since(begun), p.ledger.quiet()) > 2*patience {
			return fmt.Errorf("waited in vain until %s: %d acknowledged, %d arrived", what, p.acked(), p.ledger.count())
		}
	}
	return nil
}

// happen does what an event says.
func (p *play) happen(ctx context.Context, trouble <-chan error, e event) error {
	if p.settings.verbose {
		fmt.Fprintf(os.Stderr, "%s %v: %d acknowledged, %d arrived\n", time.Now().Format("15:04:05.000"), e.kind, p.acked(), p.ledger.count())
	}
	switch e.kind {
	case cut:
		if p.way.cut(); p.below != nil {
			p.below.cut()
		}
	case ground:
		p.ground.process.Kill()
		return p.ground.start()
	case hole:
		p.way.hole(e.long)
	case kill:
		p.gateway.process.Kill()
		return p.gateway.start()
	case restart:
		if err := p.server.stop(); err != nil {
			return err
		}
		return p.server.start()
	case loss:
		return p.lose(ctx, trouble)
	}
	return nil
}

// lose has the server lose its sessions. The way is closed first, in the middle of what is going on, until the subscriber has
// what the server holds for it, and again until it has subscribed anew: what is missing then is not what nobody asked for.
func (p *play) lose(ctx context.Context, trouble <-chan error) error {
	p.way.close()
	if p.ground == nil {
		p.ledger.suspect(p.way.latest(), p.way.between())
	}
	begun := time.Now()
	if err := p.until(ctx, trouble, "the subscriber has all", func() bool {
		return min(time.Since(begun), p.ledger.quiet()) > 500*time.Millisecond
	}); err != nil {
		return err
	}
	if err := p.server.stop(); err != nil {
		return err
	}
	if err := os.Remove(p.server.database); err != nil {
		return err
	}
	joins := p.joins()
	if err := p.server.start(); err != nil {
		return err
	}
	if err := p.until(ctx, trouble, "the subscriber subscribes", func() bool { return p.joins() > joins }); err != nil {
		return err
	}
	return p.way.open()
}

// joins is how often who takes what is published has subscribed at the server.
func (p *play) joins() int {
	if p.below != nil {
		return p.below.subscribed()
	}
	return p.subscriber.joins()
}

// account fills the result in.
func (p *play) account() {
	r := p.result
	for qos := 1; qos <= 2; qos++ {
		r.came[qos] = p.ledger.judge(qos, int(p.publishers[qos-1].n))
	}
	r.acked, r.arrived, r.strange, r.first = p.acked(), p.ledger.count(), p.ledger.strange, p.ledger.first
	r.joins = p.subscriber.joins()
	r.sent, r.dup, r.blocks, r.primed = p.way.totals()
}
