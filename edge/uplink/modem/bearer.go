package modem

import (
	"context"
	"fmt"
	"time"
)

const (
	attachPatience = 60 * time.Second // for a context to go up or down
	radioPatience  = 20 * time.Second // for AT+CFUN
	radioOff       = 5 * time.Second  // so long the radio stays off: the network must notice
)

// bounce takes the data context down and up again. One that is down already is an error of the first command only.
func (a *at) bounce(ctx context.Context) error {
	return a.with(ctx, func() error {
		down := command{text: fmt.Sprintf("AT+CGACT=0,%d", a.context), patience: attachPatience}
		if _, err := a.wire.ask(ctx, down); fatal(ctx, err) {
			return err
		}
		_, err := a.wire.ask(ctx, command{text: fmt.Sprintf("AT+CGACT=1,%d", a.context), patience: attachPatience})
		return err
	})
}

// radio switches the radio off and on. Whatever becomes of the first command, the second is given: a radio that stays off is worse than
// one that hangs.
func (a *at) radio(ctx context.Context) error {
	return a.with(ctx, func() error {
		_, off := a.wire.ask(ctx, command{text: "AT+CFUN=4", patience: radioPatience})
		pause(ctx, radioOff)
		on, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*radioPatience)
		defer cancel()
		if _, err := a.wire.ask(on, command{text: "AT+CFUN=1", patience: radioPatience}); err != nil {
			return err
		}
		return off
	})
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
