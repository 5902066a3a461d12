package queue

import "time"

// hangs is how long a commit takes until it has a name. No card that works is silent for so long; one that is dying,
// or that moves all its data about, is.
const hangs = 30 * time.Second

// flush makes the encoded group durable. If the disk does not answer that is said once, and once when it is over:
// meanwhile nothing is acknowledged, memory is bounded by PendingBytes, and QoS 0 flows.
func (s *Store) flush() error {
	begun := time.Now()
	said := make(chan struct{})
	watch := time.AfterFunc(hangs, func() {
		defer close(said)
		s.o.Log.Error("the disk has not confirmed a flush for 30 s; nothing is acknowledged until it does (hint: `dmesg` tells whether the disk or card is failing)")
	})
	err := s.log.Commit(&s.group)
	s.pace.took(time.Since(begun))
	if watch.Stop() {
		return err
	}
	<-said
	if err == nil {
		s.o.Log.Info("the disk has confirmed the flush", "took", time.Since(begun).Round(time.Second))
	}
	return err
}
