package modbus_test

import (
	"context"
	"errors"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

// spoilt makes a sensor of a device whose replies are changed on the way. dials counts connections.
func spoilt(t *testing.T, s drivers.Setup, spoil func(n int, message []byte) [][]byte) (x drivers.Sensor, dials *int) {
	t.Helper()
	s.Opts.(*modbus.Opts).TCP = "192.0.2.7"
	line := new(modbustest.Slave)
	line.Set(1, holding(math.MaxUint16))
	dials = new(int)
	var n int
	var mu sync.Mutex // one connection may still end while the next one begins
	serve := tcpServer(line, func(m []byte) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		n++
		return spoil(n, m)
	})
	m := &machine{dial: func(_ context.Context, address string) (net.Conn, error) {
		if address != "192.0.2.7:502" {
			t.Errorf("dialled %s", address)
		}
		*dials++
		return serve(), nil
	}}
	x, err := modbus.Kind.New(t.Context(), m, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Halt() })
	return x, dials
}

// A reply that comes late is told from that to the next request by its number.
func TestLateRepliesOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held [][]byte
		x, dials := spoilt(t, numbers(1, 100, 200, 300), func(n int, m []byte) [][]byte {
			if n%3 == 0 { // held back until after the next one was asked for
				held = append(held, m)
				return nil
			}
			all := append(held, m)
			held = nil
			if n%5 == 0 {
				all = append(all, m) // twice
			}
			return all
		})
		right := 0
		for range 200 {
			got, _ := sense(t, x)
			for name, r := range got {
				if modbusName(r.Number) != name {
					t.Errorf("%s: %+v", name, r)
				}
				right++
			}
		}
		if right < 500 {
			t.Errorf("%d values", right)
		}
		if *dials > 5 {
			t.Errorf("%d connections: a late reply is no reason for a new one", *dials)
		}
		if n := modbus.CountsOf(x).Strays; n < 50 {
			t.Errorf("%d strays", n)
		}
	})
}

func modbusName(n float64) string {
	return map[float64]string{1: "1", 100: "100", 200: "200", 300: "300"}[n]
}

func TestTroubleOverTCP(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(m []byte) [][]byte
		want  string
	}{
		{"silence", func([]byte) [][]byte { return nil }, "no reply within 500ms; check unit_id"},
		{"not Modbus", func([]byte) [][]byte { return [][]byte{[]byte("HTTP/1.1 400 Bad Request\r\n\r\n")} }, "what comes is not Modbus TCP"},
		{"another protocol", func(m []byte) [][]byte { m[3] = 1; return [][]byte{m} }, "what comes is not Modbus TCP"},
		{"another function", func(m []byte) [][]byte { m[7] = 4; return [][]byte{m} }, "the reply does not fit the request"},
		{"another unit", func(m []byte) [][]byte { m[6] = 9; return [][]byte{m} }, "the reply does not fit the request"},
		{"another count", func(m []byte) [][]byte { m[8]--; return [][]byte{m} }, "the reply does not fit the request"},
		{"too long", func(m []byte) [][]byte { m[4] = 1; return [][]byte{m} }, "what comes is not Modbus TCP"},
		{"gateway without device", func(m []byte) [][]byte { return [][]byte{{m[0], m[1], 0, 0, 0, 3, m[6], m[7] | 0x80, 11}} }, "exception 11, gateway target failed to respond"},
		{"gateway path", func(m []byte) [][]byte { return [][]byte{{m[0], m[1], 0, 0, 0, 3, m[6], m[7] | 0x80, 10}} }, "exception 10, gateway path unavailable"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sick atomic.Bool
				sick.Store(true)
				x, _ := spoilt(t, numbers(1, 100), func(_ int, m []byte) [][]byte {
					if sick.Load() {
						return test.spoil(m)
					}
					return [][]byte{m}
				})
				start := time.Now()
				if got, err := sense(t, x); err == nil || !strings.Contains(err.Error(), test.want) || len(got) != 0 {
					t.Errorf("%d values and %v, want %q", len(got), err, test.want)
				}
				if took := time.Since(start); took > 3*time.Second {
					t.Errorf("took %v", took)
				}
				sick.Store(false)
				sense(t, x)
				wantOwn(t, mustSense(t, x), 2)
			})
		})
	}
}

