package queue

import "slices"

// A Form is a message as some of its receivers get it: under another Topic Name, for instance.
type Form struct {
	Message *Message
	To      []Target
}

// PublishForms is Publish for a message that has several forms: all are taken, or none, and the receipt stands for all. The
// first is the message itself, which alone may be one to be retained. Each form that is owed to a durable session is a record
// of its own.
func (s *Store) PublishForms(forms []Form) (Receipt, error) {
	logged := s.stampForms(forms)
	if logged == 0 && !forms[0].Message.Retain {
		pushForms(forms)
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publishForms(forms, logged, from{})
}

// ReceiveForms is Receive for a message that has several forms. After a loss of power the packet id is held and all forms are
// there, or nothing of it: all are one record, which makes ErrTooLarge more likely. Only the first form may go to a share: what
// one gives away before the record is written is left out of it, and the packet id stands in that of the first.
func (x *Session) ReceiveForms(packetID uint16, forms []Form) (Receipt, error) {
	if r, ok := x.Held(packetID); ok {
		return r, nil
	}
	s := x.s
	logged := s.stampForms(forms)
	inLog := x.durable && (logged > 0 || forms[0].Message.Retain)
	r, err := Receipt(0), error(nil)
	if inLog {
		s.mu.Lock()
		defer s.mu.Unlock()
		r, err = s.publishForms(forms, logged, from{x.number, packetID})
	} else {
		r, err = s.PublishForms(forms)
	}
	if err == nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.hold(packetID, held{r: r, logged: inLog})
	}
	return r, err
}

// stampForms gives all forms the time of the first, and counts the targets that are owed them through a power cut.
func (s *Store) stampForms(forms []Form) (logged int) {
	for i := range forms {
		logged += loggedTargets(forms[i].To)
	}
	first := forms[0].Message
	s.stamp(first, logged > 0 || first.Retain)
	for i := range forms[1:] {
		forms[1+i].Message.Stamp = first.Stamp
	}
	return logged
}

func pushForms(forms []Form) {
	for i := range forms {
		pushAll(forms[i].Message, forms[i].To)
	}
}

// publishForms is publish for several forms.
func (s *Store) publishForms(forms []Form, logged int, by from) (Receipt, error) {
	first := forms[0].Message
	keep, err := s.acceptForms(forms, logged, by.session != 0)
	if err != nil {
		if first.QoS > 0 || logged > 0 {
			s.countRefused(err, targetsOf(forms))
			return 0, err
		}
		s.drops[DroppedRing].Add(1) // as in publish
		pushForms(forms)
		return 0, nil
	}
	if !keep {
		forms, logged = dropForms(forms), 0
		if !first.Retain {
			pushForms(forms)
			return 0, nil
		}
	}
	r := s.addForms(s.deliverForms(forms, by))
	if first.QoS == 0 && logged == 0 {
		return 0, nil // owed to nobody
	}
	return r, nil
}

// targetsOf are the targets of all forms.
func targetsOf(forms []Form) (all []Target) {
	for i := range forms {
		all = append(all, forms[i].To...)
	}
	return all
}

// acceptForms is accept for several forms, of which each is a record or, if together, all are one.
func (s *Store) acceptForms(forms []Form, logged int, together bool) (keep bool, err error) {
	all, largest := 0, 0
	for i := range forms {
		n := forms[i].size()
		all, largest = all+n, max(largest, n)
	}
	if together {
		largest = all
	}
	if err := s.admit(largest); err != nil {
		return false, err
	}
	if waiting := s.waiting(); waiting > 0 && waiting+all > s.o.PendingBytes {
		return false, ErrBusy
	}
	if err := rejectsForms(forms); err != nil {
		return false, err
	}
	return s.afford(forms[0].Message, all, logged)
}

// size bounds the bytes of the record of a form.
func (f *Form) size() int { return f.Message.size() + loggedTargets(f.To)*targetSize(f.To) }

// rejectsForms is rejects for all forms. A session that gets several of them must have room for all.
func rejectsForms(forms []Form) error {
	for i := range forms {
		for j := range forms[i].To {
			t := &forms[i].To[j]
			if !t.mayReject() {
				continue
			}
			due := t.Session.due(forms[:i+1])
			if err := t.Session.rejects(due.messages, due.bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// due is what some forms add to what the session is owed.
func (x *Session) due(forms []Form) (sum load) {
	for i := range forms {
		mine := func(t Target) bool { return t.Session == x && t.logged() }
		if slices.ContainsFunc(forms[i].To, mine) {
			sum.messages++
			sum.bytes += forms[i].Message.weight()
		}
	}
	return sum
}

// dropForms is dropLogged for all forms.
func dropForms(forms []Form) []Form {
	left := make([]Form, len(forms))
	for i := range forms {
		left[i] = Form{forms[i].Message, dropLogged(forms[i].To)}
	}
	return left
}

// deliverForms puts all forms into the rings, and returns the records they make. The packet id of the publisher is held with
// the first of them.
func (s *Store) deliverForms(forms []Form, by from) (items []*item) {
	for i := range forms {
		f := &forms[i]
		logged := loggedTargets(f.To)
		if logged == 0 && !f.Message.Retain {
			pushAll(f.Message, f.To)
			continue
		}
		it := s.newItem(f.Message, f.To, logged, by)
		it.size = int32(f.size())
		s.deliver(it, f.To)
		items, by = append(items, it), from{}
	}
	return items
}

// addForms puts the records of one message into the pending group. They need to be one only if a packet id is held: else
// what a loss of power has cut off was not acknowledged, and comes again.
func (s *Store) addForms(items []*item) (r Receipt) {
	if len(items) < 2 || items[0].by.session == 0 {
		for _, it := range items {
			r = s.addMessage(it, int(it.size))
		}
		return r
	}
	bytes := 0
	for _, it := range items {
		it.fixed = true
		bytes += int(it.size)
	}
	return s.add(&item{typ: recBatch, other: &other{batched: items}}, bytes)
}
