package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"

	peer "github.com/simonvetter/modbus"

	"skerry/drivers"
	"skerry/drivers/modbus"
)

// serve reads a server of the library's for Modbus TCP with drivers/modbus.
func serve(polls int) error {
	server, err := peer.NewServer(&peer.ServerConfiguration{URL: "tcp://127.0.0.1:15020", MaxClients: 1, Logger: log.New(quiet{}, "", 0)}, tables{})
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Stop()
	s := drivers.Setup{Opts: modbus.Kind.Opts(), Values: map[string]any{}}
	s.Opts.(*modbus.Opts).TCP = "127.0.0.1:15020"
	for name, table := range map[string]modbus.Table{"coil": modbus.Coil, "discrete": modbus.Discrete, "holding": modbus.Holding, "input": modbus.Input} {
		address := uint16(0x1234)
		v := &modbus.ValueOpts{Table: table, Address: &address, Type: modbus.Uint16}
		if table == modbus.Coil || table == modbus.Discrete {
			v.Type = modbus.Bool
		}
		s.Values[name] = v
	}
	x, err := modbus.Kind.New(context.Background(), new(network), s)
	if err != nil {
		return err
	}
	defer x.Halt()
	want := map[string]float64{"coil": 1, "discrete": 0, "holding": 0x1234, "input": 0x1234 + 1}
	for range polls {
		got, err := x.Sense(context.Background(), nil)
		if err != nil || len(got) != len(want) {
			return fmt.Errorf("%d values and %w", len(got), err)
		}
		for _, r := range got {
			if r.Number != want[r.Value] {
				return fmt.Errorf("%s is %v, want %v", r.Value, r.Number, want[r.Value])
			}
		}
	}
	fmt.Printf("skerry, Modbus TCP, against the server of simonvetter/modbus: %d polls of four tables, all right\n", polls)
	return nil
}

// tables holds in each register its address, one more in the input registers, and the low bit of it in the coils as its contrary.
type tables struct{}

func (tables) HandleCoils(r *peer.CoilsRequest) ([]bool, error) {
	return bits(r.Addr, r.Quantity, func(a uint16) bool { return a&1 == 0 }), nil
}

func (tables) HandleDiscreteInputs(r *peer.DiscreteInputsRequest) ([]bool, error) {
	return bits(r.Addr, r.Quantity, func(a uint16) bool { return a&1 == 1 }), nil
}

func (tables) HandleHoldingRegisters(r *peer.HoldingRegistersRequest) ([]uint16, error) {
	return registers(r.Addr, r.Quantity, 0), nil
}

func (tables) HandleInputRegisters(r *peer.InputRegistersRequest) ([]uint16, error) {
	return registers(r.Addr, r.Quantity, 1), nil
}

func bits(address, count uint16, of func(uint16) bool) (all []bool) {
	for i := range count {
		all = append(all, of(address+i))
	}
	return all
}

func registers(address, count, more uint16) (all []uint16) {
	for i := range count {
		all = append(all, address+i+more)
	}
	return all
}

// network can be dialled, and has no bus.
type network struct {
	drivers.Buses
	commons drivers.Commons
}

func (*network) Dial(ctx context.Context, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func (n *network) Common(name string, make func() (io.Closer, error)) (io.Closer, func() error, error) {
	return n.commons.Common(name, make)
}
