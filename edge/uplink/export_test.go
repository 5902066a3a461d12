package uplink

// Limit says which classes are carried from now on; nil: all.
func (u *Uplink) Limit(classes []string) { u.limit(classes) }
