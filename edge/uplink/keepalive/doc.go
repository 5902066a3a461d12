// Package keepalive learns for how long a connection may be silent before something on the way forgets it: the NAT of a provider, a
// firewall, a balancer. The longer the silence, the fewer PINGREQ have to be paid for.
//
// # Vocabulary
//
// A [Path] is what such a timer may depend on: link, operator, access point, technology, Server. The interval is the silence after
// which the Server is asked. A silence, and what became of what was sent after it, is a [Trial]: it was answered, or the connection
// was lost with it. A loss is a lost connection that speaks against the interval; one that may have another reason is void.
//
// # The search
//
// From the lower bound the interval grows by half as long as it holds. Behind the first one that fails it grows by a tenth from what
// held last, so that the next failure is the last one: a search costs four connections at most, where bisecting costs up to eight.
// Two answers prove an interval, two losses refute it. What is kept in the end is nine tenths of what is proven, or the upper bound
// itself if that has held. Two losses there have a shorter interval tried; when that holds, what failed is tried again, and one answer restores
// what was known: no timer lets one through. Two losses more, or against the shorter one, and the search goes on below. After 14 days the
// interval that failed is tried once more.
//
// # Guarantees
//
// A loss counts only if nothing else explains it: the signal was fair all the while, the link did not change, the clock did not step,
// and the very next attempt to connect over the same path succeeded within a minute. An outage in between, or a day, makes an earlier loss
// void too. So no outage, however long, lowers an interval by itself, and what short ones in a row lower is restored when they end. While something is wrong with the link nothing is learned, and the
// interval is one that is proven.
//
// Pure: there is no clock, no goroutine and no input or output in here. What is learned is a [State], a small JSON document; it
// changes when something was learned and at no other time. A document that makes no sense is as good as none.
//
// # Limits
//
// A path that forgets sooner than the lower bound is not learned; Status says so. Outages that each begin in a silence and end
// within the minute after it, with no answered exchange between them, look like a timer: two of them in a search have it end below, for 14
// days, and it takes four to lower what is held for as long.
package keepalive
