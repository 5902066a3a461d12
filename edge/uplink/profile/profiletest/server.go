package profiletest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"skerry/broker/packet"
	"skerry/broker/topic"
)

// Message is one that the server has taken.
type Message struct {
	Topic      string            // as the service's backend sees it
	Properties map[string]string // of a property bag
	Payload    string
	QoS        packet.QoS
	Retain     bool
	Dup        bool
	Will       bool
}

// rules are those of one service. They return what was broken, "" for nothing.
type rules interface {
	connect(c *packet.Connect, now time.Time) (life time.Duration, breach string) // life of the connection; 0: no end
	connack(c *packet.Connect) packet.Properties
	publish(t *traffic, p *packet.Publish) string
	message(p *packet.Publish) Message
	subscribe(had map[string]packet.QoS, p *packet.Subscribe) string
	match(filter, name string) bool
	expiry() time.Duration // of a session without a connection; 0: never
	queue() int            // messages kept for one; 0: as many as come
}

// Server is a service with one account.
type Server struct {
	rules rules
	late  time.Duration // acknowledgements take up to so long, in no order

	mu       sync.Mutex
	down     bool
	sessions map[string]*session
	got      []Message
	breaches []string
	ended    int // connections that reached the end of their life
	retained map[string]Message
}

// session is what is kept of a client.
type session struct {
	filters map[string]packet.QoS
	waiting []packet.Publish // not acknowledged by the client
	left    time.Time        // when its connection ended
	conn    *conn            // nil: none
}

func newServer(r rules, late time.Duration) *Server {
	return &Server{rules: r, late: late, sessions: map[string]*session{}, retained: map[string]Message{}}
}

// Dial gives a client its end of a new connection.
func (s *Server) Dial(context.Context) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, fmt.Errorf("the service is down")
	}
	ours, theirs := net.Pipe()
	go s.Serve(theirs)
	return ours, nil
}

// Down says whether connections are refused; those that stand are cut when it begins.
func (s *Server) Down(down bool) {
	s.mu.Lock()
	s.down = down
	s.mu.Unlock()
	if down {
		s.Cut()
	}
}

// Cut ends all connections, as a dead link does.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.sessions {
		if one.conn != nil {
			one.conn.Close()
		}
	}
}

// Messages gives what was taken.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// Breaches lists the rules that were broken.
func (s *Server) Breaches() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.breaches)
}

// Ended counts the connections that lived longer than what they were opened with.
func (s *Server) Ended() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Retained gives the retained message of a topic.
func (s *Server) Retained(name string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.retained[name]
	return m, ok
}

// Send sends a message at QoS 1 to whoever has subscribed to name, now or when it is back. It tells how many that are.
func (s *Server) Send(name, payload string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	for _, one := range s.sessions {
		for filter, qos := range one.filters {
			if !s.rules.match(filter, name) {
				continue
			}
			n++
			p := packet.Publish{TopicName: []byte(name), Payload: []byte(payload), QoS: qos}
			if most := s.rules.queue(); qos == 0 || most > 0 && len(one.waiting) >= most {
				break
			}
			one.waiting = append(one.waiting, p)
			if one.conn != nil {
				one.conn.deliver(&one.waiting[len(one.waiting)-1])
			}
			break
		}
	}
	return n
}

// expire drops the sessions that have been left too long. s.mu is held.
func (s *Server) expire() {
	for id, one := range s.sessions {
		if d := s.rules.expiry(); d > 0 && one.conn == nil && time.Since(one.left) > d {
			delete(s.sessions, id)
		}
	}
}

// breach notes one.
func (s *Server) breach(format string, values ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.breaches = append(s.breaches, fmt.Sprintf(format, values...))
}

// take notes a message.
func (s *Server) take(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, m)
	if m.Retain {
		s.retained[m.Topic] = m
	}
}

// badTopic says what is wrong with a Topic Name at any server.
func badTopic(name string) string {
	if err := topic.ValidName(name); err != nil || strings.ContainsAny(name, "+#") {
		return fmt.Sprintf("topic %q", name)
	}
	return ""
}
