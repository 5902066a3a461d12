// Package sampler asks the sensors on their schedule and publishes what they say.
//
// # Vocabulary
//
// Sensors on one bus are asked one after the other by one goroutine; a sensor without a shared bus has a goroutine of its
// own. A sensor is failing from its first error to its next answer. A call is abandoned when it returns neither in time nor
// after its context has ended. A reading is one call of the driver, or a burst of several that are reduced to one. A supply is a line
// that feeds sensors; it is on for their readings only.
//
// # Guarantees
//
// A schedule is aligned to the clock, in UTC: every 15min is :00, :15, :30 and :45. Only the first reading comes at once. A
// reading that was missed is not made up for, and a step of the clock in either direction costs at most half a minute or one
// unaligned reading. With `align: start` readings are counted from the first one, and no step of the clock touches them.
//
// A supply goes on so much before a reading that the sensor is warm when its time has come, and off after it, unless another sensor
// needs it. A sensor whose supply goes off is put to rest before, and set up anew for its next reading. While a sensor warms up, between
// the calls of a burst, and while a device measures that said how long (drivers.NotYetError), its bus is free for the others. A device that
// is not ready three times in a row after it said that it would be fails. When Run ends all supplies are off.
//
// A reading can be asked for at any time, by Ask or a message on a topic of the sensor. It leaves the schedule as it is, and is
// published in spite of deadbands. Whoever asks all the time has a reading each second and no more.
//
// A sensor that fails is reported once when it begins and once when it ends. It is asked again after 5 s (or after its
// interval, if that is shorter), then twice as long, up to a minute; a sensor read every hour is so retried much sooner than
// in an hour. When readings were missed for `stale_after`, the last values are published as stale, and never as new.
//
// A call that hangs holds up its bus and nothing else, neither the other buses nor the end of Run: it is reported, and the
// bus is used again when the call comes back. A driver that panics is a driver that failed.
//
// A reading that follows from a state which has changed is held back until that state is on the disk, and those after it wait behind it. So
// a total never runs backwards for anybody, through a loss of power at any moment. Derived values and alarms see a reading when it is
// published. Such a sensor is asked a last time when Run ends, and what is held back is published then. Only without storage, when it has
// failed, nothing is held back.
//
// # Limits
//
// What a counter counted after its last reading is lost when the power goes. Its readings come late by the commit window. While the disk
// does not answer at most 1024 of them are held back, and more are lost; when Run ends they have a second. A call that never returns
// leaves its goroutine behind. Where storage is slow, publishing waits, and with it the bus: readings are missed instead of gathering in
// memory.
package sampler
