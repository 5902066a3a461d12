package profile

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is what a server would not take, and what to do about it.
type Fault struct{ Problem, Hint string }

// Error gives the problem and, in brackets, the hint.
func (f *Fault) Error() string { return f.Problem + " (hint: " + f.Hint + ")" }

func fault(hint, format string, values ...any) *Fault {
	return &Fault{fmt.Sprintf(format, values...), hint}
}

// TopicFault judges a Topic Name or Topic Filter in the names of the server; nil: it takes it.
func (p *Profile) TopicFault(name string) *Fault {
	if p.OwnNames {
		return nil // the topic becomes a property
	}
	switch slashes := strings.Count(name, "/"); {
	case p.Topic > 0 && len(name) > p.Topic:
		return fault("shorter names and prefix", "topic of %d bytes; %s takes %d", len(name), p.Name, p.Topic)
	case p.Slashes > 0 && slashes > p.Slashes:
		return fault("fewer levels, or a shorter prefix", "topic with %d slashes; %s takes %d", slashes, p.Name, p.Slashes)
	}
	if i := strings.IndexAny(name, p.Without); p.Without != "" && i >= 0 {
		return fault("leave it out of ids and names", "%q in a topic; %s does not take it", name[i], p.Name)
	}
	return nil
}

// ClientIDFault judges a ClientID.
func (p *Profile) ClientIDFault(id string) *Fault {
	if p.ClientID > 0 && len(id) > p.ClientID {
		return fault("a shorter one", "ClientID of %d bytes; %s takes %d", len(id), p.Name, p.ClientID)
	}
	if p.IDRunes == "" {
		return nil
	}
	i := strings.IndexFunc(id, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(p.IDRunes, r))
	})
	if i >= 0 {
		return fault("ASCII letters, digits and "+p.IDRunes, "ClientID %q; %s takes no %q", id, p.Name, []rune(id[i:])[0])
	}
	if p.OwnNames && strings.ContainsAny(id, "+#") {
		return fault("a device id without them", "ClientID %q stands in topics, which + and # must not", id)
	}
	return nil
}

// PortFault judges a port.
func (p *Profile) PortFault(port int) *Fault {
	if p.Ports == nil || slices.Contains(p.Ports, port) {
		return nil
	}
	hint := strings.ReplaceAll(strings.Trim(fmt.Sprint(p.Ports), "[]"), " ", " or ")
	return fault("port "+hint, "port %d; %s does not listen there", port, p.Name)
}
