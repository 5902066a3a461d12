package config

import (
	"fmt"
	"time"
)

// ParseServer reads an address as uplinks.NAME.mqtt takes it. The error ends with a hint.
func ParseServer(text string) (Server, error) {
	s, err := parseServer(text)
	return s, withHint(err)
}

// ParseDuration reads a duration as a configuration takes it: 500ms, 30s, 15min, 2h, 7d. The error ends with a hint.
func ParseDuration(text string) (time.Duration, error) {
	d, err := parseDuration(text)
	return d, withHint(err)
}

func withHint(err error) error {
	if hintOf(err) == "" {
		return err
	}
	return fmt.Errorf("%w (hint: %s)", err, hintOf(err))
}

// Suggest says which of the choices somebody who wrote word may have meant, or what they are; "" if there are too many.
func Suggest(word string, choices []string) string { return suggest(word, choices) }
