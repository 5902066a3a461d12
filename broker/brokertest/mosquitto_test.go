package brokertest_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/broker/brokertest"
	"skerry/scripts/loopback"
)

// mosquittoVersion is the one whose differences are listed; others are not tested against.
const mosquittoVersion = "2.0.11"

// TestMosquittoAsBroker plays the suite against Debian's mosquitto. It tests the suite: what two brokers do alike was not
// made up by the one who wrote both the cases and the broker. Where they differ, the list says why.
func TestMosquittoAsBroker(t *testing.T) {
	program := findMosquitto(t)
	differences, err := os.ReadFile("testdata/mosquitto-" + mosquittoVersion + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	brokertest.Run(t, brokertest.Broker{
		Waits:       3 * time.Second,
		Patience:    2 * time.Second,
		Terse:       true,
		Around:      func(t *testing.T, play func(t *testing.T)) { t.Parallel(); play(t) },
		Differences: brokertest.ReadDifferences(string(differences)),
		Tries:       3,
		Start: func(t *testing.T, l brokertest.Limits) brokertest.Dial {
			return startMosquitto(t, program, l)
		},
	})
}

func findMosquitto(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/mosquitto")
	}
	if err != nil {
		if os.Getenv("SKERRY_NO_SKIP") == "1" {
			t.Fatal(err)
		}
		t.Skip("needs mosquitto (Debian package mosquitto)")
	}
	help, _ := exec.CommandContext(t.Context(), program, "-h").Output() // its status is 1
	if !strings.Contains(string(help), "version "+mosquittoVersion) {
		t.Skipf("the list of differences is of mosquitto %s, this is %.40s", mosquittoVersion, help)
	}
	return program
}

// startMosquitto starts one for a single case.
func startMosquitto(t *testing.T, program string, l brokertest.Limits) brokertest.Dial {
	t.Helper()
	port := loopback.Port(t)
	conf := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nlog_type none\n", port)
	if l.Inflight > 0 {
		conf += fmt.Sprintf("max_inflight_messages %d\n", l.Inflight)
	}
	if l.Packet > 0 {
		conf += fmt.Sprintf("max_packet_size %d\n", l.Packet)
	}
	file := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	dial := func() (net.Conn, error) { return net.Dial("tcp", loopback.Address(port)) }
	for deadline := time.Now().Add(brokertest.Patience); ; time.Sleep(5 * time.Millisecond) {
		nc, err := dial()
		if err == nil {
			nc.Close()
			return dial
		}
		if time.Now().After(deadline) {
			t.Fatalf("mosquitto does not listen: %v", err)
		}
	}
}
