package config

import (
	"crypto/tls"
	"errors"

	"skerry/drivers"
)

// Load reads the file at path. What is wrong with its content is an Errors; a file that cannot be read is another error.
func Load(path string, kinds []drivers.Kind) (*Config, error) {
	return nil, errors.New("not built yet")
}

// Wrong returns an Error at the place of a key, for what only a consumer can know: that a unit cannot be converted.
func (c *Config) Wrong(key, problem, hint string) *Error {
	return &Error{File: c.Path, Key: key, Problem: problem, Hint: hint}
}

// Password reads the password of an uplink, without the line end; nil if it has none.
func (u Uplink) Password() ([]byte, error) { return nil, errors.New("not built yet") }

// Config reads the certificate and its key.
func (t *ServerTLS) Config() (*tls.Config, error) { return nil, errors.New("not built yet") }

// Config reads the files named. host is the name that the Server's certificate must bear.
func (t ClientTLS) Config(host string) (*tls.Config, error) { return nil, errors.New("not built yet") }
