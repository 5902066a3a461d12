package main

import (
	"encoding/binary"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// bolt is the store that one would write without a log: bbolt with a transaction for what must be durable before the next
// acknowledgement. What may wait (a receiver's PUBACK) goes with the transaction of the next message, as in the log.
type bolt struct {
	db   *bbolt.DB
	work work
	seq  uint64 // messages stored so far
}

var (
	messagesBucket = []byte("messages")
	heldBucket     = []byte("held")
)

func openBolt(folder string, w work) (*bolt, error) {
	db, err := bbolt.Open(filepath.Join(folder, "peer.db"), 0o600, &bbolt.Options{PageSize: 4096})
	if err != nil {
		return nil, err
	}
	return &bolt{db: db, work: w}, db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists(messagesBucket); err != nil {
			return err
		}
		_, err := tx.CreateBucketIfNotExists(heldBucket)
		return err
	})
}

func (b *bolt) close() { _ = b.db.Close() }

func (b *bolt) run(n, size, inflight int) error {
	value := make([]byte, size)
	for done := 0; done < n; done += inflight {
		if err := b.db.Update(func(tx *bbolt.Tx) error { return b.store(tx, value, inflight) }); err != nil {
			return err
		}
		if b.work.qos == 2 {
			if err := b.settle(); err != nil {
				return err
			}
		}
	}
	return nil
}

// store puts as many messages as are in flight, and removes what the receiver acknowledged meanwhile.
func (b *bolt) store(tx *bbolt.Tx, value []byte, inflight int) error {
	messages, held := tx.Bucket(messagesBucket), tx.Bucket(heldBucket)
	for range inflight {
		key := binary.BigEndian.AppendUint64(nil, b.seq)
		if err := messages.Put(key, value); err != nil {
			return err
		}
		if b.work.qos == 2 {
			if err := held.Put(key, nil); err != nil {
				return err
			}
		}
		if b.work.online && b.seq >= uint64(inflight) {
			if err := messages.Delete(binary.BigEndian.AppendUint64(nil, b.seq-uint64(inflight))); err != nil {
				return err
			}
		}
		b.seq++
	}
	return nil
}

// settle is what QoS 2 needs beside: the publisher's PUBREL before PUBCOMP, the receiver's PUBREC before PUBREL.
func (b *bolt) settle() error {
	last := binary.BigEndian.AppendUint64(nil, b.seq-1)
	if err := b.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(heldBucket).Delete(last) }); err != nil {
		return err
	}
	return b.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(messagesBucket).Put(last, []byte("received")) })
}
