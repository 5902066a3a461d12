package edge_test

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"skerry/edge"
)

// TestMetrics: Prometheus is given all that docs/metrics.md names and nothing else, in its own format.
func TestMetrics(t *testing.T) {
	leavesNothing(t)
	s := start(t, configure(t, `
storage: {path: $DATA}
broker:
  listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}
  metrics: {http: "127.0.0.1:0"}
`), edge.Options{Version: "v1.2"})
	s.hear("local", "x/#")
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := (&http.Client{Transport: transport}).Get("http://" + s.Address("broker.metrics").String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(skerry_[a-z_]+)(?:{[a-z]+})?` \\| (counter|gauge) \\|").FindAllStringSubmatch(string(page), -1) {
		documented[row[1]] = row[2]
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		name, kind := m[1], m[2]
		if documented[name] != kind {
			t.Errorf("docs/metrics.md says of %s that it is a %q, not a %s", name, documented[name], kind)
		}
		delete(documented, name)
		if (kind == "counter") != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %s", name, kind)
		}
	}
	for name := range documented {
		t.Errorf("docs/metrics.md names %s", name)
	}
	for _, line := range []string{`skerry_info{version="v1.2"} 1`, "skerry_clients_connected 1", "skerry_subscriptions 1", "skerry_connects_total 1",
		"skerry_packets_received_total 2", `skerry_deliveries_dropped_total{reason="ring"} 0`, "skerry_disk_down 0", "skerry_clients_slow 0", `skerry_limited_total{what="connects"} 0`} {
		if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
			t.Errorf("there is no line %s in\n%s", line, text)
		}
	}
}
