package queue

// What a received record says of the messages. An older version takes all of them for receivedGone.
const (
	receivedGone byte = iota // they are not needed any more; the byte is left out
	receivedKept             // they are kept until PUBCOMP
	receivedBack             // the PUBREC of some that are kept counts no more: they are to be published again
)

// decodeReceived also gives the bytes of the messages that are not needed any more, which records of older versions do not say.
func decodeReceived(b []byte) (r runRecord, bytes uint64, what byte, ok bool) {
	d := decoder{b: b}
	r = runRecord{d.uvarint(), d.uvarint(), d.uvarint()}
	if len(d.b) > 0 {
		bytes = d.uvarint()
	}
	if len(d.b) > 0 {
		what = d.byte()
	}
	return r, bytes, what, !d.bad && r.first+r.count >= r.first && what <= receivedBack
}
