package ticket_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"skerry/edge/uplink/ticket"
)

// open is a Store after a start of the program.
func (c *client) open(d *disk, identity string) *ticket.Store {
	return ticket.New(ticket.Options{Key: ticket.NewKey([]byte(identity)), Facts: d, Now: c.now})
}

// TestRestart: what the program before had is used, again and again, and only where it belongs.
func TestRestart(t *testing.T) {
	for name, max := range versions {
		t.Run(name, func(t *testing.T) {
			a := newAuthority(t)
			c := &client{authority: a, address: a.serve(t, max)}
			d := newDisk()
			before := c.open(d, "board")
			c.must(t, before, false)
			c.must(t, before, true)
			if len(d.facts) != 1 {
				t.Fatalf("%d facts", len(d.facts))
			}
			for range 2 { // power goes before a newer one is stored
				c.must(t, c.open(d.copy(), "board"), true)
			}

			other := newAuthority(t)
			tests := []struct {
				name     string
				identity string
				change   func(*ticket.Binding)
			}{
				{"another port", "board", func(b *ticket.Binding) { b.Server += "0" }},
				{"other authorities", "board", func(b *ticket.Binding) { b.Authorities = other.root }},
				{"the authorities of the system", "board", func(b *ticket.Binding) { b.Authorities = nil }},
				{"a certificate of the client", "board", func(b *ticket.Binding) { b.Certificate = other.root }},
				{"another protocol", "board", func(b *ticket.Binding) { b.Protocols = []string{"mqtt"} }},
				{"another version", "board", func(b *ticket.Binding) { b.MaxVersion = 0x0303 }},
				{"another board", "another board", nil},
			}
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					d, c := d.copy(), *c
					c.binding = tt.change
					s := c.open(d, tt.identity)
					c.must(t, s, false)
					if s.Damaged() != 1 {
						t.Errorf("%d counted", s.Damaged())
					}
					c.must(t, c.open(d, tt.identity), true) // it was written over
				})
			}
		})
	}
}

// TestExpired: a chain that has ended is not believed because it was once, nor is one before its time.
func TestExpired(t *testing.T) {
	for name, max := range versions {
		t.Run(name, func(t *testing.T) {
			a := newAuthority(t)
			c := &client{authority: a, address: a.serve(t, max)}
			d := newDisk()
			c.must(t, c.open(d, "board"), false)
			for _, after := range []time.Duration{interUntil + time.Minute, leafUntil + time.Minute, -48 * time.Hour} {
				late := *c
				late.after = after
				if resumed, err := late.connect(late.open(d.copy(), "board")); resumed || err == nil {
					t.Errorf("after %v: resumed %v, %v", after, resumed, err)
				}
			}
			c.must(t, c.open(d.copy(), "board"), true)
		})
	}
}

// TestClock: a clock that went back costs a full handshake, and nothing else.
func TestClock(t *testing.T) {
	a := newAuthority(t)
	c := &client{authority: a, address: a.serve(t, 0), after: 2 * time.Hour}
	d := newDisk()
	c.must(t, c.open(d, "board"), false)
	c.after = 0
	s := c.open(d, "board")
	c.must(t, s, false)
	c.must(t, s, true)
	c.must(t, c.open(d, "board"), true) // the one from the future was written over
}

// TestWear: connections do not write, as long as what is stored is young and was not used.
func TestWear(t *testing.T) {
	a := newAuthority(t)
	c := &client{authority: a, address: a.serve(t, 0)}
	d := newDisk()
	s := c.open(d, "board")
	for range 20 {
		if _, err := c.connect(s); err != nil {
			t.Fatal(err)
		}
	}
	if d.puts != 1 {
		t.Errorf("20 connections have written %d times", d.puts)
	}
	c.after = ticket.Rewrite
	c.must(t, s, true)
	if d.puts != 2 {
		t.Errorf("an old one was written over %d times", d.puts-1)
	}
	c.must(t, c.open(d, "board"), true)
	if d.puts != 3 {
		t.Errorf("one that was used was written over %d times", d.puts-2)
	}
}

// TestSecret: nothing of the chain, and nothing that is the same each time, can be read in what is stored.
func TestSecret(t *testing.T) {
	a := newAuthority(t)
	c := &client{authority: a, address: a.serve(t, 0)}
	one, two := newDisk(), newDisk()
	c.must(t, c.open(one, "board"), false)
	c.must(t, c.open(two, "board"), false)
	f, g := one.facts["key"], two.facts["key"]
	for at := 1; at+8 <= len(f); at++ {
		if bytes.Contains(g, f[at:at+8]) {
			t.Fatalf("bytes %d to %d are in both", at, at+8)
		}
	}
	for _, der := range a.server.Certificate {
		if bytes.Contains(f, der[40:60]) {
			t.Error("a certificate can be read")
		}
	}
}

// TestDamaged: whatever has become of a fact, it is ignored and counted, and the connection stands.
func TestDamaged(t *testing.T) {
	a := newAuthority(t)
	c := &client{authority: a, address: a.serve(t, 0)}
	d := newDisk()
	c.must(t, c.open(d, "board"), false)
	good := d.facts["key"]
	for at := 0; at < len(good); at += 1 + len(good)/40 {
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		for _, fact := range [][]byte{bad, good[:at]} {
			d := newDisk()
			d.facts["key"] = fact
			s := c.open(d, "board")
			if cs, ok := s.For(ticket.Of(c.address, a.root, &tls.Config{}), "key").Get(""); ok || cs != nil || s.Damaged() != 1 {
				t.Fatalf("byte %d: ok %v, counted %d", at, ok, s.Damaged())
			}
		}
	}
	d.facts["key"] = good[:100]
	c.must(t, c.open(d, "board"), false)
	c.must(t, c.open(d, "board"), true)
}

// TestWithoutBoard: with nothing to encrypt with, or a disk that takes nothing, tickets are in memory.
func TestWithoutBoard(t *testing.T) {
	a := newAuthority(t)
	c := &client{authority: a, address: a.serve(t, 0)}
	d := newDisk()
	s := c.open(d, "")
	c.must(t, s, false)
	c.must(t, s, true)
	if d.puts != 0 {
		t.Error("stored without a key")
	}
	s = ticket.New(ticket.Options{Key: ticket.NewKey([]byte("board")), Facts: full{}})
	c.must(t, s, false)
	c.must(t, s, true)
}

// full is a disk that is.
type full struct{}

func (full) Fact(string) ([]byte, bool) { return nil, false }
func (full) Put(string, []byte) error   { return errors.New("no space left") }
