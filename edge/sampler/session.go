package sampler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/mapping"
	"skerry/queue"
)

// clientID names the session of the sensors, in the namespace of sessions inside the program.
const clientID = "sensors"

const (
	// patience is how long a refused message waits for storage when nothing of this session is on its way there.
	patience = time.Second
	// again is the time between two attempts.
	again = 50 * time.Millisecond
)

// Session is a Sink: a session of the broker that only publishes, and the facts beside it.
type Session struct {
	broker *broker.Broker

	messages, payload atomic.Uint64 // published

	mu      sync.Mutex // one round at a time
	session *broker.Session
	touched broker.Touched
	last    queue.Receipt
	refused bool // the last message was, after all patience: waiting again would only delay every bus
}

// NewSession connects the sensors to the broker.
func NewSession(b *broker.Broker) (*Session, error) {
	s, _, err := b.Connect(broker.ConnectOptions{ClientID: clientID, Internal: true, Version: packet.V5, CleanStart: true})
	if err != nil {
		return nil, fmt.Errorf("connect the sensors to the broker: %w", err)
	}
	return &Session{broker: b, session: s}, nil
}

// Publish publishes the messages of one round. When too much is waiting for the disk it waits as well. A message that is
// refused does not keep the others back. When storage has failed, which is told elsewhere, readings go to whoever hears them now.
func (s *Session) Publish(ctx context.Context, messages []*broker.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touched.Flush()
	var errs []error
	for _, m := range messages {
		if err := s.publish(ctx, m); err != nil {
			errs = append(errs, fmt.Errorf("publish %s: %w", m.TopicName, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Session) publish(ctx context.Context, m *broker.Message) error {
	if m.Unresolved {
		m.Stamp = s.measured(m)
	}
	for waited := time.Duration(0); ; waited += again {
		receipt, code := s.session.Publish(m, &s.touched)
		if !code.IsError() {
			s.last, s.refused = max(s.last, receipt), false
			s.messages.Add(1)
			s.payload.Add(uint64(len(m.Payload)))
			return nil
		}
		if s.broker.Err() != nil && m.QoS > 0 {
			live := *m
			live.QoS = 0
			m = &live
			continue
		}
		if code != packet.ServerBusy || waited >= patience || s.refused {
			s.refused = true
			return code
		}
		s.touched.Flush() // before it blocks
		if err := s.room(ctx); err != nil {
			return err
		}
	}
}

// measured is when the readings of a message were made: its payload says that only by a clock that is not set.
func (s *Session) measured(m *broker.Message) queue.Stamp {
	const most = time.Hour // longer ago only if the clock was stepped since
	now := time.Now()
	if t, ok := mapping.Time(m.Payload); ok {
		if ago := now.Sub(t); ago > 0 && ago < most {
			now = now.Add(-ago)
		}
	}
	return s.broker.StampAt(now)
}

// room waits until what was published before is on the disk, or a moment if it is already: others may be in the way.
func (s *Session) room(ctx context.Context) error {
	if s.broker.Durable() < s.last {
		return s.broker.Wait(ctx, s.last)
	}
	sleep(ctx, again)
	return ctx.Err()
}

// State returns what Keep kept last for a sensor.
func (s *Session) State(sensor string) []byte {
	state, _ := s.broker.Fact(fact(sensor))
	return state
}

// Keep keeps the state of a sensor. It is written within the commit window. When storage has failed, which is told elsewhere, readings are
// not to wait for it.
func (s *Session) Keep(sensor string, state []byte, safe func()) error {
	err := s.broker.KeepFact(fact(sensor), state, &waker{safe})
	if err != nil && s.broker.Err() != nil {
		safe()
		return nil
	}
	return err
}

// Hurry has what is kept written now.
func (s *Session) Hurry() { s.broker.Hurry() }

// waker is a function as a queue.Waker.
type waker struct{ wake func() }

func (w *waker) Wake() { w.wake() }

// Published is how many messages have been published, and the bytes of their payloads.
func (s *Session) Published() (messages, payload uint64) { return s.messages.Load(), s.payload.Load() }

// AlarmState returns what KeepAlarms kept last.
func (s *Session) AlarmState() []byte {
	state, _ := s.broker.Fact(alarmsFact)
	return state
}

// KeepAlarms keeps the state of the alarms. It is written with what is published next, at the latest.
func (s *Session) KeepAlarms(state []byte) error {
	_, err := s.broker.PutFact(alarmsFact, state)
	return err
}

// OutputState returns what KeepOutput kept last of an output.
func (s *Session) OutputState(output string) []byte {
	state, _ := s.broker.Fact("output/" + output)
	return state
}

// KeepOutput keeps what an output was set to, and returns when that is on the disk.
func (s *Session) KeepOutput(ctx context.Context, output string, state []byte) error {
	receipt, err := s.broker.PutFact("output/"+output, state)
	if err != nil {
		return err
	}
	s.broker.Hurry()
	return s.broker.Wait(ctx, receipt)
}

// Close ends the session.
func (s *Session) Close() { s.session.Disconnect(broker.DisconnectOptions{}) }

// alarmsFact is the fact that holds which alarms are raised.
const alarmsFact = "alarms"

func fact(sensor string) string { return "sensor/" + sensor }
