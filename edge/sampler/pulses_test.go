package sampler_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/broker"
	"skerry/broker/packet"
	"skerry/drivers"
	"skerry/drivers/pulse"
	"skerry/edge/config"
	"skerry/edge/sampler"
	"skerry/queue"
	"skerry/queue/vfs"
)

// killed is how many pulses the program counts that is killed; make pulses has a million.
var killed = flag.Int("pulses", 50_000, "pulses that are counted by a program that is killed again and again")

const (
	million   = 1_000_000
	totalName = "rain"
	pulsePin  = "GPIO17"
	slot      = 64 << 10 // of the log: small, so that a start and a crash are cheap
)

// meter is a counter on the configuration's own terms.
func meter(every time.Duration) config.Sensor {
	doc, _ := pulse.Kind.Value("total")
	return config.Sensor{
		Name: totalName, Kind: pulse.Kind, Setup: drivers.Setup{Opts: &pulse.Opts{Pin: pulsePin}}, Every: every, Payload: config.Bare, QoS: 2,
		Values: []config.Value{{Name: "total", Doc: doc, Multiply: 1, Topic: "rain/total"}},
	}
}

// gateway is the part of a gateway that counts: a line, a sampler, a broker and its store; and somebody who hears the total at QoS 2.
type gateway struct {
	line  *sim.Line
	store *queue.Store
	b     *broker.Broker
	s     *sampler.Session
	ear   *broker.Session

	restored, heard uint64
	end             func()
}

// total is what a kept state stands for.
func total(state []byte) (uint64, error) {
	if state == nil {
		return 0, nil
	}
	x, err := pulse.Kind.New(context.Background(), sim.New(sim.Options{}), meter(time.Second).Setup)
	if err != nil {
		return 0, err
	}
	defer x.Halt()
	if err := x.(drivers.Stateful).Restore(state); err != nil {
		return 0, err
	}
	readings, err := x.Sense(context.Background(), nil)
	if err != nil {
		return 0, err
	}
	return uint64(readings[0].Number), nil
}

// startGateway starts one on what a disk holds.
func startGateway(fs vfs.FS, dir string, every, window time.Duration) (*gateway, error) {
	store, found, err := queue.Open(fs, dir, queue.Options{CommitWindow: window, SlotSize: slot})
	if err != nil {
		return nil, err
	}
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		return nil, err
	}
	s, err := sampler.NewSession(b)
	if err != nil {
		return nil, err
	}
	ear, _, err := b.Connect(broker.ConnectOptions{ClientID: "ear", Version: packet.V5, SessionExpiryInterval: 3600, Conn: &listener{}})
	if err != nil {
		return nil, err
	}
	ear.Subscribe([]broker.Subscription{{TopicFilter: "#", QoS: 2}}, nil)
	board := sim.New(sim.Options{})
	g := &gateway{line: board.Line(pulsePin), store: store, b: b, s: s, ear: ear}
	g.line.Quiet()
	if g.restored, err = total(s.State(totalName)); err != nil {
		return nil, err
	}
	x, err := sampler.New([]config.Sensor{meter(every)}, sampler.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	storing, stop := context.WithCancel(context.Background())
	sampled, stored := make(chan struct{}), make(chan error, 2)
	go func() { defer close(sampled); x.Run(ctx, board, s) }()
	go func() { stored <- store.Run(storing) }()
	go func() { stored <- b.Run(storing) }()
	g.end = func() {
		cancel()
		<-sampled
		stop()
		<-stored
		<-stored
		board.Close()
		store.Close()
	}
	for !g.line.Taken() {
		time.Sleep(time.Millisecond)
	}
	return g, nil
}

// listen takes what came, as a client does, and gives the newest total.
func (g *gateway) listen() uint64 {
	for _, d := range g.ear.Next(nil, 1000) {
		if d.Release {
			g.ear.Ack(d.PacketID)
			continue
		}
		if d.QoS == 2 {
			g.ear.Received(d.PacketID)
		}
		if n, err := strconv.ParseUint(string(d.Message.Payload), 10, 64); err == nil {
			g.heard = n
		}
	}
	return g.heard
}

