package main

import (
	"context"
	"slices"
	"testing"

	"skerry/edge/control"
	"skerry/edge/doctor"
	"skerry/queue"
	"skerry/queue/vfs"
)

// sensorsOf is a station with these sensors.
type sensorsOf []control.Sensor

func (s sensorsOf) List() []control.Sensor { return s }

func (s sensorsOf) Read(context.Context, string) (control.Sensor, error) { return s[0], nil }

// TestDoctorAsksTheStation: the sensors of a station that runs are among what is examined.
func TestDoctorAsksTheStation(t *testing.T) {
	dir := t.TempDir()
	s := &doctor.Subject{Store: dir}
	if err := new(doctorCmd).station(t.Context(), s); err != nil || s.Running || s.Sensors != nil {
		t.Errorf("of no station: %+v, %v", s, err)
	}
	store, _, err := queue.Open(vfs.OS{}, dir, queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	srv, err := control.Listen(dir, &control.Station{Live: true, Sensors: sensorsOf{
		{Name: "air", Failures: 3, Error: "silence"},
		{Name: "gps", Values: []control.SensorValue{{Name: "latitude", Quality: "stale"}, {Name: "fix", Quality: "good"}}},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	if err := new(doctorCmd).station(t.Context(), s); err != nil {
		t.Error(err)
	}
	if !s.Running || len(s.Sensors) != 2 || s.Sensors[0].Failures != 3 || !slices.Equal(s.Sensors[1].Stale, []string{"latitude"}) {
		t.Errorf("%+v", s)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
