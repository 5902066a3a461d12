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
func meter(every time.Duration, qos byte) config.Sensor {
	doc, _ := pulse.Kind.Value("total")
	return config.Sensor{
		Name: totalName, Kind: pulse.Kind, Setup: drivers.Setup{Opts: &pulse.Opts{Pin: pulsePin}}, Every: every, Payload: config.Bare, QoS: qos,
		Values: []config.Value{{Name: "total", Doc: doc, Multiply: 1, Topic: "rain/total", Payload: config.Bare, QoS: qos, Retain: true}},
	}
}

// gateway is the part of a gateway that counts: a line, a sampler, a broker and its store; and those who hear the total.
type gateway struct {
	line  *sim.Line
	store *queue.Store
	b     *broker.Broker
	s     *sampler.Session
	ears  []*ear

	restored, heard uint64
	end             func()
}

// ear is who hears the total.
type ear struct {
	*broker.Session
	name  string
	lasts bool
	heard uint64
}

// ears are listeners of all kinds: at each QoS, with a session that ends with the program and with one that outlives it.
func ears(b *broker.Broker) (all []*ear, err error) {
	for qos := range byte(3) {
		for name, lasts := range map[string]uint32{"present": 0, "lasting": 3600} {
			e := &ear{name: fmt.Sprintf("%s-%d", name, qos), lasts: lasts > 0}
			e.Session, _, err = b.Connect(broker.ConnectOptions{ClientID: e.name, Version: packet.V5, SessionExpiryInterval: lasts, Conn: &listener{}})
			if err != nil {
				return nil, err
			}
			if codes, _ := e.Subscribe([]broker.Subscription{{TopicFilter: "#", QoS: qos}}, nil); codes[0].IsError() {
				return nil, codes[0]
			}
			all = append(all, e)
		}
	}
	return all, nil
}

// listen takes what came, as a client does. No total is lower than the one before. A lasting session gets what it is owed of a former life of
// the program, too, in which the total was restored or less.
func (e *ear) listen(restored uint64) error {
	for _, d := range e.Next(nil, 1000) {
		switch {
		case d.Release || d.QoS == 1:
			e.Ack(d.PacketID)
		case d.QoS == 2:
			e.Received(d.PacketID)
		}
		if d.Message == nil || d.Retain { // an old one, and marked as such
			continue
		}
		n, err := strconv.ParseUint(string(d.Message.Payload), 10, 64)
		if err != nil {
			continue // it went stale
		}
		if e.lasts && n <= restored {
			continue
		}
		if n < max(e.heard, restored) {
			return fmt.Errorf("%s has heard a total of %d, and then one of %d", e.name, max(e.heard, restored), n)
		}
		e.heard = n
	}
	return nil
}

// total is what a kept state stands for.
func total(state []byte) (uint64, error) {
	if state == nil {
		return 0, nil
	}
	x, err := pulse.Kind.New(context.Background(), sim.New(sim.Options{}), meter(time.Second, 0).Setup)
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
func startGateway(fs vfs.FS, dir string, every, window time.Duration, qos byte) (*gateway, error) {
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
	board := sim.New(sim.Options{})
	g := &gateway{line: board.Line(pulsePin), store: store, b: b, s: s}
	if g.ears, err = ears(b); err != nil {
		return nil, err
	}
	g.line.Quiet()
	if g.restored, err = total(s.State(totalName)); err != nil {
		return nil, err
	}
	x, err := sampler.New([]config.Sensor{meter(every, qos)}, sampler.Options{Log: slog.New(slog.DiscardHandler)})
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

// listen has all listen, and gives the highest total that anybody has heard.
func (g *gateway) listen() (uint64, error) {
	for _, e := range g.ears {
		if err := e.listen(g.restored); err != nil {
			return 0, err
		}
		g.heard = max(g.heard, e.heard)
	}
	return g.heard, nil
}

// TestMillionPulsesThroughPowerCuts counts a million pulses with a power cut every few seconds, at which the disk keeps or tears
// what it was not told to keep. What is counted is exact up to those of the last reading and commit window, is never less than what
// anybody was told, at any QoS, and never more than there were.
func TestMillionPulsesThroughPowerCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every, window, slack = time.Second, 2 * time.Second, 50 * time.Millisecond
		r := rand.New(rand.NewPCG(1, 2))
		disk := vfs.NewDisk()
		played, cuts, missing := 0, 0, uint64(0)
		var told uint64
		for played < million {
			g, err := startGateway(disk, "data", every, window, byte(cuts%3))
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
				told = max(told, listen(t, g))
			}
			synctest.Wait()
			told = max(told, listen(t, g))
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

func listen(t *testing.T, g *gateway) uint64 {
	t.Helper()
	heard, err := g.listen()
	if err != nil {
		t.Fatal(err)
	}
	return heard
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
	g, err := startGateway(vfs.OS{}, dir, 20*time.Millisecond, 50*time.Millisecond, byte(rand.IntN(3)))
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
			if told, err := g.listen(); err != nil || told != g.restored+played {
				return fmt.Errorf("ended with a total of %d, and %d was told (%v)", g.restored+played, told, err)
			}
			fmt.Println("ended", played)
			return nil
		default:
		}
		n := rand.IntN(200)
		fmt.Println("plays", played+uint64(n))
		g.line.Play(n)
		played += uint64(n)
		told, err := g.listen()
		if err != nil {
			return err
		}
		fmt.Println("told", told)
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
// has told anybody, at any QoS, nor more than there were; ended in good order it has them all.
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
