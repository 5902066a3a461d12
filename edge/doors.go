package edge

import (
	"log/slog"
	"sync"

	"skerry/broker/access"
	"skerry/broker/server"
	"skerry/edge/config"
)

// doors are the files that say who may come in and do what. A file that several listeners name is read once.
type doors struct {
	log *slog.Logger

	mu    sync.Mutex
	users map[string]*access.UserFile
	scram map[string]*access.ScramFile
	rules map[string]*access.RuleFile
}

func newDoors(log *slog.Logger) *doors {
	return &doors{log: log, users: map[string]*access.UserFile{}, scram: map[string]*access.ScramFile{}, rules: map[string]*access.RuleFile{}}
}

// open gives a listener the users and rules that the configuration names for it.
func (d *doors) open(l *server.ListenerConfig, c config.Listener) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.UsersFile != "" {
		users, err := once(d.users, c.UsersFile, d.log, access.OpenUsers)
		if err != nil {
			return err
		}
		l.Authenticate = users
	}
	if c.ScramFile != "" {
		users, err := once(d.scram, c.ScramFile, d.log, access.OpenScramUsers)
		if err != nil {
			return err
		}
		l.Methods = []server.AuthMethod{server.Scram(users)}
	}
	if c.ACLFile != "" {
		rules, err := once(d.rules, c.ACLFile, d.log, access.OpenRules)
		if err != nil {
			return err
		}
		l.Rules = rules
	}
	return nil
}

func once[T any](known map[string]*T, path string, log *slog.Logger, open func(string, *slog.Logger) (*T, error)) (*T, error) {
	if f := known[path]; f != nil {
		return f, nil
	}
	f, err := open(path, log)
	if err == nil {
		known[path] = f
	}
	return f, err
}

// look reads files again that have changed. Logins do that too: this is for those who are in already.
func (d *doors) look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.users {
		f.Look()
	}
	for _, f := range d.scram {
		f.Look()
	}
	for _, f := range d.rules {
		f.Look()
	}
}

// reload reads all files again.
func (d *doors) reload() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.users {
		f.Reload()
	}
	for _, f := range d.scram {
		f.Reload()
	}
	for _, f := range d.rules {
		f.Reload()
	}
}

// Reload reads the files of users and rules again, and ends the connections of users who are there no more. What has become wrong stays
// as it was, and is logged.
func (g *Gateway) Reload() {
	select {
	case <-g.listening:
		g.options.Service.Reloading()
		defer g.tellReady()
	default:
	}
	g.doors.reload()
	select {
	case <-g.listening:
		g.server.Revoke()
	default: // nobody is in
	}
}
