package packet

// Auth is an AUTH packet (section 3.15). It exists in 5.0 only.
type Auth struct {
	ReasonCode ReasonCode // Success, ContinueAuthentication or ReAuthenticate
	Properties Properties // with an Authentication Method, unless the packet is empty
}

// Decode reads an AUTH packet.
func (a *Auth) Decode(v Version, h Header) error {
	*a = Auth{}
	if err := h.expect(AUTH, v); err != nil {
		return err
	}
	if v != V5 {
		return malformed(AUTH, "3.1.1 section 2.2.1", "packet type 15 is reserved")
	}
	if len(h.Body) == 0 { // Success without properties (section 3.15.2.1)
		return nil
	}
	r := reader{packet: AUTH, rest: h.Body}
	a.ReasonCode = r.reasonCode()
	a.Properties = r.properties(1 << AUTH)
	if r.err == nil && !a.Properties.Has(AuthenticationMethod) {
		r.fail(protocolError(AUTH, "3.15.2.2.2", "no Authentication Method"))
	}
	return r.end()
}

func (a *Auth) bodySize() int {
	if a.ReasonCode == Success && len(a.Properties) == 0 {
		return 0
	}
	return 1 + a.Properties.size(V5)
}

// Size is the size of the packet in bytes.
func (a *Auth) Size(Version) int { return frameSize(a.bodySize()) }

// Append writes the packet behind dst. It must not be sent before 5.0.
func (a *Auth) Append(dst []byte, _ Version) []byte {
	size := a.bodySize()
	dst = appendHeader(dst, AUTH, 0, size)
	if size == 0 {
		return dst
	}
	return appendProperties(append(dst, byte(a.ReasonCode)), V5, a.Properties)
}
