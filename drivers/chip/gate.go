package chip

import (
	"context"
	"errors"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// ErrWedged says that a chip did not get ready in its time.
var ErrWedged = errors.New("the measurement does not end")

// Gate lets transfers through while a call is going on and refuses them afterwards: that ends the loops of chip drivers which poll a
// chip without a limit of their own.
type Gate struct {
	i2c.Bus
	refuse func() error
}

// Open lets transfers through until the context ends or patience does.
func (g *Gate) Open(ctx context.Context, patience time.Duration) {
	end := time.Now().Add(patience)
	g.refuse = func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(end) {
			return ErrWedged
		}
		return nil
	}
}

// Close refuses transfers.
func (g *Gate) Close() { g.refuse = nil }

// Tx is that of the bus while the gate is open.
func (g *Gate) Tx(addr uint16, w, r []byte) error {
	if g.refuse == nil {
		return errors.New("transfer outside of a call")
	}
	if err := g.refuse(); err != nil {
		return err
	}
	return g.Bus.Tx(addr, w, r)
}
