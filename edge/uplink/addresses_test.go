package uplink_test

import (
	"log/slog"
	"strings"
	"testing"

	"skerry/edge/config"
	"skerry/queue/vfs"
)

// TestAddressesKept: where a server was is a fact, of what is configured only, and one that is damaged costs a question.
func TestAddressesKept(t *testing.T) {
	const key = "uplink/cloud/addresses"
	server := startGround(t, t.TempDir(), "127.0.0.1:0")
	c := realConfig(server.address)
	c.Servers = config.Servers{{Host: "localhost", Port: c.Servers[0].Port}}
	disk := vfs.NewDisk()
	run := func(c config.Uplink, see func(g *gateway)) {
		t.Helper()
		g, err := openGatewayOn(disk, "queue", c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer g.stop()
		eventually(t, "online", func() bool { return g.uplink.Status().Online })
		see(g)
	}
	fact := func(g *gateway) string { b, _ := g.broker.Fact(key); return string(b) }
	var first string
	run(c, func(g *gateway) {
		if first = fact(g); !strings.Contains(first, `"localhost":{"addrs":["127.0.0.1"]`) {
			t.Errorf("kept %s", first)
		}
	})
	run(c, func(g *gateway) {
		if got := fact(g); got != first {
			t.Errorf("written again: %s, was %s", got, first)
		}
		if _, err := g.broker.PutFact(key, []byte("{damaged")); err != nil {
			t.Fatal(err)
		}
	})
	run(c, func(g *gateway) {
		if got := fact(g); !strings.Contains(got, "127.0.0.1") {
			t.Errorf("after damage: %s", got)
		}
	})
	c.Servers[0].Host = "127.0.0.1"
	run(c, func(g *gateway) {
		if got := fact(g); strings.Contains(got, "localhost") {
			t.Errorf("of a host that is configured no more: %s", got)
		}
	})
}
