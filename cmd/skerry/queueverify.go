package main

import (
	"context"
	"errors"
	"fmt"

	"skerry/edge/control"
)

// queueVerifyCmd is `skerry queue verify`.
type queueVerifyCmd struct {
	lookFlags
}

// Help stands behind the flags.
func (*queueVerifyCmd) Help() string {
	return `Each slot of the log is read and its checksums are compared, both checkpoints are, and each message that waits is looked for. Of a
station that runs, what waits changes too fast to be counted; all else is read beside it. Nothing is changed. Ends with status 1 if
there is damage.`
}

// Run prints what was found.
func (c *queueVerifyCmd) Run(ctx context.Context) error {
	sound := true
	err := ask(ctx, &c.lookFlags, control.Request{Do: control.Verify}, func(v *control.VerifyRow) {
		sound = sound && (v.Verdict == nil || v.Verdict.Sound)
	}, func(_ control.Desk, rows []control.VerifyRow) error {
		t := columns()
		for _, row := range rows {
			if f := row.Finding; f != nil {
				mark := ""
				if f.Bad {
					mark = "DAMAGE: "
				}
				fmt.Fprintf(t, "%s\t%s%s\n", f.Where, mark, f.What)
			}
		}
		err := t.Flush()
		for _, row := range rows {
			if row.Verdict != nil && err == nil {
				_, err = fmt.Println(verified(row.Verdict))
			}
		}
		return err
	})
	if err == nil && !sound {
		err = errors.New("the store is damaged (hint: what can be read is used; the station starts with it, and keeps copies of the rest)")
	}
	return err
}

func verified(v *control.Verdict) string {
	text := fmt.Sprintf("read %s with %s and %s", several(v.Slots-v.Spares, "slot"), several(v.Records, "record"), several(v.Checkpoints, "checkpoint"))
	switch {
	case v.Live:
		text += "; what waits was not counted, because the station runs"
	case v.Missing > 0:
		text += fmt.Sprintf("; %s of %s that wait are not there", grouped(v.Missing), several(v.Deliveries+v.Missing, "delivery"))
	case !v.Sound:
		text += fmt.Sprintf("; %s that wait can be read", several(v.Deliveries, "delivery"))
	default:
		text += fmt.Sprintf("; all %s that wait are there", several(v.Deliveries, "delivery"))
	}
	if v.Sound {
		return text + ": sound"
	}
	return text
}
