package queue_test

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"skerry/queue"
	"skerry/queue/vfs"
)

// BenchmarkOnePerCommit makes messages of about 100 bytes durable one by one, on the file system of the temporary folder: the log, and
// beside it bbolt with one transaction for each message, the store that one would take if there were no log. Only the ratio of the
// two means something; the times are those of this disk.
func BenchmarkOnePerCommit(b *testing.B) {
	b.Run("log", func(b *testing.B) {
		s, _, err := queue.Open(vfs.OS{}, filepath.Join(b.TempDir(), "q"), queue.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer closeStore(b, s)
		to := at(create(b, s, queue.SessionOptions{}), 1)
		m := message("%100d", 1)
		for b.Loop() {
			publish(b, s, m, to)
			commit(b, s)
		}
	})
	b.Run("bbolt", func(b *testing.B) {
		db, err := bbolt.Open(filepath.Join(b.TempDir(), "peer.db"), 0o600, &bbolt.Options{PageSize: 4096})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		value := message("%100d", 1).Payload
		for seq := uint64(0); b.Loop(); seq++ {
			err := db.Update(func(tx *bbolt.Tx) error {
				messages, err := tx.CreateBucketIfNotExists([]byte("messages"))
				if err != nil {
					return err
				}
				return messages.Put(binary.BigEndian.AppendUint64(nil, seq), value)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
