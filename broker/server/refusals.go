package server

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"skerry/broker/packet"
)

// refusals logs Clients that were not let in: the first at once, then at most one line per interval with the
// number of those between. A stranger who knocks all day must not fill the log.
type refusals struct {
	mu      sync.Mutex
	next    time.Time // when another line may be written
	skipped int
}

// clip cuts a name to what a line of the log may hold of it: strangers choose how long it is.
func clip(name string) string {
	const most = 100 // characters
	if len(name) <= most {
		return name
	}
	return fmt.Sprintf("%.*s", most, name)
}

// refusalInterval is the least time between two lines.
const refusalInterval = 10 * time.Second

func (r *refusals) log(c *conn, err error) {
	// Somebody who looks whether the port is open, and those who come while we stop, are no news.
	if errors.Is(err, io.EOF) || errors.Is(err, packet.ServerShuttingDown) {
		return
	}
	r.mu.Lock()
	now := time.Now()
	if now.Before(r.next) {
		r.skipped++
		r.mu.Unlock()
		return
	}
	skipped := r.skipped
	r.skipped, r.next = 0, now.Add(refusalInterval)
	r.mu.Unlock()
	c.server.log.Warn("client refused", "client", clip(c.clientID), "listener", c.listener.Name, "address", c.nc.RemoteAddr().String(),
		"error", err, "refused_since_last_line", skipped)
}
