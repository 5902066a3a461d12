// Package watchdog tells a link that is dead from a Server that is slow, without sending anything.
//
// # Vocabulary
//
// What waits is a packet that the Server has not acknowledged. The silence is how long nothing has been acknowledged while something waited. The path
// is the connection of TCP below: the kernel at the other end acknowledges bytes there whether the Server looks at them or not.
//
// # Guarantees
//
// A link is dead when the silence is longer than its limit, and TCP was not answered all that time either. The limit is the floor of the kind of link,
// or four round trips and twice what they vary, if that is longer: the kinds that are known to stall have a floor beyond their stalls. When the path
// answers, the Server is slow, and is given longer ([Limits.Slow]): to connect anew would help nobody and costs bytes. As long as bytes are
// being delivered nothing is decided.
//
// # Limits
//
// While nothing waits nothing is known; then only PINGREQ tells. Where the path cannot be asked, all that counts is Limits.Slow.
package watchdog
