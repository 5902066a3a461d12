package server

import (
	"cmp"
	"runtime"
	"time"
)

// Limits bound what Clients may take. A zero field means its default.
type Limits struct {
	Connections int // Network Connections at a time; default 200
	Packet      int // Maximum Packet Size in bytes that is taken from Clients; default 256 KiB
	Inflight    int // QoS 1 and 2 exchanges at a time and direction (Receive Maximum); default 64

	// Pending is how many bytes of messages and acknowledgements may wait for the disk or for the Client to read
	// before its connection is not read any more; default 512 KiB, at least one packet fits always.
	Pending int

	// Rates per second; 0 is no bound. After a rest one second's worth may come at once.
	MessageRate float64 // PUBLISH packets of one Client; beyond it its connection is not read
	ByteRate    float64 // bytes of one Client, likewise
	AddressRate float64 // new connections of one address; beyond it they are closed
	ConnectRate float64 // new connections in all; beyond it they wait

	TopicAliases int           // Topic Alias Maximum granted to Clients; default 32, negative for none
	Connect      time.Duration // from accepting a connection to its CONNECT; default 10 s
	KeepAlive    time.Duration // longest Keep Alive: 5.0 Clients with a longer one, or none, are given this; default: their own counts
	Logins       int           // Authenticator calls at a time; default half of the processors
	LoginWait    time.Duration // for such a call to begin; then the Client is told to try later; default 30 s
	Stall        time.Duration // a Client that takes no byte for so long is gone; default 2 min
	Shutdown     time.Duration // what a Client may take to hear the end; default 1 s. Run returns soon after it
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Connections, 200)
	setDefault(&l.Packet, 256<<10)
	setDefault(&l.Inflight, 64)
	setDefault(&l.Pending, 512<<10)
	setDefault(&l.TopicAliases, 32)
	setDefault(&l.Connect, 10*time.Second)
	setDefault(&l.Logins, max(1, runtime.GOMAXPROCS(0)/2))
	setDefault(&l.LoginWait, 30*time.Second)
	setDefault(&l.Stall, 2*time.Minute)
	setDefault(&l.Shutdown, time.Second)
	l.Inflight = min(max(l.Inflight, 1), 65535)
	l.TopicAliases = min(max(l.TopicAliases, 0), 65535)
	return l
}

// ListenerLimits bound what the Clients of one listener may take. A zero field means that of the Server. Connections
// is a limit beside that of the Server, which counts all listeners together.
type ListenerLimits struct {
	Connections int // Network Connections at a time through this listener
	Packet      int // see Limits
	Inflight    int // see Limits
}

// over gives the limits of a Server with those of a listener in their place.
func (l ListenerLimits) over(all Limits) Limits {
	all.Connections = cmp.Or(l.Connections, all.Connections)
	all.Packet = cmp.Or(l.Packet, all.Packet)
	all.Inflight = min(max(cmp.Or(l.Inflight, all.Inflight), 1), 65535)
	return all
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
