//go:build !race

package uplink_test

// soaks is how many months TestSoak plays.
const soaks = 12
