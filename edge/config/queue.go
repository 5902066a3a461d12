package config

// queue checks the bounds of a queue. What never fills up needs no word for what gives way then: who writes one means a bound
// that is not there.
func (d *decoder) queue(at string, q Queue) {
	if policy := below(at, "when_full"); d.given(policy) && d.sound(at) && q.Messages == 0 && q.Bytes == 0 {
		d.fail(policy, "the queue has no bound that it could fill", "add messages: 100000, or bytes: 256MiB")
	}
}
