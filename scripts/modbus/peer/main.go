// Command peer runs the Go library simonvetter/modbus through the scenario of drivers/modbus on a pseudo-terminal, and drivers/modbus
// against that library's server for Modbus TCP: `make modbus`. It is a module of its own, so that the product's does not name what
// only the comparison needs.
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/creack/pty"
	peer "github.com/simonvetter/modbus"

	"skerry/drivers/modbus/modbustest"
)

func main() {
	polls := flag.Int("polls", 10000, "requests on the pseudo-terminal")
	seed := flag.Uint64("seed", 1, "of the troubles")
	flag.Parse()
	if err := suffer(*polls, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
	if err := serve(1000); err != nil {
		fmt.Fprintln(os.Stderr, "peer: TCP:", err)
		os.Exit(1)
	}
}

// The scenario is that of drivers/modbus/sick_test.go.
const (
	timeout = 10 * time.Millisecond
	trouble = 25
)

var starts = []uint16{0x0100, 0x0200, 0x0300, 0x0400, 0x0500, 0x0600}

// suffer polls two devices on a bad line with the library's RTU client.
func suffer(polls int, seed uint64) error {
	master, tty, err := pty.Open()
	if err != nil {
		return err
	}
	defer master.Close()
	var poll atomic.Uint32
	var line modbustest.Slave
	for unit := byte(1); unit <= 2; unit++ {
		line.Set(unit, modbustest.Addressed(func() uint16 { return uint16(poll.Load()) }))
	}
	bad := &modbustest.Trouble{Percent: trouble, Timeout: timeout, Worst: 10, Rand: rand.New(rand.NewPCG(seed, 1))}
	var serving sync.WaitGroup
	serving.Go(func() { line.Serve(master, bad.Sickness) })

	client, err := peer.NewClient(&peer.ClientConfiguration{URL: "rtu://" + tty.Name(), Speed: 115200, DataBits: 8, StopBits: 1, Timeout: timeout,
		Logger: log.New(quiet{}, "", 0)})
	if err != nil {
		return err
	}
	if err := client.Open(); err != nil {
		return err
	}
	right, wrong, old, errors := 0, 0, 0, 0
	for n := range polls {
		poll.Add(1)
		address := starts[n/2%len(starts)]
		client.SetUnitId(uint8(1 + n%2))
		value, err := client.ReadUint32(address, peer.HOLDING_REGISTER)
		at, asked := modbustest.Pair(value)
		switch {
		case err != nil:
			errors++
		case at != address:
			wrong++
		case asked != uint16(poll.Load()):
			old++
		default:
			right++
		}
	}
	client.Close()
	tty.Close()
	serving.Wait()
	fmt.Printf("simonvetter/modbus v1.6.3: %d requests: %d values right, %d under a wrong name, %d old, %d errors; replies: %v\n",
		polls, right, wrong, old, errors, bad.Counts)
	return nil
}

// quiet drops the messages of the library.
type quiet struct{}

func (quiet) Write(b []byte) (int, error) { return len(b), nil }
