// Package drivertest holds the tests that every driver passes, and a small machine of buses in memory that can be made sick.
//
// A driver's test describes how to build a healthy device on that machine and how to take it away; Suite.Run does the rest:
// the readings fit the documentation, the n-th transfer fails for every n, the device is absent, is another one, goes away and comes
// back, hangs, the context is cancelled, Halt comes twice, and no goroutine is left. All runs in a synctest bubble: time is
// simulated, and a goroutine that stays behind fails the test.
package drivertest
