package doctor

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// The flags of a Raspberry Pi's firmware (raspberrypi.com/documentation, vcgencmd get_throttled).
const (
	lowNow    = 1 << 0
	hotNow    = 1 << 3
	lowSince  = 1 << 16
	hotSince  = 1 << 19
	throttled = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
)

// supply reads whether the supply was too weak, or the processor too hot.
func supply(ctx context.Context, s *Subject, r *Report) {
	if model := s.text(ctx, "proc/device-tree/model"); model != "" {
		r.note("board", "%s", model)
	}
	names, err := s.Files.Glob(throttled)
	if err != nil || len(names) == 0 {
		return
	}
	flags, err := strconv.ParseUint(strings.TrimPrefix(s.text(ctx, names[0]), "0x"), 16, 32)
	if err != nil {
		return
	}
	const weak = "take a supply of 5.1 V and 3 A (Pi 5: 5 A) and a short, thick cable; feed what draws much, as modems, by itself"
	const hot = "let air through the housing, or put a heat sink on the processor"
	switch {
	case flags&lowNow != 0:
		r.problem("supply", "the voltage is too low now: the processor is slowed down, and cards lose data", weak)
	case flags&lowSince != 0:
		r.problem("supply", "the voltage was too low since the start", weak)
	}
	switch {
	case flags&hotNow != 0:
		r.problem("heat", "the processor is hot now, and is slowed down", hot)
	case flags&hotSince != 0:
		r.problem("heat", "the processor was hot since the start", hot)
	}
	if flags&(lowNow|lowSince|hotNow|hotSince) == 0 {
		r.note("supply", "voltage and temperature were well since the start")
	}
}

// earliest is a date that is certainly past.
var earliest = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// longUnsynced is how long a crystal of 25 ppm takes to be off by 15 s.
const longUnsynced = 7 * 24 * time.Hour

// date looks who knows the date.
func date(ctx context.Context, s *Subject, r *Report) {
	const sources = "connect it to a network with time (timedatectl set-ntp true), give it a clock chip (dtoverlay=i2c-rtc,ds3231 in /boot/firmware/config.txt), or write set_clock: true at a satellite receiver (driver nmea)"
	chip := s.there("sys/class/rtc/rtc[0-9]*")
	receiver := s.receiver()
	switch {
	case s.Now.Before(earliest):
		r.problem("clock", fmt.Sprintf("the date is %s: it was not set since the start", s.Now.UTC().Format("2006-01-02")), sources)
	case !s.Synced && !chip && !receiver:
		r.problem("clock", "nobody vouches for the date: the clock is not synchronised, there is no clock chip, and no sensor has set_clock", sources)
	case !s.Sync.IsZero() && s.Now.Sub(s.Sync) > longUnsynced:
		r.problem("clock", "it was last synchronised "+ago(s.Now.Sub(s.Sync)), sources)
	case s.Synced && !s.Sync.IsZero():
		r.note("clock", "synchronised %s", ago(s.Now.Sub(s.Sync)))
	case s.Synced:
		r.note("clock", "synchronised")
	case receiver:
		r.note("clock", "not synchronised; a satellite receiver sets it")
	default:
		r.note("clock", "not synchronised; there is a clock chip")
	}
}

// receiver tells whether a sensor sets the clock.
func (s *Subject) receiver() bool {
	if s.Config == nil {
		return false
	}
	for _, x := range s.Config.Sensors {
		if x.SetClock {
			return true
		}
	}
	return false
}

func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "a moment ago"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// card reads what cards and eMMC say of themselves: name, date of making, and eMMC how worn it is (JESD84-B51, 7.4.38 to 7.4.40).
func card(ctx context.Context, s *Subject, r *Report) {
	names, _ := s.Files.Glob("sys/block/mmcblk*/device/name")
	for _, n := range names {
		folder := path.Dir(n)
		about := "card " + path.Base(path.Dir(folder))
		if strings.Contains(about, "boot") || strings.Contains(about, "rpmb") { // parts of the same one
			continue
		}
		what := s.text(ctx, n)
		if made := s.text(ctx, folder+"/date"); made != "" {
			what += ", made " + made + s.age(made)
		}
		worn := used(s.text(ctx, folder+"/life_time"))
		end := s.text(ctx, folder+"/pre_eol_info")
		const renew = "copy it to a new one soon; `skerry queue stats --tbw` says how long that will last"
		switch {
		case worn > 100, end == "0x03":
			r.problem(about, what+": its life is over by its own count", renew)
		case worn >= 90, end == "0x02":
			r.problem(about, fmt.Sprintf("%s: up to %d %% of its life is used, and reserves run out", what, max(worn, 80)), renew)
		case worn > 0:
			r.note(about, "%s, up to %d %% of its life is used", what, worn)
		default:
			r.note(about, "%s; it does not say how worn it is", what)
		}
	}
}

// used is the worse of two estimates in percent, in steps of ten; 0: not known, above 100: exceeded.
func used(lifeTime string) (percent int) {
	for _, f := range strings.Fields(lifeTime) {
		if n, err := strconv.ParseUint(strings.TrimPrefix(f, "0x"), 16, 8); err == nil {
			percent = max(percent, int(n)*10)
		}
	}
	return percent
}

// age is how old a card made in 03/2019 is.
func (s *Subject) age(made string) string {
	t, err := time.Parse("01/2006", made)
	if err != nil || s.Now.Before(t) {
		return ""
	}
	return fmt.Sprintf(" (%d years ago)", int(s.Now.Sub(t).Hours()/24/365.25))
}