// TestMillionPulsesThroughPowerCuts counts a million pulses with a power cut every few seconds, at which the disk keeps or tears
// what it was not told to keep. What is counted is exact up to those of the last reading and commit window, is never less than what
// anybody was told at QoS 2, and never more than there were.
func TestMillionPulsesThroughPowerCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every, window, slack = time.Second, 2 * time.Second, 50 * time.Millisecond
		r := rand.New(rand.NewPCG(1, 2))
		disk := vfs.NewDisk()
		played, cuts, missing := 0, 0, uint64(0)
		var told uint64
		for played < million {
			g, err := startGateway(disk, "data", every, window)
			if err != nil {
				t.Fatal(err)
			}
			if g.restored < told {
				t.Fatalf("after cut %d: a total of %d, and %d was told", cuts, g.restored, told)
			}
			counted, safe := g.restored, g.restored // all, and those that must be there
			history := []mark{{time.Now(), counted}}
			for end := time.Now().Add(time.Duration(r.IntN(15_000)) * time.Millisecond); time.Now().Before(end); {
				lost, kept := r.IntN(900), 1+r.IntN(300)
				g.line.Lose(uint32(lost)) // by the kernel, which has numbered them
				g.line.Play(kept)
				n := lost + kept
				played += n
				counted += uint64(n)
				history = append(history, mark{time.Now(), counted})
				time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
				told = max(told, g.listen())
			}
			synctest.Wait()
			for _, m := range history {
				if time.Since(m.at) >= every+window+slack {
					safe = m.pulses
				}
			}
			crashed := disk.Crash(r, vfs.Fate{Dropped: 1, Whole: 1, Torn: 1, Garbled: 1})
			g.end()
			disk = crashed
			left := look(t, disk)
			if left < safe || left > counted {
				t.Fatalf("after cut %d: a total of %d; %d were played, and %d of them in time to be kept", cuts, left, counted, safe)
			}
			missing += counted - left
			cuts++
		}
		t.Logf("%d pulses, %d power cuts: %d not counted, of those within the last %v before a cut", played, cuts, missing, every+window)
	})
}

type mark struct {
	at     time.Time
	pulses uint64
}

// look is the total that is kept on a disk.
func look(t *testing.T, disk *vfs.Disk) uint64 {
	t.Helper()
	store, found, err := queue.Open(disk, "data", queue.Options{SlotSize: slot})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	b, err := broker.New(store, found, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := sampler.NewSession(b)
	if err != nil {
		t.Fatal(err)
	}
	n, err := total(s.State(totalName))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// counting names the folder of a program that counts until it is killed: this test program itself.
const counting = "SKERRY_TEST_COUNTS_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(counting); dir != "" {
		if err := count(dir); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// count counts pulses that it plays itself until its standard input ends, then stops in good order. It tells what it does, each line
// in one write, so that the line outlives it.
func count(dir string) error {
	g, err := startGateway(vfs.OS{}, dir, 20*time.Millisecond, 50*time.Millisecond)
	if err != nil {
		return err
	}
	fmt.Println("restored", g.restored)
	ended := make(chan struct{})
	go func() { defer close(ended); io.Copy(io.Discard, os.Stdin) }()
	for played := uint64(0); ; {
		select {
		case <-ended:
			g.end()
			fmt.Println("ended", played)
			return nil
		default:
		}
		n := rand.IntN(200)
		fmt.Println("plays", played+uint64(n))
		g.line.Play(n)
		played += uint64(n)
		fmt.Println("told", g.listen())
		time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond)
	}
}

// life is what a program that counts said before it ended.
type life struct{ restored, plays, told, ended uint64 }

// live runs one, and ends it after a while: with SIGKILL, or in good order.
func live(t *testing.T, dir string, d time.Duration, kill bool) (l life) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), counting+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(d, func() {
		if kill {
			cmd.Process.Kill()
			return
		}
		stdin.Close()
	})
	defer stop.Stop()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		word, number, _ := strings.Cut(lines.Text(), " ")
		to := map[string]*uint64{"restored": &l.restored, "plays": &l.plays, "told": &l.told, "ended": &l.ended}[word]
		if to == nil {
			t.Fatal(lines.Text())
		}
		*to, _ = strconv.ParseUint(number, 10, 64)
	}
	cmd.Wait()
	return l
}

// TestPulsesThroughKills kills a program that counts, again and again, on the real file system. What it counts is never less than what it
// has told anybody at QoS 2, nor more than there were; ended in good order it has them all.
func TestPulsesThroughKills(t *testing.T) {
	dir := t.TempDir()
	var atLeast, atMost, played, kills, missing uint64
	began := func(l life) {
		t.Helper()
		if l.restored < atLeast || l.restored > atMost {
			t.Fatalf("after %d kills: a total of %d; %d was told, %d were played", kills, l.restored, atLeast, atMost)
		}
		missing += atMost - l.restored
	}
	for played < uint64(*killed) {
		l := live(t, dir, time.Duration(rand.IntN(700))*time.Millisecond, true)
		if l.plays == 0 && l.restored == 0 {
			continue // before it could say anything
		}
		began(l)
		atLeast, atMost = max(l.restored, l.told), l.restored+l.plays
		played += l.plays
		kills++
	}
	l := live(t, dir, 300*time.Millisecond, false)
	began(l)
	atLeast = l.restored + l.ended
	atMost = atLeast
	last := live(t, dir, 100*time.Millisecond, false)
	began(last)
	t.Logf("%d pulses, %d kills: %d not counted, of those within the last 70 ms before a kill; after an end in good order all %d", played+l.ended, kills, missing, last.restored)
}
