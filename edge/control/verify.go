package control

import (
	"context"
	"errors"

	"skerry/queue"
)

// Finding is a row of Verify.
type Finding struct {
	Where string `json:"where"`
	What  string `json:"what"`
	Bad   bool   `json:"bad"` // damage; else only worth knowing
}

// Verdict is the last row of Verify.
type Verdict struct {
	Sound       bool   `json:"sound"`
	Live        bool   `json:"live"`
	Slots       int    `json:"slots"`
	Spares      int    `json:"spares"`
	Records     int    `json:"records"`
	Messages    int    `json:"messages"`
	Damaged     int    `json:"damaged"`
	Lost        uint64 `json:"lost_records"`
	Checkpoints int    `json:"checkpoints"`          // that are good
	Deliveries  uint64 `json:"deliveries,omitempty"` // that wait and can be read; not counted on a running station
	Missing     uint64 `json:"missing,omitempty"`
}

// VerifyRow is a row of Verify: one of the two is set.
type VerifyRow struct {
	Finding *Finding `json:"finding,omitempty"`
	Verdict *Verdict `json:"verdict,omitempty"`
}

func (s *Station) verify(ctx context.Context, emit func(any) error) error {
	sound := true
	v, err := s.Store.Verify(ctx, func(f queue.Finding) error {
		sound = sound && !f.Bad
		return emit(VerifyRow{Finding: &Finding{Where: f.Where, What: f.What, Bad: f.Bad}})
	})
	if err != nil {
		return err
	}
	return emit(VerifyRow{Verdict: &Verdict{
		Sound: sound, Live: v.Live, Slots: v.Slots, Spares: v.Spares, Records: v.Records, Messages: v.Messages,
		Damaged: v.Damaged, Lost: v.Lost, Checkpoints: v.Checkpoints, Deliveries: v.Deliveries, Missing: v.Missing,
	}})
}

// Purged is the row of Purge.
type Purged struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	InFlight int    `json:"in_flight"` // left to a connection
}

// purge answers when it is durable.
func (s *Station) purge(ctx context.Context, r Request, emit func(any) error) error {
	x, err := s.find(r.Session)
	if err != nil {
		return err
	}
	messages, bytes, receipt, err := x.Purge()
	if err == nil {
		err = s.durable(ctx, receipt)
	}
	if err != nil {
		return err
	}
	return emit(Purged{Messages: messages, Bytes: bytes, InFlight: x.Stats().InFlight})
}

func (s *Station) durable(ctx context.Context, r queue.Receipt) error {
	if !s.Live {
		return s.Store.Commit()
	}
	if err := s.Store.Wait(ctx, r); err != nil {
		return errors.Join(errors.New("the store is down"), err)
	}
	return nil
}
