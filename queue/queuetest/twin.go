package queuetest

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"

	"skerry/queue"
	"skerry/queue/vfs"
)

// compareTwins opens copies of the disk, one as it is and others without a checkpoint, and compares everything that can
// be seen of the store. As long as no segment was ever freed, the log without any checkpoint must give the same state; later
// either of the two checkpoints must be enough.
func (w *world) compareTwins() {
	names, _ := w.disk.List("q")
	var checkpoints []string
	for _, name := range names {
		if strings.HasPrefix(name, "ckpt-") {
			checkpoints = append(checkpoints, name)
		}
	}
	if len(checkpoints) == 0 {
		return
	}
	want, err := w.twin(nil)
	if err != nil {
		w.breaks("twin: %w", err)
		return
	}
	without := [][]string{{checkpoints[w.r.IntN(len(checkpoints))]}}
	if w.nothingFreed() {
		without = append(without, checkpoints)
	}
	for _, removed := range without {
		got, err := w.twin(removed)
		if err != nil {
			w.breaks("twin without %v: %w", removed, err)
			return
		}
		w.result.Twins++
		w.compare(removed, want, got)
	}
}

func (w *world) compare(removed, want, got []string) {
	for i := range max(len(want), len(got)) {
		var a, b string
		if i < len(want) {
			a = want[i]
		}
		if i < len(got) {
			b = got[i]
		}
		if a != b {
			w.breaks("without %v the store says\n\t%s, and with it\n\t%s", removed, b, a)
			return
		}
	}
}

// twin opens a copy of the disk without some files and tells what is in the store.
func (w *world) twin(removed []string) (seen []string, err error) {
	disk := w.disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1})
	for _, name := range removed {
		if err := disk.Remove("q/" + name); err != nil {
			return nil, err
		}
	}
	s, rec, err := queue.Open(disk, "q", w.options())
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for k, v := range s.Facts(factSpace) {
		seen = append(seen, fmt.Sprintf("fact %s: %x", k, v))
	}
	slices.Sort(seen)
	for _, m := range rec.Retained {
		seen = append(seen, fmt.Sprintf("retained %s", show(s, m)))
	}
	for x := range s.Sessions() {
		seen = append(seen, state(x))
		if seen, err = transcript(seen, s, x); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

func show(s *queue.Store, m *queue.Message) string {
	return fmt.Sprintf("%s %d: %d bytes %x, QoS %d, expiry %d %t, boot %d", m.TopicName, number(m), len(m.Payload),
		crc32.ChecksumIEEE(m.Payload), m.QoS, m.Expiry, m.HasExpiry, m.Stamp.Boot)
}

func state(x *queue.Session) string {
	var held []uint16
	for id := range uint16(20) {
		if _, is := x.Held(id); is {
			held = append(held, id)
		}
	}
	st := x.Stats()
	return fmt.Sprintf("session %d: ids %v, held %v, unfinished %d, %d messages, %d bytes, dropped %v", x.Number(), x.PacketIDs(), held,
		x.Unfinished(), st.Messages, st.Bytes, st.Dropped)
}

// transcript takes and acknowledges everything a session is owed.
func transcript(seen []string, s *queue.Store, x *queue.Session) ([]string, error) {
	x.Resume(0)
	for idle := 0; idle < 3; {
		ds := x.Next(nil, 100)
		for _, d := range ds {
			line := fmt.Sprintf("session %d ordinal %d: packet id %d, QoS %d, dup %t", x.Number(), d.Ordinal, d.PacketID, d.QoS, d.Dup)
			if d.Release {
				line += ", PUBREL"
			} else {
				line += fmt.Sprintf(", retain %t, ids %v, %s", d.Retain, d.SubscriptionIDs, show(s, d.Message))
			}
			seen = append(seen, line)
			x.Ack(d.PacketID)
		}
		if err := s.Commit(); err != nil {
			return nil, err
		}
		idle++
		if len(ds) > 0 {
			idle = 0
		}
	}
	return append(seen, state(x)), nil
}

// nothingFreed tells whether every segment since the first is still there, by the numbers in the slot headers.
func (w *world) nothingFreed() bool {
	names, _ := w.disk.List("q/log")
	var segments []uint64
	for _, name := range names {
		f, err := w.disk.Open("q/log/" + name)
		if err != nil {
			return false
		}
		var b [56]byte
		if _, err := f.ReadAt(b[:], 0); err == nil && string(b[:7]) == "SKERRYQ" {
			segments = append(segments, binary.LittleEndian.Uint64(b[48:]))
		}
	}
	slices.Sort(segments)
	for i, n := range slices.Compact(segments) {
		if n != uint64(i+1) {
			return false
		}
	}
	return true
}
