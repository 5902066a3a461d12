package budget

import (
	"fmt"
	"strings"
	"time"
)

// Unit is what an operator or a service bills instead of the bytes that pass. The zero Unit bills bytes as they are.
type Unit struct {
	Name string
	// Step: each session, or each message, is rounded up to a multiple of this many bytes.
	Step int64
	// Least is billed for each session, an empty one included, in bytes.
	Least int64
	// Long is from when on a session is billed by time, if that is more: PerSecond bytes for each second, the first ones included.
	Long      time.Duration
	PerSecond int64
}

// Units are those that are known here, with the sources of their figures.
func Units() []Unit {
	return []Unit{
		{Name: "bytes"},
		// AWS IoT Core: messages are metered in steps of 5 KB (aws.amazon.com/iot-core/pricing). The service's bill, not the link's.
		{Name: "aws", Step: 5 * KiB},
		// Iridium SBD: a credit is 50 bytes, one at least for each session (jmalsbury.com, docs.px4.io).
		{Name: "sbd", Step: 50, Least: 50},
		// Iridium Certus 100: 5 KB at least for each session; one of more than 300 s is 300 bytes for each second (digitalskies.info).
		{Name: "certus", Least: 5 * KB, Long: 300 * time.Second, PerSecond: 300},
	}
}

// UnitOf finds a unit by its name; "" is bytes.
func UnitOf(name string) (Unit, bool) {
	for _, u := range Units() {
		if u.Name == name || name == "" {
			return u, true
		}
	}
	return Unit{}, false
}

// String is what is billed, in words.
func (u Unit) String() string {
	var all []string
	if u.Least > 0 {
		all = append(all, size(u.Least)+" a session at least")
	}
	if u.Step > 0 {
		all = append(all, "sessions in steps of "+size(u.Step))
	}
	if u.Long > 0 {
		all = append(all, fmt.Sprintf("%s a second in one of more than %d s", size(u.PerSecond), u.Long/time.Second))
	}
	if len(all) == 0 {
		return "bytes as they are"
	}
	return strings.Join(all, ", ")
}

// Billed is what a session, or a message, with so many bytes is billed as. A session that has only begun is billed as if it ended now.
func (u Unit) Billed(bytes int64, lasted time.Duration) int64 {
	bytes = max(bytes, 0)
	if u.Step > 0 && bytes%u.Step > 0 {
		bytes = plus(bytes, u.Step-bytes%u.Step)
	}
	bytes = max(bytes, u.Least)
	if u.Long > 0 && lasted > u.Long {
		bytes = max(bytes, int64((lasted+time.Second-1)/time.Second)*u.PerSecond)
	}
	return bytes
}

// session bills as it goes.
type session struct {
	unit   Unit
	bytes  int64
	billed int64
}

// bill counts more bytes of a session that has lasted so long, and gives what is to be charged now.
func (s *session) bill(bytes int64, lasted time.Duration) int64 {
	s.bytes = plus(s.bytes, bytes)
	due := max(s.unit.Billed(s.bytes, lasted)-s.billed, 0)
	s.billed += due
	return due
}
