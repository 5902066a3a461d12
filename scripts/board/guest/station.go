package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
)

// skerry is the program of the packages, which the other side puts here.
const skerry = "/skerry"

// awake is how long a program may take to start and to end, and a message to come, on a busy emulator.
const awake = time.Minute

// station has the daemon run with the configuration that lies beside it, and a subscriber of its broker listen. During gets what the
// subscriber hears.
func station(during func(heard *program)) {
	if err := room(); err != nil {
		check("room for the daemon", err)
		return
	}
	daemon, listens := startDaemon("the daemon", "/skerry.yaml")
	if listens {
		before := failures
		listen(during)
		if failures > before { // its log may say why
			say("INFO", "the daemon said: %s", tail(daemon.said(0)))
		}
	}
	if daemon == nil {
		return
	}
	if resident := resident(daemon); resident != "" {
		say("INFO", "the daemon has %s resident", resident)
	}
	check("the daemon ends when it is told to", daemon.stop())
}

// startDaemon has the daemon run with a configuration, and tells whether it listens.
func startDaemon(name, configuration string) (daemon *program, listens bool) {
	begun := time.Now()
	daemon, err := start(name, skerry, "run", configuration)
	if err == nil {
		_, err = daemon.await(0, awake, with("msg=listening"))
	}
	check(name+" listens", err)
	if err == nil {
		say("INFO", "%s listens %.1f s after its start", name, time.Since(begun).Seconds())
	}
	return daemon, err == nil
}

// with is a line that has all of these in it.
func with(texts ...string) func(string) bool {
	return func(line string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
	}
}

func listen(during func(heard *program)) {
	heard, err := start("the subscriber", skerry, "sub", "-t", "bench/#", "-v", "--ready")
	if err == nil {
		_, err = heard.await(0, awake, func(line string) bool { return line == "ready" })
	}
	check("a subscriber of the daemon's broker", err)
	if err == nil {
		during(heard)
	}
	if heard != nil {
		check("the subscriber ends when it is told to", heard.stop())
	}
}

// message waits for one that says a number under a topic, after what was heard before outside acted.
func message(heard *program, topic string, number float64, outside func() error) {
	before := len(heard.said(0))
	line := ""
	err := outside()
	if err == nil {
		line, err = heard.await(before, awake, func(line string) bool {
			return strings.HasPrefix(line, fmt.Sprintf(`%s {"value":%v,`, topic, number))
		})
	}
	check(fmt.Sprintf("a message of %v under %s", number, topic), err)
	if err == nil {
		say("INFO", "heard: %s", line)
	}
}

// daemonReads has the daemon publish what the other side sets. Its driver is that of the TMP102: the thermometer, a TMP105, looks like one when
// it is told to resolve twelve bits, and the byte that its configuration lacks, where the emulator gives one of the last temperature, has the
// bit of an extended TMP102 not set: at multiples of an eighth of a degree.
func daemonReads(bus i2c.Bus) {
	twelveBits(bus, func() {
		station(func(heard *program) {
			for _, milli := range []int{21500, -4750} {
				message(heard, readings, float64(milli)/1000, func() error {
					say("DO", "temperature %d", milli)
					return nil
				})
			}
		})
	})
}

func twelveBits(bus i2c.Bus, during func()) {
	const config, twelveBits = 1, 0x60
	_, err := tx(bus, thermometer, []byte{config, twelveBits}, 0)
	check("the thermometer set to twelve bits", err)
	if err != nil {
		return
	}
	during()
	_, err = tx(bus, thermometer, []byte{config, 0}, 0)
	check("the thermometer set back", err)
}

// daemonCounts has the daemon publish the pulses that the other side makes.
func daemonCounts(played func(string) error) {
	const total = "bench/virt/rain/total"
	station(func(heard *program) {
		check("the watchdog counts", watchdogIs("active"))
		message(heard, total, 0, func() error { return nil })
		message(heard, total, 1, func() error { return played("pulses 1") })
		message(heard, total, 2, func() error { return played("pulses 1") })
	})
}

// room is a file system for the daemon's data and the interface for its listener.
func room() error {
	if err := os.MkdirAll("/data", 0o700); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/data", "tmpfs", 0, "size=64m"); err != nil {
		return fmt.Errorf("mount /data: %w", err)
	}
	return loopback()
}

// loopback switches the interface on by which programs of this machine reach each other.
func loopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("switch lo on: %w", err)
	}
	return nil
}

// resident is the memory that a program has, by the kernel; empty if it cannot be known.
func resident(p *program) string {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}
