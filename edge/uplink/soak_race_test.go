//go:build race

package uplink_test

// soaks is how many months TestSoak plays. The race detector of go1.26 breaks down now and then where timers fire in a bubble of
// testing/synctest, which is all that a soak does.
const soaks = 2
