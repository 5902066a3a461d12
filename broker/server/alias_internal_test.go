package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"skerry/broker/packet"
)

// send plays a PUBLISH of name through the table, as a Client with that Topic Alias Maximum sees it: it gives the bytes that
// went out. known are the Client's aliases.
func (s *sentAliases) send(t *testing.T, known map[uint16]string, maximum uint16, name string, limit uint32) int {
	t.Helper()
	head := packet.PublishHead{TopicName: name}
	plain := head.Size(packet.V5)
	s.alias(&head, limit)
	switch {
	case head.TopicAlias > maximum:
		t.Fatalf("alias %d, and the Client takes %d [MQTT-3.1.2-26]", head.TopicAlias, maximum)
	case head.TopicName != "" && head.TopicName != name:
		t.Fatalf("%q goes out as %q", name, head.TopicName)
	case head.TopicName == "" && known[head.TopicAlias] != name:
		t.Fatalf("%q goes out as alias %d, which is %q", name, head.TopicAlias, known[head.TopicAlias])
	case head.TopicAlias != 0 && head.TopicName != "":
		known[head.TopicAlias] = name
	}
	size := head.Size(packet.V5)
	if limit > 0 && size > int(limit) && plain <= int(limit) {
		t.Fatalf("%q would have gone out, and with its alias is %d bytes", name, size)
	}
	return size
}

func TestSentAliases(t *testing.T) {
	names := func(n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf("site/station/sensor%03d/temperature", i)
		}
		return all
	}
	tests := []struct {
		name    string
		maximum uint16
		topics  []string
		rounds  int
		least   float64 // of the bytes without aliases
		most    float64
	}{
		{"one topic", 10, names(1), 100, 0, 0.3},
		{"as many topics as aliases", 10, names(10), 100, 0, 0.3},
		{"more topics than aliases, in turn", 20, names(25), 100, 0, 0.55},
		{"far more topics than aliases, in turn", 10, names(500), 20, 0.9, 1.08},
		{"short names", 10, []string{"a", "b/c"}, 100, 1, 1},
		{"a name too long to remember", 10, []string{strings.Repeat("n", aliasLongest+1)}, 100, 1, 1},
		{"more than we use", 65535, names(30), 100, 0, 0.3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, known := newSentAliases(tt.maximum), map[uint16]string{}
			sent, plain := 0, 0
			for range tt.rounds {
				for _, name := range tt.topics {
					sent += s.send(t, known, tt.maximum, name, 0)
					head := packet.PublishHead{TopicName: name}
					plain += head.Size(packet.V5)
				}
			}
			if ratio := float64(sent) / float64(plain); ratio < tt.least || ratio > tt.most {
				t.Errorf("%.2f of the bytes without aliases, want %.2f to %.2f", ratio, tt.least, tt.most)
			}
		})
	}
}

// Whatever comes in whatever order, the Client and the Server mean the same by an alias, and no packet grows over the limit.
func TestSentAliasesAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		maximum := uint16(1 + r.IntN(40))
		s, known := newSentAliases(maximum), map[uint16]string{}
		for range 500 {
			n := r.IntN(60)
			s.send(t, known, maximum, strings.Repeat("x", n%7)+fmt.Sprint(n), uint32(r.IntN(30)))
		}
	}
}

func TestNoSentAliases(t *testing.T) {
	if newSentAliases(0) != nil {
		t.Error("a table for a Client that wants no aliases")
	}
}

// A table that is full allocates nothing any more, whether names are known or new.
func TestSentAliasesAllocate(t *testing.T) {
	s := newSentAliases(8)
	var names []string
	for i := range 64 {
		names = append(names, fmt.Sprintf("topic/of/%04d", i))
	}
	round := func() {
		for _, name := range names {
			head := packet.PublishHead{TopicName: name}
			s.alias(&head, 0)
		}
	}
	round()
	if n := testing.AllocsPerRun(20, round); n > 0 {
		t.Errorf("%v allocations per round", n)
	}
}
