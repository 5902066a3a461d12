package queue

import (
	"testing"

	"skerry/queue/checkpoint"
)

// A file is told only what begins where it stands, or before, and goes beyond it.
func TestNewsFit(t *testing.T) {
	for _, test := range []struct{ covered, want uint64 }{{10, 10}, {11, 19}, {15, 19}, {19, 19}, {20, 20}} {
		n := newNews(11)
		n.to = 19
		a := &advance{c: &checkpointer{news: n}, g: newImage(nil)}
		if got := a.learn(test.covered); got != test.want {
			t.Errorf("covers %d: has come to %d, want %d", test.covered, got, test.want)
		}
		if told := a.c.news == nil; told != (test.want != test.covered) {
			t.Errorf("covers %d: told %t", test.covered, told)
		}
	}
}

// What is remembered is bounded: a value that changes often counts once.
func TestNewsAreBounded(t *testing.T) {
	n := newNews(0)
	for range 10 * mostNews {
		if n = n.note(checkpoint.Retained, []byte("topic"), newValue{value: make([]byte, 8)}); n == nil {
			t.Fatal("one topic is too much")
		}
	}
	for i := uint64(0); n != nil; i++ {
		if n = n.note(checkpoint.Retained, numberKey(i), newValue{value: make([]byte, 1000)}); n != nil && i > mostNews/1000 {
			t.Fatal("no end")
		}
	}
	if newNews(0).kept() == nil {
		t.Error("nothing is too much")
	}
	many := newNews(0)
	many.sessions = map[uint64]*sessionState{}
	for i := range uint64(mostNewsOf + 1) {
		many.sessions[i] = nil
	}
	if many.kept() != nil {
		t.Error("the sessions are not bounded")
	}
}
