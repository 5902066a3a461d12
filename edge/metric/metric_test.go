package metric_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"skerry/edge/metric"
)

func TestAppend(t *testing.T) {
	got := string(metric.Append(nil, []metric.Metric{
		metric.One(metric.Counter, "a_bytes_total", "What\nit \\ is.", uint64(12345678901234)),
		metric.One(metric.Gauge, "b_seconds", "B.", 0.25),
		{Name: "c", Help: "C.", Kind: metric.Gauge, Samples: []metric.Sample{{"why", `a"b\`, 1}, {"why", "c\n", -2}}},
		{Name: "d", Help: "D.", Kind: metric.Gauge},
	}))
	const want = `# HELP a_bytes_total What\nit \\ is.
# TYPE a_bytes_total counter
a_bytes_total 12345678901234
# HELP b_seconds B.
# TYPE b_seconds gauge
b_seconds 0.25
# HELP c C.
# TYPE c gauge
c{why="a\"b\\"} 1
c{why="c\n"} -2
# HELP d D.
# TYPE d gauge
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// serve runs a server with one metric.
func serve(t *testing.T) string {
	t.Helper()
	s, err := metric.Listen("127.0.0.1:0", func() []metric.Metric { return []metric.Metric{metric.One(metric.Gauge, "a", "A.", 1)} })
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s.Address().String()
}

func TestServer(t *testing.T) {
	address := serve(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/metrics", 200, "# HELP a A.\n# TYPE a gauge\na 1\n"},
		{"HEAD", "/metrics", 200, ""},
		{"POST", "/metrics", 405, ""},
		{"GET", "/", 404, ""},
		{"GET", "/debug/pprof/", 404, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+address+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != c.status || c.body != "" && string(body) != c.body {
			t.Errorf("%s %s: %d %q, %v", c.method, c.path, answer.StatusCode, body, err)
		}
		if kind := answer.Header.Get("Content-Type"); c.status == 200 && kind != "text/plain; version=0.0.4; charset=utf-8" {
			t.Errorf("content type %q", kind)
		}
	}
}

// TestAskers: those who say nothing are bounded, and leave room when they go.
func TestAskers(t *testing.T) {
	address := serve(t)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(time.Minute))
		return c
	}
	answered := func(c net.Conn) bool {
		io.WriteString(c, "GET /metrics HTTP/1.0\r\n\r\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		return strings.Contains(line, "200")
	}
	var silent []net.Conn
	for range 8 {
		silent = append(silent, dial())
	}
	if answered(dial()) {
		t.Error("there is no bound on askers")
	}
	for _, c := range silent {
		c.Close()
	}
	for deadline := time.Now().Add(time.Minute); !answered(dial()); {
		if time.Now().After(deadline) {
			t.Fatal("there is no room when they have gone")
		}
	}
}

func TestListenTwice(t *testing.T) {
	address := serve(t)
	if _, err := metric.Listen(address, nil); err == nil || !strings.Contains(err.Error(), "broker.metrics.http") {
		t.Errorf("%v", err)
	}
}

// TestAddressToCome: a start without a network does not fail for want of the address.
func TestAddressToCome(t *testing.T) {
	for address, early := range map[string]bool{"127.0.0.1:0": false, "192.0.2.1:0": true, "[2001:db8::1]:0": true} { // RFC 5737, RFC 3849: nobody has them
		s, err := metric.Listen(address, nil)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if s.Early() != early {
			t.Errorf("%s: early: %v", address, s.Early())
		}
		ctx, end := context.WithCancel(t.Context())
		end()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}
}
