// Package clock knows how far the date can be relied on, on boards that have no battery for it.
//
// A source is what tells the date: gps (a satellite receiver whose sensor says set_clock), ntp (the kernel says that chrony, ntpd or
// systemd-timesyncd keeps it in step), rtc (a clock chip with a battery that agrees with the system). The date is trusted while one of the
// configured sources vouches for it; of several the first one counts.
//
// # Guarantees
//
// A board that starts in 1970, or at the time of its last shutdown, is told from one that knows the date: the date alone is not enough. No
// step of the system's clock moves what a satellite receiver said: that is kept on Go's monotonic clock, for a day.
//
// For certificates, which need only a date that is not too early, the latest of three counts while none is trusted: when this program was
// built, the last date that the log has proven, and the clock.
//
// # Limits
//
// Setting the system's clock needs the capability CAP_SYS_TIME; without it the station runs on a time of its own. A leap second is not
// told from a second.
package clock
