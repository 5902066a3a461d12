package edge_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"skerry/edge"
)

// The broker answers the gateway itself, and nobody else takes notice: not who hears everything, nor who counts Clients.
func TestAnswers(t *testing.T) {
	leavesNothing(t)
	one := strings.Replace(threeSensors, "anonymous: true}}}", "anonymous: true}}, limits: {sessions: 1}}", 1)
	s := start(t, configure(t, one), edge.Options{})
	all := s.hear("local", "#")
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	for range 3 {
		if err := s.Answers(ctx); err != nil {
			t.Fatal(err)
		}
	}
	all.wait(on("lake/wx/air/temperature", `"value":`))
	if m, found := all.find(func(topic, _ string) bool { return strings.HasPrefix(topic, "$") }); found {
		t.Errorf("the message to itself was heard: %s", m.TopicName)
	}
	if log := s.log.String(); strings.Count(log, "client connected") > 1 {
		t.Errorf("the Client of its own is in the log:\n%s", log)
	}
}

// When the time is up the error says how far it came.
func TestAnswersInTime(t *testing.T) {
	s := start(t, configure(t, threeSensors), edge.Options{})
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := s.Answers(ctx); err == nil {
		t.Error("an answer after the end")
	}
}
