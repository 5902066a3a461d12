package cost

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"skerry/edge/config"
)

// priceText is a price as the configuration has it.
func priceText(p config.Price) string {
	per := strings.Replace(bytesText(float64(p.Per)), ".00", "", 1)
	return fmt.Sprintf("%s %s/%s", strconv.FormatFloat(p.Amount, 'f', -1, 64), p.Currency, strings.TrimPrefix(strings.ReplaceAll(per, " ", ""), "1"))
}

// much is from which share on the costs of a stream are worth a word, and dear how many times less it must cost with encode pack.
const (
	much = 0.05
	dear = 3
)

// patient is how long messages could wait for others, to say what they would cost then.
var patient = 5 * time.Minute

// packedFigures are those of a stream in blocks.
type packedFigures struct{ bytes, billed Range }

// packed is what streams that leave one by one would cost in blocks, in a day.
func (r *road) packed() map[string]packedFigures {
	all := map[string]packedFigures{}
	for _, l := range r.lanes {
		if l.stream.Encode != config.EncodePass || l.stream.Class == config.AlarmClass || len(l.flows) == 0 || l.ours {
			continue
		}
		var bytes, billed [2]float64
		for _, m := range []mode{typical, worst} {
			other := *l
			other.stream.Encode = config.EncodePack
			other.stream.Linger = &patient
			f := r.batched(&other, m, r.batching(&other).cut(r.trace(l, m), nil))
			bytes[m], billed[m] = f.bytes, f.billed
		}
		all[l.stream.Name] = packedFigures{spread(bytes), spread(billed)}
	}
	return all
}

// notes are what should be looked at before the first byte is spent.
func (s *station) notes(f *Forecast) (all []*config.Error) {
	note := func(key, problem, hint string) { all = append(all, s.config.Wrong(key, problem, hint)) }
	told := map[string]bool{}
	for i := range f.Uplinks {
		u := &f.Uplinks[i]
		for k := range u.Links {
			l := &u.Links[k]
			at := fmt.Sprintf("uplinks.%s.links[%d]", u.Name, k)
			configured := s.config.Uplinks[i].Links[k]
			paid := l.Paid
			budgetNotes(note, at, l, k > 0)
			billNotes(note, "uplinks."+u.Name, l)
			if paid && l.Session == string(config.Always) && l.Pinging.Typical > l.data() {
				note(at+".keep_alive", fmt.Sprintf("keeping link %s alive costs more than the data: %s a day for pings, %s for all streams", l.Name, bytesText(l.Pinging.Typical), bytesText(l.data())),
					fmt.Sprintf("a longer keep_alive, now %s, or a range in which it is learned: 5min..25min; or session: on-demand", configured.KeepAlive))
			}
			if paid && l.Session != string(config.Always) && l.Connecting.Typical > 2*l.data() && l.Connects.Typical > 4 {
				note(at, fmt.Sprintf("connecting over link %s costs more than the data: %s a day for %.0f connections, %s for all streams", l.Name,
					bytesText(l.Connecting.Typical+l.Rounding.Typical), l.Connects.Typical, bytesText(l.data())),
					"connect more seldom: schedule: {every: 6h}, or encode: pack with a longer linger; or only for alarms: classes: [alarm]")
			}
			for _, st := range l.Streams {
				s.streamNotes(note, told, l, st, paid)
			}
		}
	}
	return all
}

// data is what all streams cost, typically.
func (l *Link) data() (bytes float64) {
	for _, s := range l.Streams {
		bytes += s.Bytes.Typical
	}
	return bytes
}

func budgetNotes(note func(key, problem, hint string), at string, l *Link, second bool) {
	will, hint := "will use", "send less or closer together: encode: pack, reduce, a longer every, a deadband; or a larger budget"
	if second { // which is in use now and then
		will, hint = "would use, if it were the one in use,", "classes: [alarm] has nothing but alarms go over it; or "+hint
	}
	for _, a := range l.Budget {
		switch allowed := float64(a.Bytes); {
		case a.Used.Typical > allowed:
			note(at+".budget", fmt.Sprintf("link %s %s %s a %s, and may use %s", l.Name, will, bytesText(a.Used.Typical), a.Period, bytesText(allowed)), hint)
		case a.Used.Worst > allowed:
			note(at+".budget", fmt.Sprintf("link %s can use %s a %s at worst, and may use %s; %s is typical", l.Name, bytesText(a.Used.Worst), a.Period, bytesText(allowed), bytesText(a.Used.Typical)),
				"docs/budget.md says what is sent then; when_tight chooses")
		}
	}
}

// billNotes are about what a server bills by message.
func billNotes(note func(key, problem, hint string), at string, l *Link) {
	b := l.Bill
	if b == nil || b.Daily == 0 || b.Messages.Typical <= float64(b.Daily) {
		return
	}
	note(at, fmt.Sprintf("the server counts %.0f messages a day over link %s, and %d are paid for", b.Messages.Typical, l.Name, b.Daily),
		"encode: pack or json has many leave as one; or billing: {daily: ...} says how many it takes")
}

// streamNotes are those of a stream on a link. Each stream is told of once.
func (s *station) streamNotes(note func(key, problem, hint string), told map[string]bool, l *Link, st Stream, paid bool) {
	once := func(what, key, problem, hint string) {
		if !told[st.Name+what] {
			told[st.Name+what] = true
			note("streams."+st.Name+key, problem, hint)
		}
	}
	if st.Foreign && !st.Expected && st.Carried && st.Pair == "" {
		too, hint := ", too", "expect: {messages: 60/h, size: 100B} says how much that is; or match: [\"{site}/{gateway}/#\"]"
		if st.Messages.Worst == 0 { // it is there for them
			too, hint = "", "expect: {messages: 60/h, size: 100B} says how much that is"
		}
		once("foreign", ".match", fmt.Sprintf("stream %s carries what other clients publish%s: that is not known, and not counted", st.Name, too), hint)
	}
	other, ok := l.Packed[st.Name]
	if ok && paid && other.Typical*dear < st.Bytes.Typical && st.Bytes.Typical > much*l.Total.Typical {
		once("pack", ".encode", fmt.Sprintf("stream %s costs %s a day on link %s, and with encode: pack, linger: 5min %s, %.0f times less", st.Name, bytesText(st.Bytes.Typical),
			l.Name, bytesText(other.Typical), st.Bytes.Typical/other.Typical), "skerry ground beside the server takes blocks apart: docs/ground.md; or encode: json, for rules that read it")
	}
	if (paid || l.Bill != nil) && st.Encode != string(config.EncodePass) && st.Class != config.AlarmClass && st.Messages.Typical > 0 && st.Messages.Typical < 1.5*(st.Packets.Typical-st.Primers.Typical) {
		once("linger", ".linger", fmt.Sprintf("blocks of stream %s hold %.1f messages: within %s hardly a second one comes", st.Name, st.Messages.Typical/(st.Packets.Typical-st.Primers.Typical), st.Linger),
			"a longer linger; or encode: pass")
	}
}

// bytesText is a number of bytes with three digits.
func bytesText(n float64) string {
	unit := "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if n < 999.5 {
			break
		}
		n, unit = n/1000, next
	}
	digits := 0
	switch {
	case unit == "B", n >= 99.95:
	case n >= 9.995:
		digits = 1
	default:
		digits = 2
	}
	return strconv.FormatFloat(n, 'f', digits, 64) + " " + unit
}
