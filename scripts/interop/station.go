package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue"
	"skerry/queue/vfs"
)

// station is a store on the disk, a broker and an uplink.
type station struct {
	broker *broker.Broker
	uplink *uplink.Uplink
	device *broker.Session
	stop   func()

	listener *broker.Session
	wake     chan struct{}
	mu       sync.Mutex
	got      map[string][]string // what came from the server, by local topic
}

// newStation loads a configuration, which is so checked against the profile, and starts.
func newStation(dir, profile string, addresses []string, log *slog.Logger) (*station, error) {
	text := fmt.Sprintf(`gateway: {id: wx-042, site: lake}
uplinks:
  cloud: {mqtt: ["tcp://%s"], profile: %s, prefix: "farm/", keep_alive: 10s, retry: 100ms..1s, receive: {"cmd/wx-042/#": "cmd/#"}}
`, strings.Join(addresses, `", "tcp://`), profile)
	path := filepath.Join(dir, "skerry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		return nil, err
	}
	store, recovery, err := queue.Open(vfs.OS{}, filepath.Join(dir, "data"), queue.Options{SlotSize: 4 << 20})
	if err != nil {
		return nil, err
	}
	b, err := broker.New(store, recovery, broker.Options{})
	if err != nil {
		return nil, err
	}
	u, err := uplink.New(cfg.Uplinks[0], cfg.Streams, b, uplink.Options{Site: "lake", Gateway: "wx-042", Log: log})
	if err != nil {
		return nil, err
	}
	if err := u.Open(); err != nil {
		return nil, err
	}
	s := &station{broker: b, uplink: u, wake: make(chan struct{}, 1), got: map[string][]string{}}
	s.start(store)
	return s, s.local()
}

func (s *station) start(store *queue.Store) {
	lower, end := context.WithCancel(context.Background())
	upper, down := context.WithCancel(context.Background())
	var below, above sync.WaitGroup
	below.Go(func() { _ = store.Run(lower) })
	below.Go(func() { _ = s.broker.Run(lower) })
	above.Go(func() { _ = s.uplink.Run(upper) })
	s.stop = sync.OnceFunc(func() {
		down()
		above.Wait()
		end()
		below.Wait()
		store.Close()
	})
	go s.receive(lower)
}

// local connects the device that publishes, and one that listens to what comes from the server.
func (s *station) local() error {
	var err error
	if s.device, _, err = s.broker.Connect(broker.ConnectOptions{ClientID: "device", Version: packet.V5, CleanStart: true}); err != nil {
		return err
	}
	listener, _, err := s.broker.Connect(broker.ConnectOptions{ClientID: "listener", Version: packet.V5, CleanStart: true, Conn: s})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	codes, _ := listener.Subscribe([]broker.Subscription{{TopicFilter: "cmd/#", QoS: 0}}, nil)
	if codes[0].IsError() {
		return codes[0]
	}
	s.listener = listener
	return nil
}

// The broker's calls.
func (s *station) Wake()                   { s.pull() }
func (s *station) Flush()                  { s.pull() }
func (s *station) Close(packet.ReasonCode) {}

func (s *station) pull() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *station) receive(ctx context.Context) {
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		if s.listener != nil {
			for _, d := range s.listener.Next(nil, 1000) {
				s.got[d.Message.TopicName] = append(s.got[d.Message.TopicName], string(d.Message.Payload))
			}
		}
		s.mu.Unlock()
	}
}

// received gives what came on a local topic.
func (s *station) received(topic string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got[topic]...)
}

// publish returns when the message is on the disk.
func (s *station) publish(topic, payload string, qos byte, retain bool) error {
	receipt, code := s.device.Publish(&broker.Message{TopicName: topic, Payload: []byte(payload), QoS: qos, Retain: retain}, nil)
	if code.IsError() {
		return code
	}
	return s.broker.Wait(context.Background(), receipt)
}
