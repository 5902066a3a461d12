package access_test

import (
	"fmt"
	"testing"
	"time"

	"skerry/broker/access"
)

// door is a Throttle with a clock of its own.
type door struct {
	access.Throttle
	now time.Time
}

func newDoor() *door { return &door{now: time.Unix(1_000_000, 0)} }

// fail tries a wrong password; false if it was not even looked at.
func (d *door) fail(address, user string) bool {
	if _, refused := d.Ask(address, user, d.now); refused {
		return false
	}
	d.Failed(address, user, d.now)
	return true
}

// after waits.
func (d *door) after(t time.Duration) *door { d.now = d.now.Add(t); return d }

func (d *door) refuses(address, user string) bool {
	_, refused := d.Ask(address, user, d.now)
	return refused
}

const here, there = "192.0.2.1:4000", "192.0.2.2:4000"

func TestThrottleGrows(t *testing.T) {
	d := newDoor()
	for range 6 {
		if !d.fail(here, "ada") {
			t.Fatal("refused too early")
		}
	}
	for wait := time.Second; wait < 3*time.Minute; wait *= 2 {
		least := min(wait, time.Minute)
		if d.after(least - time.Millisecond); !d.refuses(here, "ada") {
			t.Fatalf("looked at again before %v", least)
		}
		if d.after(time.Millisecond); !d.fail(here, "ada") {
			t.Fatalf("still refused after %v", least)
		}
	}
	if d.after(time.Minute); d.refuses(here, "ada") {
		t.Error("refused for longer than a minute")
	}
	if d.after(11*time.Minute).fail(here, "ada"); d.refuses(here, "ada") {
		t.Error("failures of long ago are not forgotten")
	}
}

// A stranger does not lock a user out.
func TestThrottleStranger(t *testing.T) {
	d := newDoor()
	for i := range 1000 {
		d.fail(fmt.Sprintf("198.51.%d.%d:1", i/250, i%250), "ada")
	}
	if delay, refused := d.Ask(here, "ada", d.now); refused || delay != 2*time.Second {
		t.Errorf("refused %v, delayed %v: want a delay of 2 s", refused, delay)
	}
	d.Succeeded(here, "ada", d.now)
	if delay, refused := d.Ask(here, "ada", d.now); refused || delay != 0 {
		t.Errorf("refused %v, delayed %v, where the user has logged in before", refused, delay)
	}
	if delay, refused := d.Ask(there, "bob", d.now); refused || delay != 0 {
		t.Errorf("another user: refused %v, delayed %v", refused, delay)
	}
}

// A device that fails for ever does not shut out others behind its router.
func TestThrottleNeighbour(t *testing.T) {
	d := newDoor()
	for range 1000 {
		d.fail(here, "wrong")
		d.after(5 * time.Second)
	}
	if d.refuses(here, "ada") {
		t.Error("another user of the address is refused")
	}
}

// An address that tries many names is refused, but not who has logged in from there.
func TestThrottleSpray(t *testing.T) {
	d := newDoor()
	d.Succeeded(here, "ada", d.now)
	looked := 0
	for i := range 1000 {
		if d.fail(here, fmt.Sprint("user", i)) {
			looked++
		}
	}
	if looked != 21 {
		t.Errorf("%d of 1000 names were looked at, want 21", looked)
	}
	if d.refuses(here, "ada") {
		t.Error("a user who has logged in from there is refused")
	}
	if !d.refuses(here, "bob") {
		t.Error("one who has not is let try")
	}
	if d.refuses(there, "bob") {
		t.Error("another address is refused")
	}
	d.after(25 * time.Hour)
	for i := range 50 {
		d.fail(here, fmt.Sprint("user", i))
	}
	if !d.refuses(here, "ada") {
		t.Error("a login of yesterday counts for ever")
	}
}

func TestThrottleAddresses(t *testing.T) {
	tests := []struct {
		name, a, b string
		same       bool
	}{
		{"the port does not count", "192.0.2.1:1", "192.0.2.1:2", true},
		{"another host", "192.0.2.1:1", "192.0.2.2:1", false},
		{"IPv4 in IPv6", "192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"one network of IPv6", "[2001:db8::1]:1", "[2001:db8::ffff:2]:1", true},
		{"another one", "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"a zone", "[fe80::1%eth0]:1", "[fe80::2%eth1]:1", true},
		{"no address", "@", "@", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDoor()
			for range 10 {
				d.fail(tt.a, "ada")
			}
			if got := d.refuses(tt.b, "ada"); got != tt.same {
				t.Errorf("counted together: %v, want %v", got, tt.same)
			}
		})
	}
}

// Whoever knocks, with whatever names: memory stays bounded, and those who have logged in are remembered longest.
func TestThrottleBounded(t *testing.T) {
	d := newDoor()
	d.Succeeded(here, "ada", d.now)
	for i := range 20_000 {
		d.fail(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), fmt.Sprint("user", i))
	}
	if n := d.Remembered(); n > 2048 {
		t.Errorf("%d records", n)
	}
	for i := range 30 {
		d.fail(here, fmt.Sprint("spray", i))
	}
	if d.refuses(here, "ada") {
		t.Error("who had logged in was forgotten")
	}
}
