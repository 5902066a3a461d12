package uplink

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink/arrivals"
)

// A message in a block is known upstream by the epoch of its stream and its ordinal in the local session, and so is one that is sent again, whatever
// block it is in. What was not on the disk when the program ended may have been sent, and its ordinal comes again for another message: so each run has
// an epoch of its own, a random number, for all that is published in it. What waits from an earlier run keeps that run's. A card
// that was copied, or a store that was put back, begins an epoch of its own like any other start.
//
// Nothing leaves in a block before its epoch is on the disk.

// mostEpochs bounds how many runs of a stream are told apart. What has waited through more is taken for the messages of one run. A ground end remembers some more.
const mostEpochs = arrivals.Recent - 2

// epoch is that of the messages from an ordinal on.
type epoch struct {
	first uint64 // ordinal
	id    uint64
}

// epochs are those of a stream, by ordinal.
type epochs []epoch

// of gives the epoch of a message.
func (e epochs) of(ordinal uint64) epoch {
	i, _ := slices.BinarySearchFunc(e, ordinal+1, func(e epoch, o uint64) int {
		if e.first < o {
			return -1
		}
		return 1
	})
	return e[max(i-1, 0)]
}

// begin adds the epoch of a run whose first message will have the ordinal next. empty: nothing waits of earlier ones. The first epoch is that of all that
// waits from before as well: of a run that is not told apart any more, or of one whose stream did not leave in blocks.
func (e epochs) begin(next, id uint64, empty bool) epochs {
	kept := slices.DeleteFunc(slices.Clone(e), func(e epoch) bool { return empty || e.first >= next })
	if n := len(kept) - mostEpochs + 1; n > 0 {
		kept = kept[n:]
	}
	kept = append(kept, epoch{next, id})
	kept[0].first = 1
	return kept
}

func (e epochs) append(b []byte) []byte {
	for _, one := range e {
		b = binary.AppendUvarint(b, one.first)
		b = binary.BigEndian.AppendUint64(b, one.id)
	}
	return b
}

var errEpochs = errors.New("the fact of the epochs is damaged")

func parseEpochs(b []byte) (all epochs, err error) {
	for len(b) > 0 {
		first, n := binary.Uvarint(b)
		if n <= 0 || len(b) < n+8 || len(all) > 0 && first <= all[len(all)-1].first {
			return nil, errEpochs
		}
		all = append(all, epoch{first, binary.BigEndian.Uint64(b[n:])})
		b = b[n+8:]
	}
	return all, nil
}

// single is put in front of the epochs of a stream of which something may be on its way one by one: the Server may hold it, and is to be rid of it before
// anything leaves in a block. No epoch begins with 0.
var single = epoch{}

// takeSingle tells whether single stands in front, and takes it away.
func (e epochs) takeSingle() (rest epochs, is bool) {
	if len(e) > 0 && e[0].first == 0 {
		return e[1:], true
	}
	return e, false
}

func (u *Uplink) epochsKey(stream string) string { return u.group() + "/epochs/" + stream }

// openEpochs begins the epoch of this run for a stream that leaves in blocks. A stream that does not has none: the fact tells a later run that what was on
// its way has left in blocks.
func (u *Uplink) openEpochs(s *stream, session *broker.Session) error {
	key := u.epochsKey(s.name)
	fact, known := u.broker.Fact(key)
	if s.encode == config.EncodePass {
		if !known {
			return nil
		}
		_, err := u.broker.PutFact(key, nil)
		return err
	}
	before, err := parseEpochs(fact)
	if err != nil {
		u.log.Error("which messages have left in blocks is not known any more: those on their way may arrive twice", "stream", s.name, "err", err)
	}
	before, singly := before.takeSingle()
	s.blocked = session.Unfinished() == 0 || known && !singly
	s.epochs = before.begin(session.NextOrdinal(), randomID(), session.Unfinished() == 0)
	written := s.epochs
	if !s.blocked {
		written = slices.Concat(epochs{single}, written)
	}
	if s.begun, err = u.broker.PutFact(key, written.append(nil)); err != nil {
		return fmt.Errorf("stream %s: begin its epoch: %w", s.name, err)
	}
	return nil
}

// endSingle notes that nothing of a stream is on its way one by one any more. It is to be on the disk, at begun, before a block leaves.
func (u *Uplink) endSingle(s *stream) (err error) {
	if s.blocked {
		return nil
	}
	if s.begun, err = u.broker.PutFact(u.epochsKey(s.name), s.epochs.append(nil)); err != nil {
		return err
	}
	s.blocked = true
	return nil
}

// forgetEpochs ends those of a stream that is carried no more.
func (u *Uplink) forgetEpochs(stream string) {
	if _, known := u.broker.Fact(u.epochsKey(stream)); !known {
		return
	}
	if _, err := u.broker.PutFact(u.epochsKey(stream), nil); err != nil {
		u.log.Warn("the epochs of a stream that is carried no more cannot be deleted", "stream", stream, "err", err)
	}
}

// waitEpochs waits until the epochs of this run are on the disk.
func (u *Uplink) waitEpochs(ctx context.Context) error {
	for _, s := range u.streams {
		if err := u.broker.Wait(ctx, s.begun); err != nil {
			return fmt.Errorf("begin the epoch of stream %s: %w", s.name, err)
		}
	}
	return nil
}

func randomID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint64(b[:])
}
