package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"skerry/scripts/rig"
)

// A subject is a store under load.
type subject interface {
	run(n, size, inflight int) error // n messages, and all their acknowledgements
	close()
}

// A system makes subjects on the folder of an empty disk.
type system struct {
	name  string
	open  func(folder string, w work) (subject, error)
	warm  int // large messages until it is in its steady state
	many  int // messages that are measured, one at a time
	most  int // messages that are measured, many at a time
	block int // bytes of a block of ext4; 0: the default
}

func (x *system) count(w work) int {
	if w.inflight > 1 {
		return x.most
	}
	return x.many
}

// broker is a subject that is a process.
type broker struct {
	*loader
	process *rig.Process
}

func (b *broker) close() {
	b.loader.close()
	b.process.Kill()
}

// port of the broker that is measured, in a network namespace of our own.
const port = 1883

// startBroker starts a broker and its clients.
func startBroker(w work, port int, name string, args ...string) (subject, error) {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	p, err := rig.Start(name, args...)
	if err != nil {
		return nil, err
	}
	if err := p.Listens(address, 20*time.Second); err != nil {
		p.Kill()
		return nil, err
	}
	l, err := newLoader(address, w)
	if err != nil {
		p.Kill()
		return nil, errors.Join(err, errors.New(p.Log()))
	}
	return &broker{l, p}, nil
}

// skerry is the daemon as it is shipped. storage are further keys of the configuration's storage.
func skerry(binary, storage string, port int) func(string, work) (subject, error) {
	return func(folder string, w work) (subject, error) {
		config := filepath.Join(filepath.Dir(folder), "skerry.yaml")
		text := fmt.Sprintf(`gateway: {id: wear, board: sim}
storage: {path: %q%s}
broker: {listeners: {local: {tcp: "127.0.0.1:%d", anonymous: true}}}
`, filepath.Join(folder, "queue"), storage, port)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return nil, err
		}
		return startBroker(w, port, binary, "run", config)
	}
}

// mosquitto is Debian's, with a persistent store and further lines of its configuration.
func mosquitto(binary, lines string) func(string, work) (subject, error) {
	return func(folder string, w work) (subject, error) {
		config := filepath.Join(filepath.Dir(folder), "mosquitto.conf")
		text := fmt.Sprintf(`listener %d 127.0.0.1
allow_anonymous true
user root
persistence true
persistence_location %s/
max_inflight_messages 100
max_queued_messages 0
%s`, port, folder, lines)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return nil, err
		}
		return startBroker(w, port, binary, "-c", config)
	}
}

// bboltPerMessage is the store without a log.
func bboltPerMessage(folder string, w work) (subject, error) { return openBolt(folder, w) }
