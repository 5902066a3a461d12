package broker

import (
	"time"

	"skerry/queue"
)

var start = time.Now()

func (b *Broker) now() queue.Stamp { return queue.Stamp{Boot: 1, At: time.Since(start)} }

func (b *Broker) since(at queue.Stamp) time.Duration { return b.store.Age(&Message{Stamp: at}) }

func queued(*queue.Session) int { return 0 }
