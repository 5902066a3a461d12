package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"skerry/scripts/rig"
)

// A station is the daemon on a folder, to be started again and again.
type station struct {
	binary  string
	config  string
	address string
	process *rig.Process
}

// newStation writes the configuration into dir. The store is in disk.
func newStation(binary, dir, disk string, block, port int) (*station, error) {
	s := &station{binary: binary, config: filepath.Join(dir, fmt.Sprintf("skerry-%d.yaml", port)), address: fmt.Sprintf("127.0.0.1:%d", port)}
	return s, s.configure(disk, block)
}

func (s *station) configure(disk string, block int) error {
	text := fmt.Sprintf(`gateway: {id: powercut, board: sim}
storage: {path: %q, block: %dKiB}
broker: {listeners: {local: {tcp: %q, anonymous: true}}}
`, filepath.Join(disk, "queue"), block>>10, s.address)
	return os.WriteFile(s.config, []byte(text), 0o600)
}

// startTimeout is far more than a start ever takes: that it does not start is a broken promise.
const startTimeout = 30 * time.Second

func (s *station) start() error {
	p, err := rig.Start(s.binary, "run", s.config)
	if err != nil {
		return err
	}
	s.process = p
	if err := p.Listens(s.address, startTimeout); err != nil {
		p.Kill()
		return broken("the daemon does not start: %v", err)
	}
	return nil
}

func (s *station) kill() {
	if s.process != nil {
		s.process.Kill()
	}
}

// stop ends it as a service manager does.
func (s *station) stop() error {
	if err := s.process.Stop(10 * time.Second); err != nil {
		return broken("the daemon does not stop: %v; it wrote:\n%s", err, s.process.Log())
	}
	return nil
}
