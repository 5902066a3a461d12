package broker

import "skerry/queue"

// Unfinished is how many deliveries of QoS 1 and 2 the session owes its subscriber: waiting or on their way, and not
// acknowledged. It also answers on a dead handle.
func (s *Session) Unfinished() uint64 { return s.state.queue.Unfinished() }

// PacketIDs is the range of Packet Identifiers that the session was made with, whatever ConnectOptions say since.
func (s *Session) PacketIDs() queue.Range { return s.state.queue.PacketIDs() }
