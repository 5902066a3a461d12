package uplink

// Limit says which classes are carried from now on; nil: all.
func (u *Uplink) Limit(classes []string) { u.limit(classes) }

// HandshakeError is what a dial gives when TCP stands and TLS does not.
func HandshakeError(err error) error { return &handshakeError{err} }
