package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skerry/board"
)

// The topic of the readings, and that of other messages.
const (
	readings = "bench/pi/air/temperature"
	clients  = "client/hand"
)

// newDate is what the clock is set to: later than any build of the daemon.
var newDate = time.Date(2095, 5, 6, 7, 8, 9, 0, time.UTC)

// noClock is a station that is in 1970 at each start. In the first turn nobody tells it the date; in the second somebody does.
func noClock(b *board.Board) {
	turn, err := disk()
	check("the disk of the machine", errors.Join(err, loopback()))
	if err != nil {
		return
	}
	check("it is 1970", in1970(time.Now()))
	bus, err := b.I2C("")
	check("I2C bus opened", err)
	if err != nil {
		return
	}
	twelveBits(bus, func() {
		if turn == 0 {
			neverKnown()
			return
		}
		knownLater()
	})
	if turn == 0 && failures == 0 {
		check("the turn is noted", turnOver(0))
		say("CUT", "%d", findings)
		select {} // without a word to the daemon
	}
}

func in1970(t time.Time) error {
	if t.UTC().Year() != 1970 {
		return fmt.Errorf("it is %v", t.UTC())
	}
	return nil
}

// neverKnown: the daemon starts on an empty disk, marks what it reads, and keeps it and what a client says for a reader who is away.
func neverKnown() {
	daemon, listens := startDaemon("the daemon", "/alone.yaml")
	if !listens {
		return
	}
	unknown(daemon)
	heard := subscriber("the subscriber", "-t", "#")
	if heard == nil {
		return
	}
	marked(heard, 21500)
	_, err := command(awake, skerry, "sub", "--session", "reader", "--expiry", "never", "-q", "1", "-t", "#", "--no-retained", "-W", "100ms")
	check("a reader who goes away again", err)
	from := len(heard.said(0))
	_, err = heard.await(from, awake, with(readings, "21.5"))
	check("a reading while the reader is away", err)
	publish("of the first start")
}

// unknown checks that the log says that nobody knows the date.
func unknown(daemon *program) {
	_, err := daemon.await(0, awake, with("level=WARN", "the date is not known: readings are marked until a clock source has it", "1970-01-01"))
	check("the daemon says that it does not know the date", err)
}

// subscriber listens at the daemon; nil: it does not.
func subscriber(name string, arguments ...string) *program {
	p, err := start(name, skerry, append([]string{"sub", "-v", "--ready"}, arguments...)...)
	if err == nil {
		_, err = p.await(0, awake, func(line string) bool { return line == "ready" })
	}
	check(name+" listens", err)
	if err != nil {
		return nil
	}
	return p
}

// publish is a message of a client, acknowledged: it and all before it is on the disk then.
func publish(text string) {
	_, err := command(awake, skerry, "pub", "-q", "1", "-t", clients, "-m", text)
	check("a message "+text+" is acknowledged", err)
}

// marked checks that a reading of what the other side sets comes in 1970, with a mark.
func marked(heard *program, milli int) {
	from := len(heard.said(0))
	say("DO", "temperature %d", milli)
	line, err := heard.await(from, awake, with(readings, fmt.Sprintf(`"value":%v,`, float64(milli)/1000)))
	check("a reading without a clock", err)
	if err != nil {
		return
	}
	say("INFO", "heard: %s", line)
	r, err := readingIn(line)
	if err == nil {
		err = errors.Join(r.isMarked(), in1970(r.Time))
	}
	check("it is marked, and in 1970", err)
}

// reading is what the daemon publishes.
type reading struct {
	Value   float64
	Time    time.Time
	Quality string
}

func readingIn(line string) (r reading, err error) {
	_, payload, _ := strings.Cut(line, " ")
	err = json.Unmarshal([]byte(payload), &r)
	return r, err
}

func (r reading) isMarked() error {
	if r.Quality != "clock-unset" {
		return fmt.Errorf("its quality is %q", r.Quality)
	}
	return nil
}

// dated tells whether a reading has a date as the new clock has it, between two moments.
func (r reading) dated(from, to time.Time) error {
	if r.Quality != "" || r.Time.Before(from) || r.Time.After(to) {
		return fmt.Errorf("%+v; want it between %v and %v", r, from.UTC(), to.UTC())
	}
	return nil
}

