package uplink_test

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue/vfs"
)

// secured is a configuration whose server is reached by TLS.
func secured(c config.Uplink, files config.ClientTLS) config.Uplink {
	c.Servers = config.Servers{{TLS: true, Host: "localhost", Port: c.Servers[0].Port}}
	c.TLS = files
	return c
}

// tlsVersions are those of the configuration.
var tlsVersions = []string{"1.3", "1.2"}

// shaken waits until a gateway is online, and gives its handshakes.
func (g *gateway) shaken(t *testing.T) uplink.Handshakes {
	t.Helper()
	eventually(t, "online", func() bool { return g.uplink.Status().Online })
	return g.uplink.Status().Handshakes
}

// TestResumedAfterSIGKILL: the process is killed, the next one resumes the TLS session; and not after a change of the authorities, or of the
// client's certificate.
func TestResumedAfterSIGKILL(t *testing.T) {
	for _, version := range tlsVersions {
		t.Run("TLS "+version, func(t *testing.T) {
			certs, dir := t.TempDir(), t.TempDir()
			ours, other := newAuthority(t, certs, "ours"), newAuthority(t, certs, "other")
			cert, key := ours.issue(t, certs, "server", "localhost")
			server := newMosquitto(t, "certfile "+cert, "keyfile "+key)
			server.start()
			files := config.ClientTLS{CA: ours.file, Max: version}

			v := startVictim(t, dir, childJob{Server: server.address, TLS: &files})
			eventually(t, "progress", func() bool { return v.count() >= 50 })
			v.kill()
			c := secured(realConfig(server.address), files)
			want := func(what string, want uplink.Handshakes) {
				t.Helper()
				g := startGateway(t, dir, c)
				if got := g.shaken(t); got != want {
					t.Errorf("%s: %+v, want %+v", what, got, want)
				}
				g.stop()
			}
			killed := startGateway(t, dir, c)
			// One that died before the disk knew of its session upstream makes a new one, which takes three connections.
			if got := killed.shaken(t); got.Full+got.Damaged > 0 || got.Resumed != 1 && got.Resumed != 3 {
				t.Errorf("after SIGKILL: %+v", got)
			}
			killed.stop()
			want("after a restart", uplink.Handshakes{Resumed: 1})

			before := c
			more := filepath.Join(certs, "more.crt")
			join(t, more, ours.file, other.file)
			c.TLS.CA = more
			want("with other authorities", uplink.Handshakes{Full: 1, Damaged: 1})
			want("with these again", uplink.Handshakes{Resumed: 1})
			c.TLS.Cert, c.TLS.Key = ours.issue(t, certs, "client", "wx-042")
			want("with a certificate", uplink.Handshakes{Full: 1, Damaged: 1})
			c = before
			c.TLS.Tickets = config.TicketsInMemory
			want("in memory", uplink.Handshakes{Full: 1})
			c = before
			want("after the one on the disk was forgotten", uplink.Handshakes{Full: 1})

			server.end(syscall.SIGTERM) // mosquitto makes new keys for its tickets
			server.start()
			want("with a server that has forgotten", uplink.Handshakes{Full: 1})
			want("and once more", uplink.Handshakes{Resumed: 1})
		})
	}
}

// join writes several files into one.
func join(t *testing.T, to string, from ...string) {
	t.Helper()
	var all []byte
	for _, name := range from {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if err := os.WriteFile(to, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestResumedAfterPowerCut: power goes; a ticket that was on the disk is used, and one that is damaged or half written is not, and costs
// nothing but a full handshake.
func TestResumedAfterPowerCut(t *testing.T) {
	certs := t.TempDir()
	ours := newAuthority(t, certs, "ours")
	cert, key := ours.issue(t, certs, "server", "localhost")
	server := newMosquitto(t, "certfile "+cert, "keyfile "+key)
	server.start()
	c := secured(realConfig(server.address), config.ClientTLS{CA: ours.file})
	start := func(disk *vfs.Disk) *gateway {
		t.Helper()
		g, err := openGatewayOn(disk, "queue", c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	resumed, seeds := 0, 6
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 0))
		disk := vfs.NewDisk()
		g := start(disk)
		g.shaken(t)
		d, err := device(g.broker)
		if err != nil {
			t.Fatal(err)
		}
		synced := seed%2 == 0
		if synced { // what is acknowledged carries the ticket along
			if err := publish(g.broker, d, &broker.Message{TopicName: "t/x", Payload: []byte("1"), QoS: 1}); err != nil {
				t.Fatal(err)
			}
		}
		after := disk.Crash(r, []vfs.Fate{vfs.Honest, vfs.Garbling}[seed/2%2])
		g.stop()
		g = start(after)
		got := g.shaken(t)
		g.stop()
		if got.Full+got.Resumed < 1 || synced && got.Resumed != 1 {
			t.Errorf("seed %d: %+v", seed, got)
		}
		resumed += int(got.Resumed)
	}
	t.Logf("%d of %d resumed", resumed, seeds)
}
