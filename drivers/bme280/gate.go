package bme280

import (
	"context"
	"errors"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// patience is how long one measurement with everything around it may take; by the datasheet (page 51) it is 25 ms.
const patience = time.Second

var errWedged = errors.New("the measurement does not end")

// gate lets transfers through while a call is going on and refuses them afterwards. bmxx80 polls the status register until the
// chip is idle; refusing is what ends that loop when the chip never is.
type gate struct {
	i2c.Bus
	refuse func() error
}

// open lets transfers through until the context ends or patience does.
func (g *gate) open(ctx context.Context) {
	end := time.Now().Add(patience)
	g.refuse = func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(end) {
			return errWedged
		}
		return nil
	}
}

func (g *gate) close() { g.refuse = nil }

// Tx is that of the bus while the gate is open.
func (g *gate) Tx(addr uint16, w, r []byte) error {
	if g.refuse == nil {
		return errors.New("transfer outside of a call")
	}
	if err := g.refuse(); err != nil {
		return err
	}
	return g.Bus.Tx(addr, w, r)
}
