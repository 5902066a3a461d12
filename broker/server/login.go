package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skerry/broker/packet"
)

// Authenticator decides whether a User Name and Password of a CONNECT belong together. It is called from many
// connections at once, but never more often at the same time than Limits.Logins allows: a hash may be as slow as
// it likes.
type Authenticator interface {
	Authenticate(user string, password []byte) bool
}

// errGuessing means that a login was not looked at, because too many before it had failed.
var errGuessing = errors.New("too many failed logins")

// authenticate tells whether the User Name and Password of a CONNECT belong together; nil if so. Those who have failed
// before are refused or held up before anything is computed for them.
func (s *Server) authenticate(ctx context.Context, l *listener, p *packet.Connect, address string) error {
	user := string(p.UserName)
	if err := s.guessing(ctx, address, user, true); err != nil {
		return err
	}
	done, err := s.takeLogin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := s.guessing(ctx, address, user, false); err != nil { // others had their turn while this one waited
		return err
	}
	if !l.Authenticate.Authenticate(user, p.Password) {
		s.throttle.Failed(address, user, time.Now())
		return fmt.Errorf("user %.100q: %w", user, packet.BadUserNameOrPassword)
	}
	s.throttle.Succeeded(address, user, time.Now())
	return nil
}

// guessing refuses a login of somebody who has failed too often, or lets it wait as long as it has to. Who is refused is told
// to come back later, not that its password is wrong: it may be right.
func (s *Server) guessing(ctx context.Context, address, user string, wait bool) error {
	delay, refused := s.throttle.Ask(address, user, time.Now())
	switch {
	case refused:
		s.counters.throttled.Add(1)
		return fmt.Errorf("user %.100q: %w: %w", user, errGuessing, packet.ConnectionRateExceeded)
	case wait && delay > 0:
		s.counters.delayed.Add(1)
		pause(ctx, delay)
	}
	return nil
}

// takeLogin waits for one of the logins that may be under way at a time.
func (s *Server) takeLogin(ctx context.Context) (done func(), err error) {
	wait, cancel := context.WithTimeout(ctx, s.limits.LoginWait)
	defer cancel()
	select {
	case s.logins <- struct{}{}:
		return func() { <-s.logins }, nil
	case <-wait.Done():
		if ctx.Err() != nil {
			return nil, packet.ServerShuttingDown
		}
		return nil, fmt.Errorf("too many logins at once: %w", packet.ServerUnavailable)
	}
}
