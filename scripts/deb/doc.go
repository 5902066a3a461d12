// Package deb holds what Debian packages are made of: the unit, the maintainer scripts, the configuration of a new machine, and the tests of
// what can be tested of it without a machine. `make deb` builds them with nfpm, whose module is apart; `make debtest` proves them.
package deb
