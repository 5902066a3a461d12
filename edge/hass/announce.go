package hass

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
)

// memory is what was announced: by broker, then by topic. It is one fact of the store.
type memory map[string]map[string]announced

// announced is what is known of a document after a restart.
type announced struct {
	Hash       string            `json:"hash"`
	Components map[string]string `json:"components"` // platforms by key
}

// message is one to publish at a broker, retained.
type message struct {
	to, topic string
	payload   []byte // nil: nothing is retained there any more
}

// changes are the messages that lead from what was announced to what a plan announces, and what is to be remembered when they are out.
// The first are those that take something out: Home Assistant wants a document that names what goes before one that lacks it. With again
// all documents are published, changed or not. Brokers that cannot be reached any more are left as they are.
func (m memory) changes(p *Plan, again bool, reachable func(to string) bool) (goes, comes []message, next memory) {
	next = memory{}
	for _, to := range slices.Sorted(maps.Keys(m)) {
		if !reachable(to) {
			next[to] = m[to]
			continue
		}
		for _, topic := range slices.Sorted(maps.Keys(m[to])) {
			if to != p.To || !slices.ContainsFunc(p.Documents, func(a Announce) bool { return a.Topic == topic }) {
				goes = append(goes, message{to: to, topic: topic})
			}
		}
	}
	for _, a := range p.Documents {
		before, known := m[p.To][a.Topic]
		payload := encode(a.Document)
		after := announced{Hash: hash(payload), Components: platforms(a.Document)}
		if next[p.To] == nil {
			next[p.To] = map[string]announced{}
		}
		next[p.To][a.Topic] = after
		if known && before.Hash == after.Hash && !again {
			continue
		}
		if last, some := parting(a.Document, before.Components); some {
			goes = append(goes, message{p.To, a.Topic, encode(last)})
		}
		comes = append(comes, message{p.To, a.Topic, payload})
	}
	return goes, comes, next
}

// parting is a document that takes out what it had before and has not now, or has on another platform. False: there is nothing.
func parting(d Document, before map[string]string) (Document, bool) {
	last := d
	last.Components = maps.Clone(d.Components)
	some := false
	for key, platform := range before {
		if d.Components[key].Platform != platform {
			last.Components[key] = Component{Platform: platform}
			some = true
		}
	}
	return last, some
}

func platforms(d Document) map[string]string {
	all := map[string]string{}
	for key, c := range d.Components {
		all[key] = c.Platform
	}
	return all
}

func hash(payload []byte) string {
	sum := sha256.Sum256(payload)
	return hex.EncodeToString(sum[:8])
}

// encode writes JSON in which < stays <.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // texts and numbers
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
