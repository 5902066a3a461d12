package main

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestQueue plays the scripts of the verb queue, on stations that run and on stopped ones.
func TestQueue(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/queue",
		Setup: setUpStation,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"port":      cmdPort,
			"expand":    cmdExpand,
			"spawn":     cmdSpawn,
			"arrives":   cmdArrives,
			"end":       cmdEnd,
			"crash":     cmdCrash,
			"status":    cmdStatus,
			"listening": cmdListening,
			"station":   cmdQueueStation,
			"keep":      cmdKeep,
			"garble":    cmdGarble,
			"newer":     cmdNewer,
			"pause":     cmdPause,
		},
	})
}

// station: starts a station on $PORT whose data is in data, without sensors.
func cmdQueueStation(ts *testscript.TestScript, neg bool, args []string) {
	cmdPort(ts, false, []string{"PORT"})
	startSkerry(ts, []string{"anonymous"})
	cmdListening(ts, false, []string{ts.Getenv("PORT")})
	ts.Setenv("SKERRY_SERVER", "mqtt://127.0.0.1:"+ts.Getenv("PORT"))
}

// pause NAME [over]: holds a program up, and lets it go on.
func cmdPause(ts *testscript.TestScript, neg bool, args []string) {
	s := syscall.SIGSTOP
	if len(args) > 1 {
		s = syscall.SIGCONT
	}
	ts.Check(of(ts).programs[args[0]].cmd.Process.Signal(s))
}

// newer SLOT [FEATURE]: makes the header of a slot one of a version to come; with a word, one that has only a feature more.
func cmdNewer(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	header := make([]byte, 512)
	_, err = f.ReadAt(header, 0)
	ts.Check(err)
	if len(args) > 1 {
		header[12] |= 1 << 6
	} else {
		header[8]++
	}
	binary.LittleEndian.PutUint32(header[508:], crc32.Checksum(header[:508], crc32.MakeTable(crc32.Castagnoli)))
	for _, at := range []int64{0, 512} {
		_, err = f.WriteAt(header, at)
		ts.Check(err)
	}
	ts.Check(f.Close())
}

// keep CLIENTID FILTER: makes a session that lasts, and leaves it.
func cmdKeep(ts *testscript.TestScript, neg bool, args []string) {
	cmdSpawn(ts, false, []string{args[0], "skerry", "sub", "-s", ts.Getenv("SKERRY_SERVER"), "--session", args[0], "-q", "2", "-t", args[1], "--ready"})
	cmdArrives(ts, false, []string{args[0] + ".err", "^ready$"})
	cmdEnd(ts, false, args[:1])
}
