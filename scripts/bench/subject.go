package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"skerry/scripts/loopback"
	"skerry/scripts/rig"
)

// A kind of subject makes processes.
type kind struct {
	name    string
	command func(folder string, port int) (name string, args []string, err error)
}

// subject is a broker that runs.
type subject struct {
	name    string
	address string
	process *rig.Process
	free    func()
}

// start starts a subject in a new folder below folder, and returns at once.
func (k kind) start(folder string) (*subject, error) {
	port, free, err := loopback.Reserve()
	if err != nil {
		return nil, err
	}
	return k.startAt(folder, port, free)
}

func (k kind) startAt(folder string, port int, free func()) (*subject, error) {
	dir := filepath.Join(folder, strings.ReplaceAll(k.name, " ", "-"))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	name, args, err := k.command(dir, port)
	if err != nil {
		return nil, err
	}
	p, err := rig.Start(name, args...)
	if err != nil {
		free()
		return nil, err
	}
	return &subject{name: k.name, address: loopback.Address(port), process: p, free: free}, nil
}

func (s *subject) stop() {
	s.process.Kill()
	s.free()
}

// begin starts a subject and waits until it listens.
func (k kind) begin(folder string) (*subject, error) {
	s, err := k.start(folder)
	if err != nil {
		return nil, err
	}
	if err := s.process.Listens(s.address, 30*time.Second); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// beginAll starts several.
func beginAll(folder string, kinds []kind) (all []*subject, stop func(), err error) {
	stop = func() {
		for _, s := range all {
			s.stop()
		}
	}
	for _, k := range kinds {
		s, err := k.begin(folder)
		if err != nil {
			stop()
			return nil, nil, err
		}
		all = append(all, s)
	}
	return all, stop, nil
}

const daemon, debian, mochi, limit = "skerry", "mosquitto", "mochi", "limit"

// kinds are the subjects that the settings name. The daemon is the first one.
func (s *settings) kinds() []kind {
	all := []kind{{daemon, s.skerryCommand}}
	if s.mosquitto != "" {
		all = append(all, kind{debian, s.mosquittoCommand})
	}
	if s.peer != "" {
		all = append(all, kind{mochi, func(_ string, port int) (string, []string, error) {
			return s.peer, []string{loopback.Address(port)}, nil
		}})
	}
	return all
}

// forwarders is this program as the limit, with or without a journal.
func forwarders(durable bool) kind {
	return kind{limit, func(folder string, port int) (string, []string, error) {
		args := []string{"-forward", loopback.Address(port)}
		if durable {
			args = append(args, "-journal", filepath.Join(folder, "journal"))
		}
		name, err := os.Executable()
		return name, args, err
	}}
}

// skerryCommand has metrics on, at any port: what a station needs for them belongs to its memory.
func (s *settings) skerryCommand(folder string, port int) (string, []string, error) {
	config := filepath.Join(folder, "skerry.yaml")
	text := fmt.Sprintf(`gateway: {id: bench, board: sim}
storage: {path: queue}
broker:
  listeners: {local: {tcp: %q, anonymous: true}}
  metrics: {http: "127.0.0.1:0"}
  limits: {connections: 20000, inflight: 200}
`, loopback.Address(port))
	return s.skerry, []string{"run", config}, os.WriteFile(config, []byte(text), 0o600)
}

// mosquittoCommand: with its own limit of 20 in flight 2.0.11 cuts a Client of 3.1.1 off that has 100 QoS 2 messages on their way.
func (s *settings) mosquittoCommand(folder string, port int) (string, []string, error) {
	config := filepath.Join(folder, "mosquitto.conf")
	text := fmt.Sprintf(`listener %d 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 200
max_queued_messages 0
log_type error
`, port)
	return s.mosquitto, []string{"-c", config}, os.WriteFile(config, []byte(text), 0o644)
}
