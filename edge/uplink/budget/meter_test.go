package budget_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/edge/uplink/budget"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SKERRY_BUDGET_CHILD"); dir != "" {
		if err := child(dir, os.Getenv("SKERRY_BUDGET_SERVER")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// files keeps the fact of a process that will be killed.
func files(dir string) budget.Options {
	path := filepath.Join(dir, "fact")
	fact, _ := os.ReadFile(path) // none at first
	return budget.Options{
		Allowances: perMonth(100 * budget.MB), Chunk: 20_000, Fact: fact,
		Keep: func(fact []byte, kept func()) error {
			if err := os.WriteFile(path+".new", fact, 0o600); err != nil {
				return err
			}
			err := os.Rename(path+".new", path)
			kept()
			return err
		},
	}
}

// child sends messages until it is killed.
func child(dir, server string) error {
	a, err := budget.New(files(dir))
	if err != nil {
		return err
	}
	raw, err := net.Dial("tcp", server)
	if err != nil {
		return err
	}
	c := budget.NewMeter(a, budget.MeterOptions{}).Conn(raw)
	for i := 0; ; i++ {
		if err := ask(c, 50+i*37%3000, 4); err != nil {
			return err
		}
	}
}

// TestKilledAtSocket counts what passed a socket at its other end, while the process that sends is killed and started again.
func TestKilledAtSocket(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	real, payload := int64(0), int64(0)
	const kills = 8
	for n := range kills {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), "SKERRY_BUDGET_CHILD="+dir, "SKERRY_BUDGET_SERVER="+l.Addr().String())
		var said bytes.Buffer
		command.Stderr = &said
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		wait := time.AfterFunc(time.Duration(20+n*15)*time.Millisecond, func() { _ = command.Process.Kill() })
		passed, received := passedAt(t, c)
		real, payload = real+passed, payload+received
		_ = command.Wait() // killed
		wait.Stop()
		c.Close()
		if said.Len() > 0 && !bytes.Contains(said.Bytes(), []byte("EOF")) {
			t.Fatal(said.String())
		}
		a, err := budget.New(files(dir))
		if err != nil {
			t.Fatal(err)
		}
		counted := used(a)
		// Too much are the chunk ahead, the end of a connection that had none, and what the model is above the kernel since it was asked.
		slack := int64(n+1) * (20_000 + 8_000)
		t.Logf("after %d kills: %d B passed, %d B counted", n+1, real, counted)
		if counted < real || counted > real+slack {
			t.Fatalf("after %d kills: %d B passed, %d B counted", n+1, real, counted)
		}
	}
	if payload == 0 {
		t.Error("nothing passed")
	}
}

// passedAt serves a connection to its end, and gives what the kernel says of it at this side: bytes of packets, and payload received.
func passedAt(t *testing.T, c net.Conn) (passed, received int64) {
	t.Helper()
	tcp := c.(*net.TCPConn)
	served := &quiet{TCPConn: tcp}
	echo(served)
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if e := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	packets := int64(info.Segs_in) + int64(info.Segs_out)
	return packets*52 + 16 + int64(info.Bytes_sent+info.Bytes_received), int64(info.Bytes_received)
}

// quiet is not closed by who serves it: the kernel is to be asked first.
type quiet struct{ *net.TCPConn }

func (q *quiet) Close() error { return nil }

// pair is a connection over loopback.
func pair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func TestMeterSharesOutAmongClasses(t *testing.T) {
	near, far := pair(t)
	go echo(far)
	c := at("2026-11-30 10:00")
	var spent ledger
	m := budget.NewMeter(&spent, budget.MeterOptions{Passed: func() time.Duration { return c.passed }})
	conn := m.Conn(near)
	opening := spent.spent
	if opening.Sum() != opening[budget.Overhead] || opening.Sum() < 172 {
		t.Errorf("to connect cost %v", opening)
	}
	m.Carry(budget.Live, 300)
	m.Carry(budget.Alarm, 100)
	if err := ask(conn, 400, 4); err != nil {
		t.Fatal(err)
	}
	live, alarm := float64(spent.spent[budget.Live]), float64(spent.spent[budget.Alarm])
	if !near3(live, alarm) || spent.spent[budget.Overhead] != opening.Sum() {
		t.Errorf("live:alarm = 3:1 was spent as %v", spent.spent)
	}
	c.after(time.Minute)
	before := spent.spent[budget.Overhead]
	if err := ask(conn, 2, 2); err != nil {
		t.Fatal(err)
	}
	if spent.spent[budget.Overhead] == before {
		t.Errorf("a ping is nobody's: %v", spent.spent)
	}
}

