// Package kind knows the kinds of links that an uplink can go over, and what is usual on each.
//
// # Vocabulary
//
// A link is one way from the site to a Server upstream: a network interface and what is behind it. Its kind is the technology
// behind it, as the configuration names it. A metered link is one that is paid by the byte.
//
// # Guarantees
//
// Pure data: nothing here is measured, and nothing changes while the program runs. Each value is where a link begins that nothing
// better is known of; what the configuration says, or what is learned, comes before it.
//
// # Limits
//
// The values are those of common networks. A provider may do otherwise: a private APN without a NAT forgets nothing, and one with
// a strict NAT forgets sooner than KeepAliveMin.
package kind
