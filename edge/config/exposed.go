package config

import (
	"os"
	"slices"
)

// Exposed is a file that every user of the machine can reach, and should not.
type Exposed struct {
	Path string
	May  string // what they may do with it: "read" or "write"
}

// Exposed lists the files named in the configuration that others than their owner and group can read though they hold secrets, or can
// write, and say who may do what. One that is not there is left out.
func (c *Config) Exposed() (all []Exposed) {
	b := &c.Broker
	secrets := []string{b.UsersFile, b.ScramFile}
	rules := []string{c.Path, b.ACLFile}
	for _, l := range b.Listeners {
		secrets, rules = append(secrets, l.UsersFile, l.ScramFile), append(rules, l.ACLFile)
		if l.TLS != nil {
			secrets, rules = append(secrets, l.TLS.Key), append(rules, l.TLS.ClientCA)
		}
	}
	for _, u := range c.Uplinks {
		secrets = append(secrets, u.PasswordFile, u.SASKeyFile, u.TLS.Key)
	}
	add := func(path string, bits os.FileMode, may string) {
		e := Exposed{path, may}
		if info, err := os.Stat(path); path != "" && err == nil && info.Mode().Perm()&bits != 0 && !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	for _, path := range secrets {
		add(path, 0o004, "read")
	}
	for _, path := range append(secrets, rules...) {
		add(path, 0o002, "write")
	}
	return all
}
