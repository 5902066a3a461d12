package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"skerry/scripts/loopback"
	"skerry/scripts/rig"
)

// candidate is a kind of server, alone or as a cluster, and what it promises.
type candidate struct {
	name    string
	profile string
	size    int  // processes
	qos     byte // the most that it takes
	exactly bool // a message of QoS 2 arrives once
	forgets bool // but for a restart: what it holds of an exchange is not on its disk

	program string               // that must be there
	version []string             // prints it
	make    func(*cluster) error // configures the servers
}

// missing says why a candidate cannot be run.
func (c *candidate) missing() string {
	if _, err := exec.LookPath(c.program); err != nil {
		if _, err := os.Stat(c.program); err != nil {
			return c.program + " is not here"
		}
	}
	return ""
}

// release is the version that the program tells.
func (c *candidate) release() string {
	out, _ := exec.Command(c.version[0], c.version[1:]...).CombinedOutput()
	return regexp.MustCompile(`\d+\.\d+(\.\d+)?`).FindString(string(out))
}

// cluster is one or more servers of a candidate.
type cluster struct {
	settings *settings
	dir      string
	servers  []*server
	beside   []*rig.Process // what they need, ended last
	release  []func()
}

// server is one process.
type server struct {
	dir     string
	address string // of its MQTT listener
	argv    []string
	process *rig.Process
}

// port reserves one until the cluster ends.
func (c *cluster) port() (int, error) {
	port, release, err := loopback.Reserve()
	if err == nil {
		c.release = append(c.release, release)
	}
	return port, err
}

// ports reserves n of them.
func (c *cluster) ports(n int) ([]int, error) {
	var all []int
	for range n {
		port, err := c.port()
		if err != nil {
			return nil, err
		}
		all = append(all, port)
	}
	return all, nil
}

// newCluster makes the folders and configurations of a candidate; nothing runs yet.
func newCluster(s *settings, c *candidate, dir string) (*cluster, error) {
	all := &cluster{settings: s, dir: dir}
	ports, err := all.ports(c.size)
	if err != nil {
		return nil, err
	}
	for i, port := range ports {
		one := &server{dir: filepath.Join(dir, fmt.Sprint("server", i)), address: loopback.Address(port)}
		if err := os.MkdirAll(one.dir, 0o700); err != nil {
			return nil, err
		}
		all.servers = append(all.servers, one)
	}
	return all, c.make(all)
}

// start starts a server and waits until it listens.
func (s *server) start() error {
	var err error
	if s.process, err = rig.Start(s.argv[0], s.argv[1:]...); err != nil {
		return err
	}
	return s.process.Listens(s.address, patience)
}

// stop asks it to end. That some programs end with another status than 0 after SIGTERM says nothing.
func (s *server) stop() error {
	if s.process == nil {
		return nil
	}
	err := s.process.Stop(60 * time.Second)
	s.process = nil
	if err != nil && strings.Contains(err.Error(), "did not end") {
		return err
	}
	return nil
}

// kill ends it with SIGKILL.
func (s *server) kill() {
	if s.process != nil {
		s.process.Kill()
		s.process = nil
	}
}

// end stops everything.
func (c *cluster) end() error {
	var all []error
	for _, s := range c.servers {
		all = append(all, s.stop())
	}
	for _, p := range c.beside {
		p.Kill()
	}
	for _, release := range c.release {
		release()
	}
	return errors.Join(all...)
}

// write writes a file of a server.
func (s *server) write(name, text string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600)
}