// knownLater: after a power cut it is 1970 again, and the uplink waits; then the date becomes known, and what waits is put right.
func knownLater() {
	shore, listens := startDaemon("the shore", "/shore.yaml")
	if !listens {
		return
	}
	ashore := subscriber("the subscriber ashore", "-t", "#", "-s", "mqtt://127.0.0.1:1884")
	daemon, listens := startDaemon("the daemon", "/skerry.yaml")
	heard := subscriber("the subscriber", "-t", "#")
	if ashore == nil || !listens || heard == nil {
		return
	}
	unknown(daemon)
	marked(heard, 22500)
	publish("of the second start")
	_, err := ashore.await(0, awake, with(clients, "of the second start"))
	check("a client's message is carried without a date", err)
	line, err := ashore.await(0, awake, with(readings, "21.5", "clock-unset"))
	check("a reading of the first start, which nobody can date any more, leaves with its mark", err)
	check("the uplink keeps those of this start", kept(ashore, line))

	before := time.Now()
	check("the clock is set", setClock(newDate))
	set := time.Now()
	_, err = daemon.await(0, awake, with("the date is known", "source=ntp", newDate.Format("2006-01-02")))
	check("the daemon says that it knows the date", err)
	from := len(heard.said(0))
	line, err = heard.await(from, awake, with(readings))
	check("a reading since then", err)
	r, err := readingIn(line)
	if err == nil {
		err = r.dated(newDate, time.Now())
	}
	check("it has the date", err)

	started := set.Add(-before.Sub(time.Unix(0, 0))) // of this kernel, by the new clock
	line, err = ashore.await(0, awake, with(readings, "22.5"))
	check("the uplink lets go of what it kept", err)
	r, err = readingIn(line)
	if err == nil {
		err = r.dated(started, set)
	}
	check("a reading from before the date leaves with its date", err)
	say("INFO", "the shore heard: %s", line)
	away(started, set)
	check("the daemon ends when it is told to", daemon.stop())
	check("the shore ends when it is told to", shore.stop())
}

// kept tells whether no reading was heard but one.
func kept(heard *program, but string) error {
	lines := heard.said(0)
	if i := slices.IndexFunc(lines, func(line string) bool { return with(readings)(line) && line != but }); i >= 0 {
		return errors.New(lines[i])
	}
	return nil
}

// away looks at what the reader gets who was away: the messages of both starts, the readings of the first with their mark, since nobody can know
// their date any more, and those of the second with their date.
func away(started, set time.Time) {
	back, err := command(awake, skerry, "sub", "--session", "reader", "--expiry", "never", "-q", "1", "-t", "#", "--no-retained", "-v", "-W", "10s")
	check("the reader is back", err)
	first := slices.IndexFunc(back, with(clients, "of the first start"))
	second := slices.IndexFunc(back, with(clients, "of the second start"))
	if first < 0 || second < first {
		say("FAIL", "the messages of the two starts are at %d and %d of %d: %s", first, second, len(back), tail(back))
		return
	}
	say("OK", "what was acknowledged before the power cut is there after it")
	for _, part := range []struct {
		of    string
		lines []string
		right func(reading) error
	}{
		{"first", back[:first], func(r reading) error { return errors.Join(r.isMarked(), in1970(r.Time)) }},
		{"second", back[first:second], func(r reading) error { return r.dated(started, set) }},
	} {
		n, wrong := 0, error(nil)
		for _, line := range part.lines {
			if !with(readings)(line) {
				continue
			}
			r, err := readingIn(line)
			if err == nil {
				err = part.right(r)
			}
			n, wrong = n+1, errors.Join(wrong, err)
		}
		if n == 0 {
			wrong = errors.New("there are none")
		}
		check(fmt.Sprintf("the readings of the %s start", part.of), wrong)
		say("INFO", "of the %s start the reader got %d readings: %s", part.of, n, tail(part.lines[max(0, len(part.lines)-2):]))
	}
}

// setClock sets the clock of this machine, which is an emulated one, and has the kernel know that it is kept in step, as a client of NTP does.
func setClock(date time.Time) error {
	if os.Getpid() != 1 {
		return errors.New("this is no machine of ours")
	}
	at := unix.NsecToTimespec(date.UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &at); err != nil {
		return err
	}
	const adjMaxError, adjStatus = 0x4, 0x10 // linux/timex.h
	_, err := unix.Adjtimex(&unix.Timex{Modes: adjMaxError | adjStatus, Status: unix.STA_PLL})
	return err
}
