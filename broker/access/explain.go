package access

// Decision is the answer to a question, and the line that gives it.
type Decision struct {
	Allowed bool
	Line    int    // of the file, from 1; 0: no line decides
	Text    string // of that line; without one, why it is so
}

// Explain answers as a [Client] does, and says why. topic is a filter if the right is Subscribe.
func (r *Rules) Explain(user, clientID string, want Right, topic string) Decision {
	c := r.For(user, clientID)
	if want == Read {
		topic = published(topic)
	}
	if want == Subscribe {
		topic = subscribed(topic)
		if !c.binding().asks {
			return Decision{Allowed: true, Text: "no subscribe line is for this client, so it may subscribe to everything; read lines decide what it is sent"}
		}
	}
	for _, pattern := range []bool{false, true} {
		if pattern && c.wild() && r.patterns != nil {
			return Decision{Text: "patterns are not for users and ClientIDs with + or # in their names"}
		}
		for _, right := range []Right{deny, want} {
			if l := r.first(c, pattern, right, topic); l != nil {
				return Decision{Allowed: right == want, Line: l.line, Text: l.text}
			}
		}
	}
	return Decision{Text: "no line grants it"}
}

// first is the first line with that right for a Client and a topic.
func (r *Rules) first(c *Client, pattern bool, right Right, topic string) *rule {
	for i := range r.list {
		l := &r.list[i]
		if l.rights&right == 0 || (l.section == ofEverybody) != pattern || !l.concerns(c) {
			continue
		}
		var alone node
		alone.add(*l)
		if alone.rightsAt(topic, c) != 0 {
			return l
		}
	}
	return nil
}

// concerns tells whether the Client is of the rule's section.
func (l *rule) concerns(c *Client) bool {
	switch l.section {
	case ofUser:
		return l.name == c.user
	case ofClient:
		return l.name == c.clientID
	case ofAnonymous:
		return c.user == ""
	}
	return true
}