// A server that closes a connection after each reply, as some do after a while, is asked on a new one, also without retries.
func TestServerThatHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := numbers(1)
		s.Opts.(*modbus.Opts).TCP, s.Opts.(*modbus.Opts).Retries = "192.0.2.7:1502", 0
		line := new(modbustest.Slave)
		line.Set(1, holding(math.MaxUint16))
		var conns []net.Conn
		serve := tcpServer(line, nil)
		m := &machine{dial: func(context.Context, string) (net.Conn, error) {
			conns = append(conns, serve())
			return conns[len(conns)-1], nil
		}}
		x, err := modbus.Kind.New(t.Context(), m, s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		for range 5 {
			wantOwn(t, mustSense(t, x), 1)
			conns[len(conns)-1].Close()
		}
	})
}

func TestNobodyToDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := numbers(1)
		s.Opts.(*modbus.Opts).TCP = "192.0.2.7"
		dials := 0
		m := &machine{dial: func(context.Context, string) (net.Conn, error) {
			dials++
			return nil, errors.New("connection refused")
		}}
		x, err := modbus.Kind.New(t.Context(), m, s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		if _, err := sense(t, x); err == nil || !strings.Contains(err.Error(), "Modbus unit 1 on 192.0.2.7:502: connection refused; check its address and the network, and that Modbus TCP is switched on in the device") {
			t.Errorf("%v", err)
		}
		if dials > 2 {
			t.Errorf("dialled %d times", dials)
		}
	})
}

// A converter passes bytes on: what is on the connection is as on a line, and as little to be trusted.
func TestConverter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := numbers(1, 100, 200, 300)
		o := s.Opts.(*modbus.Opts)
		o.TCP, o.Framing = "192.0.2.7:4001", "rtu"
		line := new(modbustest.Slave)
		line.Set(1, holding(math.MaxUint16))
		dials := 0
		var n atomic.Int32
		m := &machine{dial: func(context.Context, string) (net.Conn, error) {
			dials++
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				line.Serve(there, func(_, answer []byte) []modbustest.Piece {
					n := n.Add(1)
					if n%4 == 0 {
						return []modbustest.Piece{{After: 700 * time.Millisecond, Bytes: answer}}
					}
					if n == 50 {
						there.Close()
					}
					return []modbustest.Piece{{Bytes: answer}}
				})
			}()
			return here, nil
		}}
		if err := modbus.Kind.Check(s); err != nil {
			t.Fatal(err)
		}
		x, err := modbus.Kind.New(t.Context(), m, s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		right := 0
		for range 100 {
			got, _ := sense(t, x)
			for name, r := range got {
				if modbusName(r.Number) != name {
					t.Errorf("%s: %+v", name, r)
				}
				right++
			}
		}
		if right < 200 || dials != 2 {
			t.Errorf("%d values on %d connections", right, dials)
		}
	})
}

