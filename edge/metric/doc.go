// Package metric shows the figures of a station to Prometheus, over HTTP in its text format (version 0.0.4).
//
// A metric has a name, what it means in words, a kind, and one or several samples that differ in one label. It is looked at when
// somebody asks, not before: nothing is kept here, and without a listener nothing costs anything.
//
// The listener answers GET /metrics and nothing else. There are no passwords: it is meant for loopback, and a station whose
// configuration shows it to the network must say so. Askers are bounded in number, size and time.
package metric
