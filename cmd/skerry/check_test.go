package main

import (
	"errors"
	"flag"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var updateScripts = flag.Bool("update", false, "write what `skerry check` says into its scripts")

// TestCheck plays the scripts of the verb check.
func TestCheck(t *testing.T) {
	files, err := filepath.Glob("testdata/check*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	testscript.Run(t, testscript.Params{
		Files:         files,
		UpdateScripts: *updateScripts,
		Setup:         func(env *testscript.Env) error { endAtOnce(env); return nil },
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"status": cmdStatus},
	})
}

// status N COMMAND ARG...: runs a command and wants this exit status.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
