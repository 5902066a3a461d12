package modem_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"skerry/drivers"
	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/modem/modemtest"
)

// How an uplink uses the modem of its link: it looks at Effects whenever it decides something, and is woken by Changed.
func Example() {
	m := modemtest.New(modemtest.Fine()) // in place of a real one
	ours, theirs := net.Pipe()
	go m.Serve(theirs)

	wake := make(chan modem.Signal, 1)
	w, err := modem.New(modem.Options{
		Modem: "/dev/ttyUSB2",
		// edge gives: func(device string) (drivers.Port, error) {
		//	return board.OpenPort(device, board.Merge(drivers.SerialConfig{Baud: link.Modem.Baud}, modem.Cellular.Line()), board.RS485{})
		// }
		Open:    func(string) (drivers.Port, error) { return pipe{ours}, nil },
		Every:   50 * time.Millisecond, // 30 s when it is left out
		Changed: func(s modem.Signal) { wake <- s },
	})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()

	const learned, ackTimeout = 20 * time.Minute, 15 * time.Second
	show := func(s modem.Signal) {
		e := w.Effects()
		fmt.Println(s.Band, s.Operator, s.APN)
		fmt.Println("  ping after", time.Duration(e.Ping*float64(learned)), "dead after", time.Duration(e.Ack*float64(ackTimeout)))
		fmt.Println("  live goes:", !e.Held.Has(modem.ClassOf("live")), "alarms go:", !e.Held.Has(modem.ClassOf("alarm")), "learn:", !e.Freeze)
	}
	show(<-wake)
	m.Set(func(s *modemtest.State) { s.CSQ = 5 })
	show(<-wake)
	cancel()
	<-done
	// Output:
	// good 222-10 iot.example.net
	//   ping after 20m0s dead after 15s
	//   live goes: true alarms go: true learn: true
	// poor 222-10 iot.example.net
	//   ping after 16m0s dead after 30s
	//   live goes: false alarms go: true learn: false
}
