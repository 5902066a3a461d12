package filter

import (
	"strings"
	"time"

	"github.com/expr-lang/expr/vm"

	"skerry/broker/packet"
)

// uses is a set of names.
type uses uint16

const (
	useTopic uses = 1 << iota
	useLevels
	usePayload
	useValue
	useData
	useQoS
	useRetain
	useSize
	useContentType
	useUser
	useAge
	useQuality
	useTime
)

// named is a name that an expression can use.
type named struct {
	name string
	use  uses
}

// vocabulary is what an expression can ask of a message, in the order of the documentation.
var vocabulary = []named{
	{"topic", useTopic}, {"levels", useLevels}, {"value", useValue}, {"quality", useQuality}, {"time", useTime}, {"data", useData}, {"payload", usePayload}, {"size", useSize},
	{"qos", useQoS}, {"retain", useRetain}, {"content_type", useContentType}, {"user", useUser}, {"age", useAge},
}

// Names lists what an expression can ask of a message.
func Names() []string {
	all := make([]string, len(vocabulary))
	for i, v := range vocabulary {
		all[i] = v.name
	}
	return all
}

// chosen are the names of a set.
func (u uses) chosen() (all []named) {
	for _, v := range vocabulary {
		if u&v.use != 0 {
			all = append(all, v)
		}
	}
	return all
}

// useOf is the set of one name.
func useOf(name string) (uses, bool) {
	for _, v := range vocabulary {
		if v.name == name {
			return v.use, true
		}
	}
	return 0, false
}

// mayBeMissing are those that a message can be without. A missing content type is an empty text.
const mayBeMissing = usePayload | useValue | useData | useUser | useQuality | useTime

// environment gives the compiler the types of those that have one.
func environment() map[string]any {
	return map[string]any{
		"topic": "", "levels": []string(nil), "payload": "", "qos": 0, "retain": false, "size": 0, "content_type": "",
		"user": map[string]string(nil), "age": 0.0,
	}
}

// A Subject is a message that expressions are asked about, one after the other. It is for one goroutine at a time, and for any
// number of messages: Set makes it the next one. The zero Subject is ready.
type Subject struct {
	Topic      string
	Payload    []byte
	Properties packet.Properties
	QoS        byte
	Retain     bool // it is, or is to be, the retained message of its topic
	Age        time.Duration

	Date func() (time.Time, bool) // what date it is, if that is known; nil: it is not. Set and Clear leave it

	filled uses
	env    map[string]any
	vm     vm.VM
	read   bool // data and value are known
	data   any
	value  any
}

// Set makes it another message.
func (s *Subject) Set(topic string, payload []byte, properties packet.Properties, qos byte, retain bool, age time.Duration) {
	s.Clear()
	s.Topic, s.Payload, s.Properties, s.QoS, s.Retain, s.Age = topic, payload, properties, qos, retain, age
}

// Clear lets go of the message.
func (s *Subject) Clear() {
	s.Topic, s.Payload, s.Properties = "", nil, nil
	s.filled, s.read, s.data, s.value = 0, false, nil, nil
	clear(s.env)
	clear(s.vm.Stack[:cap(s.vm.Stack)])
	clear(s.vm.Variables)
}

// Saw returns what an expression finds under a name; nil if that is missing.
func (s *Subject) Saw(name string) any {
	use, _ := useOf(name)
	s.fill(use.chosen())
	return s.env[name]
}

// fill makes the names ready that an expression uses, as far as another one has not asked for them.
func (s *Subject) fill(asked []named) {
	if s.env == nil {
		s.env = make(map[string]any, len(vocabulary))
		s.vm.MemoryBudget = memoryBudget
	}
	for _, v := range asked {
		if s.filled&v.use == 0 {
			s.filled |= v.use
			s.env[v.name] = s.look(v.use)
		}
	}
}

// look finds what a name stands for.
func (s *Subject) look(use uses) any {
	switch use {
	case useTopic:
		return s.Topic
	case useLevels:
		return strings.Split(s.Topic, "/")
	case usePayload:
		return s.text()
	case useValue:
		s.readPayload()
		return s.value
	case useData:
		s.readPayload()
		return s.data
	case useQoS:
		return int(s.QoS)
	case useRetain:
		return s.Retain
	case useSize:
		return len(s.Payload)
	case useContentType:
		return s.contentType()
	case useUser:
		return s.userProperties()
	case useQuality:
		return s.quality()
	case useTime:
		return s.moment()
	case useAge:
		return s.Age.Seconds()
	}
	return nil
}

// text is the payload as it is; missing if it is too long.
func (s *Subject) text() any {
	if len(s.Payload) > MaxPayload {
		return nil
	}
	return string(s.Payload)
}

func (s *Subject) contentType() string {
	t, _ := s.Properties.ContentType()
	return string(t)
}

// userProperties maps names to values: of several with one name to the first. It is missing if there are too many.
func (s *Subject) userProperties() any {
	all := map[string]string{}
	n := 0
	for name, value := range s.Properties.UserProperties() {
		if n++; n > MaxValues {
			return nil
		}
		if _, had := all[string(name)]; !had {
			all[string(name)] = string(value)
		}
	}
	return all
}