func near3(live, alarm float64) bool { return live > 2.9*alarm && live < 3.1*alarm }

func TestMeterBillsSessions(t *testing.T) {
	certus, _ := budget.UnitOf("certus")
	c := at("2026-11-30 10:00")
	var spent ledger
	m := budget.NewMeter(&spent, budget.MeterOptions{Unit: certus, Passed: func() time.Duration { return c.passed }})
	m.Begin() // the name is looked up, then it connects
	near, far := pair(t)
	go echo(far)
	conn := m.Conn(near)
	if got := spent.spent.Sum(); got != 5000 {
		t.Errorf("a session begins with %d B, want 5000", got)
	}
	if err := ask(conn, 1000, 4); err != nil {
		t.Fatal(err)
	}
	c.after(10 * time.Minute)
	m.Sample()
	if got := spent.spent.Sum(); got != 180_000 {
		t.Errorf("ten minutes are billed as %d B, want 180,000", got)
	}
	c.after(time.Second)
	conn.Close()
	m.End()
	if got := spent.spent.Sum(); got != 180_300 {
		t.Errorf("%d B at the end, want 180,300", got)
	}
	m.Begin()
	m.End()
	if got := spent.spent.Sum(); got != 185_300 {
		t.Errorf("%d B after an empty session, want 185,300", got)
	}
}

// TestMeterWithoutKernel: where there is no socket, as in tests, the model counts.
func TestMeterWithoutKernel(t *testing.T) {
	near, far := net.Pipe()
	go echo(far)
	var spent ledger
	m := budget.NewMeter(&spent, budget.MeterOptions{})
	c := m.Conn(near)
	opened := m.Total()
	if err := ask(c, 100, 4); err != nil {
		t.Fatal(err)
	}
	if got, want := m.Total()-opened, int64(52+108+52+4+52); got != want { // a segment, an answer, and its acknowledgement
		t.Errorf("an exchange costs %d B, want %d", got, want)
	}
	if sys, ok := c.(interface{ NetConn() net.Conn }); !ok || sys.NetConn() != near {
		t.Error("the connection below is hidden")
	}
	c.Close()
	c.Close()
	if m.Total() != spent.spent.Sum() {
		t.Errorf("%d counted, %d spent", m.Total(), spent.spent.Sum())
	}
}

// covering is a ledger that notes what it was asked to cover.
type covering struct {
	ledger
	covered atomic.Int64
}

func (c *covering) Cover(bytes int64) bool { c.covered.Store(bytes); return true }

func TestWritesAreCoveredBefore(t *testing.T) {
	near, far := pair(t)
	defer far.Close()
	var l covering
	c := budget.NewMeter(&l, budget.MeterOptions{}).Conn(near)
	if _, err := c.Write(make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	if got := l.covered.Load(); got < 10_000 {
		t.Errorf("%d B were covered before 10,000 B were sent", got)
	}
}

func TestInterface(t *testing.T) {
	counters := map[string]string{}
	set := func(rx, tx int) {
		counters["/sys/class/net/wwan0/statistics/rx_bytes"] = strconv.Itoa(rx) + "\n"
		counters["/sys/class/net/wwan0/statistics/tx_bytes"] = strconv.Itoa(tx) + "\n"
	}
	set(1000, 2000)
	i := budget.NewInterface("wwan0", func(path string) (string, error) {
		if text, ok := counters[path]; ok {
			return text, nil
		}
		return "", os.ErrNotExist
	})
	for _, step := range []struct {
		rx, tx int
		want   int64
	}{{1000, 2000, 0}, {1100, 2000, 100}, {1100, 2050, 50}, {10, 5, 15}, {10, 5, 0}} {
		set(step.rx, step.tx)
		if got, err := i.Read(); err != nil || got != step.want {
			t.Errorf("at %d and %d: %d B, %v; want %d", step.rx, step.tx, got, err, step.want)
		}
	}
	clear(counters)
	if _, err := i.Read(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an interface that is gone: %v", err)
	}
	set(7, 0)
	counters["/sys/class/net/wwan0/statistics/tx_bytes"] = "many"
	if _, err := i.Read(); err == nil {
		t.Error("many bytes are no number")
	}
}

func BenchmarkWrite(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	a, err := budget.New(budget.Options{Allowances: perMonth(budget.MB * 1000)})
	if err != nil {
		b.Fatal(err)
	}
	counted := budget.NewMeter(a, budget.MeterOptions{}).Conn(raw)
	for name, c := range map[string]net.Conn{"bare": raw, "counted": counted} {
		b.Run(name, func(b *testing.B) {
			p := make([]byte, 300)
			for b.Loop() {
				if _, err := c.Write(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
