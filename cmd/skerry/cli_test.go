package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestCommandLine plays the scripts that need no server.
func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/cli",
		Setup: func(env *testscript.Env) error { endAtOnce(env); return nil },
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"status": cmdStatus},
	})
}
