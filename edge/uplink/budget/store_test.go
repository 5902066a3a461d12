package budget_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/edge/uplink/budget"
	"skerry/queue"
	"skerry/queue/vfs"
)

// board is a broker on a disk that loses its power.
type board struct {
	*broker.Broker
	disk *vfs.Disk
	boot byte
	stop func()
}

func (b *board) start() error {
	booted := time.Now()
	b.boot++
	store, rec, err := queue.Open(b.disk, "queue", queue.Options{
		SlotSize: 1 << 20, Boot: queue.Boot{ID: [16]byte{b.boot}, Clock: func() time.Duration { return time.Since(booted) }},
	})
	if err != nil {
		return err
	}
	if b.Broker, err = broker.New(store, rec, broker.Options{}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = store.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	b.stop = func() { cancel(); running.Wait(); _ = store.Close() }
	return nil
}

// cut lets the power go: of what was not synced, some is on the disk.
func (b *board) cut(r *rand.Rand) error {
	after := b.disk.Crash(r, vfs.Honest)
	b.stop()
	b.disk = after
	return b.start()
}

// waker is what the log wakes when a fact is on the disk.
type waker struct{ wake func() }

func (w *waker) Wake() { w.wake() }

// onBroker keeps what an account must know in the log of a broker, as the uplink does.
func onBroker(b *broker.Broker, name string, o budget.Options) budget.Options {
	o.Fact, _ = b.Fact(name)
	o.History, _ = b.Fact(name + "/days")
	o.Hurry = b.Hurry
	o.Keep = func(fact []byte, kept func()) error {
		return b.KeepFact(name, fact, &waker{func() {
			if b.Err() == nil { // it wakes as well when storage has failed
				kept()
			}
		}})
	}
	o.KeepHistory = func(history []byte) error {
		_, err := b.PutFact(name+"/days", history)
		return err
	}
	return o
}

// TestPowerCuts: the account in the log of a broker, with power that goes at any moment.
func TestPowerCuts(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			b := &board{disk: vfs.NewDisk()}
			if err := b.start(); err != nil {
				t.Fatal(err)
			}
			defer func() { b.stop() }()
			const chunk = 20_000
			real := int64(0)
			for cuts := range int64(12) {
				a, err := budget.New(onBroker(b.Broker, "budget/cloud/lte", budget.Options{
					Allowances: perMonth(100 * budget.MB), Chunk: chunk, Now: at("2026-11-30 10:00").now, Patience: time.Minute,
				}))
				if err != nil {
					t.Fatal(err)
				}
				if got := used(a); got < real || got > real+cuts*chunk {
					t.Fatalf("seed %d: after %d cuts %d B counted, %d used", seed, cuts, got, real)
				}
				for range r.IntN(40) {
					n := 1 + r.Int64N(chunk/2)
					if !a.Cover(n) {
						t.Fatal("not covered")
					}
					real += n
					if r.IntN(20) == 0 {
						break
					}
					a.Spend(budget.Live, n)
				}
				if err := b.cut(r); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Example shows how an uplink uses the account and the meter of a link.
func Example() {
	clock := at("2026-11-30 10:00")
	account, err := budget.New(budget.Options{
		Link:       "lte",
		Allowances: []budget.Allowance{{Bytes: 1 * budget.MB, Period: budget.Month}},
		ResetDay:   15,
		Reserve:    budget.DefaultReserve,
		Price:      budget.Price{Amount: 0.10, Currency: "EUR", Per: budget.MB},
		Now:        clock.now,
		// Fact, History, Keep, KeepHistory and Hurry are the broker's: see onBroker above.
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer account.Close() // what was charged ahead and not used is given back
	meter := budget.NewMeter(account, budget.MeterOptions{})

	// Before it connects. The connections of meter.Dialing(dialer.DialContext) count what passes; TLS goes on top of them.
	fmt.Println("may connect:", account.May(budget.Live))

	// For each message that is sent.
	send := func(class budget.Class, bytes int64) {
		if !account.May(class) {
			account.Held(class, 1) // once for each message
			return
		}
		meter.Carry(class, bytes)   // whose bytes the next ones are
		account.Spend(class, bytes) // here in place of the connection
	}
	for range 500 {
		send(budget.Live, 2000)
	}
	send(budget.Alarm, 300)

	// Once a minute.
	meter.Sample()
	account.Backlog(250_000)
	switch rung := account.Look(); {
	case rung >= budget.OnDemand:
		fmt.Println("no connection is held open:", rung)
	default:
		fmt.Println("batches wait", rung.Linger(10*time.Second))
	}
	fmt.Println(account.Status())
	// Output:
	// may connect: true
	// no connection is held open: alarm-only
	// 900.3 kB of 1.00 MB per month (90 %), used up at 2026-11-30 10:00, 0.09 EUR; alarm-only (budget of a month: nothing is left); held 50, dropped 0
}
