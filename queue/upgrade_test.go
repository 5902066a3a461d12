package queue_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

var formatOptions = queue.Options{
	SlotSize: 8 << 10, BlockSize: 1024,
	Boot: queue.Boot{ID: [16]byte{1}, Clock: func() time.Duration { return time.Hour }},
}

// writeFormat makes the store that lies in testdata, where there is one directory for each format version ever
// released; a new version gets a new directory.
func writeFormat(t *testing.T, disk *vfs.Disk) {
	s, _ := open(t, disk, formatOptions)
	b := s.NewBatch()
	x := b.Create(queue.SessionOptions{PacketIDs: queue.Range{First: 5, Count: 50}, Window: 9})
	from := b.Create(queue.SessionOptions{})
	gone := b.Create(queue.SessionOptions{})
	b.Put(1, "x", []byte{1})
	b.Put(1, "deleted", []byte{2})
	apply(t, s, b)
	x.Resume(0)
	for i, qos := range []byte{1, 2, 1, 2, 1} {
		publish(t, s, message("%d", i), queue.Target{Session: x, QoS: qos, Retain: i == 4, SubscriptionIDs: []uint32{7, 300}[:i%3]})
	}
	commit(t, s)
	ds := next(t, x, "0", "1", "2", "3", "4")
	ack(t, x, ds[0], ds[2])
	if _, ok := x.Received(ds[3].PacketID); !ok {
		t.Fatal("not in flight")
	}
	receive(t, from, 77, "held", at(x, 2))
	receive(t, from, 78, "released", at(x, 1))
	from.Release(78)
	kept := retain(own(message("kept")))
	kept.Properties, kept.Expiry, kept.HasExpiry, kept.Unresolved = []byte{1, 1}, 60, true, true
	publish(t, s, kept)
	b = s.NewBatch()
	b.Delete(1, "deleted")
	b.End(gone)
	b.Publish(message("in a batch"), []queue.Target{at(x, 1)})
	apply(t, s, b)
	closeStore(t, s)
}

// TestOlderFormats opens a store of each released format.
func TestOlderFormats(t *testing.T) {
	formats, err := filepath.Glob("testdata/format-*")
	if err != nil || len(formats) == 0 {
		t.Fatalf("no stores in testdata: %v", err)
	}
	for _, dir := range formats {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			disk := vfs.NewDisk()
			slots, _ := filepath.Glob(filepath.Join(dir, "slot-*"))
			for _, name := range slots {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				f, _ := disk.Create(filepath.Join("q", "log", filepath.Base(name)))
				_, _ = f.WriteAt(b, 0)
			}
			checkFormat(t, disk)
		})
	}
}

func TestThisFormat(t *testing.T) {
	disk := vfs.NewDisk()
	writeFormat(t, disk)
	checkFormat(t, disk)
}

func checkFormat(t *testing.T, disk *vfs.Disk) {
	s, rec := open(t, disk, formatOptions)
	if rec.Report.Unclean || rec.Report.Unknown != 0 || rec.Report.Damaged != 0 || s.Session(3) != nil {
		t.Errorf("report %+v", rec.Report)
	}
	if v, ok := s.Fact(1, "x"); !ok || len(v) != 1 {
		t.Errorf("fact %v", v)
	}
	if _, ok := s.Fact(1, "deleted"); ok {
		t.Error("a deleted fact is back")
	}
	if len(rec.Retained) != 1 || string(rec.Retained[0].Payload) != "kept" || !rec.Retained[0].Unresolved || rec.Retained[0].Expiry != 60 {
		t.Errorf("retained %+v", rec.Retained)
	}
	from := s.Session(2)
	_, held := from.Held(77)
	if _, released := from.Held(78); !held || released {
		t.Error("held packet ids are wrong")
	}
	x := s.Session(1)
	x.Resume(0)
	x.Next(nil, 0)
	commit(t, s)
	ds := next(t, x, "1", "release", "4", "held", "released", "in a batch")
	if ds[0].PacketID != 6 || ds[1].PacketID != 8 || !ds[2].Retain || !slices.Equal(ds[2].SubscriptionIDs, []uint32{7}) {
		t.Errorf("deliveries %+v", ds)
	}
	closeStore(t, s)
}
