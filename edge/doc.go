// Package edge is the gateway: it builds all other parts from a configuration and runs them.
//
// # Vocabulary
//
// A layer is a part that runs: storage, broker, server, uplinks, sensors, outputs, statistics. Each leans on those before it.
//
// # Guarantees
//
// Layers start downhill and stop uphill, so that nobody publishes into what has stopped: first the outputs, then the
// sensors, the uplinks, then the server with its Clients, then the broker; storage commits what it has and is closed last. When its
// context ends Run settles within five seconds and leaves no goroutine behind, unless a driver or a disk hangs: that is
// reported, and not waited for.
//
// A missing bus, device, or upstream Server never ends Run. What does is what makes its promises void: a data directory that
// cannot be used, a listener that cannot listen. Storage that fails while the station runs ends it only when a new start may heal it;
// until then it goes on with what needs no storage. What a user can do about it stands at the end of the error.
//
// # Limits
//
// A configuration is read once; there is no reload. Run is called once. On a simulated board package simulate plays all devices.
package edge
