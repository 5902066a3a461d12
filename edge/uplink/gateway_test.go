package uplink_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue"
	"skerry/queue/vfs"
)

// gateway is a store on the real disk, a broker and an uplink, in real time.
type gateway struct {
	broker *broker.Broker
	uplink *uplink.Uplink
	stop   func()
}

// openGateway starts one.
func openGateway(dir string, c config.Uplink, log *slog.Logger, streams ...config.Stream) (*gateway, error) {
	return openGatewayOn(vfs.OS{}, dir, c, log, streams...)
}

// openGatewayOn is openGateway on another file system.
func openGatewayOn(disk vfs.FS, dir string, c config.Uplink, log *slog.Logger, streams ...config.Stream) (*gateway, error) {
	store, recovery, err := queue.Open(disk, dir, queue.Options{SlotSize: 4 << 20})
	if err != nil {
		return nil, err
	}
	b, err := broker.New(store, recovery, broker.Options{})
	if err != nil {
		return nil, err
	}
	if len(streams) == 0 {
		streams = []config.Stream{stream("all", "#")}
	}
	u, err := uplink.New(c, streams, b, uplink.Options{Site: "lake", Gateway: "wx-042", Log: log, Identity: []byte("this board")})
	if err != nil {
		return nil, err
	}
	if err := u.Open(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	up, down := context.WithCancel(context.Background())
	var lower, upper sync.WaitGroup
	lower.Go(func() { store.Run(ctx) })
	lower.Go(func() { b.Run(ctx) })
	upper.Go(func() {
		if err := u.Run(up); err != nil {
			log.Error("uplink", "err", err)
		}
	})
	return &gateway{broker: b, uplink: u, stop: func() {
		down()
		upper.Wait()
		cancel()
		lower.Wait()
		store.Close()
	}}, nil
}

// startGateway is openGateway for a test, until it ends or stop is called.
func startGateway(t *testing.T, dir string, c config.Uplink, streams ...config.Stream) *gateway {
	t.Helper()
	g, err := openGateway(dir, c, slog.New(slog.DiscardHandler), streams...)
	if err != nil {
		t.Fatal(err)
	}
	g.stop = sync.OnceFunc(g.stop)
	t.Cleanup(g.stop)
	return g
}

// publish publishes as a local device, and returns when it would be acknowledged.
func publish(b *broker.Broker, device *broker.Session, m *broker.Message) error {
	receipt, code := device.Publish(m, nil)
	if code.IsError() {
		return code
	}
	return b.Wait(context.Background(), receipt)
}

func device(b *broker.Broker) (*broker.Session, error) {
	s, _, err := b.Connect(broker.ConnectOptions{ClientID: "device", Version: packet.V5, CleanStart: true})
	return s, err
}

// realConfig is an uplink to a server on this machine.
func realConfig(address string) config.Uplink {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return config.Uplink{
		Name: "cloud", Servers: config.Servers{{Host: host, Port: n}}, Version: config.V5, ClientID: "wx-042",
		Prefix: "farm/", KeepAlive: config.KeepAlive{Min: 10 * time.Second, Max: 10 * time.Second}, Retry: config.DurationRange{Min: 50 * time.Millisecond, Max: 500 * time.Millisecond},
		Receive: config.ReceiveMap{{Filter: "cmd/wx-042/#", Local: "cmd/#"}},
	}
}

// ground is a gateway without an uplink that listens: the server upstream.
type ground struct {
	address string
	broker  *broker.Broker
	stop    func()
}

// startGround starts one until the test ends or stop is called.
func startGround(t *testing.T, dir, address string) *ground {
	t.Helper()
	store, recovery, err := queue.Open(vfs.OS{}, dir, queue.Options{SlotSize: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(store, recovery, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(b, server.Options{})
	listening, err := s.Listen(server.ListenerConfig{Name: "up", Address: address, Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	serving, end := context.WithCancel(context.Background())
	storing, close := context.WithCancel(context.Background())
	var upper, lower sync.WaitGroup
	upper.Go(func() { s.Run(serving) })
	lower.Go(func() { b.Run(storing) })
	lower.Go(func() { store.Run(storing) })
	g := &ground{address: listening.String(), broker: b, stop: sync.OnceFunc(func() {
		end()
		upper.Wait()
		close()
		lower.Wait()
		store.Close()
	})}
	t.Cleanup(g.stop)
	return g
}

// The environment that makes this test's program a gateway which is going to be killed.
const (
	childDir  = "UPLINK_TEST_DIR"
	childSpec = "UPLINK_TEST_SPEC"
)

// childJob is what the child is to do: publish numbers from From on at QoS 1 and 2, until it is killed.
type childJob struct {
	Server string
	From   int
	Budget int64 // per month, of the link; 0: none
	TLS    *config.ClientTLS
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir, os.Getenv(childSpec)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child publishes and prints each number when it is acknowledged: 1 N and 2 N.
func child(dir, spec string) error {
	var job childJob
	if err := json.Unmarshal([]byte(spec), &job); err != nil {
		return err
	}
	c := budgetConfig(job.Server, job.Budget)
	if job.TLS != nil {
		c = secured(c, *job.TLS)
	}
	g, err := openGateway(dir, c, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	d, err := device(g.broker)
	if err != nil {
		return err
	}
	for i := job.From; ; i++ {
		for qos := byte(1); qos <= 2; qos++ {
			m := &broker.Message{TopicName: fmt.Sprintf("t/%d", qos), Payload: fmt.Append(nil, i), QoS: qos}
			if err := publish(g.broker, d, m); err != nil {
				return err
			}
			fmt.Println(qos, i)
		}
	}
}

// victim is a gateway in a process of its own.
type victim struct {
	cmd   *exec.Cmd
	mu    sync.Mutex
	acked [3][]int // by QoS
	read  chan struct{}
}

func startVictim(t *testing.T, dir string, job childJob) *victim {
	t.Helper()
	spec, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{cmd: exec.Command(os.Args[0]), read: make(chan struct{})}
	v.cmd.Env = append(os.Environ(), childDir+"="+dir, childSpec+"="+string(spec))
	v.cmd.Stderr = os.Stderr
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(v.read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var qos, i int
			if n, _ := fmt.Sscan(lines.Text(), &qos, &i); n == 2 {
				v.mu.Lock()
				v.acked[qos] = append(v.acked[qos], i)
				v.mu.Unlock()
			}
		}
	}()
	return v
}

// count is how many numbers are acknowledged at QoS 2.
func (v *victim) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.acked[2])
}

// kill ends it by SIGKILL and gives what it had acknowledged.
func (v *victim) kill() [3][]int {
	v.cmd.Process.Kill()
	<-v.read
	v.cmd.Wait()
	return v.acked
}
