package budget

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Interface counts what passes a network interface that carries nothing else, by the kernel's own counters. They include the headers of the link
// layer: 14 bytes for each packet of Ethernet, none on most modems.
type Interface struct {
	name string
	read func(path string) (string, error)

	mu    sync.Mutex
	known bool
	last  [2]uint64
}

// NewInterface takes the name of an interface and what reads a file, given by its absolute path.
func NewInterface(name string, read func(path string) (string, error)) *Interface {
	return &Interface{name: name, read: read}
}

// Read gives the bytes in both directions since the last call; since the interface appeared, if it was gone meanwhile. The first call
// gives 0: who used what was counted before is not known.
func (i *Interface) Read() (bytes int64, err error) {
	var now [2]uint64
	for n, file := range []string{"rx_bytes", "tx_bytes"} {
		text, err := i.read("/sys/class/net/" + i.name + "/statistics/" + file)
		if err != nil {
			return 0, fmt.Errorf("bytes of %s: %w", i.name, err)
		}
		if now[n], err = strconv.ParseUint(strings.TrimSpace(text), 10, 63); err != nil {
			return 0, fmt.Errorf("bytes of %s, %s: %w", i.name, file, err)
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known {
		for n := range now {
			if now[n] < i.last[n] { // another interface of this name
				i.last[n] = 0
			}
			bytes = plus(bytes, int64(now[n]-i.last[n]))
		}
	}
	i.known, i.last = true, now
	return bytes, nil
}
