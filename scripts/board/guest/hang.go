package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// watchdogTimeout is what the daemon asks for.
const watchdogTimeout = time.Minute

// watchdogIs compares what the kernel says of the machine's watchdog, which may follow a moment later.
func watchdogIs(want string) error {
	return eventually(5*time.Second, func() error {
		state, err := watchdogSays("state")
		if err == nil && state != want {
			err = fmt.Errorf("it is %s", state)
		}
		return err
	})
}

func watchdogSays(what string) (string, error) {
	text, err := os.ReadFile("/sys/class/watchdog/watchdog0/" + what)
	return strings.TrimSpace(string(text)), err
}

// hang has the machine reset by its watchdog because the disk hangs, and then the daemon go on where it stood.
func hang() {
	turn, err := disk()
	check("the disk of the machine", errors.Join(err, loopback()))
	if err != nil {
		return
	}
	daemon, listens := startDaemon("the daemon", "/skerry.yaml")
	if !listens {
		return
	}
	if turn == 0 {
		hangDisk(daemon)
		return
	}
	_, err = daemon.await(0, awake, with("the board is reset when the station does not get on"))
	check("the daemon takes the watchdog again after the reset", err)
	kept, err := command(awake, skerry, "sub", "--session", "reader", "-q", "1", "-t", "kept", "-C", "1", "-W", "30s")
	if err == nil && strings.Join(kept, " ") != "before" {
		err = fmt.Errorf("%q", kept)
	}
	check("what was acknowledged before the reset is there after it", err)
	check("the daemon ends when it is told to", daemon.stop())
	check("the watchdog is let go of", watchdogIs("inactive"))
}

// hangDisk freezes the file system under the daemon, whose log then hangs in the kernel. It does not come back.
func hangDisk(daemon *program) {
	say("DO", "watch")
	_, err := daemon.await(0, awake, with("the board is reset when the station does not get on", "watchdog=/dev/watchdog0", "timeout=1m0s"))
	check("the daemon has taken the watchdog", err)
	check("the watchdog counts", watchdogIs("active"))
	_, err = command(awake, skerry, "sub", "--session", "reader", "-q", "1", "-t", "kept", "-W", "100ms")
	check("a session is made", err)
	_, err = command(awake, skerry, "pub", "-q", "1", "-t", "kept", "-m", "before")
	check("a message for it is acknowledged", err)
	heard, err := start("the subscriber", skerry, "sub", "-t", "now", "--ready")
	if err == nil {
		_, err = heard.await(0, awake, with("ready"))
	}
	check("a subscriber listens", err)
	if err != nil {
		return
	}
	check("the turn is noted", turnOver(0))
	check("the file system is frozen", freeze("/data"))
	begun := time.Now()
	waits, err := start("a client", skerry, "pub", "-q", "1", "-t", "kept", "-m", "after")
	check("a client publishes", err)
	if err != nil {
		return
	}
	_, err = command(awake, skerry, "pub", "-t", "now", "-m", "flows")
	if err == nil {
		_, err = heard.await(0, awake, with("flows"))
	}
	check("QoS 0 flows meanwhile", err)
	line, err := daemon.await(0, 2*awake, with("the watchdog is not fed", "log: the disk has not confirmed a commit for "))
	check("the daemon has noticed and feeds the watchdog no more", err)
	if waits.over() {
		say("FAIL", "the client has been answered: %s", tail(waits.said(0)))
	}
	say("RESET", "%d", findings) // the other side tells whether the watchdog does it, which may be soon: nothing more can fail here
	say("INFO", "%.0f s after the disk has hung: %s", time.Since(begun).Seconds(), line)
	if _, err := daemon.await(0, awake, with("stacks of all goroutines, as log: ")); err == nil {
		say("INFO", "all stacks were written %.0f s after the disk has hung", time.Since(begun).Seconds())
	}
	select {}
}

// freeze has all that writes to a file system wait in the kernel (ioctl_fsfreeze of Linux).
func freeze(folder string) error {
	const fiFreeze = 0xC0045877 // FIFREEZE of linux/fs.h
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetInt(int(f.Fd()), fiFreeze, 0)
}
