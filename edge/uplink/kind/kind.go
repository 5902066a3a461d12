package kind

import "time"

// Kind is what is usual on links of one technology.
type Kind struct {
	Name string // as the configuration has it

	// DeadFloor is the shortest silence, while something waits for an acknowledgement, after which a link may be called dead. It is
	// longer than the longest stall known of a link that works: 70 s on Iridium Certus.
	DeadFloor time.Duration

	// KeepAliveMin and KeepAliveMax bound what may be learned of how long a link may be silent before a NAT on the way forgets it.
	KeepAliveMin, KeepAliveMax time.Duration

	// RetryMin and RetryMax are the shortest and the longest wait between two attempts to connect.
	RetryMin, RetryMax time.Duration

	// DialTime bounds name resolution, TCP and TLS together, and after that the wait for CONNACK; LookupTime the name alone, of which one
	// question may take half.
	DialTime, LookupTime time.Duration

	// AttemptBytes is what one attempt to connect costs at most, in bytes of IP in both directions: TCP, TLS 1.3 with a client
	// certificate, CONNECT and CONNACK (5.6 kB), and as much again for what is sent twice.
	AttemptBytes int64

	// AttemptsDay is how many bytes a day attempts to connect may cost that come to nothing, on a link without a budget. 0: any number.
	AttemptsDay int64

	Metered bool // paid by the byte
	Modem   bool // a modem can be asked for its signal
	// IdleBilled: the time that a session stands is paid, also when nothing is sent. Sessions are short there.
	IdleBilled bool

	// Linger is how long a message that is not urgent may wait for others to share the cost of sending.
	Linger time.Duration
}

// Ethernet is the kind of a link that the configuration says nothing of.
const Ethernet = "ethernet"

// attemptBytes see Kind.AttemptBytes.
const attemptBytes = 11_200

// How long an attempt may take where packets come back within seconds. On NB-IoT each of the six round trips may take 10 s; on Certus
// one of them 70 s.
const (
	usualDial   = 30 * time.Second
	usualLookup = 10 * time.Second
)

// What attempts may cost in a day where nothing is said of a budget: 15 MB a month at most where bytes are cheap, 4 MB elsewhere, which is
// what twelve attempts of the dearest kind cost.
const (
	cheapAttempts = 500_000
	dearAttempts  = 12 * attemptBytes
)

// longest is the ceiling of what is learned: no NAT is known that keeps a silent connection longer and still forgets it.
const longest = 28 * time.Minute

var kinds = [...]Kind{
	{Name: Ethernet, DeadFloor: 12 * time.Second, KeepAliveMin: time.Minute, KeepAliveMax: longest,
		RetryMin: 5 * time.Second, RetryMax: 5 * time.Minute, DialTime: usualDial, LookupTime: usualLookup, AttemptBytes: attemptBytes},
	{Name: "wifi", DeadFloor: 12 * time.Second, KeepAliveMin: time.Minute, KeepAliveMax: longest,
		RetryMin: 5 * time.Second, RetryMax: 5 * time.Minute, DialTime: usualDial, LookupTime: usualLookup, AttemptBytes: attemptBytes},
	{Name: "cellular", DeadFloor: 12 * time.Second, KeepAliveMin: 2 * time.Minute, KeepAliveMax: longest,
		RetryMin: 2 * time.Second, RetryMax: 5 * time.Minute, DialTime: usualDial, LookupTime: usualLookup, AttemptBytes: attemptBytes, AttemptsDay: cheapAttempts, Metered: true, Modem: true, Linger: 10 * time.Second},
	{Name: "lte-m", DeadFloor: 16 * time.Second, KeepAliveMin: 2 * time.Minute, KeepAliveMax: longest,
		RetryMin: 2 * time.Second, RetryMax: 5 * time.Minute, DialTime: usualDial, LookupTime: usualLookup, AttemptBytes: attemptBytes, AttemptsDay: cheapAttempts, Metered: true, Modem: true, Linger: 10 * time.Second},
	{Name: "nb-iot", DeadFloor: time.Minute, KeepAliveMin: 2 * time.Minute, KeepAliveMax: longest,
		RetryMin: 10 * time.Second, RetryMax: 30 * time.Minute, DialTime: 90 * time.Second, LookupTime: 30 * time.Second, AttemptBytes: attemptBytes, AttemptsDay: dearAttempts, Metered: true, Modem: true, Linger: 30 * time.Second},
	{Name: "geo", DeadFloor: 16 * time.Second, KeepAliveMin: time.Minute, KeepAliveMax: longest,
		RetryMin: 10 * time.Second, RetryMax: 30 * time.Minute, DialTime: usualDial, LookupTime: usualLookup, AttemptBytes: attemptBytes, AttemptsDay: dearAttempts, Metered: true, Linger: time.Minute},
	{Name: "leo", DeadFloor: 12 * time.Second, KeepAliveMin: time.Minute, KeepAliveMax: longest,
		RetryMin: 10 * time.Second, RetryMax: 30 * time.Minute, DialTime: usualDial, LookupTime: usualLookup, AttemptBytes: attemptBytes, AttemptsDay: cheapAttempts, Metered: true, Linger: 10 * time.Second},
	{Name: "certus", DeadFloor: 90 * time.Second, KeepAliveMin: time.Minute, KeepAliveMax: longest,
		RetryMin: 10 * time.Second, RetryMax: 30 * time.Minute, DialTime: 3 * time.Minute, LookupTime: 80 * time.Second, AttemptBytes: attemptBytes, AttemptsDay: dearAttempts, Metered: true, Modem: true, IdleBilled: true, Linger: time.Minute},
}

// Named finds a kind; false if no kind has that name.
func Named(name string) (Kind, bool) {
	for _, k := range kinds {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// Of is Named for a name that may be missing or unknown: that is an Ethernet.
func Of(name string) Kind {
	if k, ok := Named(name); ok {
		return k
	}
	return kinds[0]
}

// Names lists the kinds, in the order of the documents.
func Names() []string {
	all := make([]string, len(kinds))
	for i, k := range kinds {
		all[i] = k.Name
	}
	return all
}