// What is left of a message that was torn by the timeout is not read as the beginning of the next one: its registers may look like one.
func TestTornMessageOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := new(modbustest.Slave)
		d := &modbustest.Device{Holding: map[uint16]uint16{100: 100}}
		for i, n := range []uint16{0, 0x0002, 0x0000, 0x0005, 0x0103, 0x0212, 0x3400} { // from 1 on: the reply to request 2, one register
			d.Holding[uint16(i)] = n
		}
		line.Set(1, d)
		const torn = 9 + 2 // head of the message, function, count, and a register
		m := &machine{dial: func(context.Context, string) (net.Conn, error) {
			var rest []byte
			return tcpServer(line, func(m []byte) [][]byte {
				if len(m) < torn+10 {
					return [][]byte{rest, m}
				}
				rest = m[torn:]
				return [][]byte{m[:torn]}
			})(), nil
		}}
		s := numbers(0, 1, 2, 3, 4, 5, 6, 100)
		s.Opts.(*modbus.Opts).TCP, s.Opts.(*modbus.Opts).Retries = "192.0.2.7", 0
		x, err := modbus.Kind.New(t.Context(), m, s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		if _, err := sense(t, x); err == nil || !strings.Contains(err.Error(), "11 bytes and no whole reply in 500ms") {
			t.Errorf("%v", err)
		}
		if got, _ := sense(t, x); got["100"].Number != 100 {
			t.Errorf("%+v, want 100", got["100"])
		}
	})
}

// A request of which only a part went through is followed by nothing on its connection.
func TestTornRequestOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := new(modbustest.Slave)
		line.Set(1, holding(10))
		serve, dials := tcpServer(line, nil), 0
		m := &machine{dial: func(context.Context, string) (net.Conn, error) {
			if dials++; dials > 1 {
				return serve(), nil
			}
			here, there := net.Pipe()
			go there.Read(make([]byte, 5)) // and no more
			return here, nil
		}}
		s := numbers(7)
		s.Opts.(*modbus.Opts).TCP, s.Opts.(*modbus.Opts).Retries = "192.0.2.7", 0
		x, err := modbus.Kind.New(t.Context(), m, s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		if _, err := sense(t, x); err == nil {
			t.Error("a reply to half a request")
		}
		wantOwn(t, mustSense(t, x), 1)
		if dials != 2 {
			t.Errorf("%d connections, want 2", dials)
		}
	})
}

// Late replies are counted for their unit, and how late they are.
func TestLatenessOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, _ := spoilt(t, numbers(1), func(n int, m []byte) [][]byte {
			if n%4 == 1 {
				time.Sleep(700 * time.Millisecond)
			}
			return [][]byte{m}
		})
		for range 8 {
			sense(t, x)
			time.Sleep(time.Minute)
		}
		l := x.(drivers.Punctual).Lateness()
		if l.Late < 2 || l.Late > 4 || l.Slowest.Round(10*time.Millisecond) != 700*time.Millisecond || l.Timeout != 500*time.Millisecond || l.Asked < 8 {
			t.Errorf("%+v", l)
		}
	})
}

// A connection on which nothing comes is made anew, as the other side may have forgotten it; one reply that is missing is no reason.
func TestSilentConnectionIsMadeAnew(t *testing.T) {
	for missing, want := range map[int]int{1: 1, 2: 2, 4: 3} {
		synctest.Test(t, func(t *testing.T) {
			s := numbers(1)
			s.Opts.(*modbus.Opts).Retries = 0
			x, dials := spoilt(t, s, func(n int, m []byte) [][]byte {
				if n <= missing {
					return nil
				}
				return [][]byte{m}
			})
			for range missing {
				if _, err := sense(t, x); err == nil {
					t.Error("nothing came, and there is no error")
				}
			}
			wantOwn(t, mustSense(t, x), 1)
			if *dials != want {
				t.Errorf("%d connections after %d replies that are missing, want %d", *dials, missing, want)
			}
		})
	}
}

// A converter that takes nothing does not hold a reading for ever.
func TestConverterThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := numbers(1)
		s.Opts.(*modbus.Opts).TCP, s.Opts.(*modbus.Opts).Framing = "192.0.2.7:4001", "rtu"
		m := &machine{dial: func(context.Context, string) (net.Conn, error) {
			here, _ := net.Pipe() // nobody reads at the other end
			return here, nil
		}}
		x, err := modbus.Kind.New(t.Context(), m, s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		if took, err := timed(t, x); err == nil || took > drivers.SenseTimeout {
			t.Errorf("took %v: %v", took, err)
		}
	})
}
