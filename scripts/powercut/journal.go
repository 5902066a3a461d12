package main

// An event is a change of what a witness knows. op is the number of the device's last op at that moment: what was received is
// stamped after it came, what is sent before it leaves. So the state of a witness at a cut is what the events up to that op make
// of it; at worst it has sent something that was lost on the way.
type event struct {
	op   int
	kind kind
	from int // index of the publisher
	seq  int // number of the message, from 1
	size int
	id   uint16
}

type kind byte

const (
	connected  kind = iota // CONNACK came
	subscribed             // SUBACK came
	sent                   // PUBLISH will be sent
	recorded               // PUBREC came, PUBREL will be sent
	completed              // PUBACK or PUBCOMP came
	delivered              // PUBLISH came that was not held
	released               // PUBREL came
	forgotten              // CONNACK said that there is no session
)

// A journal stamps events and keeps them. Without a clock it keeps nothing.
type journal struct {
	clock  func() int
	events []event
}

func (j *journal) note(e event) event {
	if j.clock != nil {
		e.op = j.clock()
		j.events = append(j.events, e)
	}
	return e
}

// until yields the events up to a cut.
func until(events []event, cut int, yield func(event)) {
	for _, e := range events {
		if e.op > cut {
			return
		}
		yield(e)
	}
}
