package client

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"skerry/broker/packet"
)

// far is the Server's side of aliases.
type far map[uint16]string

// send plays one PUBLISH, and gives its bytes and those without an alias.
func (f far) send(t *testing.T, a *Aliases, maximum uint16, name string, limit uint32) (size, plain int) {
	t.Helper()
	head := packet.PublishHead{TopicName: name, QoS: 1, PacketID: 1}
	plain = head.Size(packet.V5)
	a.apply(&head, limit)
	switch {
	case head.TopicAlias > maximum:
		t.Fatalf("alias %d, and the Server takes %d [MQTT-3.2.2-18]", head.TopicAlias, maximum)
	case head.TopicName == "" && (head.TopicAlias == 0 || f[head.TopicAlias] != name):
		t.Fatalf("%q goes out as alias %d, which is %q", name, head.TopicAlias, f[head.TopicAlias])
	case head.TopicName != "" && head.TopicName != name:
		t.Fatalf("%q goes out as %q", name, head.TopicName)
	case head.TopicAlias != 0 && head.TopicName != "":
		f[head.TopicAlias] = name
	}
	size = head.Size(packet.V5)
	if limit > 0 && size > int(limit) && plain <= int(limit) {
		t.Fatalf("%q is %d bytes with its alias", name, size)
	}
	return size, plain
}

func TestAliasesSave(t *testing.T) {
	names := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("site/station/sensor%03d/temperature", i))
		}
		return all
	}
	once := make([]string, 0, 2000)
	for i := range 1000 {
		once = append(once, fmt.Sprintf("site/station/job%05d", i), "site/station/sensor")
	}
	for _, tt := range []struct {
		name    string
		maximum uint16
		topics  []string
		rounds  int
		most    float64 // of the bytes without aliases
	}{
		{"one topic", 10, names(1), 100, 0.3},
		{"as many topics as aliases", 10, names(10), 100, 0.3},
		{"twice as many topics as aliases, in turn", 10, names(20), 100, 0.65},
		{"more topics than are watched, in turn", 10, names(3 * mostNames), 20, 1},
		{"a crowd of topics that come once, and one that stays", 1, once, 1, 0.75},
		{"short names", 10, []string{"a", "b/c"}, 100, 1},
		{"a name too long to remember", 10, []string{strings.Repeat("n", longestName+1)}, 100, 1},
		{"none", 0, names(3), 100, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, f := NewAliases(), far{}
			a.begin(tt.maximum)
			sent, plain := 0, 0
			for range tt.rounds {
				for _, name := range tt.topics {
					s, p := f.send(t, a, tt.maximum, name, 0)
					sent, plain = sent+s, plain+p
				}
			}
			if ratio := float64(sent) / float64(plain); ratio > tt.most {
				t.Errorf("%.3f of the bytes without aliases, want %.3f at most", ratio, tt.most)
			}
		})
	}
}

// TestAliasesNextConnection: what an alias meant is gone, and that a name comes again is not.
func TestAliasesNextConnection(t *testing.T) {
	a := NewAliases()
	a.begin(5)
	f := far{}
	f.send(t, a, 5, "site/one", 0)
	if len(f) != 0 {
		t.Error("an alias for a name that has come once")
	}
	f.send(t, a, 5, "site/one", 0)
	if len(f) != 1 {
		t.Error("no alias for a name that has come twice")
	}
	a.begin(5)
	f = far{}
	f.send(t, a, 5, "site/one", 0)
	if f[1] != "site/one" {
		t.Error("no alias for a name that is known to come again")
	}
	a.begin(0) // the next Server takes none
	f.send(t, a, 0, "site/one", 0)
}

// TestAliasesNeverCostMore: whatever comes in whatever order, over whatever connections, both sides mean the same by an alias, and all of it
// costs no more than without, but for the first setting of each.
func TestAliasesNeverCostMore(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		a := NewAliases()
		sent, plain, allowed := 0, 0, 0
		for range 1 + r.IntN(4) {
			maximum, f := uint16(r.IntN(20)), far{}
			a.begin(maximum)
			allowed += aliasCost * int(maximum)
			crowd, stays, limit := 1+r.IntN(60), 1+r.IntN(5), uint32(0)
			if r.IntN(3) == 0 {
				limit = uint32(10 + r.IntN(30))
			}
			n := 0
			for i := range 3000 {
				if i%stays == 0 { // else it comes once more
					n = r.IntN(crowd) + i/100*r.IntN(2)
				}
				s, p := f.send(t, a, maximum, strings.Repeat("x", n%17)+fmt.Sprint(n), limit)
				sent, plain = sent+s, plain+p
			}
		}
		if sent > plain+allowed {
			t.Errorf("seed %d: %d bytes, %d without aliases", seed, sent, plain)
		}
	}
}
