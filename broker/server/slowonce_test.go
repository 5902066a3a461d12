package server_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/broker/server"
)

// A Client that was slow once is not cut off for that later on, when what it had been given to read has long been read.
func TestSlowOnce(t *testing.T) {
	const stall = time.Second
	st, address := start(t, server.Limits{Stall: stall})
	slow, p := dial(t, address), dial(t, address)
	slow.script("> 10: 'MQTT' 04 02 0000 'slow' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
	p.script("> 10: 'MQTT' 04 02 0000 'p'", "< 20: 00 00")
	publish := func(text string) { p.script("> 32: 't' 0001 \""+text+"\"", "< 40: 0001") }
	waits := func() bool { // the kernel takes no more for it
		return slices.ContainsFunc(st.server.Clients(), func(c server.Client) bool { return c.ClientID == "slow" && c.Queued > 0 })
	}
	for !waits() {
		publish(strings.Repeat("x", 100_000))
	}
	heard := make(chan error, 1)
	go func() { // now it reads, until the end
		buf, kept := make([]byte, 1<<16), []byte{}
		for !bytes.HasSuffix(kept, []byte("the end")) {
			slow.nc.SetReadDeadline(time.Now().Add(patience))
			n, err := slow.nc.Read(buf)
			if err != nil {
				heard <- err
				return
			}
			kept = append(kept[max(0, len(kept)-10):], buf[:n]...)
		}
		heard <- nil
	}()
	for _, text := range []string{"quiet", "the end"} {
		time.Sleep(stall * 3 / 2)
		publish(text)
	}
	if err := <-heard; err != nil {
		t.Errorf("it has been cut off: %v", err)
	}
}
