package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts call the command as `skerry`: the test binary runs itself as it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"skerry": func() {
		if os.Getenv("MEMORY_FORGETS") == "" { // it is the one other disk that a test can count on
			forgetful = nil
		}
		kernelStamps = "" // whatever this machine has
		os.Exit(run(os.Args[1:]))
	}})
}
