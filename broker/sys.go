package broker

import "skerry/queue"

// SetSystem publishes a value of the Server itself under $SYS/ and retains it, in memory only: it goes to everybody at
// QoS 0, whatever they subscribed with, so that statistics about the disk never write to it. An empty value deletes it.
// Clients cannot publish there, and "#" does not match it [MQTT-4.7.2-1].
func (b *Broker) SetSystem(name, value string) {
	m := &Message{TopicName: "$SYS/" + name, Payload: []byte(value), Retain: true, Origin: queue.Gateway, Stamp: b.store.Now()}
	var t Touched
	defer t.Flush()
	b.judge(m, &t)
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	if !b.makeRoom(m) {
		return
	}
	b.route(m, nil, &t)
	live := *m
	live.Retain = false // what the store is not to keep
	_, _ = b.hand(&live, nil, 0, &t)
	b.retained.keep(m, nil)
	t.touchAll()
}
