package broker_test

import (
	"testing"

	"skerry/broker"
)

// exchange has a session of the program make messages out of others.
func exchange(t *testing.T, at *site, s *client, state string, messages ...*broker.Message) {
	t.Helper()
	var touched broker.Touched
	r, err := s.Exchange("sums", []byte(state), messages, &touched)
	if err != nil {
		t.Fatal(err)
	}
	touched.Flush()
	at.settle(r)
}

func TestExchange(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		reader := at.connect("reader", keep(3600), internal)
		reader.subscribe("sum/#", 2)
		reader.subscribe("$skerry/sum/#", 2)
		away := at.connect("away", keep(3600), internal)
		away.subscribe("sum/#", 2)
		away.Disconnect(broker.DisconnectOptions{})
		s := at.connect("maker", keep(3600), internal)
		exchange(t, at, s, "1", message("sum/a", "1", 1), retain("sum/b", "2", 1), message("$skerry/sum/c", "3", 2))
		reader.expect("sum/a 1 q1", "sum/b 2 q1", "$skerry/sum/c 3 q2")
		late := at.connect("late")
		late.subscribe("sum/#", 1)
		late.expect("sum/b 2 q1 retained")
		at.reboot(0)
		if state, _ := at.Fact("sums"); string(state) != "1" {
			t.Errorf("the state is %q", state)
		}
		away = at.connect("away", keep(3600), internal)
		away.expect("sum/a 1 q1 dup", "sum/b 2 q1 dup")
	})
}

// Messages and state are there after a power cut, or neither is.
func TestExchangeIsWhole(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		reader := at.connect("reader", keep(3600), internal)
		reader.subscribe("sum/#", 2)
		reader.Disconnect(broker.DisconnectOptions{})
		s := at.connect("maker", keep(3600), internal)
		exchange(t, at, s, "1", message("sum/a", "1", 1))
		var touched broker.Touched
		if _, err := s.Exchange("sums", []byte("2"), []*broker.Message{message("sum/a", "2", 1)}, &touched); err != nil {
			t.Fatal(err)
		}
		at.reboot(0) // at once
		state, _ := at.Fact("sums")
		reader = at.connect("reader", keep(3600), internal)
		switch string(state) {
		case "1":
			reader.expect("sum/a 1 q1 dup")
		case "2":
			reader.expect("sum/a 1 q1 dup", "sum/a 2 q1 dup")
		default:
			t.Errorf("the state is %q", state)
		}
	})
}

// An exchange with a message that cannot be published does nothing.
func TestExchangeRefused(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		reader := at.connect("reader", internal)
		reader.subscribe("sum/#", 2)
		s := at.connect("maker", keep(3600), internal)
		var touched broker.Touched
		if _, err := s.Exchange("sums", []byte("2"), []*broker.Message{message("sum/a", "2", 1), message("sum/#", "2", 1)}, &touched); err == nil {
			t.Error("a Topic Name with a wildcard was taken")
		}
		touched.Flush()
		reader.expect()
		if _, ok := at.Fact("sums"); ok {
			t.Error("there is a state")
		}
	})
}

// Without room for another retained message it is published all the same.
func TestExchangeWithoutRoom(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{RetainedMessages: 1}}, func(t *testing.T, at *site) {
		reader := at.connect("reader", internal)
		reader.subscribe("sum/#", 2)
		s := at.connect("maker", keep(3600), internal)
		exchange(t, at, s, "1", retain("sum/a", "1", 1))
		exchange(t, at, s, "2", retain("sum/a", "2", 1), retain("sum/b", "3", 1))
		reader.expect("sum/a 1 q1", "sum/a 2 q1", "sum/b 3 q1")
		late := at.connect("late")
		late.subscribe("sum/#", 1)
		late.expect("sum/a 2 q1 retained")
	})
}
